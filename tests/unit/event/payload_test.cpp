// Payloads: what is written, what is read, and what is said about a payload that is wrong.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "event/text.hpp"
#include "support/scale.hpp"
#include "unit/event/payload_samples.hpp"
#include "unit/event/random_payload.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/trading_payloads.hpp"

using namespace virtufin;
using Json = nlohmann::ordered_json;

namespace {

/// f.operator()<T>(sample) for every payload with its sample.
template <class F, class... T>
void ForEach(detail::PayloadTypes<T...>, F f) {
  (f.template operator()<T>(test::kPayloadSamples[static_cast<std::size_t>(T::kKind)]), ...);
}
template <class F>
void ForEachPayload(F f) {
  ForEach(detail::EveryPayload(), f);
}

/// The message of an error that must be INVALID_ARGUMENT.
std::string Refused(PayloadKind kind, std::string_view json) {
  const Status status = CheckPayload(kind, json);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  return std::string(status.message());
}

std::string Prefix(const PayloadInfo& info, const PayloadField& field) {
  return std::string(info.name) + "." + std::string(field.name) + ": expected " +
         std::string(field.expected) + ", found ";
}

}  // namespace

// Pins EV-47.
TEST_CASE("every payload comes back from its text, and the text from it") {
  ForEachPayload([]<class T>(const test::PayloadSample& sample) {
    CAPTURE(std::string(sample.json));
    REQUIRE(sample.kind == T::kKind);
    const Result<T> payload = ReadPayload<T>(sample.json);
    REQUIRE_MESSAGE(payload.ok(), payload.status().message());
    CHECK(WritePayload(*payload) == sample.json);
    CHECK(CheckPayload(T::kKind, sample.json).ok());
  });
}

// Pins EV-47.
TEST_CASE("the samples have all members and nothing else, in the order of the list") {
  for (const test::PayloadSample& sample : test::kPayloadSamples) {
    const PayloadInfo& info = PayloadInfoOf(sample.kind);
    CAPTURE(std::string(info.name));
    const Json json = Json::parse(sample.json);
    REQUIRE(json.size() == info.fields.size());
    std::size_t i = 0;
    for (const auto& item : json.items()) CHECK(item.key() == info.fields[i++].name);
  }
}

// Pins EV-48.
TEST_CASE("a missing member is named when it is required, and absent otherwise") {
  for (const test::PayloadSample& sample : test::kPayloadSamples) {
    const PayloadInfo& info = PayloadInfoOf(sample.kind);
    for (const PayloadField& field : info.fields) {
      CAPTURE(std::string(info.name));
      CAPTURE(std::string(field.name));
      Json json = Json::parse(sample.json);
      json.erase(std::string(field.name));
      if (field.required) {
        CHECK(Refused(sample.kind, json.dump()) == Prefix(info, field) + "nothing of that name");
      } else {
        CHECK(CheckPayload(sample.kind, json.dump()).ok());
      }
    }
  }
}

// Pins EV-48.
TEST_CASE("a member of the wrong type is named, with what it should be and what it is") {
  const std::string_view kWrong[] = {"12.5",       "\"?\"", "true", "[7]",
                                     R"({"x":7})", "-",     "nul",  "1e3"};
  for (const test::PayloadSample& sample : test::kPayloadSamples) {
    const PayloadInfo& info = PayloadInfoOf(sample.kind);
    for (const PayloadField& field : info.fields) {
      for (const std::string_view wrong : kWrong) {
        CAPTURE(std::string(info.name));
        CAPTURE(std::string(field.name));
        CAPTURE(std::string(wrong));
        const bool fits = (field.expected == "a string" && wrong == "\"?\"") ||
                          (field.expected == "true or false" && wrong == "true");
        if (fits) continue;
        Json json = Json::parse(sample.json);
        json[std::string(field.name)] = "@";
        std::string text = json.dump();
        text.replace(text.find("\"@\""), 3, wrong);
        const std::string message = Refused(sample.kind, text);
        const bool json_fault = wrong == "-" || wrong == "nul";
        const bool inside = wrong == "[7]" || wrong == R"({"x":7})";
        if (json_fault) {
          CHECK(message.starts_with(std::string(info.name) + ": expected JSON, found a fault at"));
        } else if (inside) {
          CHECK(message.starts_with(std::string(info.name) + "." + std::string(field.name)));
        } else {
          CHECK(message == Prefix(info, field) + std::string(wrong));
        }
      }
    }
  }
}

