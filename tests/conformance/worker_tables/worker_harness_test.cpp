// WorkerHarness: one worker class in every form gives a test the same.
#include "virtufin/worker_harness/worker_harness.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/worker_tables/tables_worker.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

using Harness = std::unique_ptr<WorkerHarness>;

std::vector<Harness> EveryForm(const WorkerHarnessOptions& options = {}) {
  std::vector<Harness> forms;
  forms.push_back(WorkerHarness::Of<TablesWorker>(options).value());
  for (const char* path : {TABLES_C, TABLES_CPP, TABLES_PACKAGE}) {
    if (*path == '\0') continue;  // no packer in this build
    auto harness = WorkerHarness::OfLibrary(path, options);
    REQUIRE_MESSAGE(harness.ok(), harness.status().ToString());
    forms.push_back(*std::move(harness));
  }
  return forms;
}

CloudEvent Commands(std::string_view text) {
  CloudEvent::Builder builder;
  return builder.Source("urn:test").Type("test").TextData(text).Build().value();
}

std::string Text(const CallOutcome& outcome) {
  if (!outcome.status.ok()) return outcome.status.ToString();
  return outcome.reply ? std::string(outcome.reply->data_text()) : "no reply";
}

/// Calls the gateway, logs, and answers with what it was told.
class Caller final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    WorkerContext& host = *WorkerContext::Current();
    host.Log(LogLevel::kWarn, "asked");
    const auto answer = host.InvokeGateway("a.Service", "Do", event.data_text());
    const auto left = host.TimeLeft();
    const std::string text = (answer.ok() ? *answer : answer.status().ToString()) +
                             (left->has_value() ? " in time" : "");
    CloudEvent::Builder builder;
    builder.Source("urn:caller").Type("called").TextData(text);
    builder.Extension("publishtopic", "answers");
    return std::optional(builder.Build().value());
  }
};

/// Starts a timer that comes once, and cancels it when it has come, twice.
class LateCanceller final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    WorkerContext& host = *WorkerContext::Current();
    if (event.type() != kWorkerTimerType) {
      timer_ = host.StartTimer({"once", std::chrono::milliseconds(1)}).value();
      return std::optional<CloudEvent>();
    }
    const auto code = [&] {
      return std::to_string(static_cast<int>(host.CancelTimer(timer_).code()));
    };
    const std::string first = code();
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("cancelled").TextData(first + " " + code());
    return std::optional(builder.Build().value());
  }

 private:
  std::uint64_t timer_ = 0;
};

}  // namespace

// Pins SDK-62.
TEST_CASE("a worker shows a test the same in process, as a library and as a package") {
  WorkerHarnessOptions options;
  options.config = {{"stateservice", "desk"}};
  for (const Harness& harness : EveryForm(options)) {
    CHECK(Text(harness->Send(Commands("publish out a\npublish_from_thread out b"))) == "0\n0");
    REQUIRE(harness->published().size() == 3);
    CHECK(harness->published()[0].topic == "out");
    CHECK(harness->published()[0].event.subject() == "a");
    CHECK(harness->published()[1].event.subject() == "b");
    CHECK(harness->published()[2].is_reply);
    CHECK(harness->published()[2].topic == "tables.reply");

    CHECK(Text(harness->Send(Commands("set k v new\nget k\nnow\nleft"))) ==
          "0\n0 v\n0 1700000000.0\n0 no limit");
    CHECK(harness->state().Get("desk", "k")->value == "v");
    CHECK(Text(harness->Send(Commands("cancel 77"))).starts_with("5 "));
    CHECK(harness->Close().ok());
    CHECK(harness->Send(Commands("left")).status.code() == StatusCode::kFailedPrecondition);
  }
}

// Pins SDK-63.
TEST_CASE("timers come inside of Advance, each at its time, and end with the load") {
  for (const Harness& harness : EveryForm()) {
    CHECK(Text(harness->Send(Commands("start once 5000000 0\nstart tick 2000000 3000000"))) ==
          "0\n0");
    CHECK(harness->timers() == 2);
    const auto outcomes = harness->Advance(std::chrono::milliseconds(6));
    REQUIRE(outcomes.size() == 3);
    CHECK(Text(outcomes[0]) == "timer tick 1 0 at 2023-11-14T22:13:20.002Z ");
    CHECK(Text(outcomes[1]) == "timer once 1 0 at 2023-11-14T22:13:20.005Z ");
    CHECK(Text(outcomes[2]) == "timer tick 2 0 at 2023-11-14T22:13:20.005Z ");
    CHECK(harness->now().ToString() == "2023-11-14T22:13:20.006Z");
    CHECK(harness->timers() == 1);
    REQUIRE(harness->Reload().ok());
    CHECK(harness->timers() == 0);
    CHECK(harness->Advance(std::chrono::seconds(1)).empty());
    CHECK(harness->Close().ok());
  }
}

