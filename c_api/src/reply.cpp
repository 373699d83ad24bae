// The noun reply: what a worker of the application answers.
#include "reply.hpp"

#include "handles.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/event_builder.hpp"

using virtufin::CloudEvent;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::View;

virtufin_status_t virtufin_reply_set_event(virtufin_reply_t* reply, const virtufin_event_t* event,
                                           virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"reply", reply}, {"event", event}});
    if (status.ok()) reply->Answer(event->event);
    return status;
  });
}

virtufin_status_t virtufin_reply_set_json(virtufin_reply_t* reply, virtufin_str_t source,
                                          virtufin_str_t type, virtufin_str_t json,
                                          virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"reply", reply}}); !status.ok()) return status;
    CloudEvent::Builder builder;
    builder.Source(View(source)).Type(View(type)).DataContentType("application/json");
    auto event = builder.JsonData(View(json)).Time(reply->clock->Now()).Build();
    if (event.ok()) reply->Answer(*std::move(event));
    return event.status();
  });
}

virtufin_status_t virtufin_reply_set_error(virtufin_reply_t* reply, virtufin_status_t code,
                                           virtufin_str_t message, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"reply", reply}}); !status.ok()) return status;
    if (code < VIRTUFIN_CANCELLED || code > VIRTUFIN_UNAUTHENTICATED) {
      return virtufin::c::Invalid("code: expected 1 to 16, found " + std::to_string(code));
    }
    reply->Fail(Status(static_cast<StatusCode>(code), "worker", std::string(View(message))));
    return Status();
  });
}

void virtufin_reply_decline(virtufin_reply_t* reply) {
  if (reply != nullptr) reply->Decline();
}
