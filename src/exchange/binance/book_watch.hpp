// BookWatch: depth streams that say nothing are compared with the venue's book now and then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/escalation.hpp"
#include "exchange/binance/fetch.hpp"
#include "exchange/rate_limiter.hpp"
#include "virtufin/exchange/binance.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

struct BinanceSessionOptions;

/// What the watch asks for. No function may call back into it.
class BookWatchOwner {
 public:
  virtual ~BookWatchOwner() = default;
  /// The first levels of the venue's book; ends in OnAnswer or OnFailed.
  virtual void FetchTop(const BinanceFetch& fetch) = 0;
  /// False: it is not traded now, and silence means nothing.
  virtual bool IsTraded(std::string_view symbol) = 0;
  /// The venue's book went on without its stream. `renew`: ask for that again.
  virtual void OnBookLost(std::string_view symbol, FeedTime now, bool renew) = 0;
};

/// [owner] for everything. Times never go back.
class BookWatch {
 public:
  /// All references are borrowed while this lives.
  BookWatch(const BinanceSessionOptions& options, const BinanceFeed& books, BookWatchOwner& owner);

  /// From now on. No effect when it is watched already.
  void Add(std::string_view symbol, FeedTime now);
  void Remove(std::string_view symbol);
  void OnAnswer(std::uint64_t id, FeedTime now, std::string_view body);
  void OnFailed(std::uint64_t id);
  /// Nothing was read for a while: who is silent is found from now on.
  void OnHeld(FeedTime now);
  void OnTick(FeedTime now);
  /// Monotonic; BinanceFeed::kNoTick: nothing is due.
  std::int64_t next_tick_ns() const noexcept { return next_ns_; }

 private:
  struct Book {
    explicit Book(const Escalation& limit) : renewals(limit) {}
    std::int64_t looked_ns = 0;      // when it was begun, or compared last
    std::uint64_t fetch = 0;         // asked for; 0: nothing
    std::int64_t suspect_until = 0;  // the stream has so long to bring what the answer had; 0: none
    std::int64_t suspect_since = 0;
    Escalation renewals;
  };

  bool HasMoved(std::string_view symbol, std::string_view body);
  std::int64_t Look(const std::string& symbol, Book& book, FeedTime now);
  std::int64_t LookAtSuspect(const std::string& symbol, Book& book, FeedTime now);

  const BinanceSessionOptions& options_;
  const BinanceFeed& books_;
  BookWatchOwner& owner_;
  BinanceDecoder decoder_;
  RateLimiter share_;  // of the weight of requests
  std::map<std::string, Book, std::less<>> watched_;
  std::uint64_t last_fetch_ = 0;
  std::int64_t next_ns_ = BinanceFeed::kNoTick;
};

}  // namespace virtufin::inline v0::detail
