// order_flow_imbalance: the signal of a depth event, by exact sums.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

struct Loaded {
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::unique_ptr<LoadedWorker> worker =
      LoadWorker(*engine, NativeFile(WORKERS "/liborder_flow_imbalance.so"),
                 std::make_shared<RecordingHost>());
};

CloudEvent Depth(std::string_view bids, std::string_view asks, std::string_view pair = "BTC.P",
                 std::string_view state = "live", std::string_view levels = "") {
  const std::string data = "{\"bids\":" + std::string(bids) + ",\"asks\":" + std::string(asks) +
                           ",\"last_update_id\":7,\"snapshot_at\":\"2024-01-01T00:00:00Z\","
                           "\"state\":\"" +
                           std::string(state) + "\"}";
  CloudEvent::Builder builder;
  builder.Source("urn:test")
      .Type("com.virtufin.exchange.binance.orderbook.conflated")
      .Subject("currency_pair/" + std::string(pair))
      .Extension("exchange", "binance")
      .Extension("marketworld", "act")
      .JsonData(data);
  if (!levels.empty()) builder.Extension("levels", levels);
  return builder.Build().value();
}

/// The signal of the reply, or "no reply".
std::string Signal(Loaded& loaded, const CloudEvent& event) {
  const CallOutcome outcome = Call(*loaded.worker, event);
  REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
  if (!outcome.reply) return "no reply";
  return Json::parse(outcome.reply->data_text()).at("signal");
}

}  // namespace

// Pins SDK-43.
TEST_CASE("the weight of a book is told when its signal changes, at ten percent exactly") {
  Loaded loaded;
  const char* one = R"([["100","1"]])";
  CHECK(Signal(loaded, Depth(one, R"([["100","1.00"]])")) == "NEUTRAL");
  CHECK(Signal(loaded, Depth(one, R"([["100","1.05"]])")) == "no reply");
  // asks 1000, bids 900: the difference is 10 % of the asks, which is not more than that.
  CHECK(Signal(loaded, Depth(R"([["90","10"]])", R"([["100","10"]])")) == "no reply");
  CHECK(Signal(loaded, Depth(R"([["90","9.99999999"]])", R"([["100","10"]])")) == "SELLING");
  CHECK(Signal(loaded, Depth(R"([["90","9.9"]])", R"([["100","10"]])")) == "no reply");
  CHECK(Signal(loaded, Depth(R"([["100","10"]])", R"([["90","10"]])")) == "NEUTRAL");
  CHECK(Signal(loaded, Depth(R"([["100","10"]])", R"([["90","9.99999999"]])")) == "BUYING");
  CHECK(Signal(loaded, Depth("[]", one)) == "SELLING");
  CHECK(Signal(loaded, Depth("[]", "[]")) == "NEUTRAL");
  // Another pair has a signal of its own.
  CHECK(Signal(loaded, Depth("[]", one, "ETHUSDT")) == "SELLING");
  CHECK(Signal(loaded, Depth(one, "[]", "ETHUSDT", "gap")) == "no reply");
}

TEST_CASE("only the best levels that config asks for count") {
  Loaded loaded;
  const char* bids = R"([["100","1"],["99","100"]])";
  const char* asks = R"([["101","1"],["102","1"]])";
  CHECK(Signal(loaded, Depth(bids, asks, "A", "live", "1")) == "NEUTRAL");
  CHECK(Signal(loaded, Depth(bids, asks, "B", "live", "2")) == "BUYING");
}

// Pins SDK-43.
TEST_CASE("the reply has the exact sums and says where it goes") {
  Loaded loaded;
  const CallOutcome outcome =
      Call(*loaded.worker,
           Depth(R"([["67000.10","0.00000003"],["66999.9","1"]])", R"([["67000.2","2.5"]])"));
  REQUIRE(outcome.reply.has_value());
  const CloudEvent& reply = *outcome.reply;
  CHECK(Json::parse(reply.data_text()) == Json{{"pair", "BTC.P"},
                                               {"signal", "SELLING"},
                                               {"value", "100500.597989997"},
                                               {"bid_value", "66999.902010003"},
                                               {"ask_value", "167500.5"},
                                               {"last_update_id", 7}});
  CHECK(reply.type() == "com.virtufin.exchange.binance.imbalance.changed");
  CHECK(reply.subject() == "currency_pair/BTC.P");
  CHECK(reply.ExtensionText("publishtopic") == "act.exchange.binance.imbalance.changed.BTC%2EP");
}

TEST_CASE("numbers that no sum can hold fail the call, other events are left alone") {
  Loaded loaded;
  const char* huge = R"([["9000000000000000000","9000000000000000000"],
                         ["9000000000000000000","0.999999999999999999"]])";
  const CallOutcome outcome = Call(*loaded.worker, Depth(huge, "[]"));
  CHECK(outcome.status.ToString().find("sums below") != std::string::npos);
  CHECK(Answer(*loaded.worker, "com.virtufin.exchange.binance.trade.executed", "{}") == "no reply");
}

// Pins SDK-43.
TEST_CASE("a pair has a signal for each world and venue") {
  Loaded loaded;
  const auto signal = [&](std::string_view venue, std::string_view world) {
    CloudEvent::Builder builder(Depth("[]", R"([["100","1"]])"));
    builder.Extension("exchange", venue).Extension("marketworld", world);
    return Signal(loaded, builder.Build().value());
  };
  for (const char* venue : {"binance", "binance-usdm"}) {
    for (const char* world : {"act", "hyp.test"}) {
      CAPTURE(venue);
      CAPTURE(world);
      CHECK(signal(venue, world) == "SELLING");
      CHECK(signal(venue, world) == "no reply");
    }
  }
}
