// The one place that names concrete drivers and engines, and the order of start and stop.
#include "virtufin/platform/platform.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/code_credentials.hpp"
#include "platform/direct_gateway.hpp"
#include "platform/platform_options.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/state/memory.hpp"
#ifdef VIRTUFIN_HAS_FEEDS
#include "platform/feed_venues.hpp"
#endif
#ifdef VIRTUFIN_HAS_FETCH
#include "virtufin/workmanager/url_fetcher.hpp"
#endif
#ifdef VIRTUFIN_HAS_SQLITE
#include "virtufin/state/sqlite.hpp"
#endif

namespace virtufin::inline v0 {
namespace {

/// Gives up what is left of a deadline, so that Stop's parts share one.
class Budget {
 public:
  explicit Budget(std::chrono::milliseconds whole)
      : end_(std::chrono::steady_clock::now() +
             std::clamp<std::chrono::milliseconds>(whole, std::chrono::milliseconds(0),
                                                   std::chrono::hours(24 * 365))) {}
  std::chrono::milliseconds left() const {
    const auto now = std::chrono::steady_clock::now();
    return now >= end_ ? std::chrono::milliseconds(0)
                       : std::chrono::duration_cast<std::chrono::milliseconds>(end_ - now);
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

Status CheckOptions(const PlatformOptions& options) {
  if (Status status = detail::CheckFields(options); !status.ok()) return status;
  if (options.pubsub_driver != "inproc") {
    return Status(StatusCode::kUnimplemented, "platform",
                  "pubsub.driver '" + options.pubsub_driver + "': built with inproc only");
  }
  if (options.state || options.state_driver == "memory") return {};
#ifdef VIRTUFIN_HAS_SQLITE
  if (options.state_driver == "sqlite") return {};
  const char* const built = "memory and sqlite only";
#else
  const char* const built = "memory only (CMake option VIRTUFIN_WITH_SQLITE)";
#endif
  return Status(StatusCode::kUnimplemented, "platform",
                "state.driver '" + options.state_driver + "': built with " + built);
}

/// CheckOptions has taken the options.
Result<std::shared_ptr<StateStore>> MakeStateStore(const PlatformOptions& options, Clock& clock) {
  if (options.state) return options.state;
#ifdef VIRTUFIN_HAS_SQLITE
  if (options.state_driver == "sqlite") {
    if (options.state_path.empty()) {
      return Status(StatusCode::kInvalidArgument, "platform",
                    "state.path: expected the path of a file, found none");
    }
    auto store = OpenSqliteStore({.path = options.state_path}, clock);
    if (!store.ok()) return store.status();
    return std::shared_ptr<StateStore>(std::move(*store));
  }
#endif
  MemoryStoreOptions memory;
  if (const std::string& run = options.workmanager.replay_run; !run.empty()) {
    const Uuid seed = Uuid::V5(Uuid(), run);
    std::memcpy(&memory.etag_seed, seed.bytes.data(), sizeof(memory.etag_seed));
  }
  return std::shared_ptr<StateStore>(MakeMemoryStore(clock, memory));
}

#ifndef VIRTUFIN_HAS_FETCH
class NoFetcher final : public CodeFetcher {
 public:
  Result<std::vector<std::uint8_t>> Fetch(const CodeSource&) override {
    return Status(StatusCode::kUnimplemented, "platform",
                  "code from URLs: built without it (CMake option VIRTUFIN_WITH_FETCH)");
  }
};
#endif

Result<std::unique_ptr<CodeFetcher>> MakeFetcher(const PlatformOptions& options) {
  std::vector<NamedCredential> credentials = options.code_credentials;
  if (!options.code_credentials_file.empty()) {
    auto more = detail::ReadCodeCredentials(options.code_credentials_file);
    if (!more.ok()) return more.status();
    credentials.insert(credentials.end(), more->begin(), more->end());
  }
#ifdef VIRTUFIN_HAS_FETCH
  UrlFetcherOptions fetcher;
  fetcher.allowed_hosts = options.code_allowed_hosts;
  fetcher.timeout_ms = options.code_timeout_ms;
  fetcher.max_bytes = options.code_max_bytes;
  fetcher.ca_file = options.code_ca_file;
  fetcher.credentials = std::move(credentials);
  return MakeUrlFetcher(fetcher);
#else
  return std::unique_ptr<CodeFetcher>(std::make_unique<NoFetcher>());
#endif
}

}  // namespace

// Members are destroyed in reverse order: the managers before the engines, these before the bus,
// the bus before the executor.
struct Platform::Impl {
  explicit Impl(PlatformOptions given)
      : options(std::move(given)),
        clock(options.clock != nullptr ? *options.clock : WallClock()),
        log(options.log ? *options.log : NullLog()),
        executor(options.executor, clock, log) {}

