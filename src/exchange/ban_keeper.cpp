// Reads and writes one record of a StateStore.
#include "exchange/ban_keeper.hpp"

#include <algorithm>
#include <utility>

#include "virtufin/core/time.hpp"
#include "virtufin/event/state_key.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::chrono::seconds kPatience(5);

std::string HostOf(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
  url = url.substr(0, url.find(':', url.starts_with('[') ? url.find(']') : 0));
  std::string host(url);
  for (char& c : host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return host;
}

}  // namespace

BanKeeper::BanKeeper(StateStore& store, const Runtime& runtime, std::string_view rest_url)
    : key_(ExchangeBanKey(HostOf(rest_url))),
      runtime_(runtime),
      strand_(runtime.executor.NewStrand()),
      store_(&store) {}

void BanKeeper::Read(std::function<void(std::int64_t)> done) {
  const auto once = [told = std::make_shared<std::atomic<bool>>(false),
                     done = std::move(done)](std::int64_t until_unix_ns) {
    const bool first = !told->exchange(true);
    if (first) done(until_unix_ns);
    return first;
  };
  patience_ = runtime_.executor.AfterReal(kPatience, [self = weak_from_this(), once] {
    const auto keeper = self.lock();
    if (keeper == nullptr || keeper->closed_ || !once(0)) return;
    keeper->Warn("the state store does not say whether there is a ban: goes on without");
  });
  strand_.Post([self = shared_from_this(), once] {
    const std::lock_guard lock(self->store_mutex_);
    if (!self->closed_) once(self->ReadNow());
  });
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
    const std::lock_guard lock(pending_mutex_);
    pending_ns_ = until_unix_ns;
  }
  strand_.Post([self = shared_from_this()] {
    const std::lock_guard lock(self->store_mutex_);
    self->WritePending();
  });
}

void BanKeeper::WritePending() {
  std::int64_t until_ns = 0;
  {
    const std::lock_guard lock(pending_mutex_);
    until_ns = std::exchange(pending_ns_, 0);
  }
  if (closed_ || until_ns == 0) return;
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
  const std::unique_lock lock(store_mutex_, std::max(wait, std::chrono::milliseconds(0)));
  if (lock.owns_lock()) WritePending();
  closed_ = true;
  if (lock.owns_lock()) return {};
  return Status(StatusCode::kDeadlineExceeded, "exchange",
                "expected the state store to answer within the deadline: it did not");
}

}  // namespace virtufin::inline v0::detail
