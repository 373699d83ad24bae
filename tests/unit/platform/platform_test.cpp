// The platform as a whole: options, life cycle, the direct gateway.
#include "virtufin/platform/platform.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "support/gate.hpp"
#include "support/scripted_engine.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::unique_ptr<Platform> Started(PlatformOptions options = {}) {
  if (options.executor.threads == 0) options.executor.threads = 2;
  auto platform = Platform::Create(std::move(options));
  REQUIRE(platform.ok());
  REQUIRE((*platform)->Start().ok());
  return std::move(*platform);
}

}  // namespace

// Pins CA-2.
TEST_CASE("every key of Keys can be set to its default, and numbers within what it says") {
  PlatformOptions options;
  const auto keys = PlatformOptions::Keys();
  CHECK(keys.size() >= 8);
  for (const auto& key : keys) {
    CAPTURE(key.name);
    CHECK(options.Set(key.name, key.default_value).ok());
    CHECK(!key.description.empty());
    const std::size_t between = key.values.find(" to ");
    if (between == std::string_view::npos) continue;
    PlatformOptions other;
    const std::string low(key.values.substr(0, between));
    const std::string high(key.values.substr(between + 4));
    CHECK(other.Set(key.name, low).ok());
    CHECK(other.Set(key.name, high).ok());
    for (const std::int64_t beyond : {std::stoll(low) - 1, std::stoll(high) + 1}) {
      const Status refused = other.Set(key.name, std::to_string(beyond));
      CHECK(refused.code() == StatusCode::kInvalidArgument);
      CHECK(refused.message().find(key.values) != std::string_view::npos);
    }
  }
  const PlatformOptions defaults;
  CHECK(options.executor.threads == defaults.executor.threads);
  CHECK(options.executor.blocking_after_ms == defaults.executor.blocking_after_ms);
  CHECK(options.executor.max_blocking_threads == defaults.executor.max_blocking_threads);
  CHECK(options.workmanager.stop_timeout_ms == defaults.workmanager.stop_timeout_ms);
  CHECK(options.workmanager.call_timeout_ms == defaults.workmanager.call_timeout_ms);
  CHECK(options.worker_environment == defaults.worker_environment);
  CHECK(options.pubsub_driver == defaults.pubsub_driver);
  CHECK(options.state_driver == defaults.state_driver);
  CHECK(options.state_path == defaults.state_path);
  CHECK(options.state_services == defaults.state_services);
}

// Pins CA-2, CA-3.
TEST_CASE("bad options say what was expected") {
  PlatformOptions options;
  CHECK(options.Set("no.such", "1").code() == StatusCode::kNotFound);
  const Status threads = options.Set("executor.threads", "many");
  CHECK(threads.code() == StatusCode::kInvalidArgument);
  CHECK(threads.message().find("'many'") != std::string_view::npos);
  CHECK(options.Set("executor.threads", "-1").code() == StatusCode::kInvalidArgument);
  CHECK(options.Set("worker.environment", "yes").code() == StatusCode::kInvalidArgument);
  CHECK(options.executor.threads == 0);
  REQUIRE(options.Set("pubsub.driver", "pigeon").ok());
  CHECK(Platform::Create(options).status().code() == StatusCode::kUnimplemented);
}

// Pins CA-2.
TEST_CASE("a number that Set would refuse is refused in the struct, too") {
  const auto refused = [](auto change, const char* expected) {
    PlatformOptions options;
    change(options);
    const auto platform = Platform::Create(options);
    REQUIRE_FALSE(platform.ok());
    CHECK(platform.status().code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(platform.status().message().find(expected) != std::string_view::npos,
                  platform.status().message());
  };
  refused([](auto& o) { o.executor.threads = -3; }, "executor.threads: expected a whole number");
  refused([](auto& o) { o.workmanager.call_timeout_ms = -5; },
          "workmanager.call_timeout_ms: expected a whole number from 0 to 86400000, found '-5'");
  refused([](auto& o) { o.workmanager.retry_base_delay_ms = -1; }, "workmanager.retry_delay_ms");
  refused([](auto& o) { o.code_max_bytes = SIZE_MAX; }, "workmanager.code.max_bytes");
}

// Pins CA-12.
TEST_CASE("a platform starts once, stops once and can be created again and again") {
  for (int i = 0; i < 50; ++i) {
    auto platform = Started();
    CHECK(platform->Start().code() == StatusCode::kFailedPrecondition);
    Collector<Message> seen;
    auto subscription =
        platform->bus().Subscribe("t", {}, [&](const Message& m, const DeliveryInfo&) {
          seen.Add(m);
          return Delivery::kSuccess;
        });
    REQUIRE(subscription.ok());
    CHECK(platform->bus().Publish(Message("t", Event("{}"))).ok());
    CHECK(seen.WaitFor(1).size() == 1);
    CHECK(platform->Stop(std::chrono::seconds(30)).ok());
    CHECK(platform->bus().Publish(Message("t", Event("{}"))).code() == StatusCode::kUnavailable);
  }
}

TEST_CASE("a deadline without end is no deadline that has passed") {
  auto platform = Started();
  CHECK(platform->Stop(std::chrono::milliseconds::max()).ok());
}

// Pins CA-12.
TEST_CASE("a platform that was never started stops and goes away") {
  auto platform = Platform::Create({});
  REQUIRE(platform.ok());
  CHECK((*platform)->Stop(std::chrono::seconds(1)).ok());
}

// Pins CA-13.
TEST_CASE("two platforms in one process do not see each other's events") {
  auto one = Started();
  auto two = Started();
  Collector<Message> seen;
  auto subscription = two->bus().Subscribe("t", {}, [&](const Message& m, const DeliveryInfo&) {
    seen.Add(m);
    return Delivery::kSuccess;
  });
  CHECK(one->bus().Publish(Message("t", Event("1"))).ok());
  CHECK(two->bus().Publish(Message("t", Event("2"))).ok());
  auto got = seen.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].event().data_text() == "2");
}

