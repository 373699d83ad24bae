// The noun topic: names as segments.
#include "virtufin/event/topic.hpp"

#include "guard.hpp"

using virtufin::Status;
using virtufin::c::GiveText;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::View;

virtufin_status_t virtufin_topic_encode(virtufin_str_t name, virtufin_text_t** segment,
                                        virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"segment", segment}}); !status.ok()) return status;
    return GiveText(virtufin::TopicSegment(View(name)), segment);
  });
}

virtufin_status_t virtufin_topic_decode(virtufin_str_t segment, virtufin_text_t** name,
                                        virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"name", name}}); !status.ok()) return status;
    return GiveText(virtufin::TopicName(View(segment)), name);
  });
}
