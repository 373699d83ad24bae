// The JSON payloads of market events, written straight into a buffer that is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "virtufin/exchange/binance.hpp"
#include "virtufin/exchange/order_book.hpp"

namespace virtufin::inline v0::detail {

/// Bytes written front to back; the memory is kept from payload to payload.
class PayloadBuffer {
 public:
  /// Empty, with room for `bytes`.
  char* Start(std::size_t bytes) {
    if (bytes > capacity_) {
      capacity_ = 2 * bytes;
      memory_ = std::make_unique_for_overwrite<char[]>(capacity_);
    }
    size_ = 0;
    return memory_.get();
  }
  void Finish(const char* end) noexcept { size_ = static_cast<std::size_t>(end - memory_.get()); }
  std::string_view text() const noexcept { return {memory_.get(), size_}; }
  friend void swap(PayloadBuffer& a, PayloadBuffer& b) noexcept {
    std::swap(a.memory_, b.memory_);
    std::swap(a.capacity_, b.capacity_);
    std::swap(a.size_, b.size_);
  }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

/// orderbook.update. `prev_id`: the last id of the book before this diff, where the venue chains.
void WriteUpdate(PayloadBuffer& out, const BinanceFrame& diff, std::optional<std::int64_t> prev_id);

/// orderbook.snapshot and orderbook.depth. `max_depth` 0: all levels.
void WriteSnapshot(PayloadBuffer& out, const OrderBook& book, std::int64_t last_id,
                   std::int64_t unix_ns, std::size_t max_depth);

/// quote.update: an absent side is left out.
void WriteQuote(PayloadBuffer& out, const BinanceFrame& ticker);

struct StatusFields {
  std::string_view state, reason;
  std::string_view scope = "instrument";  // or venue, connection, channel
  std::string_view channel = "book";      // empty: left out
  std::uint64_t session = 0;
  std::int64_t since_unix_ns = 0;
  std::optional<std::int64_t> expected, got;
};
/// feed.status.
void WriteStatus(PayloadBuffer& out, const StatusFields& status);

}  // namespace virtufin::inline v0::detail
