// The memory store: records that end with the process.
// Specification: docs/openspec/specs/state/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "virtufin/core/time.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0 {

struct MemoryStoreOptions {
  // Of keys, values and 128 bytes a record; a Set that needs more is RESOURCE_EXHAUSTED.
  std::size_t max_bytes = std::size_t{256} << 20;
  std::uint64_t etag_seed = 0;  // not 0: the same writes get the same etags, in every process
};

/// A StateStore whose functions never wait, on any thread. Times to live run on
/// `clock.Monotonic()`; `clock` is borrowed until the store is destroyed. [any]
std::unique_ptr<StateStore> MakeMemoryStore(Clock& clock, const MemoryStoreOptions& options = {});

}  // namespace virtufin::inline v0
