// Status and Result: codes, messages, copies, and the end of the process for value() of an error.
#include "virtufin/core/result.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;

namespace {

struct Ended {
  bool by_abort = false;
  std::string text;  // what it wrote to standard error
};

/// Runs `body` in a child process.
template <class Body>
Ended RunInChild(Body body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  Ended ended;
  char buffer[512];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    ended.text.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int state = 0;
  REQUIRE(waitpid(child, &state, 0) == child);
  ended.by_abort = WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT;
  return ended;
}

Status NoTopic() { return Status(StatusCode::kNotFound, "pubsub", "no topic \"a.b\""); }

}  // namespace

TEST_CASE("an ok status is one null pointer and says OK") {
  const Status status;
  CHECK(sizeof(Status) == sizeof(void*));
  CHECK(status.ok());
  CHECK(static_cast<bool>(status));
  CHECK(status.code() == StatusCode::kOk);
  CHECK(status.message().empty());
  CHECK(status.component().empty());
  CHECK(status.ToString() == "OK");
}

// Pins CO-8.
TEST_CASE("an error keeps code, component and message") {
  const Status status = NoTopic();
  CHECK_FALSE(status.ok());
  CHECK(status.code() == StatusCode::kNotFound);
  CHECK(status.component() == "pubsub");
  CHECK(status.message() == "no topic \"a.b\"");
  CHECK(status.ToString() == "NOT_FOUND [pubsub]: no topic \"a.b\"");
}

TEST_CASE("a status made with kOk is ok and drops its text") {
  CHECK(Status(StatusCode::kOk, "core", "unused") == Status());
}

// Pins CO-8.
TEST_CASE("every code has its own gRPC name and an unknown number is UNKNOWN") {
  std::set<std::string_view> names;
  for (int code = 0; code <= 16; ++code) {
    names.insert(virtufin::StatusCodeName(static_cast<StatusCode>(code)));
  }
  CHECK(names.size() == 17);
  CHECK(virtufin::StatusCodeName(StatusCode::kOk) == "OK");
  CHECK(virtufin::StatusCodeName(StatusCode::kInvalidArgument) == "INVALID_ARGUMENT");
  CHECK(virtufin::StatusCodeName(StatusCode::kDeadlineExceeded) == "DEADLINE_EXCEEDED");
  CHECK(virtufin::StatusCodeName(StatusCode::kResourceExhausted) == "RESOURCE_EXHAUSTED");
  CHECK(virtufin::StatusCodeName(StatusCode::kUnauthenticated) == "UNAUTHENTICATED");
  CHECK(virtufin::StatusCodeName(static_cast<StatusCode>(17)) == "UNKNOWN");
  CHECK(virtufin::StatusCodeName(static_cast<StatusCode>(-1)) == "UNKNOWN");
}

TEST_CASE("copies of a status share one text and outlive the original") {
  Status copy;
  std::string_view text;
  {
    const Status original = NoTopic();
    text = original.message();
    copy = original;
  }
  CHECK(copy.message().data() == text.data());
  Status moved = std::move(copy);
  CHECK(moved == NoTopic());
  moved = *&moved;
  CHECK(moved == NoTopic());
}

TEST_CASE("statuses differ by code, component and message") {
  CHECK(NoTopic() == NoTopic());
  CHECK(NoTopic() != Status(StatusCode::kNotFound, "state", "no topic \"a.b\""));
  CHECK(NoTopic() != Status(StatusCode::kNotFound, "pubsub", "no topic"));
  CHECK(NoTopic() != Status(StatusCode::kAborted, "pubsub", "no topic \"a.b\""));
  CHECK(NoTopic() != Status());
}

TEST_CASE("a result gives its value and an ok status") {
  Result<std::string> result = std::string("book");
  REQUIRE(result.ok());
  CHECK(result.status().ok());
  CHECK(result.value() == "book");
  CHECK(result->size() == 4);
  result.value() += "s";
  CHECK(*result == "books");
  const std::string taken = std::move(result).value();
  CHECK(taken == "books");
}

TEST_CASE("a result takes what converts to its type") {
  struct Base {
    virtual ~Base() = default;
    virtual int Number() const { return 1; }
  };
  struct Derived final : Base {
    int Number() const override { return 2; }
  };
  const auto make = []() -> Result<std::unique_ptr<Base>> { return std::make_unique<Derived>(); };
  CHECK((*make())->Number() == 2);
  const Result<std::string> text = "literal";
  CHECK(*text == "literal");
}

TEST_CASE("a result without a value gives its status and the other value") {
  const Result<int> result = NoTopic();
  CHECK_FALSE(result.ok());
  CHECK(result.status() == NoTopic());
  CHECK(result.value_or(7) == 7);
  CHECK(Result<int>(3).value_or(7) == 3);
  CHECK(Result<std::string>("a").value_or("b") == "a");
}

TEST_CASE("a result made from an ok status is an INTERNAL error") {
  const Result<int> result = Status();
  CHECK_FALSE(result.ok());
  CHECK(result.status().code() == StatusCode::kInternal);
}

TEST_CASE("a result whose assignment threw is an INTERNAL error") {
  struct Throws {
    explicit Throws(bool now) : now(now) {}
    Throws(const Throws&) = default;
    Throws(Throws&& other) : now(other.now) {
      if (now) throw std::runtime_error("move");
    }
    Throws& operator=(const Throws&) = default;
    Throws& operator=(Throws&&) = default;
    bool now;
  };
  Result<Throws> result = NoTopic();
  Throws calm(false);
  Result<Throws> other(calm);
  other->now = true;
  CHECK_THROWS(result = std::move(other));
  CHECK_FALSE(result.ok());
  CHECK_FALSE(result.status().ok());
}

// Pins CO-9.
TEST_CASE("value() of an error ends the process with the status text") {
  const Ended ended = RunInChild([] {
    const Result<int> result = NoTopic();
    _exit(result.value());
  });
  CHECK(ended.by_abort);
  CHECK(ended.text.find("NOT_FOUND [pubsub]: no topic \"a.b\"\n") != std::string::npos);
}

// Pins CO-9.
TEST_CASE("every way to the value of an error ends the process") {
  CHECK(RunInChild([] { _exit(*Result<int>(NoTopic())); }).by_abort);
  CHECK(RunInChild([] { _exit(Result<int>(NoTopic()).value()); }).by_abort);
  CHECK(RunInChild([] {
          const Result<std::string> result = NoTopic();
          _exit(static_cast<int>(result->size()));
        }).by_abort);
  CHECK_FALSE(RunInChild([] { _exit(*Result<int>(0)); }).by_abort);
}
