// RestQueue: which request goes out next, under the limiter of the host, and what an answer means.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "exchange/binance/fetch.hpp"
#include "exchange/rate_limiter.hpp"
#include "exchange/venue_link.hpp"
#include "virtufin/core/backoff.hpp"

namespace virtufin::inline v0::detail {

struct BinanceSessionOptions;

struct RestCounters {
  std::uint64_t requests = 0, failed = 0, limited = 0, banned = 0, forbidden = 0;
};

/// [owner] for everything.
class RestQueue {
 public:
  enum class Asker : std::uint8_t { kBooks, kMarket, kWatch };

  /// How a fetch ended; one that the host refused for now goes back into the queue instead.
  struct Ended {
    Asker asker = Asker::kBooks;
    BinanceFetch fetch;
    bool ok = false;              // the body is the answer
    std::string reason;           // else: why not
    std::int64_t venue_code = 0;  // of the venue's own error
  };

  /// `options` and `link` are borrowed while the queue lives.
  RestQueue(const BinanceSessionOptions& options, VenueLink& link,
            std::shared_ptr<RateLimiter> limiter);

  void Add(Asker asker, const BinanceFetch& fetch);
  /// It ends in nothing any more.
  void Cancel(Asker asker, std::uint64_t id);
  /// Cancels all.
  void Clear();

  /// False: not ours, cancelled, or back in the queue.
  bool OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer, Ended& ended);
  /// Sends what may be sent.
  void Pump(FeedTime now);
  /// When Pump may do something; monotonic.
  std::int64_t NextNs(FeedTime now) const;

  /// 0: not banned, as far as we were told.
  std::int64_t banned_until_unix_ns() const noexcept { return banned_until_; }
  void SetBannedUntil(std::int64_t unix_ns, FeedTime now);
  /// Requests that have not ended.
  std::size_t waiting() const noexcept;
  const RestCounters& counters() const noexcept { return counts_; }

 private:
  struct Job {
    Asker asker;
    BinanceFetch fetch;
  };
  static constexpr std::size_t kPriorities = 4;  // books, repairs, instruments, tops
  static std::size_t PriorityOf(BinanceFetchKind kind) noexcept;

  std::int64_t WeightOf(const BinanceFetch& fetch) const noexcept;
  std::string UrlOf(const BinanceFetch& fetch) const;
  const Job* Next() const noexcept;
  bool InstrumentsFirst() const noexcept;
  void PutBack(Job job);
  std::int64_t Hold(FeedTime now, std::int64_t ms);
  bool Refused(int status, FeedTime now, const VenueAnswer& answer);

  const BinanceSessionOptions& options_;
  VenueLink* link_;
  std::shared_ptr<RateLimiter> limiter_;
  std::array<std::deque<Job>, kPriorities> waiting_;
  std::map<std::uint64_t, Job> in_flight_;  // by the number that the link knows
  std::size_t on_the_way_ = 0;  // cancelled ones included: the link is still busy with them
  std::uint64_t last_request_ = 0;
  bool instruments_read_ = false;     // once at least
  int before_instruments_ = 0;        // sent while exchangeInfo waited
  std::int64_t limited_until_ = 0;    // monotonic
  std::int64_t forbidden_until_ = 0;  // monotonic
  std::int64_t banned_until_ = 0;     // unix
  Backoff limited_, banned_, forbidden_;
  RestCounters counts_;
};

}  // namespace virtufin::inline v0::detail
