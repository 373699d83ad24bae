// The resolver: memory, deadline, its end.
#include "net/resolver.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "support/gate.hpp"

namespace virtufin::test {
namespace {

using Answer = Result<std::vector<std::string>>;

Answer Ask(net::Resolver& resolver, const std::string& host) {
  Collector<Answer> answers;
  resolver.Resolve(host, [&](Answer answer) { answers.Add(std::move(answer)); });
  return answers.WaitFor(1).at(0);
}

}  // namespace

TEST_CASE("a name is looked up once while it is remembered, failures each time") {
  std::atomic<int> lookups{0};
  net::ResolverOptions options;
  options.lookup = [&](const std::string& host) -> Answer {
    ++lookups;
    if (host == "bad.test") return Status(StatusCode::kUnavailable, "net", "no");
    if (host == "empty.test") return std::vector<std::string>{};
    return std::vector<std::string>{"192.0.2.1", "192.0.2.2"};
  };
  net::Resolver resolver(options);
  for (int i = 0; i < 3; ++i) CHECK(Ask(resolver, "good.test")->size() == 2);
  CHECK(lookups == 1);
  for (int i = 0; i < 2; ++i) CHECK_FALSE(Ask(resolver, "bad.test").ok());
  CHECK(lookups == 3);
  CHECK(Ask(resolver, "empty.test").status().code() == StatusCode::kUnavailable);
  CHECK(Ask(resolver, "::1").value() == std::vector<std::string>{"::1"});
  CHECK(lookups == 4);
}

TEST_CASE("a lookup that hangs is a deadline, and holds up neither others nor the end") {
  Gate never;
  net::ResolverOptions options;
  options.timeout_ms = 50;
  options.lookup = [never](const std::string& host) mutable -> Answer {
    if (host == "slow.test") static_cast<void>(never.Wait());
    return std::vector<std::string>{"192.0.2.1"};
  };
  Collector<Answer> answers;
  {
    net::Resolver resolver(options);
    CHECK(Ask(resolver, "slow.test").status().code() == StatusCode::kDeadlineExceeded);
    CHECK(Ask(resolver, "quick.test").ok());
  }
  options.timeout_ms = 60'000;
  {
    net::Resolver resolver(options);
    resolver.Resolve("slow.test", [&](Answer answer) { answers.Add(std::move(answer)); });
  }
  CHECK(answers.WaitFor(1).at(0).status().code() == StatusCode::kCancelled);
  never.Open();
}

TEST_CASE("the system's lookup knows localhost, and refuses what no name is") {
  net::Resolver resolver(net::ResolverOptions{});
  CHECK(Ask(resolver, "localhost").ok());
  const Answer answer = Ask(resolver, "no-such-name.invalid");
  CHECK(answer.status().code() != StatusCode::kOk);
  CHECK(answer.status().message().find("no-such-name.invalid") != std::string_view::npos);
}

}  // namespace virtufin::test
