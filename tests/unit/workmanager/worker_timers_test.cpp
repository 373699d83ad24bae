// Timers of a worker that does not keep up, and that cannot be reached.
#include <doctest/doctest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/bus.hpp"
#include "workmanager/worker_timers.hpp"

using namespace virtufin;
using namespace virtufin::test;
using detail::WorkerTimers;
using std::chrono::milliseconds;

namespace {

struct Fixture {
  Fixture() {
    REQUIRE(executor.Start().ok());
    timers->Open(1);
    timers->Attach(1);
    // Attach looks, on the executor, for what was due before: a timer of a test is not to be that.
    std::promise<void> looked;
    executor.Post([&looked] { looked.set_value(); });
    looked.get_future().wait();
  }
  ~Fixture() { (void)executor.Stop(std::chrono::seconds(30)); }

  std::uint64_t Start(milliseconds delay, milliseconds period) {
    return timers->Start(1, {"t", delay, period}, {clock.Now(), false}).value();
  }
  void SetAnswer(Status status) {
    const std::lock_guard lock(mutex);
    answer = std::move(status);
  }
  std::vector<Message> Queue() {
    const std::lock_guard lock(mutex);
    return queue;
  }
  /// What is in the queue, which is empty then.
  std::vector<Message> Take() {
    const std::lock_guard lock(mutex);
    return std::exchange(queue, {});
  }
  void Await(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return queue.size() >= count; });
  }
  static std::uint64_t CountOf(const Message& message) {
    return message.event().ExtensionNumber("timercount").value();
  }
  static std::uint64_t MissedOf(const Message& message) {
    return message.event().ExtensionNumber("timermissed").value();
  }

  ManualClock clock{Timestamp::FromUnixMillis(1'700'000'000'000)};
  LogLines log;
  Executor executor{{.threads = 1}, clock, log};
  Runtime runtime{executor, clock, log};
  std::shared_ptr<WorkerTimers> timers =
      std::make_shared<WorkerTimers>("w", "n", runtime, [this](const Message& message) {
        const std::lock_guard lock(mutex);
        if (answer.ok()) queue.push_back(message);
        changed.notify_all();
        return answer;
      });

 private:
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Message> queue;
  Status answer;
};

}  // namespace

