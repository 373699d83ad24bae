// The loop's thread, and what a loop leaves alone in the process it lives in.
#include <libwebsockets.h>
#include <signal.h>

#include <cstdlib>

#include "socket_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::test {
namespace {

class Lines : public LogSink {
 public:
  bool Enabled(LogLevel) const noexcept override { return true; }
  void Write(LogLevel, std::string_view, std::string_view text) noexcept override {
    lines.Add(std::string(text));
  }
  Collector<std::string> lines;
};

extern "C" void IgnorePipe(int) {}

int LwsLevel() {
  int level = 0;
  for (int bit = 0; bit < LLL_COUNT; ++bit) level |= lwsl_visible(1 << bit) != 0 ? 1 << bit : 0;
  return level;
}

}  // namespace

TEST_CASE("tasks run in order on one thread, marked as a net loop") {
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  std::vector<int> order;
  Gate done;
  for (int i = 0; i < 100; ++i) loop->Post([&order, i] { order.push_back(i); });
  REQUIRE(loop->Start().ok());
  loop->Post([&] {
    CHECK(CurrentThreadKind() == ThreadKind::kNetLoop);
    CHECK(loop->OnLoopThread());
    CHECK(loop->Stop(std::chrono::seconds(1)).code() == StatusCode::kFailedPrecondition);
    loop->Post([&] { done.Open(); });
  });
  REQUIRE(done.Wait());
  CHECK(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK_FALSE(loop->OnLoopThread());
  CHECK(loop->Start().code() == StatusCode::kFailedPrecondition);
  CHECK(loop->Stop(std::chrono::seconds(30)).ok());
  bool ran = false;
  loop->Post([&] { ran = true; });
  loop.reset();
  CHECK_FALSE(ran);
}

TEST_CASE("a task that throws is logged, and the loop goes on") {
  Lines log;
  auto loop = net::NetLoop::Create({}, WallClock(), log).value();
  REQUIRE(loop->Start().ok());
  loop->Post([] { throw std::runtime_error("no luck"); });
  Gate done;
  loop->Post([&] { done.Open(); });
  REQUIRE(done.Wait());
  CHECK(Contains(log.lines.WaitFor(1).at(0), "no luck"));
}

TEST_CASE("a callback that does not return is named by Stop, and ends later by itself") {
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  REQUIRE(loop->Start().ok());
  Gate entered, leave;
  loop->Post([entered, leave]() mutable {
    entered.Open();
    static_cast<void>(leave.Wait());
  });
  REQUIRE(entered.Wait());
  CHECK(loop->Stop(std::chrono::milliseconds(10)).code() == StatusCode::kDeadlineExceeded);
  leave.Open();
  CHECK(loop->Stop(std::chrono::seconds(30)).ok());
}

TEST_CASE("SIGPIPE and the log level of libwebsockets stay as the host had them") {
  struct sigaction mine {};
  mine.sa_handler = &IgnorePipe;
  struct sigaction original {};
  sigaction(SIGPIPE, &mine, &original);
  const int level = LwsLevel();
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    link.ReadAll();
  });
  {
    RecordingHandler handler;
    SocketFixture fixture;
    fixture.Open(peer.Url("ws"), handler);
    handler.lines.WaitFor(1);
    CHECK(LwsLevel() == level);
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    CHECK((now.sa_handler == &IgnorePipe));
  }
  struct sigaction after {};
  sigaction(SIGPIPE, &original, &after);
  CHECK((after.sa_handler == &IgnorePipe));
  CHECK(LwsLevel() == level);
}

TEST_CASE("a log that the host set is left alone") {
  static int host_lines = 0;
  lws_set_log_level(LLL_ERR, [](int, const char*) { ++host_lines; });
  {
    SocketFixture fixture;
    CHECK(LwsLevel() == LLL_ERR);
    lwsl_err("a line of the host");
  }
  CHECK(host_lines == 1);
  CHECK(LwsLevel() == LLL_ERR);
  lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, &lwsl_emit_stderr);
}

TEST_CASE("a proxy named by the environment is not used") {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    link.ReadAll();
  });
  {
    RecordingHandler handler;
    SocketFixture fixture;
    fixture.Open(peer.Url("ws"), handler);
    CHECK(handler.lines.WaitFor(1) == std::vector<std::string>{"open"});
  }
  unsetenv("http_proxy");
}

}  // namespace virtufin::test
