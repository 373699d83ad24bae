// binance_order_book: keeps order books of Binance and answers every change with the best levels.
//
// Two lanes in, told apart by the type of the event:
//   com.virtufin.websocketmanager.frame, as the venue wrote it: depth diffs (the pair from
//   `stream`), depth snapshots (the pair in extension currencypair), exchangeInfo;
//   com.virtufin.exchange.<venue>.orderbook.updated and .snapshotted.
// Replies to <world>.exchange.<venue>.orderbook.changed.<pair>:
//   {pair, last_update_id, bid, bid_qty, ask, ask_qty}
// and, when something is missing, to the same topic with .error: {pair, expected, got}; the book
// waits for a snapshot then, and diffs are kept. The books themselves go to the state key
// <world>.exchange.<venue>.orderbook.<pair>: {bids, asks, last_update_id, updated_at}.
// Config: currencypairs (by commas; all), venue (binance), world (act), stateservice (workmanager),
// stateintervalms (1000), apihost (localhost:5002).
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market_worker.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/exchange/book_sync.hpp"
#include "virtufin/worker/api_worker.hpp"
#include "virtufin/worker/native_export.hpp"

namespace binance_order_book {

using virtufin::BookOutcome;
using virtufin::BookState;
using virtufin::BookSynchroniser;
using virtufin::CloudEvent;
using virtufin::DepthDiff;
using virtufin::DepthSnapshot;
using virtufin::Json;
using virtufin::Level;
using virtufin::LogLevel;
using virtufin::MarketTopics;
using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::Timestamp;
using virtufin::World;

/// What one event says. Levels are owned here; the spans of diff and snapshot are set when used.
struct Input {
  enum class Kind { kNothing, kDiff, kSnapshot, kInstruments, kUnreadable };
  Kind kind = Kind::kNothing;
  std::string pair;
  std::uint32_t connection = 0;
  bool normalised = false;
  bool live = true;  // a normalised snapshot of a book that is worth something
  DepthDiff diff;
  std::int64_t snapshot_id = 0;
  std::vector<Level> bids, asks;
  std::map<std::string, std::string> instruments;  // symbol -> status
  std::string why;                                 // kUnreadable
};

/// The data of a reply, and its topic below <world>.exchange.<venue>.
struct Output {
  Json data;
  std::string topic;
};

inline std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

/// False when a level is none: the diff says something that is not known then.
inline bool ReadLevels(const Json& levels, std::vector<Level>& out) {
  if (!levels.is_array()) return false;
  out.reserve(levels.size());
  for (const Json& level : levels) {
    Level read;
    if (!level.is_array() || level.size() < 2 || !level[0].is_string() || !level[1].is_string() ||
        !virtufin::Decimal::TryParse(level[0].get_ref<const std::string&>(), read.price) ||
        !virtufin::Decimal::TryParse(level[1].get_ref<const std::string&>(), read.quantity)) {
      return false;
    }
    out.push_back(read);
  }
  return true;
}

inline Input Unreadable(std::string why) {
  Input input;
  input.kind = Input::Kind::kUnreadable;
  input.why = std::move(why);
  return input;
}

// What 64 bits of nanoseconds hold: until the year 2255.
constexpr std::int64_t kMaxSeconds = 9'000'000'000;
// As in the adapter: one more always fits.
constexpr std::int64_t kMaxId = std::int64_t{1} << 62;

/// 0 when there is no time, or one that no event of a venue has.
inline std::int64_t UnixNanos(const CloudEvent& event) {
  const std::optional<Timestamp> time = event.time();
  if (!time || time->unix_seconds() < 0 || time->unix_seconds() > kMaxSeconds) return 0;
  return time->unix_seconds() * 1'000'000'000 + time->nanoseconds();
}

inline bool AreIds(std::int64_t first, std::int64_t last) {
  return first >= 0 && first <= last && last <= kMaxId;
}

/// One frame of the venue. Throws what nlohmann throws for a member that is missing or wrong.
inline Input ReadFrame(const CloudEvent& event, const Json& frame) {
  Input input;
  input.connection = static_cast<std::uint32_t>(event.ExtensionNumber("session").value_or(0));
  if (const std::string_view pair = event.ExtensionText("currencypair"); !pair.empty()) {
    input.kind = Input::Kind::kSnapshot;
    input.pair = Upper(pair);
    input.snapshot_id = frame.at("lastUpdateId").get<std::int64_t>();
    input.diff.time.unix_ns = UnixNanos(event);
    if (ReadLevels(frame.at("bids"), input.bids) && ReadLevels(frame.at("asks"), input.asks)) {
      return input;
    }
    return Unreadable("the snapshot of " + input.pair + " has a level that does not parse");
  }
  if (const auto symbols = frame.find("symbols"); symbols != frame.end()) {
    input.kind = Input::Kind::kInstruments;
    for (const Json& symbol : *symbols) {
      input.instruments[symbol.at("symbol")] = symbol.at("status");
    }
    return input;
  }
  const auto stream = frame.find("stream");
  if (stream == frame.end() || !stream->is_string()) return input;  // an acknowledgement
  const Json& data = frame.at("data");
  if (data.value("e", "") != "depthUpdate") return input;
  const std::string& name = stream->get_ref<const std::string&>();
  input.kind = Input::Kind::kDiff;
  input.pair = Upper(std::string_view(name).substr(0, name.find('@')));
  input.diff.first_id = data.at("U").get<std::int64_t>();
  input.diff.last_id = data.at("u").get<std::int64_t>();
  input.diff.prev_id = data.value("pu", std::int64_t{0});
  const std::int64_t time_ms = data.at("E").get<std::int64_t>();
  if (time_ms < 0 || time_ms > kMaxSeconds * 1000) return Unreadable("a frame of no time");
  input.diff.time.unix_ns = time_ms * 1'000'000;
  input.diff.readable =
      ReadLevels(data.at("b"), input.bids) && ReadLevels(data.at("a"), input.asks);
  return input;
}

inline Input ReadUpdate(const CloudEvent& event) {
  auto update = virtufin::ReadPayload<virtufin::OrderBookUpdate>(event.data_text());
  if (!update.ok()) return Unreadable(std::string(update.status().message()));
  Input input;
  input.kind = Input::Kind::kDiff;
  input.diff.first_id = update->first_update_id;
  input.diff.last_id = update->last_update_id;
  input.diff.prev_id = update->prev_update_id.value_or(0);
  input.bids = std::move(update->bids_delta);
  input.asks = std::move(update->asks_delta);
  return input;
}

inline Input ReadSnapshot(const CloudEvent& event) {
  auto snapshot = virtufin::ReadPayload<virtufin::OrderBookSnapshot>(event.data_text());
  if (!snapshot.ok()) return Unreadable(std::string(snapshot.status().message()));
  Input input;
  input.kind = Input::Kind::kSnapshot;
  input.live = snapshot->state == virtufin::FeedState::kLive;
  input.snapshot_id = snapshot->last_update_id;
  input.bids = std::move(snapshot->bids);
  input.asks = std::move(snapshot->asks);
  return input;
}

/// Ids and names come from outside.
inline Input Checked(Input input) {
  const bool diff = input.kind == Input::Kind::kDiff;
  if (!diff && input.kind != Input::Kind::kSnapshot) return input;
  const bool ids = diff ? AreIds(input.diff.first_id, input.diff.last_id) &&
                              AreIds(input.diff.prev_id, input.diff.last_id)
                        : AreIds(0, input.snapshot_id);
  if (!ids) return Unreadable("ids that are none, of " + input.pair);
  if (input.pair.empty()) return Unreadable("a book of no pair");
  return input;
}

/// Both lanes in, JSON out.
class BookCodec final : public virtufin::PayloadCodec<Input, Output> {
 public:
  std::string_view ContentType() const noexcept override { return "application/json"; }

