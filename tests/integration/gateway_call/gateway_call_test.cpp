// Native workers that call the platform's own services from every executor thread.
#include <doctest/doctest.h>

#include "support/bus.hpp"
#include "support/gate.hpp"
#include "support/scale.hpp"
#include "support/scripted_engine.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/workmanager/work_manager.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// What a worker asks for is done to that worker, from inside its own call.
class Manager final : public GatewayClient {
 public:
  Result<std::string> Invoke(std::string_view, std::string_view method, std::string_view) override {
    const auto done = [this](Status status) { answers.Add(std::move(status)); };
    if (method == "stop") manager->Stop(id, done);
    if (method == "delete") manager->Delete(id, done);
    if (method == "load") manager->LoadCode(id, Steward(), done);
    answered_inside = answered_inside || !answers.Items().empty();
    return std::string("{}");
  }
  static CodeSource Steward() {
    CodeSource code;
    code.mime_type = "application/x-native-dll";
    code.path = VIRTUFIN_STEWARD;
    return code;
  }

  WorkManager* manager = nullptr;
  std::string id;
  Collector<Status> answers;
  bool answered_inside = false;
};

}  // namespace

// Pins WM-9.
TEST_CASE("a native worker stops, deletes or replaces itself after its reply") {
  for (const char* what : {"stop", "delete", "load"}) {
    CAPTURE(what);
    Bus bus;
    EngineRegistry engines;
    REQUIRE(engines.Register(MakeNativeEngine()).ok());
    Manager gateway;
    WorkManager manager({}, {bus.runtime, *bus.broker, engines, &gateway});
    Collector<Message> replies;
    auto watch = bus.Subscribe("out", {}, [&](const Message& m, const DeliveryInfo&) {
      replies.Add(m);
      return Delivery::kSuccess;
    });
    const auto id = manager.Create({.code = Manager::Steward(), .topics = {"in"}});
    REQUIRE(id.ok());
    gateway.manager = &manager;
    gateway.id = *id;
    REQUIRE(manager.Start(*id).ok());
    REQUIRE(bus.broker->Publish(Message("in", Event("{}", {}, what))).ok());
    CHECK(replies.WaitFor(1).size() == 1);
    CHECK(gateway.answers.WaitFor(1).at(0).ok());
    CHECK_FALSE(gateway.answered_inside);
    const auto workers = manager.List();
    CHECK(workers.size() == (std::string_view(what) == "delete" ? 0 : 1));
    if (std::string_view(what) == "stop") CHECK(workers[0].status == WorkerStatus::kStopped);
    if (std::string_view(what) != "load") continue;
    REQUIRE(bus.broker->Publish(Message("in", Event("{}", {}, "nothing"))).ok());
    CHECK(replies.WaitFor(2).size() == 2);
  }
}

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