// Pins EV-48, EV-49.
TEST_CASE("null is absent for an optional member and an error for a required one") {
  for (const test::PayloadSample& sample : test::kPayloadSamples) {
    const PayloadInfo& info = PayloadInfoOf(sample.kind);
    for (const PayloadField& field : info.fields) {
      CAPTURE(std::string(info.name));
      CAPTURE(std::string(field.name));
      Json json = Json::parse(sample.json);
      json[std::string(field.name)] = nullptr;
      if (field.required) {
        CHECK(Refused(sample.kind, json.dump()) == Prefix(info, field) + "null");
      } else {
        CHECK(CheckPayload(sample.kind, json.dump()).ok());
      }
    }
  }
}

// Pins EV-49.
TEST_CASE("members in any order, with white space and unknown ones between, read the same") {
  ForEachPayload([]<class T>(const test::PayloadSample& sample) {
    CAPTURE(std::string(sample.json));
    const Json json = Json::parse(sample.json);
    Json mixed = {{"zzz", {{"price", {1, "\\\"", nullptr}}}}};
    for (auto it = json.end(); it != json.begin();) {
      --it;
      mixed[it.key()] = it.value();
      mixed["x_" + it.key()] = {{"bids", 1.5e300}};
    }
    for (const std::string& text : {mixed.dump(), mixed.dump(2), " \n" + mixed.dump() + "\t\r "}) {
      const Result<T> payload = ReadPayload<T>(text);
      REQUIRE_MESSAGE(payload.ok(), payload.status().message());
      CHECK(WritePayload(*payload) == sample.json);
    }
  });
}

// Pins EV-48.
TEST_CASE("a member that is there twice is refused") {
  for (const test::PayloadSample& sample : test::kPayloadSamples) {
    const PayloadInfo& info = PayloadInfoOf(sample.kind);
    const Json json = Json::parse(sample.json);
    for (const PayloadField& field : info.fields) {
      const std::string name(field.name);
      std::string text(sample.json.substr(0, sample.json.size() - 1));
      text += ",\"" + name + "\":" + json[name].dump() + "}";
      CHECK(Refused(sample.kind, text) ==
            std::string(info.name) + "." + name + ": expected one, found it twice");
    }
  }
  CHECK(Refused(PayloadKind::kPnlRealizedUpdate,
                R"({"realized_pnl":"7","by_symbol":{"A":"9","A":"-2"},"period":"1d"})") ==
        "PnlRealizedUpdate.by_symbol.A: expected one, found it twice");
}

// Pins EV-48.
TEST_CASE("what is wrong inside a list is named by its place") {
  const auto update = [](std::string_view bids) {
    return Refused(PayloadKind::kOrderBookUpdate,
                   R"({"bids_delta":)" + std::string(bids) +
                       R"(,"asks_delta":[],"first_update_id":1,"last_update_id":1})");
  };
  CHECK(update(R"([["1","2"],["1",2]])") ==
        "OrderBookUpdate.bids_delta[1][1]: expected a decimal in a string, found 2");
  CHECK(update(R"([["1"]])") ==
        R"(OrderBookUpdate.bids_delta[0]: expected ["price","quantity"], found ["1"])");
  CHECK(update(R"([["1","2","3"]])") ==
        R"(OrderBookUpdate.bids_delta[0]: expected ["price","quantity"], found ["1","2","3"])");
  CHECK(update(R"([[]])") ==
        R"(OrderBookUpdate.bids_delta[0]: expected ["price","quantity"], found [])");
  CHECK(update(R"([1])") ==
        R"(OrderBookUpdate.bids_delta[0]: expected ["price","quantity"], found 1)");
  CHECK(update(R"([["1","2"])").starts_with("OrderBookUpdate.bids_delta[1]: expected ["));
  CHECK(update(R"([["1","2"] ["1","2"]])").ends_with("expected ',' or ']'"));
  CHECK(Refused(PayloadKind::kRiskExposureUpdate, R"({"greeks":{"delta":1},"underlyings":[]})") ==
        "RiskExposureUpdate.greeks.delta: expected a decimal in a string, found 1");
  CHECK(Refused(PayloadKind::kRiskExposureUpdate,
                "{\"greeks\":{\"a\\u001b\\n\\u009b\":1},\"underlyings\":[]}") ==
        "RiskExposureUpdate.greeks.a???: expected a decimal in a string, found 1");
  CHECK(Refused(PayloadKind::kRiskExposureUpdate,
                "{\"greeks\":[\n\t1,\"\x7f\"],\"underlyings\":[]}") ==
        "RiskExposureUpdate.greeks: expected an object of decimals in strings, found [??1,\"?\"]");
  CHECK(Refused(PayloadKind::kRiskExposureUpdate, R"({"greeks":{},"underlyings":["a",1]})") ==
        "RiskExposureUpdate.underlyings[1]: expected a string, found 1");
}

