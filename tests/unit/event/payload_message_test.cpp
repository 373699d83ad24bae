// Messages made of payloads: topic, type, subject and every extension.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/payload_message.hpp"
#include "virtufin/event/trading_payloads.hpp"

using namespace virtufin;

namespace {

const Timestamp kAt = Timestamp::Parse("2026-03-04T05:06:07.089Z").value();
const Timestamp kWall = Timestamp::Parse("2026-03-04T05:06:08Z").value();
const Uuid kCause = Uuid::V5(Uuid(), "cause");

EventScope Orders() {
  EventScope scope;
  scope.source = "urn:com.virtufin:orders";
  scope.exchange = "binance";
  return scope;
}

EventStamp Stamp(std::uint64_t sequence = 1) { return {kAt, kWall, kCause, sequence}; }

std::map<std::string, std::string> Extensions(const CloudEvent& event) {
  std::map<std::string, std::string> all;
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    const std::string name(event.extension(i).first);
    all[name] = event.ExtensionText(name);
  }
  return all;
}

template <class T>
std::string Refused(const EventScope& scope, const EventStamp& stamp, std::string_view id,
                    const T& payload) {
  const auto message = MakeMessage(scope, stamp, id, payload);
  REQUIRE(!message.ok());
  CHECK(message.status().code() == StatusCode::kInvalidArgument);
  return std::string(message.status().message());
}

}  // namespace

// Pins EV-56, TOP-15.
TEST_CASE("a trading message has the topic, the type and all extensions of its scenario") {
  OrderFilled fill;
  fill.fill_id = "f-1";
  const Message message = MakeMessage(Orders(), Stamp(3), "o.1", fill).value();
  CHECK(message.topic() == "sc.LIVE.trading.order.filled.o%2E1");
  const CloudEvent& event = message.event();
  CHECK(event.type() == TypeOf<OrderFilled>());
  CHECK(event.type() == "com.virtufin.trading.order.filled");
  CHECK(event.source() == "urn:com.virtufin:orders");
  CHECK(event.subject() == "order/o.1");
  CHECK(event.data_content_type() == "application/json");
  CHECK(event.time() == kAt);
  CHECK(CheckPayload(event).ok());
  CHECK(ReadPayload<OrderFilled>(event.data_text()).value() == fill);
  CHECK(Extensions(event) ==
        std::map<std::string, std::string>{{"clocktype", "wall"},
                                           {"correlationid", kCause.ToString()},
                                           {"eventtime", "2026-03-04T05:06:07.089Z"},
                                           {"exchange", "binance"},
                                           {"marketuniverse", "ALL"},
                                           {"marketworld", "act"},
                                           {"scenarioid", "LIVE"},
                                           {"sequence", "3"},
                                           {"walltime", "2026-03-04T05:06:08Z"}});
}

// Pins EV-56.
TEST_CASE("market data name their venue and no scenario") {
  EventScope scope;
  scope.source = ExchangeSource("ibkr");
  scope.exchange = "ibkr";
  scope.subject_kind = "instrument";
  scope.market_world = World::Hypothetical("x").value();
  EventStamp stamp = Stamp();
  stamp.receive_time = kWall;
  stamp.time_source = TimeSource::kVenue;
  Candle candle;
  candle.interval = "1m";
  const Message open = MakeMessage(scope, stamp, "EUR.USD", candle).value();
  CHECK(open.topic() == "hyp.x.exchange.ibkr.ohlcv.candle.1m.EUR%2EUSD");
  CHECK(open.event().type() == "com.virtufin.exchange.ibkr.candle.updated");
  CHECK(open.event().source() == "urn:com.virtufin:exchange:ibkr");
  CHECK(open.event().subject() == "instrument/EUR.USD");
  const auto extensions = Extensions(open.event());
  CHECK(extensions.count("scenarioid") == 0);
  CHECK(extensions.at("marketworld") == "hyp.x");
  CHECK(extensions.at("receivetime") == "2026-03-04T05:06:08Z");
  CHECK(extensions.at("timesource") == "venue");
  candle.closed = true;
  const Message closed = MakeMessage(scope, stamp, "EUR.USD", candle).value();
  CHECK(closed.event().type() == TypeOf<Candle>("ibkr"));
  const Message status = MakeMessage(scope, stamp, "", FeedStatus()).value();
  CHECK(status.topic() == "hyp.x.exchange.ibkr.feed.status");
  CHECK(status.event().subject().empty());
}

