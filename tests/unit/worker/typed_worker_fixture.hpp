// A context that records, and short ways to make inputs and read replies of typed workers.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/worker.hpp"

namespace virtufin {

/// What a gateway at another address answers.
class NamedGateway final : public GatewayClient {
 public:
  explicit NamedGateway(std::string name) : name_(std::move(name)) {}
  Result<std::string> Invoke(std::string_view, std::string_view, std::string_view) override {
    return name_;
  }

 private:
  const std::string name_;
};

class RecordingContext final : public WorkerContext {
 public:
  void Log(LogLevel level, std::string_view text) noexcept override {
    lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  }
  Result<std::string> InvokeGateway(std::string_view service, std::string_view method,
                                    std::string_view json) override {
    calls.push_back(std::string(service) + "." + std::string(method) + " " + std::string(json));
    return std::string("the host's");
  }
  std::unique_ptr<GatewayClient> DialGateway(std::string_view host, std::uint16_t port) override {
    dialled.push_back(std::string(host) + ":" + std::to_string(port));
    if (!dials) return nullptr;
    return std::make_unique<NamedGateway>(dialled.back());
  }

  std::vector<std::string> lines;
  std::vector<std::string> calls;
  std::vector<std::string> dialled;
  bool dials = false;
};

inline CloudEvent::Builder InputBuilder() {
  CloudEvent::Builder builder;
  builder.Id("input-1").Source("urn:test:sender").Type("command");
  return builder;
}
inline CloudEvent JsonInput(std::string_view json) {
  return InputBuilder().JsonData(json).Build().value();
}

/// The reply; the test ends when there is none.
inline CloudEvent ReplyOf(Worker& worker, const CloudEvent& input) {
  const auto reply = worker.Process(input);
  REQUIRE_MESSAGE(reply.ok(), reply.status().ToString());
  REQUIRE(reply->has_value());
  return **reply;
}
/// Its data, with members in ascending order.
inline std::string DataOf(Worker& worker, const CloudEvent& input) {
  return nlohmann::json::parse(ReplyOf(worker, input).data_text()).dump();
}

}  // namespace virtufin
