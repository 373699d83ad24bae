// Frames and depth snapshots of Binance: what each message is, and whether it is complete.
#include <algorithm>
#include <utility>

#include "exchange/binance/known_shape.hpp"
#include "exchange/binance/market_messages.hpp"
#include "exchange/binance/scan.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::Letters;
using detail::Scan;

/// Member by member: as a whole it becomes a `rep stos`, which takes longer to start than this.
void Reset(BinanceFrame& frame) noexcept {
  frame.kind = BinanceKind::kMalformed;
  frame.error = frame.stream = frame.event = frame.symbol = {};
  frame.time = {};
  frame.first_id = frame.last_id = frame.prev_id = 0;
  frame.readable = true;
  frame.bids = frame.asks = {};
  frame.bids_json = frame.asks_json = {};
  frame.bid = frame.bid_qty = frame.ask = frame.ask_qty = {};
}

bool IsId(const Letters& letters, char name, std::int64_t& out) noexcept {
  return letters.Number(name, out) && out >= 0 && out <= detail::kMaxBinanceId;
}

}  // namespace

std::string_view BinanceVenueName(BinanceMarket market) noexcept {
  return market == BinanceMarket::kSpot ? "binance" : "binance-usdm";
}

std::string_view BinanceKindName(BinanceKind kind) noexcept {
  constexpr std::array<std::string_view, kBinanceKinds> kNames = {
      "depth",      "bookTicker",     "aggTrade",   "trade",        "kline", "ticker",
      "miniTicker", "markPrice",      "forceOrder", "partialDepth", "other", "ack",
      "error",      "serverShutdown", "unknown",    "malformed"};
  return kNames[static_cast<std::size_t>(kind)];
}

struct BinanceDecoder::Impl {
  explicit Impl(BinanceMarket where) : market(where), known(where) {}

  BinanceMarket market;
  detail::KnownShapes known;
  detail::Scanner reader;
  BinanceTicker ticker;  // of a frame that holds one
  BinanceMark mark;
  BinanceFrame frame;
  bool extras = false;  // frame's parts for trades and so on are not clear
  BinanceCounters counters;

  void Clear() noexcept;
  BinanceKind Classify() const noexcept;
  bool Finish();
  bool FinishDepth();
  bool FinishBookTicker();
  bool FinishMarket();
  void FinishControl();
  bool FinishTime();
  bool Fail(const char* what) { return what == nullptr || reader.Fail(what); }
  void ListOnce(std::vector<std::string>& list, std::string name);
  void ListUnknown();
  void ListLetters(std::string_view prefix, std::uint64_t letters);
};

void BinanceDecoder::Impl::Clear() noexcept {
  Reset(frame);
  if (!extras) return;
  extras = false;
  frame.trade = {};
  frame.candle = {};
  frame.tickers = {};
  frame.marks = {};
  frame.control = {};
}

BinanceKind BinanceDecoder::Impl::Classify() const noexcept {
  const Scan& scan = reader.scan;
  const Letters& letters = reader.letters;
  std::string_view event;
  if (scan.array ? !scan.event.empty() : letters.Text('e', event)) {
    const BinanceKind kind = detail::KindOfEvent(scan.event);
    if (kind != BinanceKind::kDepth) return kind;
    return detail::IsPartialDepth(scan.stream) ? BinanceKind::kPartialDepth : kind;
  }
  constexpr std::uint64_t kTicker = Letters::Mask("usbBaA");
  if ((letters.seen() & kTicker) == kTicker) return BinanceKind::kBookTicker;
  if (scan.Has(detail::kSnapshotId | detail::kBids | detail::kAsks)) {
    return BinanceKind::kPartialDepth;
  }
  if (scan.Saw(detail::kErrorField) || scan.Has(detail::kCode | detail::kMessage)) {
    return BinanceKind::kError;
  }
  if (scan.Saw(detail::kResult) || scan.Saw(detail::kId)) return BinanceKind::kAck;
  return BinanceKind::kUnknown;
}

bool BinanceDecoder::Impl::FinishTime() {
  std::int64_t number = 0;
  const bool engine = reader.letters.Number('T', number);
  if (!engine && !reader.letters.Number('E', number)) return true;
  frame.time.source = engine ? TimeSource::kEngine : TimeSource::kVenue;
  return detail::UnixNanos(number, frame.time.unix_ns) ||
         Fail("a time is neither milliseconds nor microseconds");
}

