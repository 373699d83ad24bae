// ibkr_ticker and fx_feed: quotes in, exact changes out.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

struct Loaded {
  explicit Loaded(std::string_view name)
      : host(std::make_shared<RecordingHost>([this](auto service, auto method, auto json) {
          saved.push_back(std::string(service) + "." + std::string(method) + " " +
                          Json::parse(json).at("key").template get<std::string>());
          return Result<std::string>("{}");
        })),
        worker(LoadWorker(*engine, NativeFile(WORKERS "/lib" + std::string(name) + ".so"), host)) {}

  std::vector<std::string> saved;
  std::shared_ptr<RecordingHost> host;
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::unique_ptr<LoadedWorker> worker;
};

/// Replayed at `ms`, so that intervals are those of the events.
CloudEvent Event(std::string_view venue, std::string_view kind, std::int64_t ms,
                 std::string_view data, std::string_view world = "act") {
  return CloudEvent::Builder()
      .Source("urn:test")
      .Extension("marketworld", world)
      .Type("com.virtufin.exchange." + std::string(venue) + "." + std::string(kind))
      .Subject("instrument/EUR.USD")
      .Time(Timestamp::FromUnixMillis(1'700'000'000'000 + ms))
      .Extension("clocktype", "historical")
      .JsonData(data)
      .Build()
      .value();
}
std::string Quote(std::string_view bid, std::string_view ask) {
  return Json{{"bid", bid}, {"bid_qty", "3"}, {"ask", ask}, {"ask_qty", "4"}}.dump();
}

/// "<bid> <ask>" of the reply, or "no reply".
std::string Give(Loaded& loaded, const CloudEvent& event) {
  const CallOutcome outcome = Call(*loaded.worker, event);
  REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
  if (!outcome.reply) return "no reply";
  const Json data = Json::parse(outcome.reply->data_text());
  return data.at("bid").get<std::string>() + " " + data.at("ask").get<std::string>();
}

}  // namespace

// Pins SDK-46.
TEST_CASE("a quote is told with mid and spread, exact, where strategies look for it") {
  for (const bool ibkr : {true, false}) {
    CAPTURE(ibkr);
    const std::string name = ibkr ? "ibkr_ticker" : "fx_feed";
    const std::string venue = ibkr ? "ibkr" : "oanda";
    Loaded loaded(name);
    CHECK(Give(loaded, Event(venue, "ticker.updated", 0,
                             R"({"last_price":"1.0841","window":"24h"})")) == "no reply");
    const CallOutcome outcome =
        Call(*loaded.worker, Event(venue, "quote.updated", 0, Quote("1.08410", "1.08425")));
    REQUIRE(outcome.reply.has_value());
    CHECK(Json::parse(outcome.reply->data_text()) == Json{{"instrument", "EUR.USD"},
                                                          {"bid", "1.08410"},
                                                          {"bid_qty", "3"},
                                                          {"ask", "1.08425"},
                                                          {"ask_qty", "4"},
                                                          {"mid", "1.084175"},
                                                          {"spread", "0.00015"},
                                                          {"last", "1.0841"},
                                                          {"at", "2023-11-14T22:13:20.000Z"}});
    CHECK(outcome.reply->type() == "com.virtufin.exchange." + venue + ".quote.updated");
    CHECK(outcome.reply->subject() == "instrument/EUR.USD");
    CHECK(outcome.reply->ExtensionText("publishtopic") ==
          "act.exchange." + venue + ".quote.changed.EUR%2EUSD");
    CHECK(loaded.saved == std::vector<std::string>{"virtufin.State.SaveState act.exchange." +
                                                   venue + ".quote.EUR%2EUSD"});
  }
}

