// What the daemon answers over HTTP, counts and logs, without the process around it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemons/common/http_status.hpp"
#include "daemons/common/log.hpp"
#include "daemons/common/metrics_text.hpp"
#include "support/raw_client.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Standard error, until it is read.
class Captured {
 public:
  Captured() : before_(dup(STDERR_FILENO)) {
    REQUIRE(pipe2(pipe_, O_CLOEXEC) == 0);
    dup2(pipe_[1], STDERR_FILENO);
  }
  std::string Read() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(pipe_[1]);
    std::string text(65'536, '\0');
    text.resize(static_cast<std::size_t>(read(pipe_[0], text.data(), text.size())));
    close(pipe_[0]);
    return text;
  }

 private:
  const int before_;
  int pipe_[2] = {-1, -1};
};

}  // namespace

// Pins WM-80.
TEST_CASE(
    "health is 503 until the daemon is ready and its manager has recovered, and when it stops") {
  WorkManagerHealth health;
  std::mutex mutex;
  daemon::HttpStatus status({[&] {
                               const std::lock_guard lock(mutex);
                               return health;
                             },
                             [] { return std::string(); }},
                            RpcServerOptions());
  const auto server = net::HttpServer::Create({}, status, NullLog());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const auto get = [&](const std::string& path) {
    RawClient raw((*server)->port());
    REQUIRE(raw.Send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    return raw.Answer();
  };
  const auto set = [&](bool daemon_ready, WorkManagerHealth next) {
    status.SetReady(daemon_ready);
    const std::lock_guard lock(mutex);
    health = std::move(next);
  };
  const WorkManagerHealth recovering{.live = true, .ready = false, .entries = {}};
  const WorkManagerHealth well{.live = true, .ready = true, .entries = {{"workers", true, "none"}}};
  const WorkManagerHealth ill{.live = true, .ready = true, .entries = {{"workers", false, "one"}}};

  for (const auto& [daemon_ready, now] :
       {std::pair(false, recovering), {false, well}, {true, recovering}}) {
    set(daemon_ready, now);
    CHECK(get("/health/ready").status == 503);
    const RawAnswer answer = get("/health");
    CHECK(answer.status == 503);
    CHECK(Has(answer.body, "\"readiness\":{\"status\":\"Unhealthy\""));
    CHECK(get("/health/live").status == 200);
  }
  set(true, well);
  CHECK(get("/health/ready").status == 200);
  CHECK(get("/health").status == 200);
  set(true, ill);
  CHECK(get("/health/ready").status == 200);
  CHECK(get("/health").status == 503);
  CHECK(Has(get("/health").body, "\"workers\":{\"status\":\"Unhealthy\",\"description\":\"one\"}"));
  set(false, well);  // stops
  CHECK(get("/health/ready").status == 503);
  CHECK(get("/health").status == 503);
  CHECK(get("/health/live").status == 200);
  CHECK((*server)->Stop(std::chrono::seconds(30)).ok());
}

// Pins WM-34, WM-80.
TEST_CASE("outcomes of calls are apart from each other, and queues are summed by policy") {
  WorkManagerMetrics metrics;
  WorkerMetrics& worker = metrics.workers.emplace_back();
  worker.id = "w";
  worker.counters.calls = 19;  // two run
  worker.counters.succeeded = 10;
  worker.counters.failed = 7;
  worker.counters.replies = 9;
  worker.counters.overdue = 2;
  worker.queue.retried = 5;
  worker.queue.dead_lettered = 3;
  metrics.queue_depth = 4;
  metrics.queue_dropped = {0, 11, 12, 13};
  const std::string text = daemon::MetricsText(metrics);
  for (const char* line :
       {"virtufin_worker_events_total{worker=\"w\",outcome=\"succeeded\"} 10",
        "virtufin_worker_events_total{worker=\"w\",outcome=\"failed\"} 7",
        "virtufin_worker_replies_total{worker=\"w\"} 9",
        "virtufin_worker_overdue_total{worker=\"w\"} 2",
        "virtufin_worker_retries_total{worker=\"w\"} 5",
        "virtufin_worker_dead_letters_total{worker=\"w\"} 3", "virtufin_queue_depth 4",
        "virtufin_queue_dropped_total{policy=\"Block\"} 0",
        "virtufin_queue_dropped_total{policy=\"DropOldest\"} 11",
        "virtufin_queue_dropped_total{policy=\"DropNewest\"} 12",
        "virtufin_queue_dropped_total{policy=\"Conflate\"} 13"}) {
    CHECK_MESSAGE(Has(text, "\n" + std::string(line) + "\n"), line);
  }
  std::size_t outcomes = 0;
  for (std::size_t at = 0; (at = text.find(",outcome=", at)) != std::string::npos; ++at) ++outcomes;
  CHECK(outcomes == 2);
}

// Pins WM-42.
TEST_CASE("the daemon's log has the audit at any level") {
  daemon::Options options;
  REQUIRE(options.Set("log-level", "error").ok());
  Captured captured;
  {
    const auto log = daemon::MakeLog(options);
    log->Write(LogLevel::kInfo, "audit", "who=\"bob\" what=create");
    log->Write(LogLevel::kWarn, "workmanager", "something else");
  }
  const std::string said = captured.Read();
  CHECK(Has(said, "info audit: who=\"bob\" what=create\n"));
  CHECK_FALSE(Has(said, "something else"));
}
