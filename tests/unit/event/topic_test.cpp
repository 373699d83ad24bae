// Topics and state keys: what is built, which bytes are encoded, and how topics come apart.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/event/trading_payloads.hpp"

using namespace virtufin;

// Pins TOP-1.
TEST_CASE("letters, digits, underscore and hyphen stay as they are") {
  const std::string plain = "ABCXYZabcxyz0189_-";
  CHECK(TopicSegment(plain) == plain);
  CHECK(TopicSegment("BTCUSDT_261225") == "BTCUSDT_261225");
  CHECK(TopicSegment("").empty());
}

// Pins TOP-1.
TEST_CASE("every other byte becomes a percent sign and two upper-case digits") {
  CHECK(TopicSegment("BRK.B") == "BRK%2EB");
  CHECK(TopicSegment("EUR/USD") == "EUR%2FUSD");
  CHECK(TopicSegment("50% off") == "50%25%20off");
  CHECK(TopicSegment("1d@+08:00") == "1d%40%2B08%3A00");
  CHECK(TopicSegment("\xe5\xb8\x81USDT") == "%E5%B8%81USDT");
  CHECK(TopicSegment(std::string_view("\0\xff", 2)) == "%00%FF");
}

// Pins TOP-1.
TEST_CASE("different bytes give different segments without a dot or a wildcard, and come back") {
  std::set<std::string> segments;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name(1, static_cast<char>(byte));
    const std::string segment = TopicSegment(name);
    CHECK(segment.find_first_of(".*>") == std::string::npos);
    CHECK(segments.insert(segment).second);
    CHECK(TopicName(segment) == name);
  }
  CHECK(TopicName("a%2eb%zz%4") == "a.b%zz%4");
}

TEST_CASE("a segment is appended to what is there") {
  std::string topic = "act.exchange.binance.trade.tape.";
  AppendTopicSegment(topic, "A.B");
  CHECK(topic == "act.exchange.binance.trade.tape.A%2EB");
}

// Pins TOP-5, TOP-6, TOP-7, TOP-8.
TEST_CASE("topics of market data name world, venue, tail and instrument") {
  const MarketTopics on("binance");
  CHECK(on.Of<OrderBookSnapshot>("BTCUSDT") == "act.exchange.binance.orderbook.snapshot.BTCUSDT");
  CHECK(on.Of<OrderBookUpdate>("BTCUSDT") == "act.exchange.binance.orderbook.update.BTCUSDT");
  CHECK(on.Of<OrderBookDepth>("BTCUSDT") == "act.exchange.binance.orderbook.depth.BTCUSDT");
  CHECK(on.Of<QuoteUpdate>("BTCUSDT") == "act.exchange.binance.quote.update.BTCUSDT");
  CHECK(on.Of<TradeExecuted>("A.B") == "act.exchange.binance.trade.tape.A%2EB");
  CHECK(on.Of<TickerUpdate>("BTCUSDT") == "act.exchange.binance.ticker.update.BTCUSDT");
  CHECK(on.Of<FundingRate>("BTCUSDT") == "act.exchange.binance.funding.rate.BTCUSDT");
  CHECK(on.Of<MarkPrice>("BTCUSDT") == "act.exchange.binance.mark.price.BTCUSDT");
  CHECK(on.Candles("1m", "BTCUSDT") == "act.exchange.binance.ohlcv.candle.1m.BTCUSDT");
  CHECK(on.Of<InstrumentInfo>() == "act.exchange.binance.instrument.info");
  CHECK(on.Of<InstrumentInfo>("BTCUSDT") == "act.exchange.binance.instrument.info");
  CHECK(on.Of<InstrumentStatus>("BTCUSDT") == "act.exchange.binance.instrument.status.BTCUSDT");
  CHECK(on.Of<FeedStatus>("BTCUSDT") == "act.exchange.binance.feed.status.BTCUSDT");
  CHECK(on.Of<FeedStatus>() == "act.exchange.binance.feed.status");
  CHECK(on.Tail("orderbook.changed", "A.B") == "act.exchange.binance.orderbook.changed.A%2EB");
  const MarketTopics replayed("binance-usdm", World::Hypothetical("replay").value());
  CHECK(replayed.Of<MarkPrice>("X") == "hyp.replay.exchange.binance-usdm.mark.price.X");
}

// Pins TOP-6.
TEST_CASE("a hypothetical world has a name, and no dot in it") {
  CHECK(World().text() == "act");
  CHECK(World::Hypothetical("a.b")->text() == "hyp.a%2Eb");
  CHECK(World::Parse("hyp.a%2Eb").value() == World::Hypothetical("a.b").value());
  CHECK(World::Parse("act").value() == World());
  CHECK(World::Hypothetical("").status().code() == StatusCode::kInvalidArgument);
  for (const char* const other : {"", "hyp", "hyp.", "hyp.a.b", "hyp.a b", "actual", "Act"}) {
    CAPTURE(std::string(other));
    CHECK(World::Parse(other).status().code() == StatusCode::kInvalidArgument);
  }
}

// Pins TOP-15.
TEST_CASE("topics of a scenario name what happened and to whom") {
  const ScenarioTopics in("LIVE");
  CHECK(in.Of<OrderSubmitted>("o-1") == "sc.LIVE.trading.order.submitted.o-1");
  CHECK(in.Of<OrderFilled>("o.1") == "sc.LIVE.trading.order.filled.o%2E1");
  CHECK(in.Of<TradeSettled>("t-1") == "sc.LIVE.trading.trade.settled.t-1");
  CHECK(in.Of<PositionFlipped>("BTCUSDT") == "sc.LIVE.position.BTCUSDT.flipped");
  CHECK(in.Of<RiskLimitBreach>() == "sc.LIVE.risk.limit.breach");
  CHECK(in.Of<PnlUnrealizedUpdate>() == "sc.LIVE.pnl.unrealized.update");
}

