// The faults of a simulated Binance do what they say, and only that.
#include "unit/sim/venue_fixture.hpp"

using namespace virtufin;
using nlohmann::json;
using sim::FaultKind;
using test::VenueFixture;

namespace {

VenueFixture Scripted(std::string_view script, sim::VenueOptions options = {}) {
  options.faults = sim::FaultPlan::Parse(script).value();
  return VenueFixture(std::move(options));
}

/// How many diffs do not follow the one before.
int Holes(const std::vector<json>& frames) {
  int holes = 0;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (!frames[i].contains("U") || !frames[i - 1].contains("u")) continue;
    holes += frames[i].at("U") != frames[i - 1].at("u").get<std::int64_t>() + 1 ? 1 : 0;
  }
  return holes;
}

}  // namespace

TEST_CASE("cut ends all connections, or one; close says its code") {
  VenueFixture fixture = Scripted("1000 cut one\n2000 close 1012\n3000 cut");
  for (sim::ConnectionId id = 1; id <= 3; ++id) fixture.Open(id);
  fixture.Wait(1'500);
  CHECK(fixture.output.ended.size() == 1);
  CHECK(fixture.output.ended.begin()->second.code == 0);
  fixture.Wait(1'000);
  REQUIRE(fixture.output.ended.size() == 3);
  int closed = 0;
  for (const auto& [id, end] : fixture.output.ended) closed += end.code == 1012 ? 1 : 0;
  CHECK(closed == 2);
  fixture.Open(4);
  fixture.Wait(1'000);
  CHECK(fixture.output.ended.size() == 4);
  CHECK(fixture.venue->counters().fault(FaultKind::kCut) == 2);
  CHECK(fixture.venue->counters().fault(FaultKind::kClose) == 2);
}

TEST_CASE("a stalled connection is deaf and dumb, and stays") {
  VenueFixture fixture = Scripted("1000 stall");
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'050);
  CHECK(fixture.output.stalled == std::vector<sim::ConnectionId>{1});
  fixture.Taken();
  fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  fixture.Wait(300'000, false);
  CHECK(fixture.Taken().empty());
  CHECK(fixture.output.pings[1].empty());
  CHECK(fixture.output.ended.empty());
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'000);
  CHECK(!fixture.Taken(2).empty());
}

TEST_CASE("refused connections are told 503, for as long as said") {
  VenueFixture fixture = Scripted("1000 refuse 3000");
  fixture.Wait(1'500);
  CHECK(fixture.Open(1) == 503);
  fixture.Wait(2'500);
  CHECK(fixture.Open(2) == 101);
}

TEST_CASE("dropped frames are missing, the others are not") {
  VenueFixture fixture = Scripted("5000 drop 3");
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Wait(10'000);
  CHECK(Holes(fixture.Frames()) == 1);
  CHECK(fixture.venue->counters().fault(FaultKind::kDrop) == 3);
}

TEST_CASE("delayed frames come later, in order, with the acks behind them") {
  VenueFixture fixture = Scripted("5000 delay 800 2000");
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Wait(5'050);
  fixture.Taken();
  fixture.Wait(700);
  fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  CHECK(fixture.Taken().empty());
  fixture.Wait(5'000);
  const auto frames = fixture.Frames();
  CHECK(frames.size() > 40);
  CHECK(Holes(frames) == 0);
  CHECK(fixture.venue->counters().fault(FaultKind::kDelay) >= 19);
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (!frames[i].contains("E") || !frames[i - 1].contains("E")) continue;
    CHECK(frames[i].at("E") > frames[i - 1].at("E"));
  }
}

TEST_CASE("a gap takes one diff from every connection, of that symbol only") {
  VenueFixture fixture = Scripted("5000 gap BTCUSDT");
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Open(3, "/ws/ethusdt@depth@100ms");
  fixture.Wait(10'000);
  CHECK(Holes(fixture.Frames(1)) == 1);
  CHECK(Holes(fixture.Frames(2)) == 1);
  CHECK(Holes(fixture.Frames(3)) == 0);
}

TEST_CASE("a lost ack is subscribed all the same; a late one follows the data") {
  VenueFixture fixture = Scripted("0 lostack 1\n2000 lateack 1");
  fixture.Wait(100);
  fixture.Open(1);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1})");
  fixture.Wait(2'000);
  auto frames = fixture.Frames();
  REQUIRE(!frames.empty());
  for (const json& frame : frames) CHECK(!frame.contains("result"));
  fixture.Text(R"({"method":"SUBSCRIBE","params":["ethusdt@depth@100ms"],"id":2})");
  CHECK(fixture.Answers().empty());
  fixture.Wait(1'000);
  frames = fixture.Frames();
  const auto ack = std::find_if(frames.begin(), frames.end(),
                                [](const json& frame) { return frame.contains("result"); });
  REQUIRE(ack != frames.end());
  REQUIRE(ack != frames.begin());
  CHECK(std::prev(ack)->at("s") == "ETHUSDT");
}

TEST_CASE("a halted symbol stops trading, says so, and goes on later") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture = Scripted("5000 halt BTCUSDT\n65000 resume BTCUSDT", options);
    fixture.Open(1, "/ws/btcusdt@depth@100ms");
    fixture.Wait(5'100);
    CHECK(fixture.venue->status("BTCUSDT") ==
          (market == sim::VenueMarket::kSpot ? "HALT" : "SETTLING"));
    const std::int64_t id = fixture.venue->market().last_update_id(0);
    fixture.Wait(300);
    fixture.Taken();
    fixture.Wait(59'000);
    CHECK(fixture.Taken().empty());
    CHECK(fixture.venue->market().last_update_id(0) == id);
    fixture.Wait(2'000);
    CHECK(fixture.venue->status("BTCUSDT") == "TRADING");
    CHECK(!fixture.Taken().empty());
  }
}

TEST_CASE("a silent symbol says nothing for so long while others go on") {
  VenueFixture fixture = Scripted("1000 silent BTCUSDT 180000");
  fixture.Wait(1'500);
  fixture.Open(1, "/ws/btcusdt@depth@100ms/btcusdt@aggTrade/btcusdt@bookTicker");
  fixture.Open(2, "/ws/ethusdt@depth@100ms");
  fixture.Wait(179'000);
  CHECK(fixture.Taken(1).empty());
  CHECK(fixture.Taken(2).size() > 1'000);
  CHECK(fixture.venue->status("BTCUSDT") == "TRADING");
  fixture.Wait(5'000);
  CHECK(!fixture.Taken(1).empty());
}

TEST_CASE("a shutdown is announced, then the old connections are closed and new ones live") {
  sim::VenueOptions options;
  options.shutdown_notice_ms = 30'000;
  VenueFixture fixture = Scripted("1000 shutdown", options);
  int wrapped = 0;
  for (sim::ConnectionId id = 1; id <= 8; ++id) fixture.Open(id, id % 2 == 0 ? "/stream" : "/ws");
  fixture.Wait(1'500);
  for (sim::ConnectionId id = 1; id <= 8; ++id) {
    const auto frames = fixture.Frames(id);
    REQUIRE(frames.size() == 1);
    const bool inside = frames[0].contains("data");
    CHECK((inside ? frames[0].at("data") : frames[0]).at("e") == "serverShutdown");
    wrapped += inside ? 1 : 0;
    if (id % 2 == 1) CHECK(!inside);
  }
  CHECK(wrapped > 0);
  fixture.Open(9);
  fixture.Wait(29'000);
  CHECK(fixture.output.ended.empty());
  fixture.Wait(1'000);
  CHECK(fixture.output.ended.size() == 8);
  CHECK(fixture.output.ended.count(9) == 0);
}

TEST_CASE("when faults end, what was pending hits nothing and age cuts nobody") {
  sim::VenueOptions options;
  options.max_age_ms = 20'000;
  VenueFixture fixture = Scripted(
      "1000 drop 5000\n1000 http 503 9\n1000 lostack 9\n1000 gap BTCUSDT\n9000 cut", options);
  fixture.Open(1, "/ws/btcusdt@depth@1000ms");
  fixture.Wait(1'001);
  fixture.venue->EndFaults();
  fixture.Taken();
  CHECK(fixture.Get("/api/v3/time").status == 200);
  fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  CHECK(fixture.Answers().size() == 1);
  fixture.Wait(60'000);
  CHECK(fixture.output.ended.empty());
  const auto frames = fixture.Frames();
  CHECK(frames.size() >= 59);
  CHECK(Holes(frames) == 0);
}

TEST_CASE("a mute connection answers pings and control messages, and carries no data") {
  VenueFixture fixture = Scripted("1000 mute");
  fixture.Open(1, "/ws/btcusdt@depth@100ms/!miniTicker@arr");
  fixture.Wait(1'050);
  CHECK(!fixture.Taken().empty());
  fixture.Wait(60'000);
  CHECK(fixture.Taken().empty());
  CHECK(fixture.venue->counters().pings >= 3);
  CHECK(fixture.venue->counters().pongs == fixture.venue->counters().pings);
  fixture.Text(R"({"method":"UNSUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1})");
  fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":2})");
  fixture.Wait(5'000);
  CHECK(fixture.Taken() ==
        std::vector<std::string>{R"({"result":null,"id":1})", R"({"result":null,"id":2})"});
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'000);
  CHECK(!fixture.Taken(2).empty());
  CHECK(fixture.output.ended.empty());
  CHECK(fixture.venue->counters().fault(FaultKind::kMute) == 1);
}

TEST_CASE("one connection goes mute, then the other, with what was late on them") {
  VenueFixture fixture =
      Scripted("900 delay 800 1000\n1000 mute one\n2000 mute one\n3000 mute one");
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'001);
  fixture.Taken(1), fixture.Taken(2);
  fixture.Wait(998);
  const auto first = fixture.Taken(1), second = fixture.Taken(2);
  CHECK(first.empty() != second.empty());
  fixture.Wait(2'000);
  fixture.Taken(1), fixture.Taken(2);
  fixture.venue->EndFaults();
  fixture.Wait(2'000);
  CHECK(fixture.Taken(1).empty());
  CHECK(fixture.Taken(2).empty());
  CHECK(fixture.venue->counters().fault(FaultKind::kMute) == 2);
}

TEST_CASE("a hushed connection says nothing, is heard, and is cut by the venue's rules") {
  sim::VenueOptions options;
  options.max_age_ms = 100'000;
  options.ack_order = sim::AckOrder::kAfterData;
  VenueFixture fixture = Scripted("1000 hush", options);
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(999);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["ethusdt@depth@100ms"],"id":1})");
  fixture.Wait(1);
  CHECK(fixture.output.hushed == std::vector<sim::ConnectionId>{1, 2});
  fixture.Taken(1), fixture.Taken(2);
  fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":2})");
  fixture.Text("nonsense");
  fixture.Wait(90'000, false);
  CHECK(fixture.Taken(1).empty());
  CHECK(fixture.venue->counters().pings == 0);
  CHECK(fixture.venue->counters().errors == 0);
  CHECK(fixture.output.ended.empty());
  for (int i = 0; i < 6; ++i) fixture.Text("{}");  // it is heard: too many messages
  REQUIRE(fixture.output.ended.count(1) == 1);
  CHECK(fixture.output.ended.at(1).code == 0);  // without a close frame
  fixture.venue->EndFaults();
  fixture.Wait(1'000);
  CHECK(fixture.Taken(2).empty());
  fixture.Open(3, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'000);
  CHECK(!fixture.Taken(3).empty());
  CHECK(fixture.venue->counters().fault(FaultKind::kHush) == 2);
}

TEST_CASE("age ends a hushed connection, and a shutdown does, both without a word") {
  sim::VenueOptions options;
  options.max_age_ms = 20'000;
  options.shutdown_notice_ms = 5'000;
  VenueFixture fixture = Scripted("1000 hush\n12000 mute\n13000 shutdown", options);
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Wait(10'000);
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(2'100);
  fixture.Taken(1), fixture.Taken(2);
  fixture.Wait(4'000);
  CHECK(fixture.output.ended.empty());
  fixture.Wait(3'000);
  REQUIRE(fixture.output.ended.size() == 2);
  CHECK(fixture.output.ended.at(1).code == 0);
  CHECK(fixture.output.ended.at(2).code == 1001);
  fixture.Open(3, "/ws/btcusdt@depth@100ms");
  const auto line = sim::FaultPlan::Parse("0 hush").value().faults.at(0);
  CHECK(fixture.venue->Inject(line, fixture.now_ms).ok());
  fixture.Wait(30'000);
  CHECK(fixture.output.ended.count(3) == 1);
  CHECK(fixture.venue->counters().age_cuts == 1);
  for (sim::ConnectionId id = 1; id <= 3; ++id) CHECK(fixture.Taken(id).empty());
}

TEST_CASE("lost depth streams are back when they are subscribed anew; all others go on") {
  VenueFixture fixture = Scripted("1000 lose BTCUSDT");
  fixture.Open(1, "/ws/btcusdt@depth@100ms/btcusdt@depth5/btcusdt@aggTrade/ethusdt@depth@100ms");
  fixture.Open(2, "/stream?streams=btcusdt@depth@100ms");
  fixture.Wait(1'050);
  fixture.Taken(1), fixture.Taken(2);
  fixture.venue->EndFaults();
  fixture.Wait(30'000);
  int trades = 0, others = 0;
  for (const json& frame : fixture.Frames(1)) {
    CHECK(frame.contains("s"));  // partial depth has none
    const bool trade = frame.at("e") == "aggTrade";
    CHECK((trade || frame.at("s") == "ETHUSDT"));
    (trade ? trades : others) += 1;
  }
  CHECK(trades > 0);
  CHECK(others > 250);
  CHECK(fixture.Taken(2).empty());
  CHECK(fixture.venue->counters().fault(FaultKind::kLose) > 500);
  // Once more is not anew.
  fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1})", 2);
  fixture.Wait(1'000);
  CHECK(fixture.Taken(2).size() == 1);
  fixture.Text(R"({"method":"UNSUBSCRIBE","params":["btcusdt@depth@100ms"],"id":2})", 2);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":3})", 2);
  fixture.Taken(2);
  fixture.Wait(5'000);
  std::vector<json> diffs;
  for (const json& frame : fixture.Frames(2)) diffs.push_back(frame.at("data"));
  CHECK(diffs.size() > 40);
  CHECK(Holes(diffs) == 0);
  fixture.Open(3, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'000);
  CHECK(!fixture.Taken(3).empty());
}

TEST_CASE("the end of a connection whose streams are lost takes nothing from the others") {
  sim::VenueOptions options;
  options.window_phases = 1;  // all share one stream
  VenueFixture fixture = Scripted("1000 lose BTCUSDT\n3000 mute", options);
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'500);
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Taken(1);
  fixture.Wait(1'000);
  CHECK(fixture.Taken(1).empty());
  CHECK(fixture.Taken(2).size() > 5);
  fixture.venue->OnClosed(1, fixture.now_ms);
  fixture.Wait(400);
  CHECK(!fixture.Taken(2).empty());
  const std::uint64_t lost = fixture.venue->counters().fault(FaultKind::kLose);
  fixture.Wait(5'000);
  CHECK(fixture.venue->counters().fault(FaultKind::kLose) == lost);
}

TEST_CASE("a fault for a symbol that the venue lacks is refused") {
  sim::VenueOptions options;
  options.faults = sim::FaultPlan::Parse("5 gap NOSUCH").value();
  test::KeepingOutput output;
  const auto venue = sim::BinanceVenue::Create(options, output);
  REQUIRE(!venue.ok());
  CHECK(venue.status().message().find("'5 gap NOSUCH'") != std::string_view::npos);
  VenueFixture fixture;
  sim::Fault fault;
  fault.kind = FaultKind::kHalt;
  fault.symbol = "NOSUCH";
  CHECK(fixture.venue->Inject(fault, fixture.now_ms).code() == StatusCode::kNotFound);
  CHECK(fixture.venue->SetStatus("NOSUCH", "HALT", fixture.now_ms).code() == StatusCode::kNotFound);
}
