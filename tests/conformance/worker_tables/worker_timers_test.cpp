// Timers of workers under a manual clock: order, numbers, what ends them.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "conformance/worker_tables/tables_fixture.hpp"
#include "support/scale.hpp"

using namespace virtufin;
using namespace virtufin::test;
using std::chrono::milliseconds;

namespace {

std::string Tick(std::string_view name, int count, std::string_view time, int missed = 0,
                 std::string_view clock = "") {
  return "timer " + std::string(name) + " " + std::to_string(count) + " " + std::to_string(missed) +
         " at " + std::string(time) + " " + std::string(clock);
}

}  // namespace

// Pins WA-53.
TEST_CASE("a timer's event comes between the events before and after it") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    std::vector<std::string> expected{"0\n0"};
    CHECK(worker.Ask("start once 5000000 0\nstart tick 2000000 3000000") == expected[0]);
    worker.Tell("", "first");
    worker.clock.Advance(milliseconds(11));
    worker.Tell("", "second");
    expected.emplace_back("event first");
    expected.push_back(Tick("tick", 1, "2023-11-14T22:13:20.002Z"));
    expected.push_back(Tick("once", 1, "2023-11-14T22:13:20.005Z"));
    expected.push_back(Tick("tick", 2, "2023-11-14T22:13:20.005Z"));
    expected.push_back(Tick("tick", 3, "2023-11-14T22:13:20.008Z"));
    expected.push_back(Tick("tick", 4, "2023-11-14T22:13:20.011Z"));
    expected.emplace_back("event second");
    CHECK(worker.Await(expected.size()) == expected);
  }
}

// Pins WA-53.
TEST_CASE("a timer that was cancelled does not come, nor what was on its way") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    std::vector<std::string> expected{"0\n0", "0", "0", "event last"};
    CHECK(worker.Ask("start gone 5000000 0\ncancel last") == expected[0]);
    CHECK(worker.Ask("start tick 1000000 1000000") == expected[1]);
    worker.Tell("cancel last");
    worker.clock.Advance(milliseconds(20));  // the cancel waits, or has just run
    worker.Tell("", "last");
    CHECK(worker.Await(expected.size()) == expected);
  }
}

// Pins WA-53.
TEST_CASE("a stopped worker gets no timer; what was due comes when it starts") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    std::vector<std::string> expected{"0\n0"};
    CHECK(worker.Ask("start once 5000000 0\nstart tick 1000000 2000000") == expected[0]);
    REQUIRE(worker.manager->Stop(worker.id).ok());
    worker.clock.Advance(milliseconds(8));  // tick at 1, 3, 5, 7
    CHECK(worker.Await(1) == expected);
    REQUIRE(worker.manager->Start(worker.id).ok());
    // What waited comes in the order of the timers' numbers, merged.
    expected.push_back(Tick("once", 1, "2023-11-14T22:13:20.005Z"));
    expected.push_back(Tick("tick", 4, "2023-11-14T22:13:20.007Z", 3));
    CHECK(worker.Await(3) == expected);
    worker.clock.Advance(milliseconds(1));
    expected.push_back(Tick("tick", 5, "2023-11-14T22:13:20.009Z"));
    CHECK(worker.Await(4) == expected);
  }
}

// Pins WA-53.
TEST_CASE("timers end with the code that started them") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    CHECK(worker.Ask("start once 5000000 0\nstart tick 1000000 1000000") == "0\n0");
    REQUIRE(worker.manager->LoadCode(worker.id, CodeOf(form)).ok());
    worker.clock.Advance(milliseconds(20));
    CHECK(worker.Ask("start new 1000000 0") == "0");
    worker.clock.Advance(milliseconds(1));
    const std::vector<std::string> expected{"0\n0", "0",
                                            Tick("new", 1, "2023-11-14T22:13:20.021Z")};
    CHECK(worker.Await(3) == expected);
    REQUIRE(worker.manager->Delete(worker.id).ok());
    worker.clock.Advance(milliseconds(20));
    CHECK(worker.Await(3) == expected);
  }
}

// Pins WA-53.
TEST_CASE("the timer of a replayed event tells the time of the replay") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    CHECK(worker.Ask("start t 1500000 0", "2020-09-13T12:26:40Z") == "0");
    worker.clock.Advance(milliseconds(2));
    CHECK(worker.Await(2)[1] == Tick("t", 1, "2020-09-13T12:26:40.001500Z", 0, "historical"));
  }
}

// Pins WA-53.
TEST_CASE("in a pool a timer comes to the instance that started it") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form, 30'000, {{"virtufin.instances", "3"}});
    std::set<std::string> expected;
    for (int i = 0; i < 8; ++i) {  // instances share events by subject
      worker.Tell("start t" + std::to_string(i) + " 1000000 0", std::to_string(i));
      expected.insert(Tick("t" + std::to_string(i), 1, "2023-11-14T22:13:20.001Z"));
    }
    CHECK(worker.Await(8) == std::vector<std::string>(8, "0"));
    worker.clock.Advance(milliseconds(1));
    const std::vector<std::string> all = worker.Await(16);
    CHECK(std::set<std::string>(all.begin() + 8, all.end()) == expected);
    worker.Tell("cancel last", "0");  // its instance has none left
    CHECK(worker.Await(17).back().starts_with("5 "));
  }
}

// Pins WA-53.
TEST_CASE("timers keep their order while events, stops and new code race with them") {
  TablesFixture worker(Form::kCpp);
  std::atomic<bool> done{false};
  std::thread time([&] {
    while (!done) worker.clock.Advance(std::chrono::microseconds(500));
  });
  std::thread events([&] {
    for (int i = 0; !done; ++i) {
      worker.Tell("start t" + std::to_string(i) + " 1000000 1000000\ncancel last\nstart o" +
                  std::to_string(i) + " 200000 0");
    }
  });
  for (int round = 0; round < Scaled(60); ++round) {
    worker.Tell("start tick" + std::to_string(round) + " 1000000 1000000");
    if (round % 3 == 0) {
      REQUIRE(worker.manager->LoadCode(worker.id, CodeOf(Form::kCpp)).ok());
    } else if (round % 3 == 1) {
      REQUIRE(worker.manager->Stop(worker.id).ok());
      REQUIRE(worker.manager->Start(worker.id).ok());
    }
  }
  REQUIRE(worker.manager->Delete(worker.id).ok());
  done = true;
  time.join();
  events.join();
  std::map<std::string, std::uint64_t> last;
  for (const std::string& entry : worker.Await(0)) {
    if (!entry.starts_with("timer ")) continue;
    const std::size_t name_end = entry.find(' ', 6);
    const std::string name = entry.substr(6, name_end - 6);
    const std::uint64_t count = std::stoull(entry.substr(name_end + 1));
    CHECK_MESSAGE(count > last[name], entry);
    CHECK_MESSAGE((name.starts_with("o") || name.starts_with("tick")), entry);  // t: cancelled
    last[name] = count;
  }
}