// Pins WA-53.
TEST_CASE("a worker that does not keep up gets ever fewer events of a timer, and none is hidden") {
  Fixture fixture;
  fixture.Start(milliseconds(1), milliseconds(1));
  fixture.clock.Advance(milliseconds(100'000));
  // 16 at once, then after 2, 4, 8 ... more.
  const std::vector<Message> first = fixture.Take();
  CHECK(first.size() >= 17);
  CHECK(first.size() < 16 + 20);
  std::uint64_t due = 0;
  for (const Message& message : first) {
    due += 1 + Fixture::MissedOf(message);
    CHECK(due == Fixture::CountOf(message));
  }
  // It catches up: the next one comes at its time and stands for all before it.
  for (const Message& message : first) CHECK(fixture.timers->Claim(message, 1, 1));
  const std::uint64_t before = Fixture::CountOf(first.back());
  fixture.clock.Advance(milliseconds(2));
  const std::vector<Message> next = fixture.Take();
  REQUIRE(next.size() == 2);
  CHECK(Fixture::CountOf(next[0]) == 100'001);
  CHECK(Fixture::MissedOf(next[0]) == 100'000 - before);
  CHECK(Fixture::MissedOf(next[1]) == 0);
}

// Pins WA-53.
TEST_CASE("a queue without room loses no one-shot timer and hides no event of another") {
  Fixture fixture;
  fixture.SetAnswer(Status(StatusCode::kResourceExhausted, "pubsub", "full"));
  const std::uint64_t once = fixture.Start(milliseconds(1), milliseconds(0));
  const std::uint64_t again = fixture.Start(milliseconds(1), milliseconds(2));
  fixture.clock.Advance(milliseconds(4));  // the second was due at 1 and 3
  CHECK(fixture.Queue().empty());
  fixture.SetAnswer({});
  fixture.clock.Advance(milliseconds(1));
  fixture.Await(2);  // the one-shot timer is tried again in real time
  std::vector<std::uint64_t> ids, missed;
  for (const Message& message : fixture.Queue()) {
    ids.push_back(message.event().ExtensionNumber("timerid").value());
    missed.push_back(Fixture::MissedOf(message));
  }
  const bool first = ids[0] == once;
  CHECK(ids == (first ? std::vector{once, again} : std::vector{again, once}));
  CHECK(missed[first ? 1 : 0] == 2);
}

// Pins WA-53.
TEST_CASE("the event of a timer that was cancelled is not tried again") {
  Fixture fixture;
  const std::uint64_t once = fixture.Start(milliseconds(1), milliseconds(0));
  const std::uint64_t again = fixture.Start(milliseconds(1), milliseconds(5));
  fixture.clock.Advance(milliseconds(1));
  const std::vector<Message> queue = fixture.Take();
  REQUIRE(queue.size() == 2);
  for (const Message& message : queue) {
    CHECK(fixture.timers->Claim(message, 1, 1));
    CHECK(fixture.timers->Claim(message, 1, 2));
  }
  CHECK(fixture.timers->Cancel(1, once).ok());
  CHECK(fixture.timers->Cancel(1, again).ok());
  for (const Message& message : queue) CHECK(!fixture.timers->Claim(message, 1, 3));
  CHECK(fixture.timers->Cancel(1, once).code() == StatusCode::kNotFound);
}

// Pins WA-53.
TEST_CASE("one-shot timers whose events arrived leave room for others") {
  Fixture fixture;
  std::vector<Message> arrived;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < kMaxTimers; ++i) fixture.Start(milliseconds(1), milliseconds(0));
    fixture.clock.Advance(milliseconds(1));
    for (const Message& message : fixture.Take()) {
      CHECK(fixture.timers->Claim(message, 1, 1));
      arrived.push_back(message);
    }
  }
  REQUIRE(arrived.size() == 3 * kMaxTimers);
  for (const Message& message : arrived) fixture.timers->Finish(message);
  fixture.timers->Attach(0);
  fixture.timers->Attach(1);  // what was claimed does not come again
  fixture.Start(milliseconds(1), milliseconds(0));
  fixture.clock.Advance(milliseconds(1));
  CHECK(fixture.Queue().size() == 1);
}

// Pins WA-53.
TEST_CASE("a timer's event is claimed once, by the load that started it") {
  Fixture fixture;
  fixture.Start(milliseconds(1), milliseconds(0));
  fixture.clock.Advance(milliseconds(1));
  const std::vector<Message> queue = fixture.Take();
  REQUIRE(queue.size() == 1);
  const Message& message = queue[0];
  CHECK(WorkerTimers::IsTimer(message));
  CHECK(!fixture.timers->Claim(message, 2, 1));
  CHECK(fixture.timers->Claim(message, 1, 1));
  CHECK(!fixture.timers->Claim(message, 1, 1));
  CHECK(fixture.timers->Claim(message, 1, 2));  // the same call, tried again
  CHECK(!fixture.timers->Claim(message, 2, 2));
  fixture.timers->Finish(message);
  CHECK(!fixture.timers->Claim(message, 1, 2));

  const Message letter(std::string(message.topic()) + "-dead", message.event());
  CHECK(!WorkerTimers::IsTimer(letter));  // for those who subscribe dead letters

  // One of another worker, which a group handed over.
  const Message foreign(std::string(WorkerTimers::kPrefix) + "other", message.event());
  CHECK(!fixture.timers->Claim(foreign, 1, 2));

  fixture.timers->Close(1);
  CHECK(fixture.timers->Start(1, {"t", {}, {}}, {}).status().code() ==
        StatusCode::kFailedPrecondition);
}
