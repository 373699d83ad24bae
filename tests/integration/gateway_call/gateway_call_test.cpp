// Native workers that call the platform's own services from every executor thread.
#include <doctest/doctest.h>

#include "support/gate.hpp"
#include "support/scale.hpp"
#include "support/scripted_engine.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace virtufin::test;

// Pins WM-15.
TEST_CASE("gateway_call to the bus from more workers than executor threads ends") {
  PlatformOptions options;
  options.executor.threads = 2;
  auto platform = Platform::Create(options);
  REQUIRE(platform.ok());
  REQUIRE((*platform)->Start().ok());
  Collector<Message> seen;
  SubscribeOptions small;
  small.capacity = 8;  // publishers meet a full queue all the time; one place more for each of them
  small.block_timeout_ms = 60'000;
  auto watch =
      (*platform)->bus().Subscribe("out", small, [&](const Message& m, const DeliveryInfo&) {
        seen.Add(m);
        return Delivery::kSuccess;
      });
  REQUIRE(watch.ok());
  constexpr std::size_t kWorkers = 6;
  constexpr std::size_t kEvents = 200;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    CreateWorkerRequest request;
    request.code.mime_type = "application/x-nativedll";
    request.code.path = VIRTUFIN_PUBLISHER;
    request.topics = {"in"};
    auto id = (*platform)->workers().Create(std::move(request));
    REQUIRE(id.ok());
    REQUIRE((*platform)->workers().Start(*id).ok());
  }
  for (std::size_t i = 0; i < kEvents; ++i) {
    REQUIRE((*platform)->bus().Publish(Message("in", Event("{}"))).ok());
  }
  CHECK(seen.WaitFor(kWorkers * kEvents).size() == kWorkers * kEvents);
  const auto workers = (*platform)->workers().List();
  CHECK(workers.size() == kWorkers);
  for (const WorkerInfo& worker : workers) CHECK(worker.counters.failed == 0);
  CHECK((*platform)->Stop(std::chrono::seconds(30)).ok());
}

// Pins ST-27.
TEST_CASE("native workers that count in the state store by etag lose no event") {
  TemporaryFolder folder;
  for (const char* driver : {"memory", "sqlite"}) {
    CAPTURE(std::string(driver));
    PlatformOptions options;
    options.executor.threads = 2;
    options.state_driver = driver;
    options.state_path = folder / "state.db";
    auto platform = Platform::Create(options);
    if (platform.status().code() == StatusCode::kUnimplemented) continue;  // built without SQLite
    REQUIRE(platform.ok());
    REQUIRE((*platform)->Start().ok());
    REQUIRE((*platform)->state().Set("workmanager", "count", "0").ok());
    Collector<Message> saves;
    auto watch = (*platform)->bus().Subscribe("state.change", {},
                                              [&](const Message& m, const DeliveryInfo&) {
                                                saves.Add(m);
                                                return Delivery::kSuccess;
                                              });
    REQUIRE(watch.ok());
    constexpr std::size_t kWorkers = 4;
    const auto events = static_cast<std::size_t>(Scaled(50));
    for (std::size_t i = 0; i < kWorkers; ++i) {
      CreateWorkerRequest request;
      request.code.mime_type = "application/x-nativedll";
      request.code.path = VIRTUFIN_SAVER;
      request.topics = {"in"};
      auto id = (*platform)->workers().Create(std::move(request));
      REQUIRE(id.ok());
      REQUIRE((*platform)->workers().Start(*id).ok());
    }
    for (std::size_t i = 0; i < events; ++i) {
      REQUIRE((*platform)->bus().Publish(Message("in", Event("{}"))).ok());
    }
    CHECK(saves.WaitFor(kWorkers * events).size() == kWorkers * events);
    for (const WorkerInfo& worker : (*platform)->workers().List()) {
      CHECK(worker.counters.failed == 0);
    }
    CHECK((*platform)->state().Get("workmanager", "count")->value ==
          std::to_string(kWorkers * events));
    CHECK((*platform)->Stop(std::chrono::seconds(30)).ok());
  }
}
