// virtufin.State as workers and applications reach it: JSON requests, change events, both drivers.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/gate.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

class Service {
 public:
  explicit Service(PlatformOptions options = {}) {
    options.executor.threads = 2;
    platform = Platform::Create(std::move(options)).value();
    REQUIRE(platform->Start().ok());
    watch = platform->bus()
                .Subscribe("state.change", {},
                           [this](const Message& message, const DeliveryInfo&) {
                             changes.Add(message);
                             return Delivery::kSuccess;
                           })
                .value();
  }

  Result<std::string> Ask(std::string_view method, std::string_view json) {
    return platform->gateway().Invoke("virtufin.State", method, json);
  }
  void CheckError(std::string_view method, std::string_view json, StatusCode code,
                  std::string_view part) {
    const Status status = Ask(method, json).status();
    CAPTURE(std::string(json));
    CAPTURE(status.ToString());
    CHECK(status.code() == code);
    CHECK(status.message().find(part) != std::string_view::npos);
  }

  Collector<Message> changes;
  std::unique_ptr<Platform> platform;
  Subscription watch;
};

/// The etag of an answer; they differ from run to run.
std::string EtagOf(const std::string& answer) {
  const std::string name = R"("etag":")";
  const std::size_t start = answer.find(name);
  if (start == answer.npos) return {};
  return answer.substr(start + name.size(),
                       answer.find('"', start + name.size()) - start - name.size());
}

}  // namespace

// Pins ST-24.
TEST_CASE("a record is saved, read, guarded by its etag and deleted through the gateway") {
  Service service;
  auto saved =
      service.Ask("SaveState", R"({"service":"workmanager","key":"k","value":"{\"a\":1}"})");
  REQUIRE(saved.ok());
  const std::string etag = EtagOf(*saved);
  CHECK(*saved == R"({"etag":")" + etag + R"(","status":{"success":true}})");
  CHECK(service.platform->state().Get("workmanager", "k")->etag == etag);
  CHECK(*service.Ask("GetState", R"({"service":"workmanager","key":"k"})") ==
        R"({"etag":")" + etag + R"(","key":"k","value":"{\"a\":1}"})");

  auto second = service.Ask(
      "SaveState", R"({"service":"workmanager","key":"k","value":"2","etag":")" + etag + "\"}");
  REQUIRE(second.ok());
  CHECK(EtagOf(*second) != etag);
  const std::string stale = R"({"service":"workmanager","key":"k","etag":")" + etag + "\"}";
  service.CheckError("SaveState", stale, StatusCode::kAborted, "etag");
  service.CheckError("DeleteState", stale, StatusCode::kAborted, "etag");
  service.CheckError("SaveState", R"({"service":"workmanager","key":"k","create_only":true})",
                     StatusCode::kAlreadyExists, "'k'");
  CHECK(*service.Ask("DeleteState", R"({"service":"workmanager","key":"k"})") ==
        R"({"status":{"success":true}})");
  service.CheckError("GetState", R"({"service":"workmanager","key":"k"})", StatusCode::kNotFound,
                     "'k'");
  CHECK(service.changes.Items().empty());  // only on request
}

// Pins ST-24.
TEST_CASE("both spellings of a field are read, and numbers as text") {
  ManualClock clock{Timestamp::FromUnixMillis(1'700'000'000'000)};
  PlatformOptions options;
  options.clock = &clock;
  Service service(options);
  REQUIRE(service
              .Ask("SaveState", R"({"service":"statestore","key":"a","createOnly":true,
                                       "ttlSeconds":"10","value":null})")
              .ok());
  REQUIRE(service
              .Ask("SaveState", R"({"service":"statestore","key":"b","create_only":false,
                                       "ttl_seconds":20})")
              .ok());
  CHECK(service.platform->state().Get("statestore", "a")->value.empty());
  clock.Advance(std::chrono::seconds(10));
  service.CheckError("GetState", R"({"service":"statestore","key":"a"})", StatusCode::kNotFound,
                     "");
  CHECK(service.Ask("GetState", R"({"service":"statestore","key":"b"})").ok());
  service.CheckError("SaveState", R"({"service":"statestore","key":"a","createOnly":true,
                                      "create_only":true})",
                     StatusCode::kInvalidArgument, "create_only");
}

