// What reaches a worker, and where its replies go.
#include <doctest/doctest.h>

#include <algorithm>

#include "fixture.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;
using namespace virtufin::test;

// Pins TOP-9.
TEST_CASE("a reply without hints goes to its type as topic") {
  ManagerFixture f;
  f.Script("echo", ReplyWith("{\"n\":1}", "com.example.answer"));
  Collector<Message> replies;
  auto watch = f.Watch("com.example.answer", replies);
  REQUIRE(!f.Run("echo", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  auto got = replies.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].event().data_text() == "{\"n\":1}");
}

// Pins TOP-9, TOP-10.
TEST_CASE("publishtopic of the reply routes it and is removed") {
  ManagerFixture f;
  f.Script("w", [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.reply = Event("{}", {{"publishtopic", "chosen"}});
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("chosen", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  auto got = replies.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0].event().FindExtension("publishtopic"));
}

// Pins TOP-9, TOP-10.
TEST_CASE("replytopic of the input wins over publishtopic and never travels on") {
  ManagerFixture f;
  f.Script("w", [](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.reply = Event(
        "{}", {{"publishtopic", "chosen"}, {"replytopic", m.event().ExtensionText("replytopic")}});
    done(std::move(outcome));
  });
  Collector<Message> asked, chosen;
  auto watch_asked = f.Watch("asked", asked);
  auto watch_chosen = f.Watch("chosen", chosen);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"replytopic", "asked"}}))).ok());
  auto got = asked.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0].event().FindExtension("replytopic"));
  CHECK_FALSE(got[0].event().FindExtension("publishtopic"));
  CHECK(chosen.Items().empty());
}

// Pins TOP-9.
TEST_CASE("an empty replytopic counts as absent") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}", "by.type"));
  Collector<Message> replies;
  auto watch = f.Watch("by.type", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"replytopic", ""}}))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
}

// Pins TOP-9.
TEST_CASE("an empty publishtopic counts as absent, and is removed") {
  ManagerFixture f;
  f.Script("w", [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.reply = Event("{}", {{"publishtopic", ""}}, "by.type");
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("by.type", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  const auto got = replies.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0].event().FindExtension("publishtopic"));
}

// Pins EV-27.
TEST_CASE("context extensions travel from input to a reply that lacks them") {
  ManagerFixture f;
  f.Script("w", [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.reply = Event("{}", {{"runid", "own"}}, "out");
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus
              .Publish(Message("in", Event("{}", {{"correlationid", "c"},
                                                  {"runid", "input"},
                                                  {"clocktype", "wall"},
                                                  {"scenarioid", "LIVE"},
                                                  {"marketworld", "act"},
                                                  {"portfolioworld", "hyp.p"},
                                                  {"strategyworld", "hyp.s"},
                                                  {"marketuniverse", "ALL"},
                                                  {"traceparent", "00-x"},
                                                  {"tracestate", "k=v"},
                                                  {"sequence", "7"}})))
              .ok());
  auto got = replies.WaitFor(1);
  REQUIRE(got.size() == 1);
  const CloudEvent& event = got[0].event();
  CHECK(event.ExtensionText("correlationid") == "c");
  CHECK(event.ExtensionText("runid") == "own");
  CHECK(event.ExtensionText("clocktype") == "wall");
  CHECK(event.ExtensionText("scenarioid") == "LIVE");
  CHECK(event.ExtensionText("marketworld") == "act");
  CHECK(event.ExtensionText("portfolioworld") == "hyp.p");
  CHECK(event.ExtensionText("strategyworld") == "hyp.s");
  CHECK(event.ExtensionText("marketuniverse") == "ALL");
  CHECK(event.ExtensionText("traceparent") == "00-x");
  CHECK(event.ExtensionText("tracestate") == "k=v");
  CHECK_FALSE(event.FindExtension("sequence"));
}

// Pins WM-6.
TEST_CASE("what config stamps routes replies and travels with them as if it came with the event") {
  ManagerFixture f;
  f.Script(
      "w", [](const Message& m, const ExtensionOverlay* overlay, WorkerHost&, test::Done done) {
        const CloudEvent seen = m.Stamped(*overlay).value();
        CallOutcome outcome;
        outcome.reply = Event(
            "{}", {{"publishtopic", "chosen"}, {"replytopic", seen.ExtensionText("replytopic")}});
        done(std::move(outcome));
      });
  Collector<Message> configured, asked, chosen;
  auto watch_configured = f.Watch("configured", configured);
  auto watch_asked = f.Watch("asked", asked);
  auto watch_chosen = f.Watch("chosen", chosen);
  REQUIRE(!f.Run("w", {"in"},
                 {{"replytopic", "configured"},
                  {"marketworld", "hyp.m"},
                  {"clocktype", "simulated"},
                  {"depth", "5"}})
               .empty());

  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"clocktype", "wall"}}))).ok());
  const auto got = configured.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].event().ExtensionText("marketworld") == "hyp.m");
  CHECK(got[0].event().ExtensionText("clocktype") == "wall");
  CHECK_FALSE(got[0].event().FindExtension("replytopic"));
  CHECK_FALSE(got[0].event().FindExtension("depth"));

  // One that is on the event wins, also when that is empty and so counts as absent.
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"replytopic", "asked"}}))).ok());
  CHECK(asked.WaitFor(1).size() == 1);
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"replytopic", ""}}))).ok());
  CHECK(chosen.WaitFor(1).size() == 1);
  CHECK(configured.Items().size() == 1);
}

