// Retry, then breaker, around each call.
#include "workmanager/guarded_store.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "workmanager/may_wait.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::string_view kService = "workmanager";
constexpr std::int64_t kMaxDelayMs = 10'000;

/// One call that the breaker admitted: it gets its report, also when the call throws.
class Asked {
 public:
  explicit Asked(CircuitBreaker& breaker) : breaker_(&breaker) {}
  ~Asked() {
    if (breaker_ != nullptr) breaker_->Report(false);
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  CircuitBreaker::Change Report(bool success) {
    return std::exchange(breaker_, nullptr)->Report(success);
  }

 private:
  CircuitBreaker* breaker_;
};

}  // namespace

void GuardedStore::Tell(CircuitBreaker::Change change) {
  if (change == CircuitBreaker::Change::kOpened) {
    log_.Write(LogLevel::kWarn, kService,
               "state store: does not answer, is not asked for a while: calls that change workers "
               "fail, workers go on");
  } else if (change == CircuitBreaker::Change::kClosed) {
    log_.Write(LogLevel::kWarn, kService, "state store: answers again");
  }
}

template <class Call>
auto GuardedStore::Guard(Call call) -> decltype(call()) {
  Executor::BlockingScope blocking;
  std::int64_t delay_ms = std::clamp<std::int64_t>(first_delay_ms_, 0, kMaxDelayMs);
  for (std::uint32_t attempt = 0;; ++attempt) {
    if (!breaker_.Admit()) {
      return Status(StatusCode::kUnavailable, "workmanager",
                    "state store: not asked for a while, after too many failures");
    }
    Asked asked(breaker_);
    auto answer = call();
    const bool away = IsAway(answer.status());
    Tell(asked.Report(!away));
    if (!away || attempt >= retries_ || !MayWait()) return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    delay_ms = std::min(delay_ms * 2, kMaxDelayMs);
  }
}

Result<StateItem> GuardedStore::Get(std::string_view key) {
  return Guard([&] { return store_.Get(kService, key); });
}

Result<std::string> GuardedStore::Set(std::string_view key, std::string_view value,
                                      const SetOptions& options) {
  return Guard([&] { return store_.Set(kService, key, value, options); });
}

Result<bool> GuardedStore::Delete(std::string_view key, std::string_view etag) {
  return Guard([&] { return store_.Delete(kService, key, etag); });
}

Result<QueryPage> GuardedStore::Query(std::string_view query) {
  return Guard([&] { return store_.Query(kService, query, 0); });
}

}  // namespace virtufin::inline v0::detail