// Pins ST-24.
TEST_CASE("a query and bulk calls answer items, a token and a count") {
  Service service;
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(
        service.platform->state()
            .Set("websocketmanager", "c" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}")
            .ok());
  }
  auto page = service.Ask("QueryState", R"({"service":"websocketmanager","limit":1,
      "query":"{\"filter\":{\"GT\":{\"n\":1}}}"})");
  REQUIRE(page.ok());
  CHECK(page->find(R"("key":"c2","value":"{\"n\":2}")") != std::string::npos);
  CHECK(page->find(R"("c3")") == std::string::npos);  // etags are random
  const std::size_t token = page->find(R"("token":")");
  REQUIRE(token != std::string::npos);
  const std::string place = page->substr(token + 9, page->find('"', token + 9) - token - 9);
  page = service.Ask("QueryState", R"({"service":"websocketmanager","query":
      "{\"filter\":{\"GT\":{\"n\":1}},\"page\":{\"token\":\")" +
                                       place + R"(\"}}"})");
  REQUIRE(page.ok());
  CHECK(page->find("c3") != std::string::npos);
  CHECK(page->find("token") == std::string::npos);
  CHECK(*service.Ask("QueryState", R"({"service":"workmanager"})") == "{}");
  service.CheckError("QueryState", R"({"service":"workmanager","query":"{\"filter\":[]}"})",
                     StatusCode::kInvalidArgument, "filter");

  auto bulk =
      service.Ask("GetBulkState", R"({"service":"websocketmanager","keys":["c3","x","c1"]})");
  REQUIRE(bulk.ok());
  CHECK(bulk->find(R"("key":"c3")") < bulk->find(R"("key":"c1")"));  // etags are random
  CHECK(*service.Ask("DeleteBulkState", R"({"service":"websocketmanager","keys":["c3","x","c1"],
                                            "publishChange":true})") ==
        R"({"status":{"message":"Deleted 2/3 keys","success":true}})");
  const auto changes = service.changes.WaitFor(1);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].event().type() == "com.virtufin.api.state-deleted");
  CHECK(changes[0].event().data_text() ==
        R"({"action":"deleted","keys":["c3","c1"],"service":"websocketmanager"})");
}

// Pins ST-25.
TEST_CASE("a change is published on request, after the write, with the value when asked") {
  Service service;
  const auto saved = [&](std::string_view rest) {
    auto answer = service.Ask("SaveState", R"({"service":"workmanager","publish_change":true,)" +
                                               std::string(rest) + "}");
    REQUIRE(answer.ok());
    return EtagOf(*answer);
  };
  const std::string first = saved(R"("key":"k","value":"{\"a\":1}")");
  const std::string second = saved(R"("key":"k","value":"two","include_value":true)");
  REQUIRE(service
              .Ask("DeleteState", R"({"service":"workmanager","key":"k","publishChange":true,
                                      "includeValue":true})")
              .ok());
  REQUIRE(service.Ask("DeleteState", R"({"service":"workmanager","key":"k","publishChange":true})")
              .ok());  // nothing changed
  service.CheckError("SaveState", R"({"service":"workmanager","key":"k","etag":"x",
                                      "publish_change":true})",
                     StatusCode::kAborted, "etag");
  const std::string last = saved(R"("key":"l","include_value":true)");
  const auto changes = service.changes.WaitFor(4);
  REQUIRE(changes.size() == 4);
  const std::string data[] = {
      R"({"action":"saved","etag":")" + first + R"(","key":"k","service":"workmanager"})",
      R"({"action":"saved","etag":")" + second +
          R"(","key":"k","service":"workmanager","value":"two"})",
      R"({"action":"deleted","key":"k","service":"workmanager","value":"two"})",
      R"({"action":"saved","etag":")" + last +
          R"(","key":"l","service":"workmanager","value":""})"};
  for (std::size_t i = 0; i < 4; ++i) {
    const CloudEvent& event = changes[i].event();
    CHECK(event.data_text() == data[i]);
    CHECK(event.source() == "urn:com.virtufin:api");
    CHECK(event.type() ==
          (i == 2 ? "com.virtufin.api.state-deleted" : "com.virtufin.api.state-saved"));
    CHECK(event.data_content_type() == "application/json");
    CHECK(!event.time_text().empty());
  }
  CHECK(changes[0].event().id() != changes[1].event().id());
}

// Pins ST-25.
TEST_CASE("a change that cannot be published is told, and stays made") {
  Service service;
  REQUIRE(service.platform->Stop(std::chrono::seconds(30)).ok());
  auto saved = service.Ask(
      "SaveState", R"({"service":"workmanager","key":"k","value":"v","publish_change":true})");
  REQUIRE(saved.ok());
  CHECK(saved->find("not published: UNAVAILABLE") != std::string::npos);
  CHECK(service.platform->state().Get("workmanager", "k")->value == "v");
}

