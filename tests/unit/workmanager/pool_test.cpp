// Pools: one worker of several instances that share the events by subject.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "fixture.hpp"
#include "support/scale.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

struct Seen {
  const WorkerHost* instance;  // each load has a host of its own
  std::string subject;
  std::uint64_t number;
  std::string by;
};

ScriptedEngine::Script Record(Collector<Seen>& seen, std::string name = "") {
  return
      [&seen, name](const Message& m, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
        seen.Add({&host, std::string(m.event().subject()), NumberOf(m), name});
        done({});
      };
}

std::string Subject(std::uint64_t number) { return "instrument/" + std::to_string(number); }

const std::map<std::string, std::string> kPool = {{"virtufin.instances", "4"}};

}  // namespace

// Pins WM-36.
TEST_CASE("a pool shares events by subject, each subject in order, each event once") {
  ManagerFixture f(4);
  Collector<Seen> seen;
  f.Script("w", Record(seen));
  const std::string id = f.Run("w", {"in"}, kPool);
  REQUIRE(!id.empty());
  constexpr std::uint64_t kEvents = 2000;
  constexpr std::uint64_t kSubjects = 40;
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(i % kSubjects), i)).ok());
  }
  const auto got = seen.WaitFor(kEvents);
  REQUIRE(got.size() == kEvents);
  std::map<std::string, Seen> last;
  std::set<const WorkerHost*> instances;
  int wrong = 0;
  for (const Seen& each : got) {
    instances.insert(each.instance);
    if (const auto before = last.find(each.subject); before != last.end()) {
      wrong += before->second.instance != each.instance || before->second.number >= each.number;
    }
    last.insert_or_assign(each.subject, each);
  }
  CHECK(wrong == 0);
  CHECK(last.size() == kSubjects);
  CHECK(instances.size() == 4);
  CHECK(f.scripts->loads == 4);
  std::set<std::string> instance_ids;
  for (const WorkerIdentity& identity : f.scripts->identities) {
    CHECK(identity.worker_id == id);
    instance_ids.insert(identity.instance_id);
  }
  CHECK(instance_ids.size() == 4);
  CHECK(f.manager->Stop(id).ok());
  CHECK(f.manager->List().at(0).counters.calls == kEvents);
  CHECK(f.manager->Metrics().workers.at(0).instances == 4);
  CHECK(f.manager->Delete(id).ok());
  CHECK(f.scripts->unloads == 4);
}

// Pins WM-36.
TEST_CASE("an instance that hangs holds up its own subjects only, and is overdue") {
  ManagerFixture f(4, 30'000, nullptr, 40);
  Collector<Seen> seen;
  Gate leave;
  std::atomic<bool> hung{false};
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
    if (!hung.exchange(true)) CHECK(leave.Wait());
    seen.Add({&host, std::string(m.event().subject()), NumberOf(m), ""});
    done({});
  });
  REQUIRE(!f.Run("w", {"in"}, kPool).empty());
  REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(0), 0)).ok());
  while (!hung) std::this_thread::yield();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(i % 20), i)).ok());
  }
  while (!f.manager->List().at(0).degraded) std::this_thread::yield();
  CHECK(f.manager->List().at(0).counters.overdue == 1);
  const auto others = seen.WaitFor(50);  // three quarters of twenty subjects, about
  CHECK(others.size() >= 50);
  for (const Seen& each : others) CHECK(each.subject != Subject(0));
  leave.Open();
  const auto got = seen.WaitFor(101);
  CHECK(got.size() == 101);
}

