// The noun worker, its tags.
#include <map>

#include "guard.hpp"
#include "handles.hpp"
#include "pairs.hpp"

using virtufin::Status;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::View;

virtufin_status_t virtufin_worker_set_tag(virtufin_platform_t* platform, virtufin_str_t id,
                                          virtufin_str_t name, virtufin_str_t value,
                                          virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    return platform->platform->workers().SetTag(View(id), std::string(View(name)),
                                                std::string(View(value)));
  });
}

virtufin_status_t virtufin_worker_set_tags(virtufin_platform_t* platform, virtufin_str_t id,
                                           const virtufin_pair_t* tags, size_t tag_count,
                                           virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}});
    std::map<std::string, std::string> all;
    if (status.ok()) status = virtufin::c::ReadPairs("tags", tags, tag_count, all);
    if (!status.ok()) return status;
    return platform->platform->workers().SetTags(View(id), std::move(all));
  });
}

virtufin_status_t virtufin_worker_get_tag(const virtufin_platform_t* platform, virtufin_str_t id,
                                          virtufin_str_t name, virtufin_text_t** value,
                                          virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"value", value}});
    if (!status.ok()) return status;
    return virtufin::c::GiveHandle(value, [&](virtufin_text& text) {
      auto tag = platform->platform->workers().GetTag(View(id), View(name));
      if (tag.ok()) text.text = *std::move(tag);
      return tag.status();
    });
  });
}
