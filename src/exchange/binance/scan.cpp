// Walks messages of Binance with simdjson On-Demand; nothing is skipped unread.
#include "exchange/binance/scan.hpp"

#include <cstring>
#include <memory>
#include <utility>

#include "exchange/binance/market_messages.hpp"

namespace virtufin::inline v0::detail {
namespace {

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

/// `raw` points behind the opening quote of a key.
Field FieldOf(const char* raw) noexcept {
  if (Letters::IsLetter(raw[0]) && raw[1] == '"') return kLetter;
  // Reading past a short key is safe: kBufferPadding bytes follow the text.
  const auto is = [raw](std::string_view name) {
    return std::memcmp(raw, name.data(), name.size()) == 0 && raw[name.size()] == '"';
  };
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

}  // namespace

BinanceKind KindOfEvent(std::string_view event) noexcept {
  for (const auto& known : kEvents) {
    if (known.name == event) return known.kind;
  }
  return BinanceKind::kUnknown;
}

bool Scanner::Read(std::string_view text) {
  scan = Scan();
  letters.Reset();
  candle.Reset();
  tickers.clear();
  marks.clear();
  error.clear();
  if (!Open(text)) return false;
  if (!ReadRoot()) return Fail("not JSON, or cut");
  scan.letters_seen |= letters.seen();
  if (!scan.array) letters.Text('e', scan.event);
  return true;
}

bool Scanner::Open(std::string_view text) {
  if (text.size() > kMaxEventBytes) return Fail("larger than 16 MiB");
  if (buffer_.size() < text.size() + kBufferPadding) buffer_.resize(2 * text.size() + 4096);
  if (!text.empty()) std::memcpy(buffer_.data(), text.data(), text.size());
  std::memset(buffer_.data() + text.size(), 0, kBufferPadding);
  const auto failure = parser_.iterate(buffer_.data(), text.size(), buffer_.size()).get(document_);
  return !failure || Fail(simdjson::error_message(failure));
}

bool Scanner::ReadRoot() {
  od::json_type type;
  if (document_.type().get(type)) return false;
  if (type == od::json_type::array) {
    od::array array;
    if (document_.get_array().get(array) || !ReadArray(array)) return false;
  } else if (type == od::json_type::object) {
    od::object object;
    if (document_.get_object().get(object) || !ReadObject(object, true)) return false;
  } else {
    return Fail("expected a JSON object or array");
  }
  if (document_.current_location().error() == simdjson::OUT_OF_BOUNDS) return true;
  return Fail("expected the end of the text after the JSON value");
}

bool Scanner::ReadArray(od::array array) {
  scan.array = true;
  for (auto item_or : array) {
    od::value item;
    od::json_type type;
    if (std::move(item_or).get(item) || item.type().get(type)) return false;
    if (type != od::json_type::object) {
      if (!Walk(item)) return false;
      continue;
    }
    letters.Reset();
    od::object object;
    if (item.get_object().get(object)) return false;
    for (auto field_or : object) {
      od::field field;
      if (std::move(field_or).get(field)) return false;
      const char* const raw = field.key().raw();
      if (FieldOf(raw) == kLetter) {
        if (!ReadLetter(raw[0], field.value())) return false;
        continue;
      }
      std::string_view key;
      if (field.unescaped_key().get(key) || !Walk(field.value())) return false;
      if (scan.others < scan.other.size()) scan.other[scan.others++] = key.substr(0, 64);
    }
    TakeElement();
  }
  letters.Reset();
  return true;
}

/// All messages of an array are of the kind of its first one.
void Scanner::TakeElement() {
  scan.letters_seen |= letters.seen();
  std::string_view event;
  letters.Text('e', event);
  if (scan.event.empty()) scan.event = event;
  const BinanceKind kind = KindOfEvent(event);
  bool good = event == scan.event;
  if (good && (kind == BinanceKind::kTicker || kind == BinanceKind::kMiniTicker)) {
    BinanceTicker ticker;
    good = ReadTicker(letters, kind == BinanceKind::kMiniTicker, ticker) == nullptr;
    if (good) tickers.push_back(ticker);
  } else if (good && kind == BinanceKind::kMarkPrice) {
    BinanceMark mark;
    good = ReadMark(letters, mark) == nullptr;
    if (good) marks.push_back(mark);
  }
  if (!good) ++scan.bad_elements;
}

bool Scanner::ReadObject(od::object object, bool root) {
  for (auto field_or : object) {
    od::field field;
    if (std::move(field_or).get(field)) return false;
    const char* const raw = field.key().raw();
    const Field known = FieldOf(raw);
    if (known == kLetter) {
      if (!ReadLetter(raw[0], field.value())) return false;
    } else if (known == kOther) {
      std::string_view key;
      if (field.unescaped_key().get(key) || !Walk(field.value())) return false;
      if (scan.others < scan.other.size()) scan.other[scan.others++] = key.substr(0, 64);
    } else if (!ReadField(known, field.value(), root)) {
      return false;
    }
  }
  return true;
}

bool Scanner::ReadLetter(char name, od::value value) {
  if (letters.Saw(name)) return Fail("a field came twice");
  if (name == 'b' || name == 'a') {
    od::json_type type;
    if (value.type().get(type)) return false;
    if (type == od::json_type::array) {
      letters.Enter(name);
      (name == 'b' ? scan.b_levels : scan.a_levels) = true;
      return ReadLevels(value, name == 'b');
    }
  }
  if (name == 'k') {
    od::json_type type;
    if (value.type().get(type)) return false;
    if (type == od::json_type::object) {
      letters.Enter(name);
      return ReadCandle(value);
    }
  }
  return ReadLetterInto(letters, name, value);
}

bool ReadLetterInto(Letters& into, char name, od::value value) {
  Letters::Value& letter = into.Enter(name);
  od::json_type type;
  if (value.type().get(type)) return false;
  if (type == od::json_type::string) {
    letter.shape = Letters::Shape::kText;
    return Text(value, letter.text);
  }
  if (type == od::json_type::number && !value.get_int64().get(letter.number)) {
    letter.shape = Letters::Shape::kInteger;
    return true;
  }
  bool truth = false;
  if (type == od::json_type::boolean && !value.get_bool().get(truth)) {
    letter.shape = Letters::Shape::kBoolean;
    letter.number = truth ? 1 : 0;
    return true;
  }
  return Walk(value);
}

bool ReadLettersOf(od::object object, Letters& into, bool& twice) {
  for (auto field_or : object) {
    od::field field;
    if (std::move(field_or).get(field)) return false;
    const char* const raw = field.key().raw();
    if (FieldOf(raw) == kLetter) {
      if (into.Saw(raw[0])) twice = true;
      if (!ReadLetterInto(into, raw[0], field.value())) return false;
      continue;
    }
    std::string_view key;
    if (field.unescaped_key().get(key) || !Walk(field.value())) return false;
  }
  return true;
}

bool Scanner::ReadCandle(od::value value) {
  candle.Reset();
  od::object object;
  bool twice = false;
  if (value.get_object().get(object) || !ReadLettersOf(object, candle, twice)) return false;
  return !twice || Fail("a field came twice");
}

bool Scanner::ReadNumber(Field field, od::value value, std::int64_t& out) {
  if (value.get_int64().get(out)) return Walk(value);
  if (field == kCode || (out >= 0 && out <= kMaxBinanceId)) scan.typed |= field;
  return true;
}

bool Scanner::ReadField(Field field, od::value value, bool root) {
  if (scan.Saw(field)) return Fail("a field came twice");
  scan.seen |= field;
  const auto text = [&](std::string_view& out) {
    if (!Text(value, out)) return Walk(value);
    scan.typed |= field;
    return true;
  };
  switch (field) {
    case kStream:
      return text(scan.stream);
    case kMessage:
      return text(scan.message);
    case kSnapshotId:
      return ReadNumber(field, value, scan.snapshot_id);
    case kPrevId:
      return ReadNumber(field, value, scan.prev_id);
    case kCode:
      return ReadNumber(field, value, scan.code);
    case kBids:
    case kAsks: {
      od::json_type type;
      if (value.type().get(type)) return false;
      if (type != od::json_type::array) return Walk(value);
      scan.typed |= field;
      return ReadLevels(value, field == kBids);
    }
    case kData:
    case kErrorField:
      return root ? ReadData(value) : Walk(value);
    case kId:
      return ReadId(value);
    case kResult:
      scan.typed |= field;
      return ReadRaw(value, scan.result);
    default:
      return Walk(value);
  }
}

bool Scanner::ReadData(od::value value) {
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
  return Walk(value);
}

bool Scanner::ReadLevels(od::value value, bool bid) {
  // `b` and `bids` in one message would share storage: only one of them is a book.
  bool& read = bid ? scan.bids_read : scan.asks_read;
  if (read) return Fail("a side of the book came twice");
  read = true;
  return detail::ReadLevels(document_, value, bid ? bids : asks);
}

bool Scanner::ReadId(od::value value) {
  od::json_type type;
  if (value.type().get(type)) return false;
  scan.typed |= kId;
  if (type == od::json_type::string && Text(value, scan.id_text)) {
    scan.id = BinanceControl::Id::kText;
    return true;
  }
  if (type == od::json_type::number && !value.get_int64().get(scan.id_number)) {
    scan.id = BinanceControl::Id::kNumber;
    return true;
  }
  if (type == od::json_type::null) scan.id = BinanceControl::Id::kNull;
  return Walk(value);
}

bool Scanner::ReadRaw(od::value value, std::string_view& out) {
  od::json_type type;
  if (value.type().get(type)) return false;
  std::string_view token = value.raw_json_token();
  const bool nested = type == od::json_type::object || type == od::json_type::array;
  if (!Walk(value)) return false;
  if (!nested) {
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                              token.back() == '\t')) {
      token.remove_suffix(1);
    }
    out = token;
    return true;
  }
  const char* after = nullptr;
  if (document_.current_location().get(after)) return true;
  const char close = type == od::json_type::object ? '}' : ']';
  while (after[-1] != close) --after;
  out = {token.data(), static_cast<std::size_t>(after - token.data())};
  return true;
}

}  // namespace virtufin::inline v0::detail
