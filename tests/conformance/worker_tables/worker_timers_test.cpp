// Timers of workers under a manual clock: order, numbers, what ends them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "conformance/worker_tables/tables_fixture.hpp"

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