  Result<Input> DecodePayload(const CloudEvent& event) const override {
    if (event.type() == "com.virtufin.websocketmanager.frame") {
      const Json frame = Json::parse(event.data_text(), nullptr, false);
      if (!frame.is_object()) return Unreadable("a frame that is no JSON object");
      try {
        return Checked(ReadFrame(event, frame));
      } catch (const Json::exception& error) {
        return Unreadable(error.what());
      }
    }
    const virtufin::PayloadInfo* const info = virtufin::FindPayload(event.type());
    if (info == nullptr) return Input();
    const bool update = info->kind == virtufin::PayloadKind::kOrderBookUpdate;
    if (!update && info->kind != virtufin::PayloadKind::kOrderBookSnapshot) return Input();
    Input input = update ? ReadUpdate(event) : ReadSnapshot(event);
    input.normalised = true;
    input.pair = virtufin::SubjectId(event);
    input.diff.time.unix_ns = UnixNanos(event);
    return Checked(std::move(input));
  }
  Result<virtufin::EncodedPayload> EncodeResponse(const CloudEvent& /*input*/,
                                                  const Output& output) const override {
    return virtufin::EncodedPayload{output.data.dump(), std::string(ContentType())};
  }
  Output EncodeError(const CloudEvent& /*input*/, std::string_view message) const override {
    return {virtufin::ErrorPayload(message), {}};
  }
};

class BinanceOrderBook final : public virtufin::WorkerBase<Input, Output>,
                               public virtufin::ApiAccess {
 public:
  static constexpr std::size_t kMaxBooks = 10'000;

  BinanceOrderBook()
      : WorkerBase("urn:com.virtufin.worker.binanceorderbook",
                   "com.virtufin.exchange.binance.orderbook.changed",
                   std::make_shared<BookCodec>()) {}

  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    reply_topic_.clear();
    Result<std::optional<CloudEvent>> reply = WorkerBase::Process(event);
    if (!reply.ok() || !reply->has_value() || reply_topic_.empty()) return reply;
    CloudEvent::Builder addressed(**reply);
    addressed.Type("com.virtufin.exchange." + venue_ + ".orderbook.changed")
        .Subject("currency_pair/" + reply_pair_)
        .Extension("exchange", std::string_view(venue_))
        .Extension("publishtopic", std::string_view(reply_topic_));
    Result<CloudEvent> built = addressed.Build(virtufin::NameRule::kLenient);
    if (!built.ok()) return built.status();
    return std::optional<CloudEvent>(*std::move(built));
  }

