// Every event that the adapter publishes, on every topic: its payload is what its type says, its
// topic and extensions are what the builders make of it.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/payload/every.hpp"
#include "exchange/binance/session.hpp"
#include "support/shared_data.hpp"
#include "support/simulated_link.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/exchange/recording_import.hpp"
#include "virtufin/exchange/session_player.hpp"

using namespace virtufin;

namespace {

/// What our writer makes of a payload that our reader has read; the error, when it cannot.
template <class T>
std::string Rewritten(std::string_view json) {
  const Result<T> payload = ReadPayload<T>(json);
  return payload.ok() ? WritePayload(*payload) : std::string(payload.status().message());
}

template <class... T>
std::string Rewritten(detail::PayloadTypes<T...>, PayloadKind kind, std::string_view json) {
  std::string text;
  (void)((T::kKind == kind && (text = Rewritten<T>(json), true)) || ...);
  return text;
}

template <class... T>
std::string TopicOf(detail::PayloadTypes<T...>, const MarketTopics& on, PayloadKind kind,
                    std::string_view instrument, std::string_view json) {
  std::string topic;
  const auto take = [&]<class P>() {
    if (P::kKind != kind) return;
    if constexpr (MarketPayload<P> && P::kKind != PayloadKind::kCandle) {
      topic = on.Of<P>(instrument);
    } else if constexpr (P::kKind == PayloadKind::kCandle) {
      topic = on.Candles(ReadPayload<Candle>(json).value().interval, instrument);
    }
  };
  (take.template operator()<T>(), ...);
  return topic;
}

/// Checks all it is given, and counts by type.
class EventChecker {
 public:
  explicit EventChecker(const World& world) : world_(world) {}

  void Take(const Message& message) {
    const CloudEvent& event = message.event();
    const std::string type(event.type());
    CAPTURE(std::string(message.topic()));
    CAPTURE(type);
    CAPTURE(std::string(event.data_text()));
    const PayloadInfo* const info = FindPayload(type);
    REQUIRE(info != nullptr);
    REQUIRE(IsMarketKind(info->kind));
    ++counts[std::string(type.substr(type.find('.', sizeof("com.virtufin.exchange.")) + 1))];
    const Status checked = CheckPayload(event);
    REQUIRE_MESSAGE(checked.ok(), checked.message());
    CHECK(Rewritten(detail::EveryPayload(), info->kind, event.data_text()) == event.data_text());

    const std::string venue(event.ExtensionText("exchange"));
    const TopicParts parts = SplitTopic(message.topic());
    CHECK(parts.axis == TopicAxis::kMarket);
    CHECK(parts.world == world_.text());
    CHECK(parts.owner == venue);
    // One topic for all instruments, and one for what concerns more than one.
    const bool whole = info->kind == PayloadKind::kFeedStatus && parts.id.empty();
    const std::string_view instrument = whole ? std::string_view() : SubjectId(event);
    if (info->kind != PayloadKind::kInstrumentInfo) CHECK(TopicName(parts.id) == instrument);
    CHECK(TopicOf(detail::EveryPayload(), MarketTopics(venue, world_), info->kind, instrument,
                  event.data_text()) == message.topic());
    CheckExtensions(event, venue);
  }

  std::map<std::string, std::uint64_t> counts;

 private:
  void CheckExtensions(const CloudEvent& event, const std::string& venue) const {
    CHECK(event.source() == "urn:com.virtufin:exchange:" + venue);
    CHECK(event.type().starts_with("com.virtufin.exchange." + venue + "."));
    CHECK(Uuid::Parse(event.ExtensionText("correlationid")).ok());
    CHECK(event.ExtensionText("marketworld") == world_.text());
    CHECK(event.ExtensionText("marketuniverse") == "ALL");
    REQUIRE(event.time().has_value());
    CHECK(event.ExtensionTime("eventtime") == event.time());
    CHECK(event.ExtensionTime("receivetime").has_value());
    CHECK(!event.ExtensionText("sequence").empty());
    const bool historical = event.ExtensionText("clocktype") == "historical";
    if (!historical) CHECK(event.ExtensionText("clocktype") == "wall");
    CHECK(event.ExtensionTime("walltime").has_value() == !historical);
    const std::string_view source = event.ExtensionText("timesource");
    CHECK((source == "engine" || source == "venue" || source == "receive"));
  }

  World world_;
};

/// The adapter's session and the simulated venue, every channel subscribed, with faults.
class Run final : public detail::BinanceSessionSink {
 public:
  Run(BinanceMarket market, std::uint64_t seed, EventChecker& events)
      : events_(events), market_(market), link_(Venue(market, seed), seed) {
    detail::BinanceSessionOptions options;
    options.feed.market = market;
    options.stream_url = test::SimulatedLink::kStreamUrl;
    options.rest_url = test::SimulatedLink::kRestUrl;
    options.seed = seed;
    session_ = detail::BinanceSession::Create(options, link_.clock(), link_, *this).value();
  }