// Pins EV-53.
TEST_CASE("a list of more than 65536 items is refused, whatever its type") {
  const auto list = [](std::size_t items, const auto& item) {
    std::string text;
    for (std::size_t i = 0; i < items; ++i) text.append(i == 0 ? "" : ",").append(item(i));
    return text;
  };
  const auto texts = [&](std::size_t items) {
    return R"({"greeks":{},"underlyings":[)" +
           list(items, [](std::size_t) { return std::string("\"\""); }) + "]}";
  };
  const auto decimals = [&](std::size_t items) {
    return R"({"underlyings":[],"greeks":{)" +
           list(items, [](std::size_t i) { return '"' + std::to_string(i) + "\":\"1\""; }) + "}}";
  };
  const auto levels = [&](std::size_t items) {
    return R"({"asks":[],"state":"live","last_update_id":1,)"
           R"("snapshot_at":"2023-03-31T15:12:00Z","bids":[)" +
           list(items, [](std::size_t) { return std::string("[\"1\",\"1\"]"); }) + "]}";
  };
  CHECK(CheckPayload(PayloadKind::kRiskExposureUpdate, texts(65'536)).ok());
  CHECK(Refused(PayloadKind::kRiskExposureUpdate, texts(65'537)) ==
        "RiskExposureUpdate.underlyings[65536]: expected at most 65536 items, found \"\"");
  CHECK(CheckPayload(PayloadKind::kRiskExposureUpdate, decimals(65'536)).ok());
  CHECK(Refused(PayloadKind::kRiskExposureUpdate, decimals(65'537)) ==
        "RiskExposureUpdate.greeks.65536: expected at most 65536 items, found \"1\"");
  CHECK(CheckPayload(PayloadKind::kOrderBookSnapshot, levels(65'536)).ok());
  CHECK(Refused(PayloadKind::kOrderBookSnapshot, levels(65'537))
            .find("bids[65536]: expected at most 65536 items") != std::string::npos);
}

// Pins EV-48.
TEST_CASE("what is no JSON object is refused with the place of the fault") {
  const auto refused = [](std::string_view text) { return Refused(PayloadKind::kMarkPrice, text); };
  CHECK(refused("") ==
        "MarkPrice: expected JSON, found a fault at byte 0: the text ends too early");
  CHECK(refused("[1]") == "MarkPrice: expected a JSON object, found [1]");
  CHECK(refused("null") == "MarkPrice: expected a JSON object, found null");
  CHECK(refused(R"({"mark_price":"1"} x)") ==
        "MarkPrice: expected JSON, found a fault at byte 19: expected the end of the text");
  CHECK(refused(R"({"mark_price":"1",})").find("byte 18") != std::string::npos);
  CHECK(refused(R"({"mark_price":"1" "x":1})").find("expected ',' or '}'") != std::string::npos);
  CHECK(refused("{\"x\":\"\x01\",\"mark_price\":\"1\"}").find("byte 6") != std::string::npos);
  CHECK(refused("{\"x\":nope,\"mark_price\":\"1\"}").find("fault at byte 5") != std::string::npos);
  const std::string_view whole = test::kPayloadSamples[4].json;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(Refused(PayloadKind::kTradeExecuted, whole.substr(0, size)) != "");
  }
}

// Pins EV-31, EV-50.
TEST_CASE("numbers keep their digits, and what no Decimal holds is out of range by name") {
  const auto mark = ReadPayload<MarkPrice>(R"({"mark_price":"007.500"})");
  REQUIRE(mark.ok());
  CHECK(mark->mark_price.ToString() == "007.500");
  const Status status =
      CheckPayload(PayloadKind::kMarkPrice, R"({"mark_price":"123456789012345678901.5"})");
  CHECK(status.code() == StatusCode::kOutOfRange);
  CHECK(
      status.message().starts_with("MarkPrice.mark_price: expected a decimal in a string, found "
                                   "\"123456789012345678901.5\": "));
  const auto id = [](std::string_view digits) {
    return CheckPayload(PayloadKind::kQuoteUpdate, "{\"update_id\":" + std::string(digits) + "}");
  };
  CHECK(id("9223372036854775807").ok());
  CHECK(id("-9223372036854775808").ok());
  for (const char* const wrong :
       {"9223372036854775808", "1.0", "1e2", "01", "-01", "+1", "\"1\""}) {
    CAPTURE(std::string(wrong));
    CHECK(id(wrong).code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("texts with escapes and any characters come back, what is no UTF-8 as U+FFFD") {
  InstrumentStatus status;
  for (const std::string& text :
       {std::string("plain"), std::string("\"\\/\b\f\n\r\t\x01\x7f"), std::string("\0", 1),
        std::string("\xc3\xa9 \xf0\x9f\x90\x84"), std::string()}) {
    status.reason = text;
    const std::string json = WritePayload(status);
    CHECK(detail::CheckJson(json).what == nullptr);
    CHECK(ReadPayload<InstrumentStatus>(json)->reason == text);
    CHECK(Json::parse(json).at("reason").get<std::string>() == text);
  }
  status.reason = "a\xff\xc3";
  CHECK(ReadPayload<InstrumentStatus>(WritePayload(status))->reason == "a\xef\xbf\xbd\xef\xbf\xbd");
  const auto escaped = ReadPayload<InstrumentStatus>(
      R"({"st\u0061te":"h\u0061lted","reason":"\ud83d\udc04\u00e9"})");
  REQUIRE(escaped.ok());
  CHECK(escaped->state == TradingState::kHalted);
  CHECK(escaped->reason == "\xf0\x9f\x90\x84\xc3\xa9");
}

// Pins EV-49.
TEST_CASE("reading into a used payload leaves nothing of the one before") {
  ForEachPayload([]<class T>(const test::PayloadSample& sample) {
    CAPTURE(std::string(sample.json));
    const PayloadInfo& info = PayloadInfoOf(T::kKind);
    Json bare = Json::parse(sample.json);
    for (const PayloadField& field : info.fields) {
      if (!field.required) bare.erase(std::string(field.name));
    }
    T used = ReadPayload<T>(sample.json).value();
    REQUIRE(ReadPayload(bare.dump(), used).ok());
    CHECK(used == ReadPayload<T>(bare.dump()).value());
    CHECK(WritePayload(used) == bare.dump());
  });
}

TEST_CASE("a payload is appended to what is there") {
  std::string json = "[";
  AppendPayload(json, MarkPrice());
  AppendPayload(json += ',', QuoteUpdate());
  CHECK(json == R"([{"mark_price":"0"},{})");
}

// Pins EV-47.
TEST_CASE("random payloads come back, also after another writer changed their looks") {
  const int rounds = test::Scaled(500);
  for (int seed = 0; seed < rounds; ++seed) {
    CAPTURE(seed);
    ForEachPayload([&]<class T>(const test::PayloadSample&) {
      test::RandomPayload random(static_cast<std::uint64_t>(seed));
      const T payload = random.Make<T>();
      const std::string json = WritePayload(payload);
      CAPTURE(json);
      REQUIRE(detail::CheckJson(json).what == nullptr);
      const Result<T> again = ReadPayload<T>(json);
      REQUIRE_MESSAGE(again.ok(), again.status().message());
      CHECK(*again == payload);
      CHECK(WritePayload(*again) == json);
      const Result<T> other = ReadPayload<T>(nlohmann::json::parse(json).dump(1));  // sorted
      REQUIRE_MESSAGE(other.ok(), other.status().message());
      CHECK(WritePayload(*other) == json);
    });
  }
}

// Pins EV-51.
TEST_CASE("a payload is found by the type of its event") {
  CHECK(AllPayloads().size() == kPayloadKinds);
  for (const PayloadInfo& info : AllPayloads()) {
    const std::string prefix =
        IsMarketKind(info.kind) ? "com.virtufin.exchange.binance-usdm." : "com.virtufin.";
    CHECK(FindPayload(prefix + std::string(info.type)) == &info);
    if (!info.open_type.empty()) CHECK(FindPayload(prefix + std::string(info.open_type)) == &info);
    CHECK(&PayloadInfoOf(info.kind) == &info);
  }
  for (const char* const other :
       {"", "com.virtufin.", "com.virtufin.exchange.", "com.virtufin.exchange.x.",
        "com.virtufin.exchange.x.trade", "com.virtufin.exchange..trade.executed",
        "com.virtufin.trade.executed", "com.virtufin.exchange.x.trading.order.filled",
        "com.example.trade.executed", "com.virtufin.workmanager.worker-created"}) {
    CAPTURE(std::string(other));
    CHECK(FindPayload(other) == nullptr);
  }
}

// Pins EV-51.
TEST_CASE("an event is checked as what its type says") {
  const auto event = [](std::string_view type, std::string_view json) {
    return CloudEvent::Builder()
        .Source("urn:com.virtufin:exchange:x")
        .Type(type)
        .Subject("instrument/A/B")
        .JsonData(json)
        .Build()
        .value();
  };
  const std::string_view type = "com.virtufin.exchange.x.mark.updated";
  CHECK(CheckPayload(event(type, R"({"mark_price":"1"})")).ok());
  CHECK(CheckPayload(event(type, R"({"mark_price":1})")).code() == StatusCode::kInvalidArgument);
  CHECK(CheckPayload(event("com.example.x", "{}")).code() == StatusCode::kNotFound);
  CHECK(SubjectId(event(type, "{}")) == "A/B");
}

TEST_CASE("a number that is no value of an enumeration has no name") {
  CHECK(SideName(Side::kSell) == "sell");
  CHECK(SideName(static_cast<Side>(9)).empty());
  CHECK(FeedStateName(FeedState::kDisconnected) == "disconnected");
}
