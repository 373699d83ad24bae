// What the parts of a Binance adapter ask of its REST interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace virtufin::inline v0::detail {

enum class BinanceFetchKind : std::uint8_t {
  kDepth,        // a book's snapshot: `symbol`, `limit`
  kTop,          // the same for a comparison, when nothing else waits
  kAggTrades,    // aggregate trades from `from_id` on: `symbol`, `limit`
  kCandles,      // `symbol`, `interval`, `start_ms`, `limit`
  kInstruments,  // exchangeInfo: all symbols
};

struct BinanceFetch {
  std::uint64_t id = 0;  // the asker's own, rising
  BinanceFetchKind kind = BinanceFetchKind::kDepth;
  std::string symbol;
  std::string interval;  // "1m"; with a time zone "1d@+08:00": interval=1d&timeZone=+08:00, escaped
  std::int64_t from_id = 0;
  std::int64_t start_ms = 0;
  int limit = 0;  // 0: the venue's default
};

/// Carries fetches out, in its own time and order; each ends in the asker's OnAnswer or
/// OnFetchFailed with its id, never from inside Fetch. A fetch that is cancelled ends in neither.
class BinanceFetcher {
 public:
  virtual ~BinanceFetcher() = default;
  virtual void Fetch(const BinanceFetch& fetch) = 0;
  virtual void CancelFetch(std::uint64_t id) = 0;
};

}  // namespace virtufin::inline v0::detail
