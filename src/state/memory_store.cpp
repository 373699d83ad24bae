// The memory store: one ordered map under one mutex; values are shared, so that no copy is made
// under it.
#include "virtufin/state/memory.hpp"

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kRecordBytes = 128;  // nodes and heap headers around key and value
constexpr std::size_t kPurgeAtOnce = 8;    // a write that meets many old records stays short
constexpr std::size_t kQueryChunk = 256;   // records that a query takes under one lock

using SharedText = std::shared_ptr<const std::string>;

Status NotFound(std::string_view service, std::string_view key) {
  return Status(StatusCode::kNotFound, "state",
                "no record '" + std::string(key) + "' of " + std::string(service));
}

Status Stale(std::string_view service, std::string_view key) {
  return Status(StatusCode::kAborted, "state",
                "record '" + std::string(key) + "' of " + std::string(service) +
                    ": expected the etag given, found another one or no record");
}

class MemoryStore final : public StateStore {
 public:
  MemoryStore(Clock& clock, const MemoryStoreOptions& options)
      : clock_(clock),
        max_bytes_(options.max_bytes),
        etags_(options.etag_seed == 0 ? EtagSource() : EtagSource(options.etag_seed)) {}

  Result<StateItem> Get(std::string_view service, std::string_view key) override {
    RecordKey record;
    if (Status status = record.Assign(service, key); !status.ok()) return status;
    Found found = Find(record.text());
    if (found.value == nullptr) return NotFound(service, key);
    return StateItem{std::string(key), *found.value, EtagText(found.etag)};
  }

  Result<std::string> Set(std::string_view service, std::string_view key, std::string_view value,
                          const SetOptions& options) override {
    RecordKey record;
    if (Status status = record.Assign(service, key); !status.ok()) return status;
    if (Status status = CheckSet(value, options); !status.ok()) return status;
    auto text = std::make_shared<const std::string>(value);
    const std::size_t bytes = Bytes(record.text(), *text);
    SharedText old;  // freed without the lock
    const std::lock_guard lock(mutex_);
    PurgeSome(kPurgeAtOnce);
    auto at = FindLive(record.text());
    if (!Fits(bytes, at)) {
      PurgeSome(records_.size());
      at = FindLive(record.text());  // its own time may have passed meanwhile
    }
    const bool exists = at != records_.end();
    if (options.create_only && exists) {
      return Status(StatusCode::kAlreadyExists, "state",
                    "record '" + std::string(key) + "' of " + std::string(service) +
                        ": expected none, found one");
    }
    if (!options.etag.empty() && !(exists && Is(options.etag, at->second))) {
      return Stale(service, key);
    }
    if (!Fits(bytes, at)) {
      return Status(StatusCode::kResourceExhausted, "state",
                    "memory store: expected room for " + std::to_string(bytes) + " bytes, found " +
                        std::to_string(used_ - Freed(at)) + " of " + std::to_string(max_bytes_) +
                        " in use");
    }
    used_ += bytes - Freed(at);
    const Record fresh{std::move(text), etags_.Next(), Deadline(options.ttl_ms)};
    if (exists) {
      ForgetExpiry(at);
      old = std::exchange(at->second, fresh).value;
      RememberExpiry(at);
    } else {
      RememberExpiry(records_.try_emplace(std::string(record.text()), fresh).first);
    }
    return EtagText(fresh.etag);
  }

  Result<bool> Delete(std::string_view service, std::string_view key,
                      std::string_view etag) override {
    RecordKey record;
    if (Status status = record.Assign(service, key); !status.ok()) return status;
    SharedText old;
    const std::lock_guard lock(mutex_);
    const auto at = FindLive(record.text());
    const bool exists = at != records_.end();
    if (!etag.empty() && !(exists && Is(etag, at->second))) return Stale(service, key);
    if (exists) old = Erase(at);
    return exists;
  }

  Result<std::vector<StateItem>> GetBulk(std::string_view service,
                                         std::span<const std::string> keys) override {
    std::vector<StateItem> items;
    AnswerBytes bytes;
    RecordKey record;
    for (const std::string& key : keys) {
      if (Status status = record.Assign(service, key); !status.ok()) return status;
      Found found = Find(record.text());
      if (found.value == nullptr) continue;
      if (Status status = bytes.Add(key, *found.value); !status.ok()) return status;
      items.push_back({key, *found.value, EtagText(found.etag)});
    }
    return items;
  }

  Result<std::vector<std::string>> DeleteBulk(std::string_view service,
                                              std::span<const std::string> keys) override {
    RecordKey record;
    for (const std::string& key : keys) {  // a bad key deletes nothing
      if (Status status = record.Assign(service, key); !status.ok()) return status;
    }
    std::vector<std::string> deleted;
    for (const std::string& key : keys) {
      auto one = Delete(service, key, {});
      if (!one.ok()) return one.status();
      if (*one) deleted.push_back(key);
    }
    return deleted;
  }

