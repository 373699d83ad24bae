// Workers that wait must not hold up what they wait for, nor each other.
#include <doctest/doctest.h>

#include <future>

#include "fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// A service that does its work on the executor, as a real one may: whoever calls it waits.
class PostingGateway final : public GatewayClient {
 public:
  Executor* executor = nullptr;
  Result<std::string> Invoke(std::string_view, std::string_view, std::string_view json) override {
    auto answer = std::make_shared<std::promise<std::string>>();
    auto future = answer->get_future();
    executor->Post([answer, text = std::string(json)] { answer->set_value("did " + text); });
    return future.get();
  }
};

}  // namespace

// Pins WM-15.
TEST_CASE("gateway_call from all executor threads at once ends") {
  PostingGateway gateway;
  ManagerFixture f(2, 30'000, &gateway);
  gateway.executor = &f.executor;
  constexpr int kWorkers = 8;
  constexpr int kEvents = 50;
  Collector<std::string> answers;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
    auto answer = host.GatewayCall("test.Service", "Do", m.event().data_text());
    answers.Add(answer.ok() ? *answer : answer.status().ToString());
    done({});
  });
  for (int i = 0; i < kWorkers; ++i) REQUIRE(!f.Run("w", {"in"}).empty());
  for (int i = 0; i < kEvents; ++i) REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  auto got = answers.WaitFor(kWorkers * kEvents);
  REQUIRE(got.size() == kWorkers * kEvents);
  CHECK(std::count(got.begin(), got.end(), "did 1") == kWorkers * kEvents);
}

// Pins WM-15.
TEST_CASE("a worker that hangs does not keep events from another on one thread") {
  Gate entered, leave;
  Collector<std::string> seen;
  ManagerFixture f(1);
  f.Script("hangs", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  f.Script("quick", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    seen.Add("quick");
    done({});
  });
  REQUIRE(!f.Run("hangs", {"a"}).empty());
  REQUIRE(!f.Run("quick", {"b"}).empty());
  REQUIRE(f.bus.Publish(Message("a", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  for (int i = 0; i < 10; ++i) REQUIRE(f.bus.Publish(Message("b", Event("{}"))).ok());
  CHECK(seen.WaitFor(10).size() == 10);
  leave.Open();
}

// Pins WM-16.
TEST_CASE("without a gateway a gateway_call is UNAVAILABLE") {
  Collector<StatusCode> codes;
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
    codes.Add(host.GatewayCall("s", "m", "{}").status().code());
    done({});
  });
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(codes.WaitFor(1) == std::vector<StatusCode>{StatusCode::kUnavailable});
}
