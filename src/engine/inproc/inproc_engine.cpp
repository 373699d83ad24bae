// The in-process engine: factories by name, and the workers they make.
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "virtufin/engine/error_text.hpp"
#include "virtufin/engine/inproc.hpp"

namespace virtufin::inline v0 {
namespace {

Status Error(StatusCode code, std::string text) { return {code, "engine", std::move(text)}; }

// One worker and its view of the host. Shared by the LoadedWorker and a call that runs: an
// abandoned call keeps it alive until it returns.
class Instance final : public WorkerContext {
 public:
  Instance(std::shared_ptr<WorkerHost> host, const WorkerIdentity& identity,
           GatewayClientFactory gateways)
      : host_(std::move(host)),
        info_{identity.worker_id, identity.instance_id, VIRTUFIN_VERSION_TEXT, identity.topics,
              identity.config},
        gateways_(std::move(gateways)) {}
  ~Instance() {
    const Call call(*this);
    worker_.reset();
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// While it lives, a call runs on this thread.
  class Call {
   public:
    explicit Call(Instance& instance) noexcept : instance_(instance), scope_(&instance) {
      instance_.running_.fetch_add(1, std::memory_order_relaxed);
    }
    ~Call() { instance_.running_.fetch_sub(1, std::memory_order_relaxed); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Instance& instance_;
    Scope scope_;
  };

  Status Make(const WorkerFactory& factory, const std::string& name) {
    const Call call(*this);
    try {
      worker_ = factory();
    } catch (const std::bad_alloc&) {
      return Error(StatusCode::kResourceExhausted, "the factory '" + name + "' ran out of memory");
    } catch (const std::exception& error) {
      return Error(StatusCode::kInvalidArgument,
                   "the factory '" + name + "' threw: " + error.what());
    } catch (...) {
      return Error(StatusCode::kInvalidArgument,
                   "the factory '" + name + "' threw an exception of unknown type");
    }
    if (worker_ != nullptr) return {};
    return Error(StatusCode::kInvalidArgument, "the factory '" + name + "' made no worker");
  }

  CallOutcome Process(const CloudEvent& event) {
    const Call call(*this);
    CallOutcome outcome;
    try {
      Result<std::optional<CloudEvent>> reply = worker_->Process(event);
      if (reply.ok()) {
        outcome.reply = *std::move(reply);
      } else {
        const Status& status = reply.status();
        outcome.status = {status.code(), status.component(),
                          std::string(ErrorText(status.message()))};
      }
    } catch (const std::exception& error) {
      outcome.status = Error(StatusCode::kInternal,
                             "exception left Process: " + std::string(ErrorText(error.what())));
    } catch (...) {
      outcome.status =
          Error(StatusCode::kInternal, "exception left Process: an exception of unknown type");
    }
    return outcome;
  }

  void Abandon() noexcept { abandoned_.store(true, std::memory_order_relaxed); }
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }

  void Log(LogLevel level, std::string_view text) noexcept override {
    if (InCall()) host_->Log(level, text);
  }
  Result<std::string> InvokeGateway(std::string_view service, std::string_view method,
                                    std::string_view json) override {
    if (!InCall()) {
      return Error(StatusCode::kFailedPrecondition,
                   "InvokeGateway outside of a call of this worker");
    }
    return host_->GatewayCall(service, method, json);
  }
  std::unique_ptr<GatewayClient> DialGateway(std::string_view host, std::uint16_t port) override {
    return gateways_ != nullptr && InCall() ? gateways_(host, port) : nullptr;
  }
  Result<WorkerDetails> Info() override {
    if (abandoned()) return Gone();
    return info_;
  }
  Status Publish(std::string_view topic, const CloudEvent& event) override {
    if (abandoned()) return Gone();
    return host_->Publish(topic, event);
  }
  using WorkerContext::DeleteState;
  using WorkerContext::SetState;
  Result<StateRecord> GetState(std::string_view key) override {
    if (abandoned()) return Gone();
    Result<HostRecord> record = host_->GetState(key);
    if (!record.ok()) return record.status();
    return StateRecord{std::move(record->value), std::move(record->etag)};
  }
  Result<std::string> SetState(std::string_view key, std::string_view value,
                               const StateCondition& condition) override {
    if (abandoned()) return Gone();
    if (Status status = detail::CheckCondition(condition); !status.ok()) return status;
    const bool any = condition.etag.empty() && !condition.create_only;
    return host_->SetState(key, value, any ? std::nullopt : std::optional(condition.etag));
  }
  Result<bool> DeleteState(std::string_view key, std::string_view etag) override {
    if (abandoned()) return Gone();
    return host_->DeleteState(key, etag);
  }
  Result<WorkerTime> Now() override {
    if (abandoned()) return Gone();
    const Result<HostTime> time = host_->Now();
    if (!time.ok()) return time.status();
    return WorkerTime{time->now, time->historical};
  }
  Result<std::optional<std::chrono::nanoseconds>> TimeLeft() override {
    if (abandoned()) return Gone();
    return host_->TimeLeft();
  }
  Result<std::uint64_t> StartTimer(const WorkerTimer& timer) override {
    if (abandoned()) return Gone();
    return host_->StartTimer({timer.name, timer.delay, timer.period});
  }
  Status CancelTimer(std::uint64_t id) override {
    if (abandoned()) return Gone();
    return host_->CancelTimer(id);
  }

 private:
  static Status Gone() {
    return Error(StatusCode::kFailedPrecondition, "this worker has been shut down");
  }
  bool InCall() const noexcept {
    return running_.load(std::memory_order_relaxed) != 0 && !abandoned();
  }

  const std::shared_ptr<WorkerHost> host_;
  const WorkerDetails info_;
  const GatewayClientFactory gateways_;
  std::unique_ptr<Worker> worker_;
  std::atomic<std::uint32_t> running_{0};
  std::atomic<bool> abandoned_{false};
};

class InProcWorker final : public LoadedWorker {
 public:
  explicit InProcWorker(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {}

  bool reentrant() const noexcept override { return false; }
  void Process(const Message& message, const ExtensionOverlay* config,
               std::shared_ptr<CallSink> done) override {
    CallOutcome outcome;
    if (instance_->abandoned()) {
      outcome.status = Error(StatusCode::kFailedPrecondition, "the worker was abandoned");
    } else {
      const std::shared_ptr<Instance> instance = instance_;  // this object may go during the call
      if (config == nullptr) {
        outcome = instance->Process(message.event());
      } else if (const auto stamped = message.Stamped(*config); stamped.ok()) {
        outcome = instance->Process(*stamped);
      } else {
        outcome.status = stamped.status();
      }
    }
    done->OnOutcome(std::move(outcome));
  }
  void Abandon() noexcept override { instance_->Abandon(); }

 private:
  const std::shared_ptr<Instance> instance_;
};

class InProcEngine final : public Engine {
 public:
  explicit InProcEngine(GatewayClientFactory gateways) : gateways_(std::move(gateways)) {}

