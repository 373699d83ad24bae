// CommandWorker: a worker that takes named commands. With JSON payloads, include worker/json.hpp
// and derive from CommandWorker<MyCommand>; with others, from CommandWorker<MyCommand, In, Out>.
// Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <optional>

#include "virtufin/worker/command_names.hpp"
#include "virtufin/worker/worker_base.hpp"

namespace virtufin::inline v0 {

namespace detail {

/// What both forms of CommandWorker share.
template <class Command, class In, class Out>
class CommandDispatch : public WorkerBase<In, Out> {
 public:
  using WorkerBase<In, Out>::WorkerBase;

 protected:
  /// Your part: one command. nullopt: no reply. Fails as WorkerBase says. [owner]
  virtual Result<std::optional<Out>> HandleCommand(WorkerContext& context, const CloudEvent& event,
                                                   Command command, const In& payload) = 0;
  /// The command that `payload` carries. Errors: any; its message becomes the error reply.
  virtual Result<Command> ExtractCommand(const CloudEvent& event, const In& payload) = 0;

 private:
  Result<std::optional<Out>> Handle(WorkerContext& context, const CloudEvent& event,
                                    const In& payload) final {
    const Result<Command> command = ExtractCommand(event, payload);
    if (!command.ok()) {
      return std::optional<Out>(this->codec().EncodeError(event, command.status().message()));
    }
    return HandleCommand(context, event, *command, payload);
  }
};

}  // namespace detail

/// Overrides HandleCommand and ExtractCommand. `Command` is an enum with CommandNames.
template <class Command, class In, class Out>
class CommandWorker : public detail::CommandDispatch<Command, In, Out> {
 public:
  using detail::CommandDispatch<Command, In, Out>::CommandDispatch;
};

}  // namespace virtufin::inline v0
