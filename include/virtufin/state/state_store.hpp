// StateStore: the port to records that outlive an event: service and key to bytes, with etags.
//
// The memory store is state/memory.hpp; other drivers are targets of their own.
// Specification: docs/openspec/specs/state/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

inline constexpr std::size_t kMaxStateKeyBytes = 1024;  // of service and key, each
inline constexpr std::size_t kMaxStateValueBytes = kMaxEventBytes;
inline constexpr std::size_t kMaxStateAnswerBytes = kMaxEventBytes;  // keys and values of many
                                                                     // records; one always fits

/// A record as it was read. The etag changes with every write and is never used again, not for
/// another record of that key either; compare it, never read it.
struct StateItem {
  std::string key;    // without the service
  std::string value;  // any bytes, mostly JSON
  std::string etag;
};

/// What makes a Set conditional, and how long its record lives.
struct SetOptions {
  std::string etag = {};     // write only over this one; empty: whatever there is
  bool create_only = false;  // write only when there is no record
  std::int64_t ttl_ms = 0;   // the record is gone afterwards; 0: stays. Each Set sets it anew
};

struct QueryPage {
  std::vector<StateItem> items;
  std::string token;  // page.token of the next query, opaque; empty: this was the last page
};

/// Port. One record is addressed by (service, key) whatever the driver and whoever asks; it is
/// stored as `<service>||<key>`. A service is not empty and has no '|'; a key is not empty; both
/// are UTF-8 without NUL, and at most kMaxStateKeyBytes long.
///
/// Threads: every function is [any], and safe beside itself and all others. The memory store never
/// waits. Other drivers may, for a disk, another process or a network; they say so to the executor
/// (Executor::BlockingScope), so that tasks on executor threads may call them. Threads that must
/// never wait get FAILED_PRECONDITION from such a driver: net loops and inline handlers post a task
/// to the executor, on one Strand where the order matters. Reading one record that lies in the
/// system's cache is no wait.
///
/// Errors of all functions: INVALID_ARGUMENT for a bad service or key, saying which and why;
/// UNAVAILABLE when the driver cannot reach its records now; DATA_LOSS when they are damaged.
/// Writes: RESOURCE_EXHAUSTED when there is no room; nothing was changed then.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Errors: NOT_FOUND when there is no record, or its time to live has passed.
  virtual Result<StateItem> Get(std::string_view service, std::string_view key) = 0;

  /// Writes the record, whole or not at all, and answers its new etag. Arguments are borrowed
  /// during the call. OK: every Get that starts later sees it; a driver on disk has kept it.
  /// Errors: ABORTED when `options.etag` is not that of the record, or there is none any more;
  /// ALREADY_EXISTS under create_only; INVALID_ARGUMENT for a value over kMaxStateValueBytes, a
  /// negative ttl_ms, or an etag together with create_only.
  virtual Result<std::string> Set(std::string_view service, std::string_view key,
                                  std::string_view value, const SetOptions& options) = 0;
  Result<std::string> Set(std::string_view service, std::string_view key, std::string_view value) {
    return Set(service, key, value, SetOptions{});
  }

  /// True: there was a record and it is gone. False: there was none, which is no error.
  /// Errors: ABORTED when `etag` is given and is not that of the record, or there is none.
  virtual Result<bool> Delete(std::string_view service, std::string_view key,
                              std::string_view etag) = 0;
  Result<bool> Delete(std::string_view service, std::string_view key) {
    return Delete(service, key, {});
  }

  /// The records that exist, in the order of `keys`; the others are left out. Each is read for
  /// itself: writes may fall between.
  /// Errors: RESOURCE_EXHAUSTED when they have more than kMaxStateAnswerBytes together.
  virtual Result<std::vector<StateItem>> GetBulk(std::string_view service,
                                                 std::span<const std::string> keys) = 0;

  /// The keys whose records there were, and are gone, in the order of `keys`. Each is deleted for
  /// itself: after an error some may be gone.
  virtual Result<std::vector<std::string>> DeleteBulk(std::string_view service,
                                                      std::span<const std::string> keys) = 0;

  /// The records of `service` that match, by key unless `sort` says otherwise. `query` is JSON:
  ///
  ///   {"filter": {"AND": [{"PREFIX": {"key": "workmanager.worker."}},
  ///                       {"IN": {"market.world": ["act", "hyp.x"]}}]},
  ///    "sort": [{"key": "updatedAt", "order": "DESC"}], "page": {"limit": 100, "token": ""}}
  ///
  /// All members are optional; `{}` and "" are all records. EQ, NEQ, GT, GTE, LT, LTE, IN, PREFIX
  /// take one path each, AND and OR a list of filters. A path is dotted below the value; `key` is
  /// the key. docs/state.md says how values of different types compare.
  /// At most `limit` records and at most page.limit of them; 0: no such limit. A page of
  /// kMaxStateAnswerBytes ends too: whoever wants all asks on while there is a token.
  /// Errors: INVALID_ARGUMENT naming the member, what was expected and what was found; also for a
  /// token of another query or service.
  virtual Result<QueryPage> Query(std::string_view service, std::string_view query,
                                  std::size_t limit) = 0;
  Result<QueryPage> Query(std::string_view service, std::string_view query) {
    return Query(service, query, 0);
  }
};

}  // namespace virtufin::inline v0