  Result<QueryPage> Query(std::string_view service, std::string_view query,
                          std::size_t limit) override {
    RecordKey address;
    if (Status status = address.AssignService(service); !status.ok()) return status;
    auto parsed = StateQuery::Parse(service, query, limit);
    if (!parsed.ok()) return parsed.status();
    const std::size_t skip = address.text().size();
    const std::string prefix = std::string(address.text()) + std::string(parsed->key_prefix());
    std::string after = std::string(address.text()) + std::string(parsed->after_key());
    StateQuery::Run run(*parsed);
    for (bool more = true; more;) {
      const std::vector<Taken> chunk = Take(prefix, after);
      for (const Taken& one : chunk) {
        more = run.Offer(std::string_view(one.key).substr(skip), *one.value, one.etag);
        if (!more) break;
      }
      if (chunk.size() < kQueryChunk) break;
      after = chunk.back().key;
    }
    return run.Finish();
  }

 private:
  struct Record {
    SharedText value;
    std::uint64_t etag = 0;
    MonotonicTime expires = MonotonicTime::max();  // never
  };
  using Records = std::map<std::string, Record, std::less<>>;
  struct Found {
    SharedText value;
    std::uint64_t etag = 0;
  };
  struct Taken {
    std::string key;
    SharedText value;
    std::uint64_t etag;
  };

  static std::size_t Bytes(std::string_view key, std::string_view value) noexcept {
    return kRecordBytes + key.size() + value.size();
  }
  static bool Is(std::string_view etag, const Record& record) noexcept {
    std::uint64_t number = 0;
    return ReadEtag(etag, number) && number == record.etag;
  }
  MonotonicTime Deadline(std::int64_t ttl_ms) const noexcept {
    if (ttl_ms == 0) return MonotonicTime::max();
    const MonotonicTime now = clock_.Monotonic();
    const std::int64_t left = (MonotonicTime::max() - now).count() / 1'000'000;
    return ttl_ms < left ? now + std::chrono::milliseconds(ttl_ms) : MonotonicTime::max();
  }
  bool Live(const Record& record) const noexcept {
    return record.expires == MonotonicTime::max() || clock_.Monotonic() < record.expires;
  }
  // The functions below need the mutex, but Find and Take.
  Records::iterator FindLive(std::string_view key) noexcept {
    const auto at = records_.find(key);
    if (at == records_.end() || Live(at->second)) return at;
    Erase(at);
    return records_.end();
  }
  Found Find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto at = FindLive(key);
    if (at == records_.end()) return {};
    return {at->second.value, at->second.etag};
  }
  std::vector<Taken> Take(const std::string& prefix, const std::string& after) {
    std::vector<Taken> taken;
    const std::lock_guard lock(mutex_);
    auto at = after < prefix ? records_.lower_bound(prefix) : records_.upper_bound(after);
    for (; at != records_.end() && at->first.starts_with(prefix); ++at) {
      if (!Live(at->second)) continue;
      taken.push_back({at->first, at->second.value, at->second.etag});
      if (taken.size() == kQueryChunk) break;
    }
    return taken;
  }
  void RememberExpiry(Records::iterator at) {
    if (at->second.expires != MonotonicTime::max()) {
      expiries_.emplace(at->second.expires, &at->first);
    }
  }
  void ForgetExpiry(Records::iterator at) noexcept {
    if (at->second.expires != MonotonicTime::max()) {
      expiries_.erase({at->second.expires, &at->first});
    }
  }
  SharedText Erase(Records::iterator at) noexcept {
    ForgetExpiry(at);
    used_ -= Bytes(at->first, *at->second.value);
    SharedText value = std::move(at->second.value);
    records_.erase(at);
    return value;
  }
  void PurgeSome(std::size_t most) noexcept {
    if (expiries_.empty()) return;
    const MonotonicTime now = clock_.Monotonic();
    for (; most > 0 && !expiries_.empty() && expiries_.begin()->first <= now; --most) {
      Erase(records_.find(*expiries_.begin()->second));
    }
  }
  /// What a write over `at` gives back.
  std::size_t Freed(Records::iterator at) const noexcept {
    return at == records_.end() ? 0 : Bytes(at->first, *at->second.value);
  }
  bool Fits(std::size_t bytes, Records::iterator at) const noexcept {
    return bytes <= max_bytes_ && used_ - Freed(at) <= max_bytes_ - bytes;
  }

  Clock& clock_;
  const std::size_t max_bytes_;
  EtagSource etags_;
  std::mutex mutex_;
  Records records_;
  std::set<std::pair<MonotonicTime, const std::string*>> expiries_;  // keys lie in records_
  std::size_t used_ = 0;
};

}  // namespace

std::unique_ptr<StateStore> MakeMemoryStore(Clock& clock, const MemoryStoreOptions& options) {
  return std::make_unique<MemoryStore>(clock, options);
}

}  // namespace virtufin::inline v0