  void Play(std::int64_t until_ms) {
    Subscribe();
    REQUIRE(session_->Start(link_.Now()).ok());
    while (link_.elapsed_ms() < until_ms) {
      link_.Step(*session_, session_->next_tick_ns(), until_ms);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) session_->OnTick(link_.Now());
    }
    session_->Stop(link_.Now());
  }

 private:
  static sim::VenueOptions Venue(BinanceMarket market, std::uint64_t seed) {
    sim::VenueOptions options;
    options.market =
        market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
    options.seed = seed;
    for (const char* const name : {"AAAUSDT", "BBBUSDT"}) {
      sim::SymbolOptions& symbol = options.symbols.emplace_back();
      symbol.name = name;
      symbol.tick_size = "0.01";
      symbol.changes_per_s = 5;
      symbol.trade_percent = 25;
    }
    options.depth = 12;
    options.faults = sim::FaultPlan::Parse(
                         "12000 gap AAAUSDT\n20000 cut\n40000 halt BBBUSDT\n50000 resume BBBUSDT\n")
                         .value();
    return options;
  }

  void Subscribe() {
    const auto ask = [&](FeedChannel channel, const char* symbol,
                         std::vector<std::pair<std::string, std::string>> parameters = {}) {
      REQUIRE(session_->Subscribe({channel, symbol, std::move(parameters)}, link_.Now()).ok());
    };
    for (const char* const name : {"AAAUSDT", "BBBUSDT"}) {
      ask(FeedChannel::kBook, name);
      ask(FeedChannel::kQuote, name);
      ask(FeedChannel::kTicker, name);
      ask(FeedChannel::kStatus, name);
      ask(FeedChannel::kCandle, name, {{"interval", "1m"}, {"open", "true"}});
      if (market_ == BinanceMarket::kUsdm) {
        ask(FeedChannel::kMark, name);
        ask(FeedChannel::kFunding, name);
      }
    }
    ask(FeedChannel::kBook, "AAAUSDT", {{"interval_ms", "500"}, {"levels", "5"}});
    ask(FeedChannel::kTrade, "AAAUSDT");
    ask(FeedChannel::kTrade, "BBBUSDT", {{"aggregate", "false"}});
    ask(FeedChannel::kInstrument, "");
  }

  void Publish(const Message& message) override { events_.Take(message); }

  EventChecker& events_;
  const BinanceMarket market_;
  test::SimulatedLink link_;
  std::unique_ptr<detail::BinanceSession> session_;
};

void CheckSeen(const EventChecker& events, std::vector<std::string_view> types) {
  for (const std::string_view type : types) {
    CAPTURE(std::string(type));
    const auto found = events.counts.find(std::string(type));
    CHECK(found != events.counts.end());
  }
}

/// Checks every event of a recording.
class Bus final : public PubSub {
 public:
  explicit Bus(EventChecker& events) : events_(events) {}
  Status Publish(const Message& message) override {
    events_.Take(message);
    return {};
  }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "test", "publish only");
  }

 private:
  EventChecker& events_;
};

}  // namespace

TEST_CASE("every event of the live adapter has the payload of its type, and its topic") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    EventChecker events{World()};
    Run(market, 7, events).Play(130'000);
    CheckSeen(events, {"orderbook.snapshotted", "orderbook.updated", "orderbook.conflated",
                       "quote.updated", "trade.executed", "ticker.updated", "candle.closed",
                       "candle.updated", "instrument.updated", "status.changed", "feed.changed"});
    if (market == BinanceMarket::kUsdm) CheckSeen(events, {"mark.updated", "funding.updated"});
    std::string text;
    for (const auto& [type, count] : events.counts)
      text += " " + type + " " + std::to_string(count);
    MESSAGE("checked:" << text);
  }
}

TEST_CASE("every event of the recordings has the payload of its type, and its topic") {
  for (const char* const name : {"binance", "binance_futures"}) {
    test::TemporaryFolder folder;
    RecordingImportOptions import;
    import.frames_path = test::SharedData("binance/" + std::string(name) + ".ws.1.0");
    import.answers_paths = {test::SharedData("binance/" + std::string(name) + ".http.0.0")};
    import.path = folder / "recording";
    if (import.frames_path.empty()) return;
    REQUIRE(ImportRecording(import).ok());
    SessionPlayerOptions options;
    options.path = import.path;
    EventChecker events(World::Parse(options.world).value());
    Bus bus(events);
    ManualClock clock(Timestamp::FromUnixMillis(0));
    REQUIRE(SessionPlayer::Open(options, bus, clock).value()->Play(0).ok());
    CheckSeen(events, {"orderbook.snapshotted", "orderbook.updated", "quote.updated",
                       "trade.executed", "candle.updated", "feed.changed"});
  }
}
