// Frames and depth snapshots of Binance.
#include <algorithm>
#include <cstring>
#include <utility>

#include "exchange/binance/known_shape.hpp"
#include "exchange/binance/reader.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::LevelArray;
namespace od = simdjson::ondemand;

constexpr std::int64_t kMaxId = std::int64_t{1} << 62;

struct KnownEvent {
  std::string_view name;
  BinanceKind kind;
};
constexpr KnownEvent kEvents[] = {
    {"depthUpdate", BinanceKind::kDepth},
    {"bookTicker", BinanceKind::kBookTicker},
    {"aggTrade", BinanceKind::kAggTrade},
    {"trade", BinanceKind::kTrade},
    {"kline", BinanceKind::kKline},
    {"24hrTicker", BinanceKind::kTicker},
    {"24hrMiniTicker", BinanceKind::kMiniTicker},
    {"markPriceUpdate", BinanceKind::kMarkPrice},
    {"forceOrder", BinanceKind::kForceOrder},
    {"serverShutdown", BinanceKind::kServerShutdown},
    {"continuous_kline", BinanceKind::kOtherKnown},
    {"compositeIndex", BinanceKind::kOtherKnown},
    {"contractInfo", BinanceKind::kOtherKnown},
    {"assetIndexUpdate", BinanceKind::kOtherKnown},
};

BinanceKind KindOf(std::string_view event) noexcept {
  for (const auto& known : kEvents) {
    if (known.name == event) return known.kind;
  }
  return BinanceKind::kUnknown;
}

/// The fields that some decoded message needs; one bit each.
enum Field : std::uint32_t {
  kE = 1u << 0,  // event type `e`
  kEventTime = 1u << 1,
  kEngineTime = 1u << 2,
  kSymbol = 1u << 3,
  kFirstId = 1u << 4,
  kLastId = 1u << 5,
  kPrevId = 1u << 6,
  kBid = 1u << 7,
  kBidQty = 1u << 8,
  kAsk = 1u << 9,
  kAskQty = 1u << 10,
  kSnapshotId = 1u << 11,
  kBids = 1u << 12,
  kAsks = 1u << 13,
  kStream = 1u << 14,
  kData = 1u << 15,
  kResult = 1u << 16,
  kId = 1u << 17,
  kCode = 1u << 18,
  kMessage = 1u << 19,
  kErrorField = 1u << 20,
  kOther = 1u << 31,
};

/// `raw` points behind the opening quote of a key.
Field FieldOf(const char* raw) noexcept {
  const auto is = [raw](std::string_view name) {
    return std::memcmp(raw, name.data(), name.size()) == 0 && raw[name.size()] == '"';
  };
  if (raw[0] != '"' && raw[1] == '"') {
    switch (raw[0]) {
      case 'e':
        return kE;
      case 'E':
        return kEventTime;
      case 'T':
        return kEngineTime;
      case 's':
        return kSymbol;
      case 'U':
        return kFirstId;
      case 'u':
        return kLastId;
      case 'b':
        return kBid;
      case 'B':
        return kBidQty;
      case 'a':
        return kAsk;
      case 'A':
        return kAskQty;
      default:
        return kOther;
    }
  }
  // Reading past a short key is safe: kBufferPadding bytes follow the text.
  switch (raw[0]) {
    case 'p':
      return is("pu") ? kPrevId : kOther;
    case 'l':
      return is("lastUpdateId") ? kSnapshotId : kOther;
    case 'b':
      return is("bids") ? kBids : kOther;
    case 'a':
      return is("asks") ? kAsks : kOther;
    case 's':
      return is("stream") ? kStream : kOther;
    case 'd':
      return is("data") ? kData : kOther;
    case 'r':
      return is("result") ? kResult : kOther;
    case 'i':
      return is("id") ? kId : kOther;
    case 'c':
      return is("code") ? kCode : kOther;
    case 'm':
      return is("msg") ? kMessage : kOther;
    case 'e':
      return is("error") ? kErrorField : kOther;
    default:
      return kOther;
  }
}

/// Everything a frame or a snapshot told, before it is known what it is.
struct Scan {
  std::uint32_t seen = 0;   // fields that came, of any type
  std::uint32_t typed = 0;  // fields that came with the type that depth and bookTicker need
  std::uint32_t sides = 0;  // kBid, kAsk: came as an array of levels
  bool array = false;       // the payload is an array of messages
  std::string_view event, stream, symbol, message;
  std::int64_t event_time = 0, engine_time = 0;
  std::int64_t first_id = 0, last_id = 0, prev_id = 0;
  std::string_view bid, bid_qty, ask, ask_qty;
  std::array<std::string_view, 8> other;  // fields we do not know
  std::size_t others = 0;