// Pins WM-6.
TEST_CASE("config is stamped on what the worker sees; an extension on the event wins") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", [&seen](const Message& m, const ExtensionOverlay* overlay, WorkerHost&,
                        test::Done done) {
    auto wire =
        overlay ? m.Encoded(Encoding::kWorkerWire, *overlay) : m.Encoded(Encoding::kWorkerWire);
    auto event = DecodeCloudEvent(*wire);
    seen.Add(std::string(event->ExtensionText("depth")) + "/" +
             std::string(event->ExtensionText("venue")) + "/" +
             std::string(event->ExtensionText("virtufin.queue")));
    done({});
  });
  REQUIRE(!f.Run("w", {"in"}, {{"depth", "5"}, {"venue", "binance"}, {"virtufin.queue", "16"}})
               .empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"venue", "other"}}))).ok());
  auto got = seen.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0] == "5/other/");
}

// Pins WM-4.
TEST_CASE("events of all topics of a worker arrive in publishing order") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", [&seen](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    seen.Add(std::string(m.event().data_text()));
    done({});
  });
  REQUIRE(!f.Run("w", {"a", "b"}).empty());
  std::vector<std::string> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(std::to_string(i));
    REQUIRE(f.bus.Publish(Message(i % 3 == 0 ? "a" : "b", Event(sent.back()))).ok());
  }
  CHECK(seen.WaitFor(500) == sent);
}

// Pins WM-5.
TEST_CASE("two workers on one topic each get every event") {
  Collector<std::string> seen;
  ManagerFixture f;
  for (std::string name : {"x", "y"}) {
    f.Script(name,
             [&seen, name](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
               seen.Add(name);
               done({});
             });
    REQUIRE(!f.Run(name, {"in"}).empty());
  }
  for (int i = 0; i < 10; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  auto got = seen.WaitFor(20);
  CHECK(std::count(got.begin(), got.end(), "x") == 10);
  CHECK(std::count(got.begin(), got.end(), "y") == 10);
}

// Pins WM-7.
TEST_CASE("a failed call is retried, then its event is a dead letter and the next one is handled") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", [&seen](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    const std::string data(m.event().data_text());
    if (data == "1") outcome.status = Status(StatusCode::kInternal, "test", "worker returned 3");
    done(std::move(outcome));
    seen.Add(data);
  });
  Collector<Message> dead;
  auto watch = f.Watch("in-dead", dead);
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
  CHECK(seen.WaitFor(5) == std::vector<std::string>{"1", "1", "1", "1", "2"});
  const auto letters = dead.WaitFor(1);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].event().data_text() == "1");
  CHECK(letters[0].event().ExtensionText("deadletterreason") ==
        "INTERNAL [test]: worker returned 3");
  REQUIRE(f.manager->Stop(id).ok());
  auto list = f.manager->List();
  REQUIRE(list.size() == 1);
  CHECK(list[0].counters.calls == 5);
  CHECK(list[0].counters.failed == 4);
}

// Pins WM-7.
TEST_CASE("a failed call of an engine that answers later is retried, too") {
  Collector<test::Done> calls;
  ManagerFixture f;
  f.Script("w", [&calls](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    calls.Add(std::move(done));
  });
  Collector<Message> dead;
  auto watch = f.Watch("in-dead", dead);
  REQUIRE(!f.Run("w", {"in"}).empty());
  for (int i = 0; i < 2; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  for (std::size_t i = 1; i <= 4; ++i) {
    CallOutcome outcome;
    outcome.status = Status(StatusCode::kInternal, "test", "no " + std::to_string(i));
    calls.WaitFor(i).at(i - 1)(std::move(outcome));
  }
  const auto letters = dead.WaitFor(1);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].event().ExtensionText("deadletterreason") == "INTERNAL [test]: no 4");
  calls.WaitFor(5).at(4)({});
}

