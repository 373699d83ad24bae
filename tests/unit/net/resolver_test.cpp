// The resolver: memory, deadline, its end.
#include "net/resolver.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "net/web_socket.hpp"
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

TEST_CASE("those who ask for one name at a time share one lookup; one that throws is a failure") {
  test::Gate go;
  std::atomic<int> lookups{0};
  net::ResolverOptions options;
  options.ttl_ms = 0;
  options.lookup = [&, go](const std::string& host) mutable -> Answer {
    ++lookups;
    static_cast<void>(go.Wait());
    if (host == "throws.test") throw std::runtime_error("no luck");
    return std::vector<std::string>{"192.0.2.1"};
  };
  net::Resolver resolver(options);
  Collector<Answer> answers;
  for (int i = 0; i < 50; ++i) {
    resolver.Resolve("one.test", [&](Answer answer) { answers.Add(std::move(answer)); });
  }
  go.Open();
  for (const Answer& answer : answers.WaitFor(50)) CHECK(answer.ok());
  CHECK(lookups == 1);
  CHECK(Ask(resolver, "throws.test").status().message().find("no luck") != std::string_view::npos);
}

TEST_CASE("lookups that answer while a loop stops harm nobody") {
  for (int round = 0; round < 20; ++round) {
    net::NetLoopOptions options;
    options.resolver.ttl_ms = 0;
    options.resolver.lookup = [](const std::string&) -> Answer {
      return std::vector<std::string>{"127.0.0.1"};
    };
    auto loop = net::NetLoop::Create(options, WallClock(), NullLog()).value();
    REQUIRE(loop->Start().ok());
    struct Silent : net::WebSocketHandler {
      void OnOpen(std::string_view) override {}
      void OnText(std::string_view, const net::ReceiveTime&) override {}
      void OnBinary(ByteView, const net::ReceiveTime&) override {}
      void OnPong(ByteView, const net::ReceiveTime&) override {}
      void OnSignOfLife(const net::ReceiveTime&) override {}
      void OnClosed(const net::WebSocketEnd&) override { ++ends; }
      std::atomic<int> ends{0};
    } handler;
    std::vector<std::unique_ptr<net::WebSocket>> sockets;
    Gate opening;
    loop->Post([&] {
      for (int i = 0; i < 50; ++i) {
        const std::string url = "ws://host" + std::to_string(i) + ".test:1/";
        sockets.push_back(net::WebSocket::Open(*loop, url, {}, handler).value());
      }
      opening.Open();
    });
    REQUIRE(opening.Wait());
    CHECK(loop->Stop(std::chrono::seconds(30)).ok());
    CHECK(handler.ends == static_cast<int>(sockets.size()));
    sockets.clear();
  }
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