  bool Has(std::uint32_t fields) const noexcept { return (typed & fields) == fields; }
};

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
  explicit Impl(BinanceMarket where) : market(where) {}

  BinanceMarket market;
  od::parser parser;
  od::document document;
  std::vector<char> buffer;
  LevelArray bids, asks;
  Scan scan;
  std::string error;
  BinanceFrame frame;
  BinanceCounters counters;

  bool Fail(std::string_view what) {
    if (error.empty()) error = what;
    return false;
  }
  bool Open(std::string_view text);
  bool ReadRoot();
  bool ReadArray(od::array array);
  bool ReadObject(od::object object, bool root);
  bool ReadField(Field field, od::value value, std::string_view key, bool root);
  bool ReadData(od::value value);
  bool ReadSide(Field field, od::value value);
  bool Number(Field field, od::value value, std::int64_t& out);
  bool Time(std::int64_t number, std::int64_t& ns);
  void NoteOther(std::string_view key);

  BinanceKind Classify() const noexcept;
  bool FinishDepth();
  bool FinishBookTicker();
  bool FinishTime();
  void ListOnce(std::vector<std::string>& list, std::string name);
  void ListUnknown();
};

// ---- reading -----------------------------------------------------------------------------------

bool BinanceDecoder::Impl::Open(std::string_view text) {
  std::construct_at(&scan);
  error.clear();
  if (text.size() > kMaxEventBytes) return Fail("larger than 16 MiB");
  if (buffer.size() < text.size() + kBufferPadding) buffer.resize(2 * text.size() + 4096);
  if (!text.empty()) std::memcpy(buffer.data(), text.data(), text.size());
  std::memset(buffer.data() + text.size(), 0, kBufferPadding);
  const auto failure = parser.iterate(buffer.data(), text.size(), buffer.size()).get(document);
  if (failure) return Fail(simdjson::error_message(failure));
  if (ReadRoot()) return true;
  return Fail("not JSON, or cut");
}

bool BinanceDecoder::Impl::ReadRoot() {
  od::json_type type;
  if (document.type().get(type)) return false;
  if (type == od::json_type::array) {
    od::array array;
    if (document.get_array().get(array) || !ReadArray(array)) return false;
  } else if (type == od::json_type::object) {
    od::object object;
    if (document.get_object().get(object) || !ReadObject(object, true)) return false;
  } else {
    return Fail("expected a JSON object or array");
  }
  if (document.current_location().error() == simdjson::OUT_OF_BOUNDS) return true;
  return Fail("expected the end of the text after the JSON value");
}

bool BinanceDecoder::Impl::ReadArray(od::array array) {
  scan.array = true;
  for (auto item_or : array) {
    od::value item;
    od::json_type type;
    if (std::move(item_or).get(item) || item.type().get(type)) return false;
    if (type != od::json_type::object || (scan.seen & kE) != 0) {
      if (!detail::Walk(item)) return false;
      continue;
    }
    od::object object;
    if (item.get_object().get(object)) return false;
    for (auto field_or : object) {
      od::field field;
      if (std::move(field_or).get(field)) return false;
      const bool event = FieldOf(field.key().raw()) == kE;
      std::string_view key;
      if (!event && field.unescaped_key().get(key)) return false;
      if (!(event ? ReadField(kE, field.value(), key, false) : detail::Walk(field.value()))) {
        return false;
      }
    }
  }
  return true;
}

bool BinanceDecoder::Impl::ReadObject(od::object object, bool root) {
  for (auto field_or : object) {
    od::field field;
    if (std::move(field_or).get(field)) return false;
    const Field known = FieldOf(field.key().raw());
    std::string_view key;
    if (known == kOther && field.unescaped_key().get(key)) return false;
    if (!ReadField(known, field.value(), key, root)) return false;
  }
  return true;
}

bool BinanceDecoder::Impl::Number(Field field, od::value value, std::int64_t& out) {
  if (value.get_int64().get(out)) return detail::Walk(value);
  if (out >= 0 && out <= kMaxId) scan.typed |= field;
  return true;
}

