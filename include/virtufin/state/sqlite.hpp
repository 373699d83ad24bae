// The SQLite store: records in one file, kept through kill -9, shared between processes.
// Specification: docs/openspec/specs/state/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0 {

struct SqliteStoreOptions {
  // Created when it is not there; its folder is not.
  std::string path = {};
  // True: each write waits for the disk (milliseconds). False: an OK survives the end of the
  // process, by kill -9 too; a power cut may take back the last writes, no more.
  bool survive_power_loss = false;
  std::int64_t busy_timeout_ms = 5'000;  // for a lock of another process; real time
  std::size_t max_bytes = 0;             // of the file, its log not counted; 0: the disk's
  // Of its log: when readers overlap all the time, new ones wait once it is so long.
  std::size_t max_log_bytes = std::size_t{64} << 20;
  int max_readers = 8;  // connections that read at one time, opened when first needed
};

/// Opens or creates the file and brings an older layout up to date. Reads do not wait for writers
/// (but see max_log_bytes). Several stores, in one process and in many, may share a file on one
/// machine; each write is one transaction. Times to live run on `clock.Now()`, which counts as
/// standing still while it steps back; `clock` is borrowed until the store is destroyed. Net loops
/// and inline handlers get FAILED_PRECONDITION (StateStore). [any], on a thread that may wait.
/// Errors: INVALID_ARGUMENT for an option; FAILED_PRECONDITION when the file is no state store of
/// ours, has a newer layout, or its folder is not there or cannot share memory; PERMISSION_DENIED
/// when it cannot be written; UNAVAILABLE when another process keeps it locked; DATA_LOSS when it
/// is damaged; RESOURCE_EXHAUSTED when the disk is full.
Result<std::unique_ptr<StateStore>> OpenSqliteStore(const SqliteStoreOptions& options,
                                                    Clock& clock);

/// Copies the store at `path`, as it is at one moment, to `copy_path`, while others use it; writers
/// do not wait. `copy_path` appears whole or not at all and is on disk then; a file that is there
/// is replaced, under SQLite's exclusive lock on it: a store that is being opened there then fails
/// to open. [any], on a thread that may wait.
/// Errors: INVALID_ARGUMENT when both are one file; FAILED_PRECONDITION when somebody uses a store
/// at `copy_path`; otherwise as OpenSqliteStore.
Status BackUpSqliteStore(const std::string& path, const std::string& copy_path);

}  // namespace virtufin::inline v0
