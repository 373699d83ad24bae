// A state store that fails when the test says so.
#pragma once

#include <atomic>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::test {

class FaultyStore final : public StateStore {
 public:
  explicit FaultyStore(StateStore& store) : store_(store) {}

  /// From now on every call fails, or the next `times` do; nothing is changed.
  void Fail(StatusCode code, int times = std::numeric_limits<int>::max()) {
    left_ = times;
    failure_ = code;
  }
  /// The next call throws.
  void Throw() { throws_ = true; }
  void Heal() { failure_ = StatusCode::kOk; }
  int calls() const { return calls_; }
  /// Of them on threads that must not wait.
  int calls_on_callbacks() const { return calls_on_callbacks_; }

  using StateStore::Delete;
  using StateStore::Query;
  using StateStore::Set;
  Result<StateItem> Get(std::string_view service, std::string_view key) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.Get(service, key);
  }
  Result<std::string> Set(std::string_view service, std::string_view key, std::string_view value,
                          const SetOptions& options) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.Set(service, key, value, options);
  }
  Result<bool> Delete(std::string_view service, std::string_view key,
                      std::string_view etag) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.Delete(service, key, etag);
  }
  Result<std::vector<StateItem>> GetBulk(std::string_view service,
                                         std::span<const std::string> keys) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.GetBulk(service, keys);
  }
  Result<std::vector<std::string>> DeleteBulk(std::string_view service,
                                              std::span<const std::string> keys) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.DeleteBulk(service, keys);
  }
  Result<QueryPage> Query(std::string_view service, std::string_view query,
                          std::size_t limit) override {
    if (Status status = Check(); !status.ok()) return status;
    return store_.Query(service, query, limit);
  }

 private:
  Status Check() {
    ++calls_;
    if (CurrentThreadKind() == ThreadKind::kCallback) ++calls_on_callbacks_;
    if (throws_.exchange(false)) throw std::bad_alloc();
    const StatusCode code = failure_;
    return code == StatusCode::kOk || left_.fetch_sub(1) <= 0
               ? Status()
               : Status(code, "test", "made to fail");
  }

  StateStore& store_;
  std::atomic<StatusCode> failure_ = StatusCode::kOk;
  std::atomic<int> left_ = 0;
  std::atomic<bool> throws_ = false;
  std::atomic<int> calls_ = 0;
  std::atomic<int> calls_on_callbacks_ = 0;
};

}  // namespace virtufin::test
