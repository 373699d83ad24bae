// Heartbeats with a time to live, and a lease by compare and set.
#include "workmanager/instances.hpp"

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "virtufin/event/state_key.hpp"
#include "workmanager/record_store.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kBeatEvery{10'000};
constexpr milliseconds kBeatLives{30'000};
constexpr milliseconds kLeaseLives{300'000};
constexpr milliseconds kAcquireTimeout{30'000};
constexpr milliseconds kAcquirePoll{250};
constexpr std::string_view kService = "workmanager";

}  // namespace

Instances::Instances(StateStore& store, const Runtime& runtime, std::string own_id,
                     std::function<void()> late)
    : store_(store, runtime, 0, 0, {.failures = std::numeric_limits<std::uint32_t>::max()}),
      runtime_(runtime),
      own_id_(std::move(own_id)),
      heartbeat_(std::make_shared<Heartbeat>(
          runtime.executor, kBeatEvery, [this, late = std::move(late)] { BeatAgain(late); })) {}

void Instances::BeatAgain(const std::function<void()>& late) {
  MonotonicTime before;
  {
    std::lock_guard lock(mutex_);
    before = last_beat_;
  }
  const Status status = Beat();
  {
    std::lock_guard lock(mutex_);
    if (!status.ok() && !failed_) {
      runtime_.log.Write(LogLevel::kWarn, "workmanager",
                         "heartbeat of instance '" + own_id_ +
                             "': others will think it is gone: " + status.ToString());
    }
    failed_ = !status.ok();
  }
  if (status.ok() && runtime_.clock.Monotonic() - before >= kBeatLives) late();
}

Status Instances::Announce() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(joined_, true)) return {};
  }
  return Begin();
}

Status Instances::Join(std::string address) {
  {
    std::lock_guard lock(mutex_);
    address_ = std::move(address);
    joined_ = true;
  }
  return Begin();
}

Status Instances::Begin() {
  if (Status status = Beat(); !status.ok()) return status;
  heartbeat_->Start();
  return EditTextList(store_, HeartbeatPeersKey(kService), own_id_, true);
}

Status Instances::Beat() {
  Executor::BlockingScope blocking;
  std::lock_guard beating(beating_);
  Json beat = {{"instance_id", own_id_}, {"updated_at", runtime_.clock.Now().ToString()}};
  {
    std::lock_guard lock(mutex_);
    if (!joined_) return {};
    beat["address"] = address_;
  }
  SetOptions options;
  options.ttl_ms = kBeatLives.count();
  const MonotonicTime began = runtime_.clock.Monotonic();
  Status status = store_.Set(HeartbeatKey(kService, own_id_), beat.dump(), options).status();
  std::lock_guard lock(mutex_);
  if (status.ok()) last_beat_ = began;
  return status;
}

void Instances::Leave() {
  heartbeat_->Stop();
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(joined_, false)) return;
  }
  std::lock_guard beating(beating_);
  (void)store_.Delete(HeartbeatKey(kService, own_id_), {});
  (void)EditTextList(store_, HeartbeatPeersKey(kService), own_id_, false);
}

Result<std::optional<Peer>> Instances::Find(const std::string& instance_id) {
  const auto item = store_.Get(HeartbeatKey(kService, instance_id));
  if (!item.ok()) {
    if (item.status().code() == StatusCode::kNotFound) return std::optional<Peer>();
    return item.status();
  }
  const std::string address = TextMember(item->value, "address");
  if (address.empty()) {
    return Status(StatusCode::kUnavailable, "workmanager",
                  "instance '" + instance_id + "': expected its address, found one that starts");
  }
  return std::optional<Peer>(Peer{instance_id, address});
}

Instances::Lease::~Lease() {
  if (store_ != nullptr) (void)store_->Delete(kRecoveryLeaderKey, etag_);
}

Result<std::optional<Instances::Lease>> Instances::TryAcquire(std::string& holder) {
  const auto item = store_.Get(kRecoveryLeaderKey);
  if (!item.ok() && item.status().code() != StatusCode::kNotFound) return item.status();
  SetOptions options;
  options.ttl_ms = kLeaseLives.count();
  options.create_only = !item.ok();
  if (item.ok()) {
    holder = TextMember(item->value, "instance_id");
    if (holder != own_id_) {
      const auto beat = store_.Get(HeartbeatKey(kService, holder));
      if (beat.ok()) return std::optional<Lease>();
      if (beat.status().code() != StatusCode::kNotFound) return beat.status();
    }
    options.etag = item->etag;
  }
  auto etag = store_.Set(kRecoveryLeaderKey, Json{{"instance_id", own_id_}}.dump(), options);
  if (etag.ok()) return std::optional<Lease>(Lease(store_, *std::move(etag)));
  const StatusCode code = etag.status().code();
  if (code != StatusCode::kAborted && code != StatusCode::kAlreadyExists) return etag.status();
  return std::optional<Lease>();
}

Result<Instances::Lease> Instances::AcquireRecovery() {
  Executor::BlockingScope blocking;
  const auto until = std::chrono::steady_clock::now() + kAcquireTimeout;
  std::string holder;
  for (;;) {
    auto lease = TryAcquire(holder);
    if (!lease.ok()) return lease.status();
    if (lease->has_value()) return std::move(**lease);
    if (std::chrono::steady_clock::now() >= until) {
      return Status(StatusCode::kUnavailable, "workmanager",
                    "recovery: expected the lease within " +
                        std::to_string(kAcquireTimeout.count()) + " ms, found it held by '" +
                        holder + "'");
    }
    std::this_thread::sleep_for(kAcquirePoll);
  }
}

}  // namespace virtufin::inline v0::detail