bool BinanceDecoder::Impl::ReadField(Field field, od::value value, std::string_view key,
                                     bool root) {
  if (field != kOther && (scan.seen & field) != 0) return Fail("a field came twice");
  scan.seen |= field;
  const auto text = [&](std::string_view& out) {
    if (detail::Text(value, out)) {
      scan.typed |= field;
      return true;
    }
    return detail::Walk(value);
  };
  switch (field) {
    case kE:
      return text(scan.event);
    case kSymbol:
      return text(scan.symbol);
    case kStream:
      return text(scan.stream);
    case kMessage:
      return text(scan.message);
    case kBidQty:
      return text(scan.bid_qty);
    case kAskQty:
      return text(scan.ask_qty);
    case kEventTime:
      return Number(field, value, scan.event_time);
    case kEngineTime:
      return Number(field, value, scan.engine_time);
    case kFirstId:
      return Number(field, value, scan.first_id);
    case kLastId:
    case kSnapshotId:
      return Number(field, value, scan.last_id);
    case kPrevId:
      return Number(field, value, scan.prev_id);
    case kBid:
    case kAsk:
    case kBids:
    case kAsks:
      return ReadSide(field, value);
    case kData:
      return root ? ReadData(value) : detail::Walk(value);
    case kErrorField:
      return root ? ReadData(value) : detail::Walk(value);
    case kOther:
      NoteOther(key);
      return detail::Walk(value);
    default:
      scan.typed |= field;
      return detail::Walk(value);
  }
}

bool BinanceDecoder::Impl::ReadData(od::value value) {
  od::json_type type;
  if (value.type().get(type)) return false;
  if (type == od::json_type::object) {
    od::object object;
    return !value.get_object().get(object) && ReadObject(object, false);
  }
  if (type == od::json_type::array) {
    od::array array;
    return !value.get_array().get(array) && ReadArray(array);
  }
  return detail::Walk(value);
}

bool BinanceDecoder::Impl::ReadSide(Field field, od::value value) {
  const bool bid = field == kBid || field == kBids;
  od::json_type type;
  if (value.type().get(type)) return false;
  if (type == od::json_type::array) {
    // `b` and `bids` in one message would share storage: only one of them is a book.
    const std::uint32_t both = bid ? kBid | kBids : kAsk | kAsks;
    if ((scan.sides & both) != 0) return Fail("a side of the book came twice");
    scan.sides |= field;
    scan.typed |= field;
    return detail::ReadLevels(document, value, bid ? bids : asks);
  }
  if (type == od::json_type::string && (field == kBid || field == kAsk)) {
    scan.typed |= field;
    return detail::Text(value, bid ? scan.bid : scan.ask);
  }
  return detail::Walk(value);
}

void BinanceDecoder::Impl::NoteOther(std::string_view key) {
  if (scan.others < scan.other.size()) scan.other[scan.others++] = key.substr(0, 64);
}

// ---- deciding what it is -----------------------------------------------------------------------

BinanceKind BinanceDecoder::Impl::Classify() const noexcept {
  if (scan.Has(kE)) {
    const BinanceKind kind = KindOf(scan.event);
    return kind == BinanceKind::kDepth && detail::IsPartialDepth(scan.stream)
               ? BinanceKind::kPartialDepth
               : kind;
  }
  constexpr std::uint32_t kTicker = kLastId | kSymbol | kBid | kBidQty | kAsk | kAskQty;
  if ((scan.seen & kTicker) == kTicker) return BinanceKind::kBookTicker;
  if (scan.Has(kSnapshotId | kBids | kAsks)) return BinanceKind::kPartialDepth;
  if (scan.Has(kErrorField) || scan.Has(kCode | kMessage)) return BinanceKind::kError;
  if ((scan.seen & kErrorField) != 0) return BinanceKind::kError;
  if (scan.Has(kResult) || scan.Has(kId)) return BinanceKind::kAck;
  return BinanceKind::kUnknown;
}

bool BinanceDecoder::Impl::Time(std::int64_t number, std::int64_t& ns) {
  return detail::UnixNanos(number, ns) || Fail("a time is neither milliseconds nor microseconds");
}

bool BinanceDecoder::Impl::FinishTime() {
  const bool engine = scan.Has(kEngineTime);
  if (engine || scan.Has(kEventTime)) {
    frame.time.source = engine ? TimeSource::kEngine : TimeSource::kVenue;
    return Time(engine ? scan.engine_time : scan.event_time, frame.time.unix_ns);
  }
  return true;
}

bool BinanceDecoder::Impl::FinishDepth() {
  if (!scan.Has(kSymbol | kFirstId | kLastId) || (scan.sides & (kBid | kAsk)) != (kBid | kAsk)) {
    return Fail("a depth diff needs s, U, u, b and a");
  }
  if (market == BinanceMarket::kUsdm && !scan.Has(kPrevId)) {
    return Fail("a USD-M depth diff needs pu");
  }
  if (scan.first_id > scan.last_id) return Fail("U is greater than u");
  frame.first_id = scan.first_id;
  frame.last_id = scan.last_id;
  frame.prev_id = scan.prev_id;
  frame.readable = bids.readable && asks.readable;
  frame.bids = bids.levels;
  frame.asks = asks.levels;
  if (!bids.json.empty() && !asks.json.empty()) {
    frame.bids_json = bids.json;
    frame.asks_json = asks.json;
  }
  return FinishTime();
}