// Pins CA-14.
TEST_CASE("Stop from inside a callback is refused") {
  auto platform = Started();
  Collector<StatusCode> codes;
  auto subscription = platform->bus().Subscribe("t", {}, [&](const Message&, const DeliveryInfo&) {
    codes.Add(platform->Stop(std::chrono::seconds(1)).code());
    return Delivery::kSuccess;
  });
  CHECK(platform->bus().Publish(Message("t", Event("{}"))).ok());
  CHECK(codes.WaitFor(1) == std::vector<StatusCode>{StatusCode::kFailedPrecondition});
}

// Pins CA-14.
TEST_CASE("Stop names an inline handler that a foreign thread does not leave") {
  auto platform = Started();
  Gate inside;
  Gate leave;
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  options.name = "the endless one";
  auto subscription =
      platform->bus().Subscribe("t", options, [&](const Message&, const DeliveryInfo&) {
        inside.Open();
        (void)leave.Wait();
        return Delivery::kSuccess;
      });
  std::thread publisher([&] { (void)platform->bus().Publish(Message("t", Event("{}"))); });
  REQUIRE(inside.Wait());
  const Status status = platform->Stop(std::chrono::milliseconds(5));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK(status.message().find("the endless one") != std::string_view::npos);
  leave.Open();
  publisher.join();
}

// Pins CA-15.
TEST_CASE("PublishEvent of the direct gateway publishes the event unchanged") {
  auto platform = Started();
  Collector<Message> seen;
  auto subscription =
      platform->bus().Subscribe("out", {}, [&](const Message& m, const DeliveryInfo&) {
        seen.Add(m);
        return Delivery::kSuccess;
      });
  auto answer = platform->gateway().Invoke("virtufin.Pubsub", "PublishEvent", R"({
    "topic": "out",
    "cloudevent": {"id": "e-1", "source": "urn:test", "specVersion": "1.0", "type": "t",
      "attributes": {
        "subject": {"ceString": "order/7"},
        "time": {"ceTimestamp": "2026-11-22T09:30:00.123456789Z"},
        "datacontenttype": {"ceString": "application/json"},
        "flag": {"ceBoolean": true}, "count": {"ceInteger": -5}, "blob": {"ceBytes": "TWE="},
        "link": {"ceUri": "https://example.com/x"}, "at": {"ceTimestamp": "2026-11-22T09:30:00Z"}},
      "textData": "{\"a\":1.50}"}})");
  REQUIRE(answer.ok());
  CHECK(*answer == R"({"status":{"success":true}})");
  auto got = seen.WaitFor(1);
  REQUIRE(got.size() == 1);
  const CloudEvent& event = got[0].event();
  CHECK(event.id() == "e-1");
  CHECK(event.subject() == "order/7");
  CHECK(event.time_text() == "2026-11-22T09:30:00.123456789Z");
  CHECK(event.data_kind() == DataKind::kJson);
  CHECK(event.data_text() == "{\"a\":1.50}");
  CHECK(std::get<bool>(*event.FindExtension("flag")) == true);
  CHECK(std::get<std::int32_t>(*event.FindExtension("count")) == -5);
  CHECK(AsText(std::get<ByteView>(*event.FindExtension("blob"))) == "Ma");
  CHECK(std::get<Uri>(*event.FindExtension("link")).text == "https://example.com/x");
  CHECK(event.extension_count() == 5);
}

// Pins CA-16.
TEST_CASE("the direct gateway refuses what it cannot serve and says why") {
  auto platform = Started();
  auto ask = [&](std::string_view service, std::string_view method, std::string_view json) {
    return platform->gateway().Invoke(service, method, json).status();
  };
  const std::string_view pubsub = "virtufin.Pubsub";
  CHECK(ask("virtufin.Moon", "Land", "{}").code() == StatusCode::kUnimplemented);
  CHECK(ask(pubsub, "Unknown", "{}").code() == StatusCode::kUnimplemented);
  auto invalid = [&](std::string_view json, std::string_view part) {
    const Status status = ask(pubsub, "PublishEvent", json);
    CAPTURE(std::string(json));
    CAPTURE(std::string(status.message()));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().find(part) != std::string_view::npos);
  };
  invalid("not json", "JSON object");
  invalid("[]", "JSON object");
  invalid(R"({"cloudevent":{}})", "topic");
  invalid(R"({"topic":""})", "topic");
  invalid(R"({"topic":"t"})", "cloudevent");
  invalid(R"({"topic":"t","cloudevent":3})", "cloudevent");
  invalid(R"({"topic":"t","cloudevent":{"source":"s","type":"t"}})", "id");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","type":"t"}})", "source");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t","what":"x"}})", "what");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t","specVersion":"0.3"}})",
          "0.3");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t","binaryData":"*"}})",
          "base64");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t",
              "attributes":{"n":{"ceInteger":3000000000}}}})",
          "n");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t",
              "attributes":{"n":{"ceInteger":18446744073709551615}}}})",
          "n");
  invalid(R"({"topic":"t","cloudevent":{"id":"1","source":"s","type":"t",
              "attributes":{"datacontenttype":{"ceBoolean":true}}}})",
          "datacontenttype");
  invalid(R"({"topic":"t","surprise":1,"cloudevent":{}})", "surprise");
  invalid(std::string(1000, '['), "depth");
}
