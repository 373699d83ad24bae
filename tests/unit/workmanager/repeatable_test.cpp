// What workers say under a replay: ids and times that are the same in every one, and no id twice.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "unit/workmanager/fixture.hpp"
#include "virtufin/event/historical.hpp"
#include "workmanager/repeatable.hpp"

using namespace virtufin;
using namespace virtufin::test;
using detail::RepeatableNames;
using detail::RepeatableVoice;

namespace {

const Timestamp kNow = Timestamp::FromUnixMillis(1'700'000'000'000);
constexpr std::string_view kEventTime = "2026-01-02T03:04:05.006Z";

CloudEvent Cause(std::string_view id = "cause-1") {
  CloudEvent::Builder builder(Event(
      "{}", {{"clocktype", "historical"}, {"eventtime", kEventTime}, {"correlationid", "c-7"}}));
  return builder.Id(id).Build().value();
}

CodeSource Swap(const std::string& name) {
  CodeSource source;
  source.mime_type = "application/x-scripted";
  source.content = Code(name).content;
  return source;
}

bool HasVersion5(const CloudEvent& event) {
  Uuid id;
  return Uuid::TryParse(event.id(), id) && id.bytes[6] >> 4 == 5;
}

/// One replay of a manager: two workers of one kind that use what the host offers, with a swap of
/// code between; everything they said, in order.
std::vector<std::string> Replay(const std::string& run) {
  ManualClock clock(kNow);
  WorkManagerOptions options = ManagerFixture::Quick(30'000, 0);
  options.replay_run = run;
  options.heartbeat_interval_ms = 0;
  ManagerFixture fixture(options, clock, 1);
  const auto script = [](const Message& message, const ExtensionOverlay*, WorkerHost& host,
                         const Done& done) {
    if (message.event().type() == "t") {
      (void)host.StartTimer({"tick", std::chrono::milliseconds(10), {}});
      (void)host.Publish("said", Event("{}", {{"walltime", "2020-01-01T00:00:00Z"}}));
      (void)host.Publish("said", Event("{}"));
      return done({Event("{}", {{"publishtopic", "said"}}), {}, false});
    }
    (void)host.Publish("said", Event(R"({"timer":true})"));
    done({Event(R"({"timer":true})", {{"publishtopic", "said"}}), {}, false});
  };
  fixture.Script("first", script);
  fixture.Script("second", script);
  Collector<Message> said;
  const auto watch = fixture.Watch("said", said);
  const std::string a = fixture.Run("first", {"in"});
  (void)fixture.Run("first", {"in"});
  const auto publish = [&](const CloudEvent& event) {
    CHECK(fixture.bus.Publish(Message("in", event)).ok());
    CHECK(fixture.executor.WaitIdle().ok());
  };
  publish(Cause());
  publish(Event("{}"));  // of an application that knows nothing of the replay
  CHECK(fixture.manager->LoadCode(a, Swap("second")).ok());
  publish(Event("{}"));
  clock.Advance(std::chrono::milliseconds(10));
  CHECK(fixture.executor.WaitIdle().ok());
  std::vector<std::string> lines;
  for (const Message& message : said.Items()) {
    const CloudEvent& event = message.event();
    CHECK(HasVersion5(event));
    CHECK(IsHistorical(event));
    CHECK(!event.FindExtension("walltime"));
    lines.push_back(std::string(event.id()) + " " + event.time()->ToString() + " " +
                    std::string(event.ExtensionText("correlationid")) + " " +
                    std::string(event.data_text()));
  }
  return lines;
}

}  // namespace

// Pins WM-83.
TEST_CASE("what a historical event causes has an id out of it, its time and its correlation") {
  RepeatableVoice voice("", "w");
  const CloudEvent cause = Cause();
  voice.Begin(true);
  REQUIRE(voice.Speaks());
  const CloudEvent said = Event("{}", {{"walltime", "2020-01-01T00:00:00Z"}});
  const CloudEvent first = voice.Published(&cause, "topic", said, kNow).value();
  CHECK(HasVersion5(first));
  CHECK(first.time()->ToString() == kEventTime);
  CHECK(first.ExtensionText("correlationid") == "c-7");
  CHECK(first.ExtensionText("clocktype") == "historical");
  CHECK(!first.FindExtension("walltime"));
  const CloudEvent second = voice.Published(&cause, "topic", said, kNow).value();
  CHECK(second.id() != first.id());
  // In another replay the same ids; tried again, others, which are the same in each replay too.
  voice.Begin(true);
  CHECK(voice.Published(&cause, "topic", said, kNow)->id() == first.id());
  voice.Begin(true, 2);
  const CloudEvent again = voice.Published(&cause, "topic", said, kNow).value();
  CHECK(again.id() != first.id());
  CHECK(again.id() != second.id());
  voice.Begin(true, 2);
  CHECK(voice.Published(&cause, "topic", said, kNow)->id() == again.id());
  // Another worker, topic or cause: other ids.
  RepeatableVoice other("", "x");
  CHECK(other.Published(&cause, "topic", said, kNow)->id() != first.id());
  voice.Begin(true);
  CHECK(voice.Published(&cause, "other", said, kNow)->id() != first.id());
  voice.Begin(true);
  const CloudEvent later = Cause("cause-2");
  CHECK(voice.Published(&later, "topic", said, kNow)->id() != first.id());
}

// Pins WM-83.
TEST_CASE("a worker that publishes and then fails says nothing with the same id twice") {
  const auto replay = [](int failures) {
    ManualClock clock(kNow);
    WorkManagerOptions options = ManagerFixture::Quick(30'000, 0);
    options.replay_run = "run-1";
    options.heartbeat_interval_ms = 0;
    options.retry_attempts = 2;
    ManagerFixture fixture(options, clock, 1);
    int calls = 0;
    fixture.Script(
        "fails", [&](const Message&, const ExtensionOverlay*, WorkerHost& host, const Done& done) {
          CHECK(host.Publish("said", Event("{}")).ok());
          if (calls++ < failures) {
            return done({{}, Status(StatusCode::kUnavailable, "test", "not yet"), false});
          }
          done({Event("{}", {{"publishtopic", "said"}}), {}, false});
        });
    Collector<Message> said;
    const auto watch = fixture.Watch("said", said);
    CreateWorkerRequest request;
    request.code = Swap("fails");
    request.topics = {"in"};
    const std::string id = fixture.manager->Create(std::move(request)).value();
    CHECK(fixture.manager->Start(id).ok());
    CHECK(fixture.bus.Publish(Message("in", Cause())).ok());
    for (int i = 0; i < 10; ++i) {
      CHECK(fixture.executor.WaitIdle().ok());
      clock.Advance(std::chrono::milliseconds(100));
    }
    CHECK(fixture.executor.WaitIdle().ok());
    std::vector<std::string> ids;
    for (const Message& message : said.Items()) ids.emplace_back(message.event().id());
    return ids;
  };
  const std::vector<std::string> smooth = replay(0);
  const std::vector<std::string> failing = replay(2);
  REQUIRE(smooth.size() == 2);   // what it published, and its reply
  REQUIRE(failing.size() == 4);  // what each attempt published, and the reply of the last one
  CHECK(std::set<std::string>(failing.begin(), failing.end()).size() == failing.size());
  CHECK(failing[0] == smooth[0]);
  CHECK(replay(2) == failing);
}

// Pins WM-83.
TEST_CASE("an id that the worker made out of names stays, and so does its time") {
  RepeatableVoice voice("run", "w");
  const CloudEvent cause = Cause();
  CloudEvent::Builder builder(Event("{}"));
  const Uuid own = Uuid::V5(Uuid(), "mine");
  const CloudEvent made = builder.Id(own).Time(kNow).Build().value();
  const CloudEvent said = voice.Published(&cause, "topic", made, kNow).value();
  CHECK(said.id() == own.ToString());
  CHECK(said.time() == kNow);
  CHECK(said.ExtensionText("clocktype") == "historical");
}

// Pins WM-83.
TEST_CASE("nothing changes where neither the clock nor the cause is historical") {
  RepeatableVoice voice("", "w");
  voice.Begin(false);
  CHECK(!voice.Speaks());
  const CloudEvent cause = Event("{}");
  const CloudEvent said = Event("{}", {{"walltime", "2020-01-01T00:00:00Z"}});
  for (const CloudEvent* each : {&cause, static_cast<const CloudEvent*>(nullptr)}) {
    const CloudEvent same = voice.Published(each, "topic", said, kNow).value();
    CHECK(same.id() == said.id());
    CHECK(same.ExtensionText("walltime") == "2020-01-01T00:00:00Z");
    CHECK(!same.FindExtension("clocktype"));
  }
}

// Pins WM-84.
TEST_CASE("names of workers hang on what they are and in which order, not on their ids") {
  RepeatableNames one, two;
  const std::string a = one.Next("m", {"t"}, {{"k", "v"}});
  const std::string b = one.Next("m", {"t"}, {{"k", "v"}});
  const std::string c = one.Next("m", {"t", "k"}, {{"v", ""}});
  const std::string d = one.Next("m", {"t"}, {{"k", "w"}});
  CHECK(std::set<std::string>{a, b, c, d}.size() == 4);
  CHECK(two.Next("m", {"t"}, {{"k", "w"}}) == d);
  CHECK(two.Next("m", {"t"}, {{"k", "v"}}) == a);
  CHECK(two.Next("m", {"t"}, {{"k", "v"}}) == b);
}

// Pins WM-84, WM-85.
TEST_CASE("two replays say the same, two workers of one source never with one id") {
  const std::vector<std::string> once = Replay("run-1");
  // Of each of three events three, of each of three timers two, twice; timers of code that was
  // swapped ended with it.
  CHECK(once.size() == 3 * 3 * 2 + 3 * 2 + 1 * 2);
  CHECK(std::set<std::string>(once.begin(), once.end()).size() == once.size());
  std::set<std::string> ids;
  for (const std::string& line : once) ids.insert(line.substr(0, Uuid::kTextBytes));
  CHECK(ids.size() == once.size());
  CHECK(Replay("run-1") == once);
  CHECK(Replay("run-2") != once);
}