bool BinanceDecoder::Impl::FinishBookTicker() {
  if (!scan.Has(kSymbol | kLastId | kBid | kBidQty | kAsk | kAskQty) || scan.sides != 0) {
    return Fail("a bookTicker needs s, u, b, B, a and A");
  }
  for (const auto text : {scan.bid, scan.bid_qty, scan.ask, scan.ask_qty}) {
    if (!text.empty() && !detail::IsPlainDecimal(text)) {
      return Fail("a price or quantity of a bookTicker is no decimal");
    }
  }
  frame.last_id = scan.last_id;
  frame.bid = scan.bid;
  frame.bid_qty = scan.bid_qty;
  frame.ask = scan.ask;
  frame.ask_qty = scan.ask_qty;
  return FinishTime();
}

void BinanceDecoder::Impl::ListOnce(std::vector<std::string>& list, std::string name) {
  if (std::find(list.begin(), list.end(), name) != list.end()) return;
  if (list.size() < BinanceCounters::kMaxListed) {
    list.push_back(std::move(name));
  } else {
    ++counters.unlisted;
  }
}

void BinanceDecoder::Impl::ListUnknown() {
  if (frame.kind == BinanceKind::kUnknown) {
    std::string name(scan.event.empty() ? "without e" : scan.event.substr(0, 64));
    if (scan.event.empty() && scan.others > 0) name.append(", with ").append(scan.other[0]);
    ListOnce(counters.unknown_messages, std::move(name));
    return;
  }
  if (frame.kind != BinanceKind::kDepth && frame.kind != BinanceKind::kBookTicker) return;
  for (std::size_t i = 0; i < scan.others; ++i) {
    if (scan.other[i] == "st" || scan.other[i] == "ps") continue;
    std::string name(BinanceKindName(frame.kind));
    ListOnce(counters.unknown_fields, name.append(".").append(scan.other[i]));
  }
}

// ---- public ------------------------------------------------------------------------------------

BinanceDecoder::BinanceDecoder(BinanceMarket market) : impl_(std::make_unique<Impl>(market)) {}
BinanceDecoder::~BinanceDecoder() = default;
BinanceDecoder::BinanceDecoder(BinanceDecoder&&) noexcept = default;
BinanceDecoder& BinanceDecoder::operator=(BinanceDecoder&&) noexcept = default;

const BinanceFrame& BinanceDecoder::Decode(std::string_view text) {
  Impl& impl = *impl_;
  BinanceFrame& frame = impl.frame;
  Reset(frame);
  if (detail::ReadKnownShape(impl.market, text, frame, impl.bids, impl.asks)) {
    ++impl.counters.frames[static_cast<std::size_t>(frame.kind)];
    return frame;
  }
  return DecodeAnyShape(text);
}

const BinanceFrame& BinanceDecoder::DecodeAnyShape(std::string_view text) {
  Impl& impl = *impl_;
  BinanceFrame& frame = impl.frame;
  Reset(frame);
  if (impl.Open(text)) {
    frame.kind = impl.Classify();
    frame.stream = impl.scan.stream;
    frame.event = impl.scan.event;
    frame.symbol = impl.scan.symbol;
    const bool good = frame.kind == BinanceKind::kDepth        ? impl.FinishDepth()
                      : frame.kind == BinanceKind::kBookTicker ? impl.FinishBookTicker()
                                                               : true;
    if (good && (impl.scan.others > 0 || frame.kind == BinanceKind::kUnknown)) impl.ListUnknown();
  }
  if (!impl.error.empty()) {
    frame.kind = BinanceKind::kMalformed;
    frame.error = impl.error;
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
  if (!impl.Open(body)) return bad(impl.error);
  const Scan& scan = impl.scan;
  if (!scan.Has(kSnapshotId | kBids | kAsks)) {
    if (scan.Has(kCode | kMessage)) {
      return Status(StatusCode::kUnavailable, "exchange",
                    std::string("the venue answered: ").append(scan.message.substr(0, 200)));
    }
    return bad("expected lastUpdateId, bids and asks");
  }
  if (!impl.bids.readable || !impl.asks.readable) return bad("a level does not parse");
  Reset(impl.frame);
  if (!impl.FinishTime()) return bad(impl.error);
  return BinanceSnapshot{scan.last_id, impl.frame.time, impl.bids.levels, impl.asks.levels};
}

const BinanceCounters& BinanceDecoder::counters() const noexcept { return impl_->counters; }

}  // namespace virtufin::inline v0
