// LifecycleEvents: from what happened to the event on the bus.
#include "workmanager/lifecycle_events.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/worker/json.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLifecycleTopic = "workmanager.lifecycle";
constexpr std::string_view kBeatTopic = "workmanager.infra.worker";
constexpr std::array<std::string_view, 8> kTypes = {"created",  "started", "online", "degraded",
                                                    "stopping", "stopped", "failed", "deleted"};

void AddError(Json& json, const Status& why) {
  json["error_type"] = StatusCodeName(why.code());
  json["error_message"] = why.message();
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

/// Room for one event, from the hand-over until it is published or its task is dropped.
class LifecycleEvents::Place {
 public:
  explicit Place(std::shared_ptr<LifecycleEvents> events) : events_(std::move(events)) {}
  Place(Place&&) noexcept = default;
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (!events_) return;
    std::lock_guard lock(events_->mutex_);
    --events_->waiting_;
    events_->changed_.notify_all();
  }
  LifecycleEvents& events() const noexcept { return *events_; }

 private:
  std::shared_ptr<LifecycleEvents> events_;
};

LifecycleEvents::LifecycleEvents(const Runtime& runtime, PubSub& bus, std::string replica_id)
    : runtime_(runtime),
      bus_(bus),
      replica_id_(std::move(replica_id)),
      strand_(runtime.executor.NewStrand()) {}

template <class Make>
void LifecycleEvents::Hand(Subject subject, Make content) noexcept {
  Timestamp at;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    at = runtime_.clock.Now();
    if (waiting_ >= kRoom) {
      ++counters_.dropped;
      return;
    }
    ++waiting_;
  }
  try {
    strand_.Post(
        [place = Place(shared_from_this()), subject = std::move(subject), at,
         content = std::move(content)] { place.events().Publish(*subject, at, content()); });
  } catch (...) {  // no memory for the task
    std::lock_guard lock(mutex_);
    ++counters_.dropped;
  }
}

void LifecycleEvents::Publish(const LifecycleSubject& subject, Timestamp at,
                              const Content& content) {
  CloudEvent::Builder builder;
  builder.Source("urn:com.virtufin:workmanager")
      .Type("com.virtufin.workmanager." + std::string(content.type))
      .Subject("worker/" + subject.worker_id)
      .Time(at)
      .JsonData(content.json, Validate::kTrusted);
  const auto event = builder.Build();
  if (!event.ok()) {  // its topics are too many for an event
    std::lock_guard lock(mutex_);
    ++counters_.refused;
    return;
  }
  const Message message(content.topic, *event);
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    publishing_ = true;
  }
  const Status status = bus_.Publish(message);
  std::lock_guard lock(mutex_);
  publishing_ = false;
  if (!status.ok()) ++counters_.refused;
  changed_.notify_all();
}

void LifecycleEvents::Tell(Subject subject, Lifecycle change, Status why) noexcept {
  Hand(subject, [this, subject, change, why = std::move(why)]() -> Content {
    Json json = {{"worker_id", subject->worker_id},
                 {"replica_id", replica_id_},
                 {"topics", subject->topics}};
    if (!why.ok()) AddError(json, why);
    return {kLifecycleTopic, kTypes[static_cast<std::size_t>(change)], Text(json)};
  });
}

void LifecycleEvents::TellFailure(Subject subject, FailedCall call) noexcept {
  Hand(subject, [subject, call = std::move(call)]() -> Content {
    Json json = {{"worker_id", subject->worker_id},
                 {"replica_id", call.replica_id},
                 {"topic", call.topic},
                 {"event_id", call.event_id},
                 {"attempt", call.attempt},
                 {"untold", call.untold}};
    AddError(json, call.why);
    return {kLifecycleTopic, "error", Text(json)};
  });
}

void LifecycleEvents::TellBeat(Subject subject, WorkerBeat beat) noexcept {
  Hand(subject, [this, subject, beat]() -> Content {
    const Json json = {{"worker_id", subject->worker_id},
                       {"replica_id", replica_id_},
                       {"status", "RUNNING"},
                       {"degraded", beat.degraded},
                       {"calls", beat.calls},
                       {"failed", beat.failed},
                       {"queued", beat.queued}};
    return {kBeatTopic, "heartbeat", Text(json)};
  });
}

void LifecycleEvents::Close(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    closed_ = true;
    return;
  }
  changed_.wait_for(lock, patience, [this] { return waiting_ == 0; });
  closed_ = true;
  changed_.wait(lock, [this] { return !publishing_; });
}

LifecycleEvents::Counters LifecycleEvents::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace virtufin::inline v0::detail