bool BinanceDecoder::Impl::FinishDepth() {
  const Scan& scan = reader.scan;
  const Letters& letters = reader.letters;
  std::string_view symbol;
  if (!letters.Text('s', symbol) || !IsId(letters, 'U', frame.first_id) ||
      !IsId(letters, 'u', frame.last_id) || !scan.b_levels || !scan.a_levels) {
    return Fail("a depth diff needs s, U, u, b and a");
  }
  if (market == BinanceMarket::kUsdm && !scan.Has(detail::kPrevId)) {
    return Fail("a USD-M depth diff needs pu");
  }
  if (frame.first_id > frame.last_id) return Fail("U is greater than u");
  frame.prev_id = scan.Has(detail::kPrevId) ? scan.prev_id : 0;
  frame.readable = reader.bids.readable && reader.asks.readable;
  frame.bids = reader.bids.levels;
  frame.asks = reader.asks.levels;
  if (!reader.bids.json.empty() && !reader.asks.json.empty()) {
    frame.bids_json = reader.bids.json;
    frame.asks_json = reader.asks.json;
  }
  return FinishTime();
}

bool BinanceDecoder::Impl::FinishBookTicker() {
  const Letters& letters = reader.letters;
  std::string_view symbol;
  if (!letters.Text('s', symbol) || !IsId(letters, 'u', frame.last_id) ||
      !letters.Text('b', frame.bid) || !letters.Text('B', frame.bid_qty) ||
      !letters.Text('a', frame.ask) || !letters.Text('A', frame.ask_qty)) {
    return Fail("a bookTicker needs s, u, b, B, a and A");
  }
  for (const auto text : {frame.bid, frame.bid_qty, frame.ask, frame.ask_qty}) {
    if (!text.empty() && !detail::IsPlainDecimal(text)) {
      return Fail("a price or quantity of a bookTicker is no decimal");
    }
  }
  return FinishTime();
}

/// What is neither a book nor a quote, and decoded all the same.
bool BinanceDecoder::Impl::FinishMarket() {
  const Letters& letters = reader.letters;
  const bool named = !frame.symbol.empty();
  switch (frame.kind) {
    case BinanceKind::kAggTrade:
    case BinanceKind::kTrade: {
      const bool aggregate = frame.kind == BinanceKind::kAggTrade;
      if (!Fail(detail::ReadTrade(letters, aggregate, frame.trade))) return false;
      frame.time = {frame.trade.unix_ns, TimeSource::kEngine};
      return named || Fail("a trade needs s");
    }
    case BinanceKind::kKline:
      if (!Fail(detail::ReadCandle(reader.candle, frame.stream, frame.candle))) return false;
      return named ? Fail(detail::ReadSent(letters, frame.time)) : Fail("a kline needs s");
    case BinanceKind::kTicker:
    case BinanceKind::kMiniTicker:
      if (!Fail(detail::ReadTicker(letters, frame.kind == BinanceKind::kMiniTicker, ticker))) {
        return false;
      }
      frame.tickers = {&ticker, 1};
      frame.time = ticker.time;
      return true;
    case BinanceKind::kMarkPrice:
      if (!Fail(detail::ReadMark(letters, mark))) return false;
      frame.marks = {&mark, 1};
      frame.time = mark.time;
      return true;
    default:
      return Fail(detail::ReadSent(letters, frame.time));
  }
}

void BinanceDecoder::Impl::FinishControl() {
  const Scan& scan = reader.scan;
  BinanceControl& control = frame.control;
  control.id = scan.id;
  control.id_number = scan.id == BinanceControl::Id::kNumber ? scan.id_number : 0;
  control.id_text = scan.id_text;
  control.result = scan.result;
  control.code = scan.Has(detail::kCode) ? scan.code : 0;
  control.message = scan.message;
}

bool BinanceDecoder::Impl::Finish() {
  switch (frame.kind) {
    case BinanceKind::kDepth:
      return reader.scan.array ? Fail("depth diffs come one by one") : FinishDepth();
    case BinanceKind::kBookTicker:
      return reader.scan.array ? Fail("bookTickers come one by one") : FinishBookTicker();
    case BinanceKind::kAck:
    case BinanceKind::kError:
      extras = true;
      FinishControl();
      return true;
    case BinanceKind::kAggTrade:
    case BinanceKind::kTrade:
    case BinanceKind::kKline:
      extras = true;
      return reader.scan.array ? Fail("trades and candles come one by one") : FinishMarket();
    case BinanceKind::kTicker:
    case BinanceKind::kMiniTicker:
    case BinanceKind::kMarkPrice:
      extras = true;
      ticker = {};
      mark = {};
      if (!reader.scan.array) return FinishMarket();
      frame.tickers = reader.tickers;
      frame.marks = reader.marks;
      counters.bad_elements += reader.scan.bad_elements;
      return true;
    case BinanceKind::kForceOrder:
    case BinanceKind::kServerShutdown:
      return reader.scan.array || FinishMarket();
    default:
      return true;
  }
}

