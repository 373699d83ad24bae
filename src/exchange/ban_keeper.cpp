// Reads and writes one record of a StateStore.
#include "exchange/ban_keeper.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "net/url.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/state_key.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::chrono::seconds kPatience(5);

std::string HostOf(std::string_view url) {
  const Result<net::Url> parts = net::ParseUrl(url);
  return parts.ok() ? parts->host : std::string();
}

}  // namespace

BanKeeper::BanKeeper(StateStore& store, const Runtime& runtime, std::string_view rest_url)
    : key_(ExchangeBanKey(HostOf(rest_url))),
      runtime_(runtime),
      strand_(runtime.executor.NewStrand()),
      store_(&store) {}

/// A task that is posted; also ends when it is dropped.
class BanKeeper::Use {
 public:
  explicit Use(std::shared_ptr<BanKeeper> keeper) noexcept : keeper_(std::move(keeper)) {}
  Use(Use&&) noexcept = default;
  ~Use() {
    if (keeper_ == nullptr) return;
    const std::lock_guard lock(keeper_->mutex_);
    --keeper_->uses_;
    keeper_->unused_.notify_all();
  }
  BanKeeper* operator->() const noexcept { return keeper_.get(); }

 private:
  std::shared_ptr<BanKeeper> keeper_;
};

template <class Task>
void BanKeeper::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    ++uses_;
  }
  strand_.Post([use = Use(shared_from_this()), task = std::move(task)] {
    {
      const std::lock_guard lock(use->mutex_);
      if (use->closed_) return;
    }
    task(*use.operator->());
  });
}

void BanKeeper::Read(std::function<void(std::int64_t)> done) {
  const auto once = [told = std::make_shared<std::atomic<bool>>(false),
                     done = std::move(done)](std::int64_t until_unix_ns) {
    const bool first = !told->exchange(true);
    if (first) done(until_unix_ns);
    return first;
  };
  patience_ = runtime_.executor.AfterReal(kPatience, [self = weak_from_this(), once] {
    const auto keeper = self.lock();
    if (keeper == nullptr) return;
    {
      const std::lock_guard lock(keeper->mutex_);
      if (keeper->closed_) return;
    }
    if (once(0))
      keeper->Warn("the state store does not say whether there is a ban: goes on without");
  });
  Post([once](BanKeeper& self) { once(self.ReadNow()); });
}

std::int64_t BanKeeper::ReadNow() {
  const Result<StateItem> item = store_->Get(kService, key_);
  if (item.status().code() == StatusCode::kNotFound) return 0;
  if (!item.ok()) {
    Warn("cannot read a ban from before: " + item.status().ToString());
    return 0;
  }
  const Result<Timestamp> until = Timestamp::Parse(item->value);
  if (!until.ok()) {
    Warn("state " + key_ + ": expected the end of a ban as a time, found " +
         std::to_string(item->value.size()) + " bytes that are none");
    return 0;
  }
  // Beyond what nanoseconds can count it is no time of this venue's.
  constexpr std::int64_t kMostSeconds = 9'000'000'000;
  return std::clamp<std::int64_t>(until->unix_seconds(), 0, kMostSeconds) * 1'000'000'000;
}

void BanKeeper::Write(std::int64_t until_unix_ns) {
  {
    const std::lock_guard lock(mutex_);
    pending_ns_ = until_unix_ns;
  }
  Post([](BanKeeper& self) { self.WritePending(); });
}

void BanKeeper::WritePending() {
  std::int64_t until_ns = 0;
  {
    const std::lock_guard lock(mutex_);
    until_ns = std::exchange(pending_ns_, 0);
  }
  if (until_ns == 0) return;
  const Timestamp now = runtime_.clock.Now();
  const std::int64_t now_ms = now.unix_seconds() * 1'000;
  SetOptions options;  // a ban that is over leaves nothing behind
  options.ttl_ms = std::max<std::int64_t>(1'000, until_ns / 1'000'000 - now_ms);
  // In whole seconds, the next one: never too early.
  const Timestamp until = Timestamp::FromUnixMillis((until_ns / 1'000'000'000 + 1) * 1'000);
  const auto written = store_->Set(kService, key_, until.ToString(), options);
  if (!written.ok()) Warn("cannot keep a ban for later: " + written.status().ToString());
}

void BanKeeper::Warn(const std::string& text) const {
  if (runtime_.log.Enabled(LogLevel::kWarn)) runtime_.log.Write(LogLevel::kWarn, "exchange", text);
}

Status BanKeeper::Close(std::chrono::milliseconds wait) {
  patience_ = {};  // it keeps whoever reads
  std::unique_lock lock(mutex_);
  const bool unused = unused_.wait_for(lock, std::max(wait, std::chrono::milliseconds(0)),
                                       [this] { return uses_ == 0; });
  closed_ = true;
  lock.unlock();
  if (unused) {
    WritePending();  // where the executor has dropped the task that would have
    return {};
  }
  return Status(StatusCode::kDeadlineExceeded, "exchange",
                "expected the state store to answer within the deadline: it did not");
}

}  // namespace virtufin::inline v0::detail
