// The instances over one state store: their heartbeats, and the lease by which one recovers at a
// time.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/core/executor.hpp"
#include "virtufin/workmanager/peers.hpp"
#include "workmanager/guarded_store.hpp"
#include "workmanager/heartbeat.hpp"

namespace virtufin::inline v0::detail {

/// Functions are [any] and may wait. Errors of all: those of the store.
class Instances {
 public:
  /// Everything is borrowed until this is destroyed.
  /// `late` is called on an executor thread when the heartbeat had ended meanwhile: others may have
  /// taken workers over.
  Instances(StateStore& store, const Runtime& runtime, std::string own_id,
            std::function<void()> late);
  ~Instances() { Leave(); }
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  /// Beats without an address until Join: who is starting is not gone, and not to be reached yet.
  Status Announce();
  /// Writes the heartbeat of this instance now and every ten seconds.
  Status Join(std::string address);
  /// Ends the heartbeats and takes the last one away: once.
  void Leave();
  /// Empty: the instance is gone.
  Result<std::optional<Peer>> Find(const std::string& instance_id);

  /// Held until destroyed, at most 300 s.
  class Lease {
   public:
    Lease(GuardedStore& store, std::string etag) : store_(&store), etag_(std::move(etag)) {}
    Lease(Lease&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)), etag_(std::move(other.etag_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();

   private:
    GuardedStore* store_;
    std::string etag_;
  };
  /// Waits at most 30 s for another instance that holds it; one that is gone, or this one before
  /// its restart, holds nothing. Errors: UNAVAILABLE naming the holder.
  Result<Lease> AcquireRecovery();

 private:
  Status Begin();
  Status Beat();
  void BeatAgain(const std::function<void()>& late);
  Result<std::optional<Lease>> TryAcquire(std::string& holder);

  GuardedStore store_;  // without a breaker: a beat must not wait for one to close
  const Runtime runtime_;
  const std::string own_id_;
  std::mutex beating_;  // held through a beat
  std::mutex mutex_;
  std::string address_;
  bool joined_ = false;
  bool failed_ = false;  // the last beat, which was logged
  MonotonicTime last_beat_{};
  const std::shared_ptr<Heartbeat> heartbeat_;
};

}  // namespace virtufin::inline v0::detail