// Pins TOP-16.
TEST_CASE("topics of services and workers") {
  CHECK(InfrastructureTopic("workmanager", "lifecycle") == "workmanager.lifecycle");
  CHECK(InfrastructureSubTopic("gateway", "health") == "gateway.infra.health");
  CHECK(CommandTopic("echoworker") == "command.echoworker");
  CHECK(ResponseTopic("echo.worker") == "response.echo%2Eworker");
  CHECK(DeadLetterTopic(kStateChangeTopic) == "state.change-dead");
  CHECK(IsDeadLetterTopic(DeadLetterTopic("a")));
  CHECK(!IsDeadLetterTopic("a-dead.b"));
}

// Pins TOP-17.
TEST_CASE("a topic comes apart into what it was built from") {
  TopicParts parts = SplitTopic("hyp.replay.exchange.binance.trade.tape.A%2EB");
  CHECK(parts.axis == TopicAxis::kMarket);
  CHECK(parts.world == "hyp.replay");
  CHECK(parts.owner == "binance");
  CHECK(parts.entity == "trade");
  CHECK(parts.event == "tape");
  CHECK(TopicName(parts.id) == "A.B");
  parts = SplitTopic("act.exchange.binance.ohlcv.candle.1m.BTCUSDT");
  CHECK(parts.world == "act");
  CHECK(parts.interval == "1m");
  CHECK(parts.id == "BTCUSDT");
  parts = SplitTopic("act.exchange.binance.feed.status");
  CHECK(parts.axis == TopicAxis::kMarket);
  CHECK(parts.id.empty());
  parts = SplitTopic("act.exchange.binance.orderbook.changed.BTCUSDT.error");
  CHECK(parts.id == "BTCUSDT.error");

  parts = SplitTopic("sc.LIVE.trading.order.filled.o-1-dead");
  CHECK(parts.axis == TopicAxis::kScenario);
  CHECK(parts.dead_letter);
  CHECK(parts.owner == "LIVE");
  CHECK(parts.domain == "trading");
  CHECK(parts.entity == "order");
  CHECK(parts.event == "filled");
  CHECK(parts.id == "o-1");
  parts = SplitTopic("sc.LIVE.position.BTCUSDT.opened");
  CHECK(parts.entity == "BTCUSDT");
  CHECK(parts.event == "opened");

  CHECK(SplitTopic("command.echoworker").axis == TopicAxis::kCommand);
  CHECK(SplitTopic("command.echoworker").owner == "echoworker");
  CHECK(SplitTopic("response.echoworker").axis == TopicAxis::kResponse);
  CHECK(SplitTopic("state.change").axis == TopicAxis::kStateChange);
  parts = SplitTopic("workmanager.lifecycle");
  CHECK(parts.axis == TopicAxis::kInfrastructure);
  CHECK(parts.owner == "workmanager");
  CHECK(parts.event == "lifecycle");
  CHECK(SplitTopic("gateway.infra.health").id == "health");
}

// Pins TOP-17.
TEST_CASE("a topic of any other shape is none of ours, and no error") {
  for (const char* const topic : {"",
                                  ".",
                                  "ticks",
                                  "a..b",
                                  ".a.b",
                                  "a.b.",
                                  "hyp",
                                  "hyp.exchange.binance.trade.tape",
                                  "hyp.x",
                                  "hyp.x.trade",
                                  "act.",
                                  "act.exchange",
                                  "act.exchange.binance",
                                  "act.exchange.binance.trade",
                                  "act.trade.tape",
                                  "sc.LIVE",
                                  "sc.LIVE.trading.order",
                                  "command.a.b",
                                  "com.example.counted",
                                  "gateway.infra.a.b",
                                  "-dead"}) {
    CAPTURE(std::string(topic));
    CHECK(SplitTopic(topic).axis == TopicAxis::kOther);
    CHECK(SplitTopic(topic).owner.empty());
    CHECK(SplitTopic(topic).world.empty());
  }
}

// Pins ST-16.
TEST_CASE("state keys") {
  CHECK(WorkerKey("7") == "workmanager.worker.7");
  CHECK(kWorkersIndexKey == "workmanager.workers.index");
  CHECK(ConnectionKey("c-1") == "websocketmanager.connection.c-1");
  CHECK(kConnectionsIndexKey == "websocketmanager.connections.index");
  CHECK(HeartbeatKey("gateway", "host-1") == "gateway.heartbeat.host-1");
  CHECK(HeartbeatPeersKey("gateway") == "gateway.heartbeat.peers");
  CHECK(OrderBookKey({}, "binance", "A.B") == "act.exchange.binance.orderbook.A%2EB");
  CHECK(QuoteKey(World::Hypothetical("x").value(), "ibkr", "EUR.USD") ==
        "hyp.x.exchange.ibkr.quote.EUR%2EUSD");
  CHECK(ExchangeBanKey("api.binance.com") == "exchange.ban.api.binance.com");
  CHECK(kRecoveryLeaderKey == "workmanager.recovery.leader");
  CHECK(ScenarioKey("LIVE") == "scenario.LIVE");
  CHECK(kScenarioIndexKey == "scenario.index");
}