  PlatformOptions options;
  Clock& clock;
  LogSink& log;
  Executor executor;
  std::unique_ptr<InprocBroker> bus;
  std::shared_ptr<StateStore> state;
  std::unique_ptr<detail::StateService> state_service;
  std::unique_ptr<detail::DirectGateway> gateway;
  EngineRegistry engines;
  std::unique_ptr<CodeFetcher> fetcher;
  std::unique_ptr<WorkManager> workers;
#ifdef VIRTUFIN_HAS_FEEDS
  std::unique_ptr<WebSocketManager> feeds;
#endif
  bool started = false;
  bool stopped = false;
  Status abandoned;  // what Stop answered when it left calls behind
};

Platform::Platform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Platform::~Platform() {
  const std::chrono::milliseconds deadline(
      std::max(impl_->options.workmanager.stop_timeout_ms, impl_->options.feed_stop_timeout_ms));
  if (Status status = Stop(deadline); !status.ok()) {
    impl_->log.Write(LogLevel::kError, "platform", status.ToString());
  }
  // What still runs inside the platform keeps it.
  const bool inline_runs = !impl_->bus->Stop(std::chrono::milliseconds(0)).ok();
  if (!impl_->abandoned.ok() || inline_runs || !impl_->stopped) (void)impl_.release();
}

Status Platform::Check(const PlatformOptions& options) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  return MakeFetcher(options).status();
}

Result<std::unique_ptr<Platform>> Platform::Create(PlatformOptions options) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  auto impl = std::make_unique<Impl>(std::move(options));
  const Runtime runtime{impl->executor, impl->clock, impl->log};
  impl->bus = std::make_unique<InprocBroker>(runtime);
  auto state = MakeStateStore(impl->options, impl->clock);
  if (!state.ok()) return state.status();
  impl->state = std::move(*state);
  impl->state_service = std::make_unique<detail::StateService>(
      *impl->state, *impl->bus, impl->clock, impl->options.state_services,
      impl->options.workmanager.replay_run);
  impl->gateway = std::make_unique<detail::DirectGateway>(*impl->bus, *impl->state_service);

  Status status = impl->engines.Register(MakeInProcEngine(impl->options.gateway_clients));
  if (!status.ok()) return status;
  NativeEngineOptions native;
  native.environment = impl->options.worker_environment;
  native.directory = impl->options.worker_directory;
  status = impl->engines.Register(MakeNativeEngine(native), {std::string(kNativeMimeAlias)});
  if (!status.ok()) return status;

  auto fetcher = MakeFetcher(impl->options);
  if (!fetcher.ok()) return fetcher.status();
  impl->fetcher = std::move(*fetcher);
  WorkManager::Dependencies needed{
      runtime,          *impl->bus, impl->engines, impl->gateway.get(), impl->fetcher.get(),
      impl->state.get()};
  // Records in memory would end with the workers that they are of.
  const bool durable = impl->options.state || impl->options.state_driver != "memory";
  if (durable) needed.records = impl->state.get();
  needed.peers = impl->options.peers.get();
  impl->workers = std::make_unique<WorkManager>(impl->options.workmanager, needed);
#ifdef VIRTUFIN_HAS_FEEDS
  const WebSocketManagerOptions feeds{impl->options.max_feeds, impl->options.feed_stop_timeout_ms};
  impl->feeds = std::make_unique<WebSocketManager>(feeds, runtime);
  status = detail::RegisterFeedVenues(*impl->feeds, *impl->bus, *impl->state, runtime);
  if (!status.ok()) return status;
#endif
  return std::unique_ptr<Platform>(new Platform(std::move(impl)));
}

Status Platform::Start() {
  if (impl_->started) {
    return Status(StatusCode::kFailedPrecondition, "platform",
                  "expected one Start, found a second");
  }
  if (Status status = impl_->state_service->Seed(); !status.ok()) return status;
  impl_->started = true;
  if (Status status = impl_->executor.Start(); !status.ok()) return status;
  if (!impl_->options.workmanager.recovery_on_start) return {};
  return impl_->workers->Recover().status();
}

Status Platform::Stop(std::chrono::milliseconds deadline) {
  // Whoever asks again must not hear that all is over while something runs.
  if (impl_->stopped) return impl_->abandoned.ok() ? impl_->bus->Stop(deadline) : impl_->abandoned;
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    return Status(StatusCode::kFailedPrecondition, "platform",
                  "Stop: expected a thread of the application, found a callback");
  }
  impl_->stopped = true;
  const Budget budget(deadline);
  Status feeds;
#ifdef VIRTUFIN_HAS_FEEDS
  feeds = impl_->feeds->Shutdown(budget.left() / 2);  // one that hangs costs workers no call
#endif
  Status workers = impl_->workers->Shutdown(budget.left());
  Status bus = impl_->bus->Stop(budget.left());
  Status executor = impl_->executor.Stop(budget.left());
  impl_->abandoned = !feeds.ok() ? feeds : !workers.ok() ? workers : executor;
  return impl_->abandoned.ok() ? bus : impl_->abandoned;
}

PubSub& Platform::bus() noexcept { return *impl_->bus; }
StateStore& Platform::state() noexcept { return *impl_->state; }
WorkManager& Platform::workers() noexcept { return *impl_->workers; }
Result<WebSocketManager*> Platform::feeds() {
#ifdef VIRTUFIN_HAS_FEEDS
  return impl_->feeds.get();
#else
  return Status(StatusCode::kUnimplemented, "platform",
                "feeds: built without them (CMake option VIRTUFIN_WITH_FEEDS)");
#endif
}
EngineRegistry& Platform::engines() noexcept { return impl_->engines; }
GatewayClient& Platform::gateway() noexcept { return *impl_->gateway; }
Executor& Platform::executor() noexcept { return impl_->executor; }
Clock& Platform::clock() noexcept { return impl_->clock; }
Runtime Platform::runtime() noexcept { return {impl_->executor, impl_->clock, impl_->log}; }

}  // namespace virtufin::inline v0
