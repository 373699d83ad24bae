// The extension tables: one list of cases in process, through a library in C and one in C++.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "conformance/worker_tables/tables_fixture.hpp"
#include "virtufin/virtufin_worker_api_c.h"

using namespace virtufin;
using namespace virtufin::test;

namespace {

struct Row {
  std::string commands;
  std::string answer;  // all of it; with a last '*' how it begins
  std::string historical_time = {};
};

// In order: later rows see what earlier ones wrote.
std::vector<Row> Table() {
  const std::string long_key(1025, 'k');
  const std::string long_name(257, 'n');
  std::string timers;
  std::string zeros;
  for (int i = 0; i < 1024; ++i) {
    timers += "start t 1000000000 0\n";
    zeros += "0\n";
  }
  const std::string no_topic = "3 topic: expected text of 1 to 65535 bytes, found ";
  return {
      {"publish out a", "0"},
      {"publish_from_thread out b", "0"},
      {"publish", no_topic + "an empty one"},
      {"publish \xff", no_topic + "bytes that are no UTF-8"},
      {"publish nobody.listens x", "0"},
      {"get none", "5 *"},
      {"set k v", "0"},
      {"get k", "0 v"},
      {"set k w new", "6 *"},
      {"set k w other", "10 *"},
      {"set k w last", "0"},
      {"get k", "0 w"},
      {"set n new new", "0"},
      {"get n", "0 new"},
      {"delete k other", "10 *"},
      {"get k\ndelete k last", "0 w\n0 yes"},
      {"delete k", "0 no"},
      {"delete k other", "10 *"},
      {"set k again last", "10 *"},
      {"get ", "3 *"},
      {"get " + long_key, "3 *"},
      {"set " + long_key + " v", "3 *"},
      {"delete " + long_key, "3 *"},
      {"now", "0 1700000000.0"},
      {"now", "0 1600000000.500000000 historical", "2020-09-13T12:26:40.5Z"},
      {"now", "0 -1.999999999 historical", "1969-12-31T23:59:59.999999999Z"},
      {"left", "0 some"},
      {"start t -1 0", "3 timer: expected a delay from 0 ns to a hundred years, found -1 ns"},
      {"start t 9000000000000000000 0", "3 *"},
      {"start t 0 999999", "3 timer: expected a period from 1000000 ns *"},
      {"start t 0 -5", "3 *"},
      {"start " + long_name + " 5 0", "3 timer: expected a name of at most 256 bytes, found 257"},
      {"start a\tb 5 0", "3 timer: expected a name of UTF-8 without control characters, *"},
      {"cancel 77", "5 timer: there is none of number 77"},
      {"start t 5000000 0\ncancel last\ncancel last", "0\n0\n5 *"},
      {timers + "start t 5 0", zeros + "8 timer: the worker has 1024 already"},
  };
}

bool Fits(const std::string& answer, const std::string& expected) {
  if (!expected.ends_with('*')) return answer == expected;
  return answer.starts_with(expected.substr(0, expected.size() - 1));
}

}  // namespace

// Pins WA-50, WA-51, WA-52, WA-53, SDK-60.
TEST_CASE("the tables answer alike in process, to a worker in C and to one in C++") {
  std::vector<std::vector<std::string>> answers;
  for (const Form form : kForms) {
    TablesFixture worker(form);
    auto& own = answers.emplace_back();
    for (const Row& row : Table()) {
      own.push_back(worker.Ask(row.commands, row.historical_time));
      CHECK_MESSAGE(Fits(own.back(), row.answer), NameOf(form), ": ", row.commands.substr(0, 60),
                    " -> ", own.back(), ", expected ", row.answer);
    }
  }
  CHECK(answers[0] == answers[1]);
  CHECK(answers[0] == answers[2]);
}

// Pins SDK-60.
TEST_CASE("a worker in every form knows who it is, its topics and its config") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form, 30'000, {{"pair", "BTCUSDT"}, {"depth", "5"}});
    const std::string answer = worker.Ask("info");
    CHECK(answer.starts_with("0 " + worker.id + " in "));
    CHECK(answer.ends_with(" of " VIRTUFIN_VERSION_TEXT " in depth=5 pair=BTCUSDT"));
    CHECK(answer.find(" in  of ") == std::string::npos);
  }
}

