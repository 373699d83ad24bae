// A platform for a replay: its time is the manual clock's, and nothing in it runs on another one.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/scripted_engine.hpp"
#include "virtufin/event/historical.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

const Timestamp kStart = Timestamp::FromUnixMillis(1'700'000'000'000);

}  // namespace

// Pins EX-114.
TEST_CASE("a platform for a replay has the clock's time, one order and no heartbeats") {
  ManualClock clock(kStart);
  PlatformOptions options = PlatformOptions::ForReplay(clock, "run-1");
  REQUIRE(Platform::Check(options).ok());
  auto platform = Platform::Create(std::move(options)).value();
  REQUIRE(platform->Start().ok());
  CHECK(&platform->clock() == &clock);
  CHECK(platform->executor().repeatable());

  auto scripts = std::make_shared<ScriptedEngine::State>();
  std::vector<std::string> times;
  // Longer than what is declared blocking elsewhere; it waits for nobody.
  scripts->scripts["slow"] = [&](const Message&, const ExtensionOverlay*, WorkerHost& host,
                                 const Done& done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    const HostTime time = host.Now().value();
    times.push_back(time.now.ToString() + (time.historical ? " historical" : ""));
    CHECK(!host.TimeLeft().value());
    done({Event("{}", {}, "said"), {}, false});
  };
  REQUIRE(platform->engines().Register(std::make_unique<ScriptedEngine>(scripts)).ok());
  std::vector<Message> said;
  std::vector<std::string> told;
  SubscribeOptions patterns;
  patterns.patterns = true;
  const auto everything =
      platform->bus().Subscribe(">", patterns, [&](const Message& message, const DeliveryInfo&) {
        if (message.topic() == "said") said.push_back(message);
        told.emplace_back(message.topic());
        return Delivery::kSuccess;
      });
  REQUIRE(everything.ok());
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-scripted";
  request.code.content = Code("slow").content;
  request.topics = {"in"};
  const std::string id = platform->workers().Create(std::move(request)).value();
  REQUIRE(platform->workers().Start(id).ok());

  clock.Advance(std::chrono::minutes(10));
  REQUIRE(platform->bus().Publish(Message("in", Event("{}"))).ok());
  // Publish returned: all of it is done.
  REQUIRE(said.size() == 1);
  CHECK(IsHistorical(said[0].event()));
  CHECK(said[0].event().time() == clock.Now());
  CHECK(times == std::vector<std::string>{clock.Now().ToString() + " historical"});
  for (const std::string& topic : told) CHECK(topic != "workmanager.infra.worker");
  CHECK(platform->executor().counters().threads == 1);
  REQUIRE(platform->Stop(std::chrono::seconds(30)).ok());
}