void BinanceDecoder::Impl::ListOnce(std::vector<std::string>& list, std::string name) {
  if (std::find(list.begin(), list.end(), name) != list.end()) return;
  if (list.size() < BinanceCounters::kMaxListed) {
    list.push_back(std::move(name));
  } else {
    ++counters.unlisted;
  }
}

void BinanceDecoder::Impl::ListLetters(std::string_view prefix, std::uint64_t letters) {
  for (char c = 'A'; letters != 0; ++c) {
    if ((letters & Letters::Bit(c)) == 0) continue;
    letters &= ~Letters::Bit(c);
    ListOnce(counters.unknown_fields, std::string(prefix) += c);
  }
}

void BinanceDecoder::Impl::ListUnknown() {
  const Scan& scan = reader.scan;
  if (frame.kind == BinanceKind::kUnknown) {
    std::string name(scan.event.empty() ? "without e" : scan.event.substr(0, 64));
    if (scan.event.empty() && scan.others > 0) name.append(", with ").append(scan.other[0]);
    ListOnce(counters.unknown_messages, std::move(name));
    return;
  }
  const std::uint64_t known = detail::KnownLetters(frame.kind);
  if (known == ~std::uint64_t{0}) return;
  const std::uint64_t letters = scan.letters_seen & ~known;
  const std::uint64_t inner =
      frame.kind == BinanceKind::kKline ? reader.candle.seen() & ~detail::KnownCandleLetters() : 0;
  if (letters == 0 && inner == 0 && scan.others == 0) return;
  const std::string prefix = std::string(BinanceKindName(frame.kind)) + ".";
  ListLetters(prefix, letters);
  if (inner != 0) ListLetters(prefix + "k.", inner);
  for (std::size_t i = 0; i < scan.others; ++i) {
    if (detail::IsKnownName(frame.kind, scan.other[i])) continue;
    ListOnce(counters.unknown_fields, std::string(prefix).append(scan.other[i]));
  }
}

BinanceDecoder::BinanceDecoder(BinanceMarket market) : impl_(std::make_unique<Impl>(market)) {}
BinanceDecoder::~BinanceDecoder() = default;
BinanceDecoder::BinanceDecoder(BinanceDecoder&&) noexcept = default;
BinanceDecoder& BinanceDecoder::operator=(BinanceDecoder&&) noexcept = default;

const BinanceFrame& BinanceDecoder::Decode(std::string_view text) {
  Impl& impl = *impl_;
  const BinanceFrame* const known = impl.known.Read(text, impl.reader.bids, impl.reader.asks);
  if (known == nullptr) return DecodeAnyShape(text);
  ++impl.counters.frames[static_cast<std::size_t>(known->kind)];
  return *known;
}

const BinanceFrame& BinanceDecoder::DecodeAnyShape(std::string_view text) {
  Impl& impl = *impl_;
  BinanceFrame& frame = impl.frame;
  impl.Clear();
  if (impl.reader.Read(text)) {
    frame.kind = impl.Classify();
    frame.stream = impl.reader.scan.stream;
    frame.event = impl.reader.scan.event;
    impl.reader.letters.Text('s', frame.symbol);
    if (impl.Finish()) impl.ListUnknown();
  }
  if (!impl.reader.error.empty()) {
    frame.kind = BinanceKind::kMalformed;
    frame.error = impl.reader.error;
  }
  ++impl.counters.frames[static_cast<std::size_t>(frame.kind)];
  return frame;
}

Result<BinanceSnapshot> BinanceDecoder::DecodeSnapshot(std::string_view body) {
  Impl& impl = *impl_;
  const auto bad = [](std::string_view what) {
    return Status(StatusCode::kInvalidArgument, "exchange",
                  std::string("depth snapshot: ").append(what));
  };
  if (!impl.reader.Read(body)) return bad(impl.reader.error);
  const Scan& scan = impl.reader.scan;
  if (!scan.Has(detail::kSnapshotId | detail::kBids | detail::kAsks)) {
    if (scan.Has(detail::kCode | detail::kMessage)) {
      return Status(StatusCode::kUnavailable, "exchange",
                    std::string("the venue answered: ").append(scan.message.substr(0, 200)));
    }
    return bad("expected lastUpdateId, bids and asks");
  }
  if (!impl.reader.bids.readable || !impl.reader.asks.readable) {
    return bad("a level does not parse");
  }
  impl.Clear();
  if (!impl.FinishTime()) return bad(impl.reader.error);
  return BinanceSnapshot{scan.snapshot_id, impl.frame.time, impl.reader.bids.levels,
                         impl.reader.asks.levels};
}

const BinanceCounters& BinanceDecoder::counters() const noexcept { return impl_->counters; }

}  // namespace virtufin::inline v0