 private:
  struct Book {
    explicit Book(virtufin::BookRules rules) : sync(MakeOptions(rules)) {}
    static virtufin::BookSyncOptions MakeOptions(virtufin::BookRules rules) {
      virtufin::BookSyncOptions options;
      options.rules = rules;
      return options;
    }
    BookSynchroniser sync;
    std::optional<std::int64_t> saved_ms;
    bool told_dropped = false;
  };

  Result<std::optional<Output>> Handle(virtufin::WorkerContext& /*context*/,
                                       const CloudEvent& event, const Input& input) override {
    if (Status status = ReadConfig(event); !status.ok()) return status;
    switch (input.kind) {
      case Input::Kind::kNothing:
        return std::nullopt;
      case Input::Kind::kUnreadable:
        Log(LogLevel::kWarn, "skipped: " + input.why);
        return std::nullopt;
      case Input::Kind::kInstruments:
        CheckInstruments(input.instruments);
        return std::nullopt;
      case Input::Kind::kDiff:
      case Input::Kind::kSnapshot:
        break;
    }
    if (!pairs_.empty() && !pairs_.contains(input.pair)) return std::nullopt;
    Book* const book = BookOf(input.pair);
    if (book == nullptr) return std::nullopt;
    const bool was_live = book->sync.state() == BookState::kLive;
    const BookOutcome outcome = Take(input, book->sync);
    return Answer(event, input.pair, *book, outcome, was_live);
  }

