// WorkerHarness: runs one worker in a test, without a platform: events in, replies out; what it
// asks its host for is recorded or scripted. The worker is a class, a shared library or a package;
// libraries go through the engine and the ABI that a host uses.
//
//   auto harness = virtufin::WorkerHarness::OfLibrary("libmy_worker.so").value();
//   auto outcome = harness->Send(R"({"command":"start"})");
//   CHECK(outcome.reply->data_text() == R"({"command":"start","success":true})");
//   CHECK(harness->Close().ok());
//
// Nothing happens by itself: time stands still until Advance, and timers come inside of it. One
// thread at a time may use a harness; threads of the worker may use its host at any time.
// Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0 {

struct WorkerHarnessOptions {
  std::vector<std::string> topics = {"test"};  // what the worker is told; events come on the first
  std::map<std::string, std::string> config = {};  // stamped on every event, as a host does
  Timestamp start = Timestamp::FromUnixMillis(1'700'000'000'000);  // of the clock
  std::optional<std::chrono::nanoseconds> time_left = {};  // what a call is told; nothing: no limit
};

class WorkerHarness {
 public:
  /// Something that the worker published, in order: what it published itself, and its replies.
  struct Published {
    std::string topic;  // of a reply: where a host sends it
    CloudEvent event;
    bool is_reply = false;
  };
  struct LogLine {
    LogLevel level = LogLevel::kInfo;
    std::string text;
  };
  struct GatewayCall {
    std::string service, method, json;
  };

  /// Loads the worker. Errors: those of Engine::Load, with the loader's words.
  static Result<std::unique_ptr<WorkerHarness>> OfFactory(WorkerFactory factory,
                                                          WorkerHarnessOptions options = {});
  template <class W>
  static Result<std::unique_ptr<WorkerHarness>> Of(WorkerHarnessOptions options = {}) {
    static_assert(std::is_default_constructible_v<W>,
                  "hosts make workers: W needs a constructor without arguments, or OfFactory");
    return OfFactory([] { return std::make_unique<W>(); }, std::move(options));
  }
  /// A shared library or a package (.nupkg, .zip), as a host loads it.
  static Result<std::unique_ptr<WorkerHarness>> OfLibrary(std::string path,
                                                          WorkerHarnessOptions options = {});
  ~WorkerHarness();  // Close
  WorkerHarness(const WorkerHarness&) = delete;
  WorkerHarness& operator=(const WorkerHarness&) = delete;

  /// One call: its reply, its error, both, or neither. Errors of the status: the worker's;
  /// FAILED_PRECONDITION after Close.
  CallOutcome Send(const CloudEvent& event);
  /// The same of an event of type `type` with JSON data, or with what is none as application/json.
  /// Errors of the status besides: INVALID_ARGUMENT of worker_harness for a type that is none.
  CallOutcome Send(std::string_view json, std::string_view type = "test");
  /// Moves the clock; timers that are due come one after another, each at its time. Answers what
  /// their calls gave. A negative `by` counts as 0.
  std::vector<CallOutcome> Advance(std::chrono::nanoseconds by);
  /// Loads the same code anew, then unloads the old: what LoadCode of a host does. Errors: those of
  /// the load; the old code stays.
  Status Reload();
  /// Unloads the worker. Errors: FAILED_PRECONDITION saying how many of the buffers that Process
  /// left FreeResult did not take back, or that the library stays mapped; both are counted for the
  /// process: one harness of a library at a time, for this to be of its worker. The second time: as
  /// the first.
  Status Close();

  /// The next call of this method gets this answer; several wait in line, one for each call. The
  /// last one is given until there is another. Without an answer a call gets UNAVAILABLE.
  void Answer(std::string_view service, std::string_view method, Result<std::string> answer);

  std::vector<Published> published() const;
  std::vector<LogLine> log() const;
  std::vector<GatewayCall> gateway_calls() const;
  std::size_t timers() const;  // that run
  /// What GetState and SetState of the worker reach, under the service of config `stateservice`,
  /// else "workmanager".
  StateStore& state() noexcept;
  Timestamp now() const noexcept;

 private:
  struct Impl;
  explicit WorkerHarness(std::unique_ptr<Impl> impl) noexcept;
  static Result<std::unique_ptr<WorkerHarness>> Make(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