TEST_CASE("a log line of a worker is one line, whatever is in it") {
  for (const Form form : {Form::kInProcess, Form::kCpp}) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    CHECK(worker.Ask("log") == "0");
    CHECK(worker.log.Has("worker " + worker.id + ": one two  three"));
  }
}

// Pins WA-50.
TEST_CASE("what a call publishes comes in order and before its reply, from a thread too") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form);
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
      const std::string n = std::to_string(i);
      worker.Tell("publish out a" + n + "\npublish_from_thread out b" + n + "\npublish out c" + n);
      for (const char* part : {"a", "b", "c"}) expected.push_back("published " + (part + n));
      expected.push_back("0\n0\n0");
    }
    CHECK(worker.Await(expected.size()) == expected);
  }
}

// Pins WA-51.
TEST_CASE("records lie under the service that the configuration names") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form, 30'000, {{"stateservice", "desk"}});
    CHECK(worker.Ask("set k v") == "0");
    CHECK(worker.state->Get("desk", "k")->value == "v");
    CHECK(worker.state->Get("workmanager", "k").status().code() == StatusCode::kNotFound);
  }
}

// Pins WA-52.
TEST_CASE("without a limit on calls there is no deadline") {
  for (const Form form : kForms) {
    CAPTURE(NameOf(form));
    TablesFixture worker(form, 0);
    CHECK(worker.Ask("left") == "0 no limit");
  }
}

// Pins WA-54.
TEST_CASE("what no worker should pass gives codes") {
  TablesFixture worker(Form::kC);
  CHECK(worker.Ask("hostile") == "3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 0 3 3 3 3 3 3 3 3 5 5 0 0");
  CHECK(worker.Ask("publish out a") == "0");
}

// Pins WA-54.
TEST_CASE("tables serve between calls from any thread, and refuse after Shutdown") {
  TablesFixture worker(Form::kC);
  const auto* const host =
      reinterpret_cast<const VirtufinHost*>(std::stoull(worker.Ask("address")));
  const VirtufinState1* const state = virtufin_state(host);
  const VirtufinClock1* const clock = virtufin_clock(host);
  const VirtufinTimer1* const timer = virtufin_timer(host);
  const VirtufinPublish1* const bus = virtufin_publish(host);
  void* const ctx = host->engine_ptr;
  const std::uint8_t value[] = {'v'};
  VirtufinTime1 now{};
  std::int64_t left = 0;
  CHECK(state->set(ctx, "k", value, 1, nullptr, nullptr, nullptr) == 0);
  CHECK(clock->now(ctx, &now) == 0);
  CHECK(now.seconds == 1'700'000'000);
  CHECK(clock->time_left(ctx, &left) == 0);
  CHECK(left == INT64_MAX);
  CHECK(timer->start(ctx, "t", 5, 0, nullptr, nullptr) == 0);

  REQUIRE(worker.manager->Delete(worker.id).ok());
  const auto stray = GetNativeCounters().stray_callbacks;
  char* error = nullptr;
  CHECK(state->set(ctx, "k", value, 1, nullptr, nullptr, &error) == 9);
  REQUIRE(error != nullptr);
  CHECK(std::string(error) == "this worker has been shut down");
  host->free_response(ctx, reinterpret_cast<std::uint8_t*>(error));
  CHECK(state->get(ctx, "k", nullptr, nullptr, nullptr, nullptr) == 9);
  CHECK(state->remove(ctx, "k", nullptr, nullptr, nullptr) == 9);
  CHECK(clock->now(ctx, &now) == 9);
  CHECK(clock->time_left(ctx, &left) == 9);
  CHECK(timer->start(ctx, "t", 5, 0, nullptr, nullptr) == 9);
  CHECK(timer->cancel(ctx, 1, nullptr) == 9);
  CHECK(bus->publish(ctx, "out", value, 1, nullptr) == 9);
  CHECK(GetNativeCounters().stray_callbacks == stray + 8);
  CHECK(virtufin_timer(host) == nullptr);
  CHECK(worker.state->Get("workmanager", "k")->value == "v");
}
