// A host that records, a sink that keeps, and short ways to load and call workers.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/engine/engine.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin {

class RecordingHost final : public WorkerHost {
 public:
  using Gateway = std::function<Result<std::string>(
      std::string_view service, std::string_view method, std::string_view json)>;
  RecordingHost() = default;
  explicit RecordingHost(Gateway gateway) : gateway_(std::move(gateway)) {}

  void Log(LogLevel level, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  }
  Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                  std::string_view json) override {
    if (gateway_ != nullptr) return gateway_(service, method, json);
    return Status(StatusCode::kUnavailable, "test", "no gateway here");
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  const Gateway gateway_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

struct KeepOutcome final : CallSink {
  void OnOutcome(CallOutcome given) noexcept override {
    outcome = std::move(given);
    ++times;
  }
  CallOutcome outcome;
  int times = 0;
};

inline CloudEvent EventOf(std::string_view type, std::string_view data = "",
                          std::string_view subject = "") {
  CloudEvent::Builder builder;
  builder.Source("urn:test").Type(type).Subject(subject);
  if (!data.empty()) builder.BinaryData(AsBytes(data));
  return builder.Build().value();
}

inline CallOutcome Call(LoadedWorker& worker, const CloudEvent& event,
                        const ExtensionOverlay* config = nullptr) {
  const auto sink = std::make_shared<KeepOutcome>();
  worker.Process(Message("topic", event), config, sink);
  REQUIRE(sink->times == 1);
  return std::move(sink->outcome);
}
inline CallOutcome Call(LoadedWorker& worker, std::string_view type, std::string_view data = "",
                        std::string_view subject = "") {
  return Call(worker, EventOf(type, data, subject));
}

/// The data of the reply, "no reply", or the status as text.
inline std::string Answer(LoadedWorker& worker, std::string_view type, std::string_view data = "",
                          std::string_view subject = "") {
  const CallOutcome outcome = Call(worker, type, data, subject);
  if (!outcome.status.ok()) return outcome.status.ToString();
  return outcome.reply.has_value() ? std::string(outcome.reply->data_text()) : "no reply";
}

inline WorkerIdentity TestIdentity() {
  return {"6e9f1d3c-0000-4000-8000-000000000001",
          "instance-1",
          {"act.a", "act.b"},
          {{"pair", "BTCUSDT"}, {"depth", "5"}}};
}

inline WorkerCode NativeFile(std::string path) {
  return {"application/x-native-dll", std::move(path), {}};
}

inline std::unique_ptr<LoadedWorker> LoadWorker(Engine& engine, const WorkerCode& code,
                                                std::shared_ptr<WorkerHost> host) {
  auto worker = engine.Load(code, TestIdentity(), std::move(host));
  REQUIRE_MESSAGE(worker.ok(), worker.status().ToString());
  return *std::move(worker);
}

}  // namespace virtufin