// Pins EV-56.
TEST_CASE("subjects name the trade, the position or the scenario") {
  const auto subject = [](std::string_view id, const auto& payload) {
    return std::string(MakeMessage(Orders(), Stamp(), id, payload)->event().subject());
  };
  CHECK(subject("t-1", TradeSettled()) == "trade/t-1");
  CHECK(subject("BTCUSDT", PositionClosed()) == "position/BTCUSDT");
  CHECK(subject("", RiskLimitBreach()) == "scenario/LIVE");
}

// Pins EV-57.
TEST_CASE("a replay makes the same message each time, without the time of the wall") {
  EventScope scope = Orders();
  scope.historical = true;
  scope.run_id = Uuid::V5(Uuid(), "run");
  scope.scenario_id = "SC_1";
  scope.portfolio_world = World();
  scope.strategy_world = World::Hypothetical("s").value();
  const Message first = MakeMessage(scope, Stamp(), "o-1", OrderExpired{kAt}).value();
  const Message again = MakeMessage(scope, Stamp(), "o-1", OrderExpired{kAt}).value();
  const Message next = MakeMessage(scope, Stamp(2), "o-1", OrderExpired{kAt}).value();
  CHECK(first.event() == again.event());
  CHECK(first.event().id() != next.event().id());
  const std::string_view names[] = {"urn:com.virtufin:orders", first.topic()};
  CHECK(first.event().id() == Uuid::V5(*scope.run_id, names, 1).ToString());
  const auto extensions = Extensions(first.event());
  CHECK(extensions.count("walltime") == 0);
  CHECK(extensions.at("clocktype") == "historical");
  CHECK(extensions.at("runid") == scope.run_id->ToString());
  CHECK(extensions.at("scenarioid") == "SC_1");
  CHECK(extensions.at("portfolioworld") == "act");
  CHECK(extensions.at("strategyworld") == "hyp.s");
}

// Pins EV-58.
TEST_CASE("what a message lacks is named") {
  const OrderExpired expired{kAt};
  CHECK(Refused(Orders(), Stamp(0), "o-1", expired) ==
        "sequence: expected a number from 1, found '0'");
  CHECK(Refused(Orders(), Stamp(), "", expired) ==
        "id: expected what the event is about, found ''");
  EventScope scope = Orders();
  scope.source.clear();
  CHECK(Refused(scope, Stamp(), "o-1", expired).find("source") != std::string::npos);
  scope = Orders();
  for (const char* const id : {"", "live", "A.B", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"}) {
    scope.scenario_id = id;
    CHECK(Refused(scope, Stamp(), "o-1", expired) ==
          "scenario_id: expected 1 to 32 of A-Z, 0-9 and '_', found '" + std::string(id) + "'");
  }
  scope = Orders();
  scope.exchange.clear();
  CHECK(Refused(scope, Stamp(), "X", MarkPrice()).starts_with("exchange: expected the venue"));
  CHECK(Refused(Orders(), Stamp(), "X", Candle()).starts_with("interval: expected"));
  OrderSubmitted submitted;
  submitted.order_id = "o-1";
  CHECK(Refused(Orders(), Stamp(), "o-2", submitted) ==
        "id: expected 'o-1' as in the payload, found 'o-2'");
  CHECK(MakeMessage(Orders(), Stamp(), "o-1", submitted).ok());
}