  EngineInfo Describe() const override { return {std::string(kInProcMimeType), "C++", true, {}}; }

  Status Add(std::string_view name, WorkerFactory factory) {
    if (name.empty() || factory == nullptr) {
      return Error(StatusCode::kInvalidArgument, "expected a name and a factory");
    }
    const std::lock_guard lock(mutex_);
    if (!factories_.try_emplace(std::string(name), std::move(factory)).second) {
      return Error(StatusCode::kAlreadyExists,
                   "there is a factory '" + std::string(name) + "' already");
    }
    return {};
  }

  Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code, const WorkerIdentity& identity,
                                             std::shared_ptr<WorkerHost> host) override {
    if (!code.path.empty()) {
      return Error(StatusCode::kInvalidArgument,
                   "expected the name of a factory as content, found the path " + code.path);
    }
    const std::string name(AsText(code.content));
    WorkerFactory factory;
    {
      const std::lock_guard lock(mutex_);
      const auto found = factories_.find(name);
      if (found == factories_.end()) return Unknown(name);
      factory = found->second;
    }
    auto instance = std::make_shared<Instance>(std::move(host), identity, gateways_);
    if (Status status = instance->Make(factory, name); !status.ok()) return status;
    return Result<std::unique_ptr<LoadedWorker>>(
        std::make_unique<InProcWorker>(std::move(instance)));
  }

 private:
  Status Unknown(const std::string& name) const {
    std::string known;
    for (const auto& entry : factories_) {
      if (!known.empty()) known += ", ";
      known += entry.first;
    }
    return Error(StatusCode::kInvalidArgument,
                 "no factory is called '" + name + "': expected one of [" + known + "]");
  }

  const GatewayClientFactory gateways_;
  std::mutex mutex_;
  std::map<std::string, WorkerFactory, std::less<>> factories_;
};

}  // namespace

std::unique_ptr<Engine> MakeInProcEngine(GatewayClientFactory gateways) {
  return std::make_unique<InProcEngine>(std::move(gateways));
}

Status RegisterWorkerFactory(const EngineRegistry& registry, std::string_view name,
                             WorkerFactory factory) {
  const auto found = registry.Find(kInProcMimeType);
  auto* const engine = found.ok() ? dynamic_cast<InProcEngine*>(*found) : nullptr;
  if (engine == nullptr) {
    return Error(StatusCode::kFailedPrecondition, "the registry has no in-process engine");
  }
  return engine->Add(name, std::move(factory));
}

}  // namespace virtufin::inline v0
