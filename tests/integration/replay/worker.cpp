// The workers of a replay that are made with the SDK. Which one it is says the configuration: role
// `quotes`, `slow`, `timers` or `witness`.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/core/uuid.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/json.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker_base.hpp"

namespace {

using virtufin::CloudEvent;
using virtufin::Json;
using virtufin::Result;
using virtufin::Status;
using virtufin::Uuid;
using virtufin::WorkerContext;
using Answer = Result<std::optional<Json>>;

/// Takes as long as the environment says, without waiting for anything.
void BeBusy() {
  const char* const text = std::getenv("REPLAY_BUSY_US");
  if (text == nullptr) return;
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(std::atoll(text));
  while (std::chrono::steady_clock::now() < until) {
  }
}

class ReplayWorker final : public virtufin::WorkerBase<Json, Json> {
 public:
  ReplayWorker()
      : WorkerBase("urn:test:" + Role(), "replay.answer", std::make_shared<virtufin::JsonCodec>()),
        role_(Role()) {}

 protected:
  Answer Handle(WorkerContext& context, const CloudEvent& event, const Json& payload) override {
    ++events_;
    if (role_ == "quotes") return Quote(context, event, payload);
    if (role_ == "slow") return Slow(context, payload);
    if (role_ == "timers") return Arm(context);
    return Witness(event);
  }

  // Counts in the store, over all loads, and says how many timers of this load were due.
  Answer HandleTimer(WorkerContext& context, const CloudEvent& event,
                     const virtufin::FiredTimer& timer) override {
    const auto record = context.GetState("replay.timers");
    const std::uint64_t before = record.ok() ? std::stoull(record->value) : 0;
    if (const auto set = context.SetState("replay.timers", std::to_string(before + 1)); !set.ok()) {
      return set.status();
    }
    const auto now = context.Now();
    if (!now.ok()) return now.status();
    auto said = BuildResponse(event, Json{{"due", std::string(timer.name)}});
    if (!said.ok()) return said.status();
    if (Status status = context.Publish("replay.timers.due", *said); !status.ok()) return status;
    return std::optional<Json>(Json{{"timer", std::string(timer.name)},
                                    {"count", timer.count},
                                    {"fired", ++fired_},
                                    {"all", before + 1},
                                    {"etag", record.ok() ? record->etag : ""},
                                    {"now", now->now.ToString()},
                                    {"historical", now->historical}});
  }

 private:
  Answer Quote(WorkerContext& context, const CloudEvent& event, const Json& payload) {
    // By hand, with a random id and the machine's time.
    if (events_ % 50 == 0) {
      CloudEvent::Builder builder;
      builder.Source(source()).Type("replay.quote.made").JsonData(Json{{"n", events_}}.dump());
      builder.Time(virtufin::Timestamp::FromUnixNanos(
          std::chrono::system_clock::now().time_since_epoch().count()));
      const auto made = builder.Build();
      if (!made.ok()) return made.status();
      for (int i = 0; i < 2; ++i) {
        if (Status status = context.Publish("replay.quotes.made", *made); !status.ok()) {
          return status;
        }
      }
    }
    return std::optional<Json>(
        Json{{"subject", std::string(event.subject())}, {"n", events_}, {"of", payload.size()}});
  }

  Answer Slow(WorkerContext& context, const Json& payload) {
    BeBusy();
    if (events_ % 20 == 0) {  // a service of the host, which may be waited for
      const auto answer = context.InvokeGateway(
          "virtufin.State", "SaveState",
          R"({"service":"workmanager","key":"replay.slow","value":"x","publish_change":true})");
      if (!answer.ok()) return answer.status();
    }
    // Fails now and then, and some of it to the end: retries come on the virtual clock.
    if (events_ % 97 == 50 || (events_ % 197 >= 190 && events_ % 197 < 194))
      return Status(virtufin::StatusCode::kUnavailable, "test", "busy");
    return std::optional<Json>(Json{{"slow", events_}, {"of", payload.size()}});
  }

  Answer Arm(WorkerContext& context) {
    if (events_ == 1) {
      const auto started = context.StartTimer(
          {"steady", std::chrono::milliseconds(250), std::chrono::milliseconds(250)});
      if (!started.ok()) return started.status();
    }
    if (events_ % 40 == 0) {
      const auto started = context.StartTimer({"once", std::chrono::milliseconds(events_ % 7), {}});
      if (!started.ok()) return started.status();
    }
    return std::optional<Json>();
  }

  // Its answers hang on every event before, and on their order over all topics.
  Answer Witness(const CloudEvent& event) {
    const std::string_view names[] = {event.type(), event.source(), event.id(), event.data_text()};
    seen_ = Uuid::V5(seen_, names);
    if (events_ % 25 != 0) return std::optional<Json>();
    return std::optional<Json>(Json{{"witnessed", events_}, {"order", seen_.ToString()}});
  }

  static std::string Role() { return WorkerContext::Current()->Info().value().config.at("role"); }

  const std::string role_;
  std::uint64_t events_ = 0;
  std::uint64_t fired_ = 0;
  Uuid seen_;
};

}  // namespace

VIRTUFIN_EXPORT_WORKER(ReplayWorker)
