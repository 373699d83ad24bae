// Counter: a worker to start from. It takes commands as JSON, keeps a record, tells what changed.
// Rename it, change the commands, keep the shape; docs/guide/test-a-worker.md tells about the rest.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/json.hpp"

namespace example {

enum class Command { kCount, kReset };

// The names on the wire, written once; a further row of a command is an alias.
constexpr auto CommandNames(Command) {
  return std::to_array<virtufin::CommandName<Command>>(
      {{Command::kCount, "count"}, {Command::kReset, "reset"}});
}

class Counter final : public virtufin::CommandWorker<Command> {
 public:
  static constexpr const char* kKey = "example.counter";            // of its record
  static constexpr const char* kTopic = "example.counter.changed";  // where changes are told

  Counter() : CommandWorker("urn:com.example.counter", "com.example.counter.response") {}

 protected:
  // {"command":"count","data":{"by":2}} -> {"command":"count","success":true,"count":2}
  virtufin::Result<std::optional<virtufin::Json>> HandleCommand(
      virtufin::WorkerContext& host, const virtufin::CloudEvent& /*event*/, Command command,
      const virtufin::Json& payload) override {
    auto before = Read(host);
    if (!before.ok()) return before.status();  // the event is tried again
    std::int64_t count = 0;
    if (command == Command::kCount) {
      const virtufin::Json* const by = virtufin::FindArgument(payload, "by");
      if (by != nullptr && !by->is_number_integer()) {
        return std::optional(virtufin::ErrorPayload("by: expected a whole number"));
      }
      count = *before + (by != nullptr ? by->get<std::int64_t>() : 1);
    }
    const auto kept = host.SetState(kKey, std::to_string(count));
    if (!kept.ok()) return kept.status();
    if (virtufin::Status told = Tell(host, count); !told.ok()) {
      host.Log(virtufin::LogLevel::kWarn, "not told: " + told.ToString());
    }
    virtufin::Json reply = Response(command, true);
    reply["count"] = count;
    return std::optional(std::move(reply));
  }

 private:
  static virtufin::Result<std::int64_t> Read(virtufin::WorkerContext& host) {
    const auto record = host.GetState(kKey);
    if (record.status().code() == virtufin::StatusCode::kNotFound) return std::int64_t{0};
    if (!record.ok()) return record.status();
    const std::string& text = record->value;
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
  }

  static virtufin::Status Tell(virtufin::WorkerContext& host, std::int64_t count) {
    virtufin::CloudEvent::Builder builder;
    builder.Source("urn:com.example.counter").Type("com.example.counter.changed");
    builder.JsonData(virtufin::Json{{"count", count}}.dump());
    const auto event = builder.Build();
    return event.ok() ? host.Publish(kTopic, *event) : event.status();
  }
};

}  // namespace example