  Status ReadConfig(const CloudEvent& event) {
    const auto or_else = [&event](const char* name, const char* other, std::string_view fallback) {
      std::string_view text = event.ExtensionText(name);
      if (text.empty() && other != nullptr) text = event.ExtensionText(other);
      return std::string(text.empty() ? fallback : text);
    };
    venue_ = or_else("venue", "exchange", "binance");
    const std::string world = or_else("world", "marketworld", "act");
    if (world != world_.text()) {
      Result<World> parsed = World::Parse(world);
      if (!parsed.ok()) return parsed.status();
      world_ = *std::move(parsed);
    }
    const std::string pairs = or_else("currencypairs", nullptr, "");
    if (pairs == pairs_text_) return {};
    pairs_.clear();
    for (std::string_view rest = pairs; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (comma > 0) pairs_.insert(Upper(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    pairs_text_ = pairs;
    return {};
  }

  void CheckInstruments(const std::map<std::string, std::string>& instruments) {
    for (const std::string& pair : pairs_) {
      const auto found = instruments.find(pair);
      const std::string status = found == instruments.end() ? "not listed" : found->second;
      std::string& told = statuses_[venue_ + ' ' + pair];
      if (status == told) continue;
      if (status != "TRADING") Log(LogLevel::kWarn, pair + " is " + status + " at the venue");
      told = status;
    }
  }

  Book* BookOf(const std::string& pair) {
    const std::string key = virtufin::OrderBookKey(world_, venue_, pair);
    const auto found = books_.find(key);
    if (found != books_.end()) return &found->second;
    if (books_.size() >= kMaxBooks) {
      if (!std::exchange(told_full_, true)) {
        Log(LogLevel::kWarn, "no more than " + std::to_string(kMaxBooks) + " books: " + pair +
                                 " and others are left out");
      }
      return nullptr;
    }
    const auto rules =
        venue_ == "binance-usdm" ? virtufin::BookRules::kUsdm : virtufin::BookRules::kSpot;
    return &books_.try_emplace(key, rules).first->second;
  }

  static BookOutcome Take(const Input& input, BookSynchroniser& sync) {
    if (input.kind == Input::Kind::kDiff) {
      DepthDiff diff = input.diff;
      diff.bids = input.bids;
      diff.asks = input.asks;
      return sync.OnDiff(input.connection, diff);
    }
    // Raw snapshots are polled, and say nothing to a live book. A normalised one is told because
    // the book before it is none any more.
    if (input.normalised && (sync.state() == BookState::kLive || !input.live)) sync.Reset();
    if (!input.live) return BookOutcome::kStale;
    return sync.OnSnapshot({input.snapshot_id, input.diff.time, input.bids, input.asks});
  }

  std::optional<Output> Answer(const CloudEvent& event, const std::string& pair, Book& book,
                               BookOutcome outcome, bool was_live) {
    const bool live = book.sync.state() == BookState::kLive;
    if (outcome == BookOutcome::kDropped && !std::exchange(book.told_dropped, true)) {
      Log(LogLevel::kWarn, pair + ": diffs are dropped, no snapshot came");
    }
    if (outcome == BookOutcome::kGap || (was_live && outcome == BookOutcome::kSnapshotStale)) {
      const virtufin::BookGap& gap = book.sync.last_gap();
      Log(LogLevel::kWarn, pair + ": " + gap.reason);
      const auto number = [](const std::optional<std::int64_t>& id) {
        return id ? Json(*id) : Json();
      };
      Output error{{{"pair", pair}, {"expected", number(gap.expected)}, {"got", number(gap.got)}},
                   {}};
      return Address(pair, ".error", std::move(error));
    }
    if (outcome != BookOutcome::kApplied || !live) return std::nullopt;
    book.told_dropped = false;
    SaveWhenDue(event, pair, book);
    return Address(pair, "", {Top(pair, book.sync), {}});
  }

  std::optional<Output> Address(const std::string& pair, std::string_view suffix, Output output) {
    reply_pair_ = pair;
    reply_topic_ = MarketTopics(venue_, world_).Tail("orderbook.changed", pair).append(suffix);
    return output;
  }

  static Json Top(const std::string& pair, const BookSynchroniser& sync) {
    Json top = {{"pair", pair}, {"last_update_id", sync.last_update_id()}};
    const auto best = [&top](const char* price, const char* quantity, virtufin::BookSide side) {
      top[price] = side.empty() ? Json() : Json(side.front().price.ToString());
      top[quantity] = side.empty() ? Json() : Json(side.front().quantity.ToString());
    };
    best("bid", "bid_qty", sync.book().bids(1));
    best("ask", "ask_qty", sync.book().asks(1));
    return top;
  }

  void SaveWhenDue(const CloudEvent& event, const std::string& pair, Book& book) {
    const std::int64_t now_ms = market_worker::NowMs(event);
    if (book.saved_ms &&
        market_worker::IsTooSoon(event, "stateintervalms", 1000, *book.saved_ms, now_ms)) {
      return;
    }
    book.saved_ms = now_ms;
    const std::string_view host = event.ExtensionText("apihost");
    const Json at = {{"api_host", host.empty() ? "localhost:5002" : host}};
    if (Status status = EnsureClientFromCommand(at); !status.ok()) return saver_.Told(status);
    saver_.Save(Api(), event, virtufin::OrderBookKey(world_, venue_, pair), Whole(book.sync));
  }

  static Json Whole(const BookSynchroniser& sync) {
    const auto levels = [](virtufin::BookSide side) {
      Json all = Json::array();
      for (const Level& level : side) {
        all.push_back({level.price.ToString(), level.quantity.ToString()});
      }
      return all;
    };
    return {{"bids", levels(sync.book().bids())},
            {"asks", levels(sync.book().asks())},
            {"last_update_id", sync.last_update_id()},
            {"updated_at", Timestamp::FromUnixNanos(sync.last_time().unix_ns).ToString()}};
  }

  std::map<std::string, Book> books_;  // by the key of their state
  market_worker::Saver saver_{"books"};
  std::string venue_ = "binance";
  World world_;
  std::string pairs_text_;
  std::set<std::string> pairs_;                  // empty: all
  std::map<std::string, std::string> statuses_;  // by venue and pair, as the venue says
  std::string reply_pair_, reply_topic_;         // of the call that runs; no topic: not addressed
  bool told_full_ = false;
};

}  // namespace binance_order_book

VIRTUFIN_EXPORT_WORKER(binance_order_book::BinanceOrderBook)
