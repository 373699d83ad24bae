// A platform over a store that outlives it has its workers again at the next start.
#include <doctest/doctest.h>

#include "support/scripted_engine.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// One life of an application whose engine knows the script "w".
std::unique_ptr<Platform> Life(const std::shared_ptr<StateStore>& store, bool recovers = true) {
  PlatformOptions options;
  options.executor.threads = 2;
  options.state = store;
  options.workmanager.recovery_on_start = recovers;
  auto platform = Platform::Create(std::move(options));
  REQUIRE(platform.ok());
  auto scripts = std::make_shared<ScriptedEngine::State>();
  scripts->scripts["w"] = ReplyWith("{}");
  REQUIRE((*platform)->engines().Register(std::make_unique<ScriptedEngine>(scripts)).ok());
  REQUIRE((*platform)->Start().ok());
  return std::move(*platform);
}

std::string Make(Platform& platform, bool ephemeral) {
  CreateWorkerRequest request;
  request.code = Code("w");
  request.topics = {"in"};
  request.ephemeral = ephemeral;
  auto id = platform.workers().Create(std::move(request));
  REQUIRE(id.ok());
  REQUIRE(platform.workers().Start(*id).ok());
  return *id;
}

}  // namespace

// Pins WM-54.
TEST_CASE("workers run again when Start has returned, ephemeral ones are gone") {
  const std::shared_ptr<StateStore> store = MakeMemoryStore(WallClock());
  std::string kept;
  {
    auto platform = Life(store);
    CHECK(platform->workers().Health().ready);
    kept = Make(*platform, false);
    Make(*platform, true);
    CHECK(platform->workers().List().size() == 2);
  }
  auto platform = Life(store);
  const auto workers = platform->workers().List();
  REQUIRE(workers.size() == 1);
  CHECK(workers[0].id == kept);
  CHECK(workers[0].status == WorkerStatus::kRunning);
}

// Pins WM-54.
TEST_CASE("without recovery at the start workers wait for Recover") {
  const std::shared_ptr<StateStore> store = MakeMemoryStore(WallClock());
  {
    auto platform = Life(store);
    Make(*platform, false);
  }
  auto platform = Life(store, false);
  CHECK(platform->workers().List().empty());
  CHECK(platform->workers().Health().ready);
  CHECK(*platform->workers().Recover() == 1);
  CHECK(platform->workers().List().size() == 1);
}

// Pins WM-54.
TEST_CASE("workers of the memory store have no records") {
  PlatformOptions options;
  options.executor.threads = 2;
  auto platform = Platform::Create(std::move(options));
  REQUIRE(platform.ok());
  auto scripts = std::make_shared<ScriptedEngine::State>();
  scripts->scripts["w"] = ReplyWith("{}");
  REQUIRE((*platform)->engines().Register(std::make_unique<ScriptedEngine>(scripts)).ok());
  REQUIRE((*platform)->Start().ok());
  Make(**platform, false);
  const auto records = (*platform)->state().Query("workmanager", "{}");
  REQUIRE(records.ok());
  CHECK(records->items.empty());
}
