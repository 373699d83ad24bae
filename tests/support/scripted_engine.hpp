// An engine whose workers do what the test says: each load takes its behaviour from a table of
// scripts by name (the code's content).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/engine/engine.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::test {

inline WorkerCode Code(const std::string& name) {
  WorkerCode code;
  code.mime_type = "application/x-scripted";
  code.content.assign(name.begin(), name.end());
  return code;
}

/// An event of type "t" with JSON data; `extensions` are name, value pairs.
inline CloudEvent Event(
    std::string_view json,
    std::initializer_list<std::pair<std::string_view, std::string_view>> extensions = {},
    std::string_view type = "t") {
  CloudEvent::Builder builder;
  builder.Source("urn:test").Type(type).JsonData(json);
  for (const auto& [name, value] : extensions) builder.Extension(name, value);
  return std::move(builder.Build()).value();
}

using Done = std::function<void(CallOutcome)>;

class ScriptedEngine final : public Engine {
 public:
  using Script = std::function<void(const Message&, const ExtensionOverlay*, WorkerHost&, Done)>;
  struct State {
    std::mutex mutex;
    std::map<std::string, Script> scripts;
    std::vector<WorkerIdentity> identities;  // of all loads
    /// Runs inside each load, may take its time and make it fail.
    std::function<Status(const std::string& name)> before_load;
    std::string unavailable;  // why the engine is not available on this machine; empty: it is
    std::atomic<int> loads{0}, unloads{0}, abandoned{0};
  };

  explicit ScriptedEngine(std::shared_ptr<State> state) : state_(std::move(state)) {}

  EngineInfo Describe() const override {
    const std::lock_guard lock(state_->mutex);
    const std::string& why = state_->unavailable;
    return {"application/x-scripted", "Script", why.empty(), why};
  }

  Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code, const WorkerIdentity& identity,
                                             std::shared_ptr<WorkerHost> host) override {
    const std::string name(code.content.begin(), code.content.end());
    std::unique_lock lock(state_->mutex);
    if (const auto before_load = state_->before_load) {
      lock.unlock();
      if (Status status = before_load(name); !status.ok()) return status;
      lock.lock();
    }
    auto it = state_->scripts.find(name);
    if (it == state_->scripts.end()) {
      return Status(StatusCode::kInvalidArgument, "scripted", "no script '" + name + "'");
    }
    state_->identities.push_back(identity);
    ++state_->loads;
    return std::unique_ptr<LoadedWorker>(new Loaded(it->second, host, state_));
  }

 private:
  class Loaded final : public LoadedWorker {
   public:
    Loaded(Script script, std::shared_ptr<WorkerHost> host, std::shared_ptr<State> state)
        : script_(std::move(script)), host_(std::move(host)), state_(std::move(state)) {}
    ~Loaded() override { ++state_->unloads; }
    bool reentrant() const noexcept override { return false; }
    void Abandon() noexcept override { ++state_->abandoned; }
    void Process(const Message& message, const ExtensionOverlay* config,
                 std::shared_ptr<CallSink> sink) override {
      script_(message, config, *host_,
              [sink](CallOutcome outcome) { sink->OnOutcome(std::move(outcome)); });
    }

   private:
    Script script_;
    std::shared_ptr<WorkerHost> host_;
    std::shared_ptr<State> state_;
  };

  std::shared_ptr<State> state_;
};

/// Replies with `json`, type `type`.
inline ScriptedEngine::Script ReplyWith(std::string json, std::string type = "reply") {
  return [json = std::move(json), type = std::move(type)](const Message&, const ExtensionOverlay*,
                                                          WorkerHost&, Done done) {
    CallOutcome outcome;
    outcome.reply = Event(json, {}, type);
    done(std::move(outcome));
  };
}

}  // namespace virtufin::test
