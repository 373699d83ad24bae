// For authors of StateStore drivers: how a record is addressed, what etags are, and the one reading
// of the query grammar that all drivers share.
// Specification: docs/openspec/specs/state/spec.md
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0 {

/// `<service>||<key>`, checked and joined without allocating. Const functions are [any].
class RecordKey {
 public:
  /// Errors: INVALID_ARGUMENT naming service or key, what was expected and what was found. [owner]
  Status Assign(std::string_view service, std::string_view key);
  /// The part that all records of `service` share. Errors: as Assign. [owner]
  Status AssignService(std::string_view service);
  /// Borrowed until the next Assign.
  std::string_view text() const noexcept { return {text_, size_}; }

 private:
  std::size_t size_ = 0;
  char text_[2 * kMaxStateKeyBytes + 2];
};

/// Errors: INVALID_ARGUMENT as StateStore::Set says. [any]
Status CheckSet(std::string_view value, const SetOptions& options);

/// How much GetBulk has gathered.
class AnswerBytes {
 public:
  /// Before the record is copied. Errors: RESOURCE_EXHAUSTED over kMaxStateAnswerBytes. [owner]
  Status Add(std::string_view key, std::string_view value);

 private:
  std::size_t bytes_ = 0;
};

/// Numbers behind etags: none twice in this process, and no one else's but by a chance of 2^-64.
class EtagSource {
 public:
  EtagSource() noexcept;
  /// The same numbers for the same `seed`: for a store that a replay fills.
  explicit EtagSource(std::uint64_t seed) noexcept : base_(seed) {}
  std::uint64_t Next() noexcept;  // [any]

 private:
  std::uint64_t base_;
  std::atomic<std::uint64_t> count_ = 0;
};
/// 13 characters. [any]
std::string EtagText(std::uint64_t etag);
/// False: no EtagText wrote this. [any]
bool ReadEtag(std::string_view text, std::uint64_t& out) noexcept;

/// One query, read and checked. Const functions are [any].
class StateQuery {
 public:
  static constexpr std::size_t kMaxBytes = 65'536;
  static constexpr int kMaxFilters = 1024;  // operators, and values of IN
  static constexpr int kMaxDepth = 16;      // of AND and OR
  static constexpr std::size_t kMaxSorts = 8;

  /// Errors: INVALID_ARGUMENT as StateStore::Query says.
  static Result<StateQuery> Parse(std::string_view service, std::string_view query,
                                  std::size_t limit);
  StateQuery(StateQuery&&) noexcept;
  StateQuery& operator=(StateQuery&&) noexcept;
  ~StateQuery();

  /// Every key that matches begins with this.
  std::string_view key_prefix() const noexcept;
  /// Only keys behind this one are asked for; empty: all. By byte order.
  std::string_view after_key() const noexcept;

  /// Takes the records in the order of their keys and keeps those that are asked for.
  class Run {
   public:
    explicit Run(const StateQuery& query);  // borrowed until the run is destroyed
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    /// False: the page is full, no further record is needed. Arguments are borrowed. [owner]
    bool Offer(std::string_view key, std::string_view value, std::uint64_t etag);
    QueryPage Finish();  // once [owner]

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

 private:
  struct Impl;
  explicit StateQuery(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
