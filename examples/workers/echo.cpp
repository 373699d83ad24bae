// echo: answers what it is sent, while it is switched on. Shows commands and state of a worker.
//
// Input: {"command": "start" | "stop" | "echo", "data": {"message": "..."}}. Replies:
// {command, success, echoing} to start and stop, {command, success, echo} to echo.
#include <array>
#include <optional>
#include <string>

#include "virtufin/worker/json.hpp"
#include "virtufin/worker/native_export.hpp"

namespace echo {

using virtufin::CloudEvent;
using virtufin::Json;
using virtufin::Result;
using virtufin::WorkerContext;

enum class Command { kStart, kStop, kEcho };

constexpr auto CommandNames(Command) {
  return std::to_array<virtufin::CommandName<Command>>(
      {{Command::kStart, "start"}, {Command::kStop, "stop"}, {Command::kEcho, "echo"}});
}

class EchoWorker final : public virtufin::CommandWorker<Command> {
 public:
  EchoWorker() : CommandWorker("urn:com.virtufin.worker.echoworker", "response.echoworker") {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext& /*context*/, const CloudEvent& /*event*/,
                                            Command command, const Json& payload) override {
    switch (command) {
      case Command::kStart:
      case Command::kStop: {
        echoing_ = command == Command::kStart;
        Json reply = Response(command, true);
        reply["echoing"] = echoing_;
        return reply;
      }
      case Command::kEcho: {
        if (!echoing_) return Response(command, false, {}, "Echo is off; send 'start' first");
        Json reply = Response(command, true);
        reply["echo"] = virtufin::FindText(payload, "message").value_or("");
        return reply;
      }
    }
    return std::nullopt;
  }

  bool echoing_ = false;
};

}  // namespace echo

VIRTUFIN_EXPORT_WORKER(echo::EchoWorker)