// Pins SDK-63.
TEST_CASE("a timer that comes once can be cancelled while its event is handled, as in a manager") {
  const auto harness = WorkerHarness::Of<LateCanceller>().value();
  CHECK(harness->Send("{}").status.ok());
  const auto outcomes = harness->Advance(std::chrono::milliseconds(1));
  REQUIRE(outcomes.size() == 1);
  CHECK(Text(outcomes[0]) == "0 5");
}

// Pins SDK-64.
TEST_CASE("the gateway answers as it is told, and what was asked is kept") {
  WorkerHarnessOptions options;
  options.time_left = std::chrono::seconds(1);
  const auto harness = WorkerHarness::Of<Caller>(options).value();
  CHECK(Text(harness->Send("{\"n\":1}")) ==
        "UNAVAILABLE [worker_harness]: expected an answer to a.Service.Do, found none scripted in "
        "time");
  harness->Answer("a.Service", "Do", std::string("first"));
  harness->Answer("a.Service", "Do", Status(StatusCode::kNotFound, "svc", "no such thing"));
  CHECK(Text(harness->Send("{\"n\":2}")) == "first in time");
  CHECK(Text(harness->Send("{\"n\":3}")) == "NOT_FOUND [svc]: no such thing in time");
  CHECK(Text(harness->Send("{\"n\":4}")) == "NOT_FOUND [svc]: no such thing in time");
  harness->Answer("a.Service", "Do", std::string("again"));
  harness->Answer("a.Service", "Do", std::string("and again"));
  CHECK(Text(harness->Send("{\"n\":5}")) == "again in time");
  CHECK(Text(harness->Send("{\"n\":6}")) == "and again in time");
  CHECK(Text(harness->Send("{\"n\":7}")) == "and again in time");
  REQUIRE(harness->gateway_calls().size() == 7);
  CHECK(harness->gateway_calls()[2].service == "a.Service");
  CHECK(harness->gateway_calls()[2].method == "Do");
  CHECK(harness->gateway_calls()[2].json == "{\"n\":3}");
  REQUIRE(harness->log().size() == 7);
  CHECK(harness->log()[0].level == LogLevel::kWarn);
  CHECK(harness->log()[0].text == "asked");
  CHECK(harness->published().front().topic == "answers");
}

namespace {

/// Says what it got.
class Reader final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const std::string got =
        std::string(event.data_content_type()) + " " + std::string(event.data_text());
    CloudEvent::Builder builder;
    builder.Source("urn:test:reader").Type("read").TextData(got);
    auto reply = builder.Build();
    if (!reply.ok()) return reply.status();
    return std::optional<CloudEvent>(*std::move(reply));
  }
};

}  // namespace

// Pins SDK-62.
TEST_CASE("a harness sends data that is no JSON, too, and says when it is itself that refuses") {
  const auto harness = WorkerHarness::Of<Reader>().value();
  CHECK(Text(harness->Send("nope")) == "application/json nope");
  CHECK(Text(harness->Send("{")) == "application/json {");
  CHECK(harness->Send("{}", "").status.component() == "worker_harness");
}

// Pins SDK-65.
TEST_CASE("a buffer that FreeResult does not take back is told when the worker goes") {
  const auto harness = WorkerHarness::OfLibrary(THROWER).value();
  CHECK(harness->Send("{}", "any").status.ok());
  CHECK(!harness->Send("{}", "throw_from_free").status.ok());
  const Status closed = harness->Close();
  CHECK(closed.code() == StatusCode::kFailedPrecondition);
  CHECK(closed.message() == "expected FreeResult to take back all 2 buffers, found 1");
  CHECK(harness->Close().message() == closed.message());
}

TEST_CASE("a harness of what does not load has the loader's words") {
  const auto harness = WorkerHarness::OfLibrary("/nowhere/libworker.so");
  REQUIRE(!harness.ok());
  CHECK(harness.status().message().find("/nowhere/libworker.so") != std::string::npos);
  WorkerHarnessOptions options;
  options.topics.clear();
  CHECK(WorkerHarness::Of<Caller>(options).status().code() == StatusCode::kInvalidArgument);
}

// Pins SDK-67.
TEST_CASE("a Status has its code and message in process and as a library") {
  std::vector<Harness> forms;
  forms.push_back(WorkerHarness::Of<TablesWorker>().value());
  forms.push_back(WorkerHarness::OfLibrary(TABLES_CPP).value());
  for (const Harness& harness : forms) {
    const CallOutcome outcome = harness->Send("{}", "fail");
    CHECK(outcome.status.code() == StatusCode::kNotFound);
    CHECK(outcome.status.message() == "no such pair");
  }
}