// Pins SDK-46.
TEST_CASE("only changes of bid or ask are told, and no more often than the interval") {
  Loaded loaded("fx_feed");
  const auto quote = [&](std::int64_t ms, const char* bid, const char* ask) {
    return Give(loaded, Event("oanda", "quote.updated", ms, Quote(bid, ask)));
  };
  CHECK(quote(0, "1.1", "1.2") == "1.1 1.2");
  CHECK(quote(500, "1.10", "1.20") == "no reply");  // the same numbers
  CHECK(quote(501, "1.1", "1.3") == "1.1 1.3");
  CHECK(quote(600, "1.1", "1.4") == "no reply");  // too soon
  CHECK(Give(loaded, Event("oanda", "ticker.updated", 601, R"({"window":"24h"})")) == "no reply");
  CHECK(
      Give(loaded, Event("oanda", "ticker.updated", 602, R"({"last_price":"1","window":"24h"})")) ==
      "1.1 1.4");  // what was too soon
  CHECK(quote(700, "1.1", "1.3") == "no reply");
  CHECK(quote(702, "1.1", "1.3") == "1.1 1.3");
}

// Pins SDK-46.
TEST_CASE("a quote with one side or crossed sides is counted, not told") {
  Loaded loaded("ibkr_ticker");
  CHECK(Give(loaded, Event("ibkr", "quote.updated", 0, R"({"bid":"1"})")) == "no reply");
  CHECK(Give(loaded, Event("ibkr", "quote.updated", 1, R"({"ask":"1"})")) == "no reply");
  CHECK(Give(loaded, Event("ibkr", "quote.updated", 2, Quote("1.2", "1.2"))) == "no reply");
  CHECK(loaded.host->lines().back() == "1 EUR.USD: one-sided or crossed, the 3. such quote");
  CHECK(loaded.saved.empty());
}

// Pins SDK-46.
TEST_CASE("time that goes back silences no instrument") {
  Loaded loaded("fx_feed");
  const auto quote = [&](std::int64_t ms, const char* bid) {
    return Give(loaded, Event("oanda", "quote.updated", ms, Quote(bid, "2")));
  };
  CHECK(quote(10'000, "1.1") == "1.1 2");
  CHECK(quote(20'000, "1.2") == "1.2 2");
  // The same day once more.
  CHECK(quote(10'000, "1.1") == "1.1 2");
  CHECK(quote(10'099, "1.2") == "no reply");
  CHECK(quote(10'100, "1.2") == "1.2 2");
  // Then live: another clock.
  CloudEvent::Builder live(Event("oanda", "quote.updated", 0, Quote("1.3", "2")));
  live.RemoveExtension("clocktype");
  CHECK(Give(loaded, live.Build().value()) == "1.3 2");
}

// Pins SDK-46.
TEST_CASE("in a replay the time of an event is its eventtime") {
  Loaded loaded("fx_feed");
  const auto quote = [&](std::string_view at, const char* bid) {
    CloudEvent::Builder builder(Event("oanda", "quote.updated", 0, Quote(bid, "2")));
    builder.Extension("eventtime", at);
    return Give(loaded, builder.Build().value());
  };
  CHECK(quote("2021-03-04T05:06:07.000Z", "1.1") == "1.1 2");
  CHECK(quote("2021-03-04T05:06:07.099Z", "1.2") == "no reply");
  CHECK(quote("2021-03-04T05:06:07.100Z", "1.2") == "1.2 2");
}

// Pins SDK-46.
TEST_CASE("quotes of one instrument in two worlds are two quotes") {
  Loaded loaded("fx_feed");
  const auto quote = [&](std::string_view world, const char* bid) {
    return Give(loaded, Event("oanda", "quote.updated", 0, Quote(bid, "2"), world));
  };
  CHECK(quote("act", "1.1") == "1.1 2");
  CHECK(quote("hyp.test", "1.1") == "1.1 2");
  CHECK(quote("hyp.test", "1.2") == "no reply");
  CHECK(loaded.saved == std::vector<std::string>{
                            "virtufin.State.SaveState act.exchange.oanda.quote.EUR%2EUSD",
                            "virtufin.State.SaveState hyp.test.exchange.oanda.quote.EUR%2EUSD"});
}
