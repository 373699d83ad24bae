// Frames in exactly the shape and field order that the venue sends today.
#include "exchange/binance/known_shape.hpp"

#include <bit>
#include <cstring>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

/// Bit 7 of the lowest byte that is `"`, `\`, a control character or not ASCII; bits above it may
/// lie. Bytes count from the lowest address.
constexpr std::uint64_t SpecialBytes(std::uint64_t word) noexcept {
  const auto equal = [word](std::uint64_t byte) {
    const std::uint64_t difference = word ^ (kOnes * byte);
    return (difference - kOnes) & ~difference;
  };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return (equal('"') | equal('\\') | below_space | word) & kHighs;
}

/// Bit 7 of every byte that is no digit.
constexpr std::uint64_t NoDigits(std::uint64_t word) noexcept {
  const std::uint64_t value = word ^ (kOnes * '0');
  return (((value & ~kHighs) + kOnes * (0x7f - 9)) | value) & kHighs;
}

/// The number that eight digits write, the first one in the lowest byte.
constexpr std::uint64_t EightDigits(std::uint64_t word) noexcept {
  word -= kOnes * '0';
  word = word * 10 + (word >> 8);  // pairs, in every second byte
  constexpr std::uint64_t kPairs = 0x000000ff000000ff;
  return ((word & kPairs) * (100 + (std::uint64_t{1'000'000} << 32)) +
          (word >> 16 & kPairs) * (1 + (std::uint64_t{10'000} << 32))) >>
         32;
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept
      : at_(text.data()), end_(text.data() + text.size()) {}

  bool AtEnd() const noexcept { return at_ == end_; }
  const char* at() const noexcept { return at_; }

  bool Char(char expected) noexcept {
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }

  template <std::size_t N>
  bool Literal(const char (&expected)[N]) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < N - 1) return false;
    if (std::memcmp(at_, expected, N - 1) != 0) return false;
    at_ += N - 1;
    return true;
  }

  /// Plain ASCII up to a closing quote, which is consumed too; the opening one was before.
  bool Text(std::string_view& out) noexcept {
    const char* const begin = at_;
    if constexpr (std::endian::native == std::endian::little) {
      for (; end_ - at_ >= 8; at_ += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at_, 8);
        if (const std::uint64_t special = SpecialBytes(word); special != 0) {
          at_ += std::countr_zero(special) / 8;
          break;
        }
      }
    }
    while (at_ != end_ && *at_ != '"') {
      const char c = *at_++;
      if (c < ' ' || c == '\\' || c == 0x7f) return false;
    }
    out = {begin, static_cast<std::size_t>(at_ - begin)};
    return Char('"');
  }

  /// A JSON integer from 0 to 10^18 - 1.
  bool Number(std::int64_t& out) noexcept {
    const char* const begin = at_;
    std::uint64_t value = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::uint64_t word = 0;
      if (end_ - at_ >= 8 && (std::memcpy(&word, at_, 8), NoDigits(word) == 0)) {
        value = EightDigits(word);
        at_ += 8;
      }
    }
    for (; at_ != end_; ++at_) {
      const auto digit = static_cast<unsigned char>(*at_ - '0');
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    out = static_cast<std::int64_t>(value);
    const auto digits = at_ - begin;
    return digits > 0 && digits <= 18 && (*begin != '0' || digits == 1);
  }

  /// Digits with at most one point between them, up to a closing quote that is consumed too.
  bool UnsignedDecimal(std::string_view& out) noexcept {
    const char* const begin = at_;
    bool point = false;
    const auto is_point = [&](const char* at) {
      if (*at != '.' || point || at == begin) return false;
      return point = true;
    };
    const auto close = [&](const char* quote) {
      out = {begin, static_cast<std::size_t>(quote - begin)};
      at_ = quote + 1;
      return quote != begin && quote[-1] != '.';
    };
    if constexpr (std::endian::native == std::endian::little) {
      for (; end_ - at_ >= 8; at_ += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at_, 8);
        for (std::uint64_t others = NoDigits(word); others != 0; others &= others - 1) {
          const char* const other = at_ + std::countr_zero(others) / 8;
          if (*other == '"') return close(other);
          if (!is_point(other)) return false;
        }
      }
    }
    for (; at_ != end_; ++at_) {
      if (*at_ == '"') return close(at_);
      if ((*at_ < '0' || *at_ > '9') && !is_point(at_)) return false;
    }
    return false;
  }

  /// `[["price","quantity"],...]`, every level a good one, without signs.
  bool Levels(LevelArray& out) {
    const char* const begin = at_;
    out.levels.clear();
    out.readable = true;
    if (!Char('[')) return false;
    if (!Char(']')) {
      do {
        std::string_view price, quantity;
        if (!Literal("[\"") || !UnsignedDecimal(price) || !Literal(",\"") ||
            !UnsignedDecimal(quantity) || !Char(']')) {
          return false;
        }
        Level& level = out.levels.emplace_back();
        if (!Decimal::TryParse(price, level.price) ||
            !Decimal::TryParse(quantity, level.quantity)) {
          return false;
        }
      } while (Char(','));
      if (!Char(']')) return false;
    }
    out.json = {begin, static_cast<std::size_t>(at_ - begin)};
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

bool ReadDepth(BinanceMarket market, Cursor& cursor, BinanceFrame& frame, LevelArray& bids,
               LevelArray& asks) {
  const bool usdm = market == BinanceMarket::kUsdm;
  std::int64_t sent = 0;
  std::int64_t engine = 0;
  if (!cursor.Number(sent) || (usdm && !(cursor.Literal(",\"T\":") && cursor.Number(engine))) ||
      !cursor.Literal(",\"s\":\"") || !cursor.Text(frame.symbol) || !cursor.Literal(",\"U\":") ||
      !cursor.Number(frame.first_id) || !cursor.Literal(",\"u\":") ||
      !cursor.Number(frame.last_id)) {
    return false;
  }
  if (usdm && !(cursor.Literal(",\"pu\":") && cursor.Number(frame.prev_id))) return false;
  if (!cursor.Literal(",\"b\":") || !cursor.Levels(bids) || !cursor.Literal(",\"a\":") ||
      !cursor.Levels(asks) || !cursor.Char('}')) {
    return false;
  }
  frame.bids = bids.levels;
  frame.asks = asks.levels;
  frame.bids_json = bids.json;
  frame.asks_json = asks.json;
  std::int64_t other = 0;  // the time that is not used must be one too
  return frame.first_id <= frame.last_id && !IsPartialDepth(frame.stream) &&
         UnixNanos(sent, other) && UnixNanos(usdm ? engine : sent, frame.time.unix_ns);
}

bool ReadBookTicker(BinanceMarket market, Cursor& cursor, BinanceFrame& frame) {
  if (!cursor.Number(frame.last_id) || !cursor.Literal(",\"s\":\"") || !cursor.Text(frame.symbol) ||
      !cursor.Literal(",\"b\":\"") || !cursor.UnsignedDecimal(frame.bid) ||
      !cursor.Literal(",\"B\":\"") || !cursor.UnsignedDecimal(frame.bid_qty) ||
      !cursor.Literal(",\"a\":\"") || !cursor.UnsignedDecimal(frame.ask) ||
      !cursor.Literal(",\"A\":\"") || !cursor.UnsignedDecimal(frame.ask_qty)) {
    return false;
  }
  if (market == BinanceMarket::kUsdm) {
    std::int64_t sent = 0;
    std::int64_t engine = 0;
    std::int64_t other = 0;
    if (!cursor.Literal(",\"T\":") || !cursor.Number(engine) || !cursor.Literal(",\"E\":") ||
        !cursor.Number(sent) || !UnixNanos(sent, other) || !UnixNanos(engine, frame.time.unix_ns)) {
      return false;
    }
  }
  return cursor.Char('}');
}

}  // namespace

bool IsPartialDepth(std::string_view stream) noexcept {
  constexpr std::string_view kDepthStream = "@depth";
  const auto at = stream.find(kDepthStream);
  if (at == std::string_view::npos || at + kDepthStream.size() >= stream.size()) return false;
  const char next = stream[at + kDepthStream.size()];
  return next >= '0' && next <= '9';
}

KnownShapes::KnownShapes(BinanceMarket market) noexcept : market_(market) {
  const bool usdm = market == BinanceMarket::kUsdm;
  depth_.kind = BinanceKind::kDepth;
  depth_.event = "depthUpdate";
  depth_.time.source = usdm ? TimeSource::kEngine : TimeSource::kVenue;
  ticker_.kind = BinanceKind::kBookTicker;
  if (!usdm) return;  // spot tells neither type nor time
  ticker_.event = "bookTicker";
  ticker_.time.source = TimeSource::kEngine;
}

const BinanceFrame* KnownShapes::Read(std::string_view text, LevelArray& bids, LevelArray& asks) {
  if (text.size() > kMaxEventBytes) return nullptr;
  Cursor cursor(text);
  std::string_view stream;
  const bool combined = cursor.Literal("{\"stream\":\"");
  if (combined && (!cursor.Text(stream) || !cursor.Literal(",\"data\":"))) return nullptr;
  BinanceFrame* frame = nullptr;
  bool read = false;
  if (cursor.Literal("{\"e\":\"depthUpdate\",\"E\":")) {
    frame = &depth_;
    frame->stream = stream;
    read = ReadDepth(market_, cursor, *frame, bids, asks);
  } else if (market_ == BinanceMarket::kSpot ? cursor.Literal("{\"u\":")
                                             : cursor.Literal("{\"e\":\"bookTicker\",\"u\":")) {
    frame = &ticker_;
    frame->stream = stream;
    read = ReadBookTicker(market_, cursor, *frame);
  }
  return read && (!combined || cursor.Char('}')) && cursor.AtEnd() ? frame : nullptr;
}

}  // namespace virtufin::inline v0::detail
