// What reference workers share that tell and save what changes: world, time, intervals, saving.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/event/historical.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/worker/json.hpp"
#include "virtufin/worker/worker.hpp"

namespace market_worker {

/// Where `event` happened, by its extension `marketworld`: the real market unless it says another.
/// Errors: those of World::Parse.
inline virtufin::Result<virtufin::World> WorldOf(const virtufin::CloudEvent& event) {
  const std::string_view world = event.ExtensionText("marketworld");
  return virtufin::World::Parse(world.empty() ? "act" : world);
}

/// What intervals are measured by: in a replay the time that its events stand for.
inline std::int64_t NowMs(const virtufin::CloudEvent& event) {
  if (virtufin::IsHistorical(event)) {
    if (const std::optional<virtufin::Timestamp> time = virtufin::HistoricalTime(event)) {
      return time->unix_seconds() * 1000 + time->nanoseconds() / 1'000'000;
    }
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Whether it is too soon after `last_ms`, by what the config `name` of `event` says. Never when
/// time went back, as in a day that is replayed once more.
inline bool IsTooSoon(const virtufin::CloudEvent& event, std::string_view name,
                      std::uint64_t default_ms, std::int64_t last_ms, std::int64_t now_ms) {
  constexpr std::uint64_t kMostMs = 1'000'000'000'000;
  const auto interval = static_cast<std::int64_t>(
      std::min(event.ExtensionNumber(name).value_or(default_ms), kMostMs));
  const std::int64_t passed = now_ms - last_ms;
  return passed >= 0 && passed < interval;
}

/// Saves records through `virtufin.State` under the service of config `stateservice`; that this
/// fails is told once, until it does not.
class Saver {
 public:
  /// `what` is saved: "quotes".
  explicit Saver(std::string what) : what_(std::move(what)) {}

  /// `gateway` may be null.
  void Save(virtufin::GatewayClient* gateway, const virtufin::CloudEvent& event,
            const std::string& key, const virtufin::Json& value) {
    if (gateway == nullptr) {
      return Told({virtufin::StatusCode::kUnavailable, "market_worker", "no gateway"});
    }
    const std::string_view service = event.ExtensionText("stateservice");
    const virtufin::Json request = {{"service", service.empty() ? "workmanager" : service},
                                    {"key", key},
                                    {"value", value.dump()}};
    Told(gateway->Invoke("virtufin.State", "SaveState", request.dump()).status());
  }
  /// What became of saving.
  void Told(const virtufin::Status& saved) {
    virtufin::WorkerContext* const host = virtufin::WorkerContext::Current();
    if (!saved.ok() && !told_ && host != nullptr) {
      host->Log(virtufin::LogLevel::kWarn,
                what_ + " are not saved: " + std::string(saved.message()));
    }
    told_ = !saved.ok();
  }

 private:
  const std::string what_;
  bool told_ = false;
};

}  // namespace market_worker
