// The host structs of all loads of the process, and the callbacks in them.
//
// A worker keys its state by the address of its VirtufinHost and may keep that address for ever, so
// a struct is never released and never used again. The slab is the one global of the library.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "virtufin/engine/engine.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/virtufin_worker_api_c.h"

namespace virtufin::inline v0::detail {

/// The table "virtufin.worker/1" and the text it points to.
class WorkerInfo {
 public:
  explicit WorkerInfo(const WorkerIdentity& identity);
  WorkerInfo(const WorkerInfo&) = delete;
  WorkerInfo& operator=(const WorkerInfo&) = delete;
  const VirtufinWorkerInfo1* table() const noexcept { return &table_; }

 private:
  WorkerIdentity identity_;
  std::vector<const char*> topics_, config_keys_, config_values_;
  VirtufinWorkerInfo1 table_{};
};

/// What the callbacks of one load reach.
struct HostState {
  HostState(const WorkerIdentity& identity, std::shared_ptr<WorkerHost> worker_host)
      : info(identity), host(std::move(worker_host)) {}

  const WorkerInfo info;
  std::shared_ptr<WorkerHost> host;             // guarded by the slot's lock; null: nobody listens
  std::atomic<std::uint32_t> running_calls{0};  // callbacks are for while it is not 0
  // The load, and threads inside a function of a table: whoever leaves last deletes this.
  std::atomic<std::uint32_t> uses{1};
  std::atomic<bool> abandoned{false};
  // Of the calls so far; calls come one after another.
  std::atomic<std::uint64_t> buffers{0}, buffers_freed{0};
  bool stray_logged = false;  // guarded by the slot's lock
};

/// One host struct and what is behind it: 64 bytes.
struct HostSlot {
  VirtufinHost host;
  HostState* state;  // guarded by the slot's lock; null: unloaded
};
static_assert(sizeof(HostSlot) == 64);

/// A struct of revision `abi_version` that was never handed out before. `state` is borrowed until
/// CloseHostSlot.
HostSlot* NewHostSlot(std::int32_t abi_version, HostState* state);
/// From now on the callbacks find nobody; returns when none is looking at the state any more.
void CloseHostSlot(HostSlot* slot) noexcept;
/// The callbacks find the state, but no host: for a load that is left in place for ever.
void DetachHost(HostSlot* slot) noexcept;

/// Keeps the host of a load while a function of one of its tables runs; there is none any more when
/// its Shutdown returned.
class HostUse {
 public:
  explicit HostUse(void* ctx) noexcept;
  ~HostUse() {
    if (state_ != nullptr && Leave(*state_)) delete state_;
  }
  HostUse(const HostUse&) = delete;
  HostUse& operator=(const HostUse&) = delete;
  /// Null: too late, which is counted.
  WorkerHost* host() const noexcept { return host_.get(); }
  /// True for the one that leaves last; the last access to the state for all others.
  static bool Leave(HostState& state) noexcept {
    return state.uses.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  HostState* state_ = nullptr;
  std::shared_ptr<WorkerHost> host_;
};

/// The table of that name; null when there is none. They are the same for all loads.
const void* FindHostTable(const char* id) noexcept;

/// The process-wide counters behind GetNativeCounters.
struct SlabCounters {
  std::atomic<std::uint64_t> loads{0}, stray_callbacks{0}, pinned{0}, abandoned{0};
  std::atomic<std::uint64_t> buffers{0}, buffers_freed{0};
};
SlabCounters& Counters() noexcept;

/// While it lives, a call of this load runs.
class CallMark {
 public:
  explicit CallMark(HostState& state) noexcept : state_(state) {
    state_.running_calls.fetch_add(1, std::memory_order_acquire);
  }
  /// The last access to the state: a destructor of the load may be waiting for it.
  ~CallMark() { state_.running_calls.fetch_sub(1, std::memory_order_release); }
  CallMark(const CallMark&) = delete;
  CallMark& operator=(const CallMark&) = delete;

 private:
  HostState& state_;
};

}  // namespace virtufin::inline v0::detail