// Pins WM-37.
TEST_CASE("no event of a pool is lost, doubled or reordered by swaps under load") {
  ManagerFixture f(4);
  Collector<Seen> seen;
  for (const char* name : {"v0", "v1", "v2"}) f.Script(name, Record(seen, name));
  const std::string id = f.Run("v0", {"in"}, kPool);
  REQUIRE(!id.empty());
  const auto events = static_cast<std::uint64_t>(Scaled(20'000));
  std::thread publisher([&] {
    for (std::uint64_t i = 0; i < events; ++i) {
      CHECK(f.bus.Publish(NumberedAbout("in", Subject(i % 16), i)).ok());
    }
  });
  const int swaps = Scaled(100);
  for (int i = 1; i <= swaps; ++i) {
    CHECK(f.manager->LoadCode(id, Code("v" + std::to_string(i % 3))).ok());
  }
  publisher.join();
  const auto got = seen.WaitFor(events);
  REQUIRE(got.size() == events);
  std::map<std::string, std::uint64_t> next;
  int wrong = 0;
  for (const Seen& each : got) {
    const auto first = std::stoull(each.subject.substr(each.subject.find('/') + 1));
    auto& expected = next.try_emplace(each.subject, first).first->second;
    wrong += each.number != expected;
    expected += 16;
  }
  CHECK(wrong == 0);
  CHECK(f.scripts->loads == 4 * (swaps + 1));
  CHECK(f.scripts->unloads == 4 * swaps);
}

// Pins WM-37.
TEST_CASE("a pool swaps as a whole: all instances, or none when one does not end its event") {
  ManagerFixture f(4, 100);
  Collector<Seen> seen;
  Collector<test::Done> hanging;
  f.Script("old",
           [&](const Message& m, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
             if (NumberOf(m) == 0) return hanging.Add(std::move(done));
             seen.Add({&host, std::string(m.event().subject()), NumberOf(m), "old"});
             done({});
           });
  f.Script("new", Record(seen, "new"));
  const std::string id = f.Run("old", {"in"}, kPool);
  REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(0), 0)).ok());
  REQUIRE(hanging.WaitFor(1).size() == 1);
  Collector<Status> swapped;
  f.manager->LoadCode(id, Code("new"), [&](Status status) { swapped.Add(std::move(status)); });
  for (std::uint64_t i = 1; i <= 40; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(i), i)).ok());
  }
  CHECK(swapped.WaitFor(1).at(0).code() == StatusCode::kDeadlineExceeded);
  hanging.Items().at(0)({});
  auto got = seen.WaitFor(40);
  REQUIRE(got.size() == 40);
  for (const Seen& each : got) CHECK(each.by == "old");
  CHECK(f.manager->LoadCode(id, Code("new")).ok());
  for (std::uint64_t i = 41; i <= 80; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(i), i)).ok());
  }
  got = seen.WaitFor(80);
  REQUIRE(got.size() == 80);
  for (std::size_t i = 40; i < got.size(); ++i) CHECK(got[i].by == "new");
  CHECK(f.scripts->loads == 12);
  CHECK(f.scripts->unloads == 8);
}

// Pins WM-36.
TEST_CASE("a pool of which one instance does not load is not created, nor swapped") {
  ManagerFixture f;
  Collector<Seen> seen;
  f.Script("w", Record(seen, "w"));
  std::atomic<int> left{2};
  f.scripts->before_load = [&](const std::string&) {
    return left-- > 0 ? Status() : Status(StatusCode::kInvalidArgument, "test", "enough");
  };
  CreateWorkerRequest request = {.code = Code("w"), .topics = {"in"}, .config = kPool};
  CHECK(f.manager->Create(request).status().message() == "enough");
  CHECK(f.scripts->loads == 2);
  CHECK(f.scripts->unloads == 2);
  left = 6;
  const std::string id = f.Run("w", {"in"}, kPool);
  REQUIRE(!id.empty());
  CHECK(f.manager->LoadCode(id, Code("w")).code() == StatusCode::kInvalidArgument);
  CHECK(f.scripts->unloads == 4);
  REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(1), 1)).ok());
  CHECK(seen.WaitFor(1).size() == 1);
}

// Pins WM-36.
TEST_CASE("a stop of a pool waits for all its instances and abandons those that hang") {
  ManagerFixture f(4, 100);
  Collector<test::Done> dones;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    dones.Add(std::move(done));
  });
  const std::string id = f.Run("w", {"in"}, kPool);
  for (std::uint64_t i = 1; i <= 40; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", Subject(i), i)).ok());
  }
  REQUIRE(dones.WaitFor(4).size() == 4);
  Collector<Status> stopped;
  f.manager->Stop(id, [&](Status status) { stopped.Add(std::move(status)); });
  for (int i = 0; i < 3; ++i) dones.Items()[static_cast<std::size_t>(i)]({});
  CHECK(stopped.WaitFor(1).at(0).code() == StatusCode::kDeadlineExceeded);
  CHECK(f.scripts->abandoned == 1);
  CHECK(f.scripts->unloads == 4);
  CHECK(f.manager->List().at(0).counters.dropped == 36);
  dones.Items()[3]({});
  CHECK(f.manager->List().at(0).counters.discarded == 1);
  CHECK(f.manager->Start(id).ok());
  CHECK(f.scripts->loads == 8);
}

// Pins WM-36.
TEST_CASE("instances of a pool in a group are members of it, and a pool has 1 to 256") {
  ManagerFixture f(4);
  Collector<Seen> seen;
  f.Script("w", Record(seen));
  REQUIRE(!f.Run("w", {"in"}, {{"virtufin.instances", "2"}, {"virtufin.group", "g"}}).empty());
  REQUIRE(!f.Run("w", {"in"}, {{"virtufin.group", "g"}}).empty());
  for (std::uint64_t i = 0; i < 300; ++i) REQUIRE(f.bus.Publish(Numbered("in", i)).ok());
  const auto got = seen.WaitFor(300);
  std::set<std::uint64_t> numbers;
  for (const Seen& each : got) numbers.insert(each.number);
  CHECK(got.size() == 300);
  CHECK(numbers.size() == 300);
  for (const char* wrong : {"0", "257", "-1", "two", ""}) {
    CAPTURE(wrong);
    CreateWorkerRequest request = {.code = Code("w"), .topics = {"in"}};
    request.config["virtufin.instances"] = wrong;
    CHECK(f.manager->Create(request).status().code() == StatusCode::kInvalidArgument);
  }
}