// Pins WM-19.
TEST_CASE("without virtufin.ordered later events pass one that is retried") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", [&seen](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    const std::string data(m.event().data_text());
    if (data == "1") outcome.status = Status(StatusCode::kInternal, "test", "no");
    seen.Add(data);
    done(std::move(outcome));
  });
  REQUIRE(!f.Run("w", {"in"}, {{"virtufin.ordered", "false"}}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
  auto got = seen.WaitFor(5);
  CHECK(std::count(got.begin(), got.end(), "1") == 4);
  CHECK(std::count(got.begin(), got.end(), "2") == 1);
  CHECK(got.back() == "1");
}

// Pins WM-19.
TEST_CASE("workers of one virtufin.group compete, and what one leaves goes to the other") {
  Collector<std::string> seen;
  ManagerFixture f;
  for (std::string name : {"x", "y"}) {
    f.Script(name,
             [&seen](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
               seen.Add(std::string(m.event().data_text()));
               done({});
             });
  }
  const std::string first = f.Run("x", {"in"}, {{"virtufin.group", "g"}});
  REQUIRE(!f.Run("y", {"in"}, {{"virtufin.group", "g"}}).empty());
  std::vector<std::string> sent;
  for (int i = 100; i < 200; ++i) {
    sent.push_back(std::to_string(i));
    REQUIRE(f.bus.Publish(Message("in", Event(sent.back()))).ok());
    if (i == 150) REQUIRE(f.manager->Stop(first).ok());
  }
  auto got = seen.WaitFor(100);
  std::sort(got.begin(), got.end());
  CHECK(got == sent);
}

// Pins WM-19.
TEST_CASE("the event of an abandoned call goes to another of the group, or to the dead letter") {
  for (const bool grouped : {true, false}) {
    CAPTURE(grouped);
    Collector<test::Done> hanging;
    Collector<Message> seen;
    ManagerFixture f(2, 50);
    f.Script("x", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      hanging.Add(std::move(done));
    });
    f.Script("y", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      seen.Add(m);
      done({});
    });
    std::map<std::string, std::string> config;
    if (grouped) config["virtufin.group"] = "g";
    Collector<Message> dead;
    auto watch = f.Watch("in-dead", dead);
    const std::string id = f.Run("x", {"in"}, config);
    REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
    REQUIRE(hanging.WaitFor(1).size() == 1);
    if (grouped) REQUIRE(!f.Run("y", {"in"}, config).empty());
    CHECK(f.manager->Stop(id).code() == StatusCode::kDeadlineExceeded);
    const auto got = grouped ? seen.WaitFor(1) : dead.WaitFor(1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].event().data_text() == "1");
    CHECK((grouped ? dead : seen).Items().empty());
  }
}

TEST_CASE("steering keys with other values than they take are refused") {
  ManagerFixture f;
  for (const char* key : {"virtufin.ordered", "virtufin.retryaftertimeout", "virtufin.group"}) {
    CreateWorkerRequest request;
    request.code = Code("w");
    request.topics = {"in"};
    request.config = {{key, ""}};
    const auto id = f.manager->Create(std::move(request));
    CHECK(id.status().code() == StatusCode::kInvalidArgument);
    CHECK(id.status().message().find(key) != std::string_view::npos);
  }
}

// Pins WA-23, WM-4.
TEST_CASE("an asynchronous engine gets the next event only after the outcome of the last") {
  Collector<test::Done> pending;
  ManagerFixture f;
  f.Script("w", [&pending](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    pending.Add(std::move(done));
  });
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  const std::string id = f.Run("w", {"in"});
  for (int i = 0; i < 3; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  for (std::size_t i = 1; i <= 3; ++i) {
    auto calls = pending.WaitFor(i);
    REQUIRE(calls.size() == i);
    CallOutcome outcome;
    outcome.reply = Event(std::to_string(i), {}, "out");
    calls.back()(std::move(outcome));
  }
  auto got = replies.WaitFor(3);
  REQUIRE(got.size() == 3);
  CHECK(got[2].event().data_text() == "3");
  CHECK(f.manager->Stop(id).ok());
}