// Pins ST-26.
TEST_CASE("a request that is wrong is refused and names the field") {
  PlatformOptions options;
  REQUIRE(options.Set("state.services", "pricing,,risk").ok());
  Service service(options);
  CHECK(service.Ask("SaveState", R"({"service":"pricing","key":"k"})").ok());
  CHECK(service.Ask("SaveState", R"({"service":"risk","key":"k"})").ok());
  const auto invalid = [&](std::string_view method, std::string_view json, std::string_view part) {
    service.CheckError(method, json, StatusCode::kInvalidArgument, part);
  };
  invalid("SaveState", "nothing", "JSON object");
  invalid("SaveState", std::string(1000, '['), "depth");
  invalid("SaveState", R"({"service":"ris","key":"k"})",
          "websocketmanager, statestore, pricing, risk");
  invalid("SaveState", R"({"service":"Workmanager","key":"k"})", "'Workmanager'");
  invalid("GetState", R"({"key":"k"})", "service");
  invalid("GetState", R"({"service":"workmanager"})", "key");
  invalid("GetState", R"({"service":"workmanager","key":"k","etag":"x"})", "found etag");
  invalid("SaveState", R"({"service":"workmanager","key":"k","value":{"a":1}})",
          "value: expected text");
  invalid("SaveState", R"({"service":"workmanager","key":"k","ttl_seconds":-1})", "ttl_seconds");
  invalid("SaveState", R"({"service":"workmanager","key":"k","ttl_seconds":"1s"})", "ttl_seconds");
  invalid("SaveState", R"({"service":"workmanager","key":"k","publish_change":1})",
          "publish_change");
  invalid("SaveState", R"({"service":"workmanager","key":"k","etag":"x","create_only":true})",
          "etag");
  invalid("QueryState", R"({"service":"workmanager","limit":4294967296})", "limit");
  invalid("GetBulkState", R"({"service":"workmanager","keys":"k"})", "keys");
  invalid("GetBulkState", R"({"service":"workmanager","keys":["k",1]})", "keys");
  invalid("DeleteBulkState", R"({"service":"workmanager","keys":[""]})", "key");
  service.CheckError("GetAllState", "{}", StatusCode::kUnimplemented, "QueryState");
}

// Pins ST-26.
TEST_CASE("a record that is no text is not given out as JSON") {
  Service service;
  REQUIRE(service.platform->state().Set("workmanager", "k", "\xff\x00").ok());
  service.CheckError("GetState", R"({"service":"workmanager","key":"k"})",
                     StatusCode::kFailedPrecondition, "UTF-8");
  service.CheckError("QueryState", R"({"service":"workmanager"})", StatusCode::kFailedPrecondition,
                     "UTF-8");
  CHECK(service.Ask("DeleteState", R"({"service":"workmanager","key":"k"})").ok());
}

// Pins ST-28.
TEST_CASE("the live scenario is there from the start, once") {
  ManualClock clock{Timestamp()};
  const std::shared_ptr<StateStore> store = MakeMemoryStore(clock);
  REQUIRE(store->Set("statestore", "scenario.index", R"(["LIVE","STRESS"])").ok());
  for (int round = 0; round < 2; ++round) {
    PlatformOptions options;
    options.state = store;
    Service service(options);
    CHECK(&service.platform->state() == store.get());
    auto live = service.Ask("GetState", R"({"service":"statestore","key":"scenario.LIVE"})");
    REQUIRE(live.ok());
    CHECK(live->find(R"(\"scenarioName\":\"LIVE\")") != std::string::npos);
    CHECK(store->Get("statestore", "scenario.index")->value == R"(["LIVE","STRESS"])");
    if (round == 0)
      REQUIRE(
          store->Set("statestore", "scenario.LIVE", R"({"scenarioName":"LIVE","mine":1})").ok());
    if (round == 1) CHECK(live->find("mine") != std::string::npos);
  }
}

// Pins CA-3, ST-28.
TEST_CASE("the state driver is chosen by options") {
  TemporaryFolder folder;
  PlatformOptions options;
  REQUIRE(options.Set("state.driver", "abacus").ok());
  CHECK(Platform::Create(options).status().code() == StatusCode::kUnimplemented);
  REQUIRE(options.Set("state.driver", "sqlite").ok());
  const Status missing = Platform::Create(options).status();
  if (missing.code() == StatusCode::kUnimplemented) return;  // built without SQLite
  CHECK(missing.code() == StatusCode::kInvalidArgument);
  CHECK(missing.message().find("state.path") != std::string_view::npos);
  REQUIRE(options.Set("state.path", folder / "no/such").ok());
  CHECK(Platform::Create(options).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(options.Set("state.path", folder / "state.db").ok());
  for (int round = 0; round < 2; ++round) {
    Service service(options);
    const auto kept = service.platform->state().Get("workmanager", "k");
    CHECK(kept.ok() == (round == 1));
    REQUIRE(service.Ask("SaveState", R"({"service":"workmanager","key":"k","value":"v"})").ok());
  }
}
