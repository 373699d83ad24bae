// A daemon that runs: its gRPC and its HTTP port, its log, its end.
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "integration/daemon/daemon.hpp"
#include "support/certificates.hpp"
#include "support/temporary_folder.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

// Of a GET without a client certificate; 0 when there is no answer.
int StatusOverTls(std::uint16_t port, const std::string& path) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> wire(BIO_new_ssl_connect(context.get()),
                                                           &BIO_free_all);
  BIO_set_conn_hostname(wire.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
  char line[16] = {};
  if (BIO_do_connect(wire.get()) != 1 ||
      BIO_write(wire.get(), request.data(), static_cast<int>(request.size())) <= 0 ||
      BIO_read(wire.get(), line, 12) != 12) {
    return 0;
  }
  return std::atoi(line + 9);
}

}  // namespace

// Pins WM-80.
TEST_CASE("the daemon runs native workers by calls and tells its health and numbers") {
  TemporaryFolder folder;
  Daemon daemon(folder / "data");
  const std::string id = daemon.Create(HELLO_C);
  CHECK(daemon.CallOf("StartWorker", id).code == 0);
  CHECK(daemon.Get("/health/live").status == 200);
  CHECK(daemon.Get("/health/ready").status == 200);
  const RawAnswer health = daemon.Get("/health");
  CHECK(health.status == 200);
  CHECK(health.Has("Content-Type: application/json"));
  CHECK(health.body.find("{\"status\":\"Healthy\",\"totalDuration\":\"00:00:0") == 0);
  CHECK(health.body.find("\"readiness\":{\"status\":\"Healthy\"") != std::string::npos);
  const RawAnswer metrics = daemon.Get("/metrics?a=b");
  CHECK(metrics.status == 200);
  CHECK(metrics.Has("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  for (const std::string& line :
       {std::string("virtufin_workers{status=\"running\"} 1"),
        "virtufin_worker_events_total{worker=\"" + id + "\",outcome=\"failed\"} 0",
        "virtufin_worker_duration_seconds_bucket{worker=\"" + id + "\",le=\"0.001\"} 0",
        "virtufin_worker_duration_seconds_bucket{worker=\"" + id + "\",le=\"+Inf\"} 0",
        "virtufin_worker_duration_seconds_count{worker=\"" + id + "\"} 0",
        std::string("virtufin_queue_depth 0"),
        std::string("virtufin_queue_dropped_total{policy=\"Block\"} 0")}) {
    CHECK_MESSAGE(metrics.body.find("\n" + line + "\n") != std::string::npos, line);
  }
  CHECK(daemon.Get("/nothing").status == 404);
  RawClient post(daemon.http);
  REQUIRE(post.Send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n."));
  CHECK(post.Answer().status == 405);

  CHECK(daemon.Load(id, Contents(HELLO_CPP)) == 0);
  CHECK(daemon.Load(id, "no library") == 3);
  CHECK(daemon.CallOf("StopWorker", id).code == 0);
  CHECK(daemon.CallOf("DeleteWorker", id).code == 0);
  daemon.process.Signal(SIGTERM);
  CHECK(daemon.process.ExitStatus() == 0);
  CHECK(daemon.process.HasSaid("stops: SIGTERM"));
}

// Pins WM-80.
TEST_CASE("with a key the daemon's numbers and calls need it, its health does not") {
  TemporaryFolder folder;
  Daemon daemon(folder / "data", {"--log-format", "json"}, {{"ApiAuth__Keys__bob", "secret"}});
  CHECK(daemon.Get("/health").status == 200);
  CHECK(daemon.Get("/health/ready").status == 200);
  CHECK(daemon.Get("/metrics").status == 401);
  CHECK(daemon.Get("/metrics", "x-api-key: secret\r\n").status == 200);
  CHECK(daemon.Get("/healthy").status == 401);
  CHECK(daemon.Call("ListWorkers", "").code == 16);
  daemon.process.Signal(SIGINT);
  CHECK(daemon.process.ExitStatus() == 0);
  CHECK(daemon.process.HasSaid(
      "\"level\":\"info\",\"component\":\"workmanager\",\"message\":\"stops: SIGINT\"}\n"));
  CHECK_FALSE(daemon.process.HasSaid("secret"));
}

// Pins WM-80, WM-82.
TEST_CASE(
    "daemons on one state send a call to the one that has the worker, and follow one that ends") {
  TemporaryFolder folder;
  const auto start = [&](const std::string& name) {
    return std::make_unique<Daemon>(
        folder / name,
        std::vector<std::string>{"--advertise", "127.0.0.1:0", "--set",
                                 "workmanager.instance_id=" + name, "--set",
                                 "state.path=" + (folder / "shared.db")},
        Process::Environment{{"ApiAuth__Keys__bob", "secret"}, {"ApiAuth__Keys__peer", "theirs"}},
        GrpcClientOptions{{{"x-api-key", "secret"}}});
  };
  const auto one = start("one");
  const auto two = start("two");
  const auto running = [](Daemon& daemon) {
    return daemon.Get("/metrics", "x-api-key: secret\r\n")
               .body.find("\nvirtufin_workers{status=\"running\"} 1\n") != std::string::npos;
  };
  const std::string id = one->Create(HELLO_C);
  CHECK(two->CallOf("StartWorker", id).code == 0);
  CHECK(running(*one));
  CHECK_FALSE(running(*two));
  CHECK(two->Load(id, "no library") == 3);  // what the owner said
  one->process.Signal(SIGTERM);
  CHECK(one->process.ExitStatus() == 0);
  CHECK(two->CallOf("StartWorker", id).code == 0);
  CHECK(running(*two));
}

// Pins WM-80.
TEST_CASE("where certificates are the only guard, the port without them has health alone") {
  const TestCertificate authority({.authority = true, .subject = "authority"});
  const CertificateText server = TestCertificate({.subject = "server"}, &authority).Text();
  TemporaryFolder folder;
  std::ofstream(folder / "ca.pem") << authority.Text().certificate_pem;
  std::ofstream(folder / "server.pem") << server.certificate_pem;
  std::ofstream(folder / "key.pem") << server.key_pem;
  Daemon daemon(folder / "data", {"--tls-certificate", folder / "server.pem", "--tls-key",
                                  folder / "key.pem", "--tls-client-ca", folder / "ca.pem"});
  CHECK(StatusOverTls(daemon.http, "/health") == 200);
  CHECK(StatusOverTls(daemon.http, "/metrics") == 401);
  CHECK(StatusOverTls(daemon.http, "/nothing") == 401);
  CHECK(daemon.Call("ListWorkers", "").code == 14);
}

// Pins WM-80.
TEST_CASE("a daemon that is told to end waits for the event in flight and for the call that does") {
  for (const bool stops : {true, false}) {
    CAPTURE(stops);
    TemporaryFolder folder;
    const std::string gate = folder / "gate";
    int pipes[2] = {-1, -1};
    for (const int i : {0, 1}) {
      const std::string name = gate + (i == 0 ? ".entered" : ".leave");
      REQUIRE(mkfifo(name.c_str(), 0600) == 0);
      REQUIRE((pipes[i] = open(name.c_str(), O_RDWR | O_CLOEXEC)) >= 0);
    }
    Daemon daemon(folder / "data");
    // What the manager tells is what there is to hear without a client of the bus.
    const std::string id = daemon.Create(GATED, "workmanager.lifecycle", {{"gate", gate}});
    REQUIRE(daemon.CallOf("StartWorker", id).code == 0);
    char byte = 0;
    REQUIRE(read(pipes[0], &byte, 1) == 1);  // it handles its own start
    lite::StopWorkerRequest request;
    request.set_id(id);
    const auto call =
        stops ? daemon.client.Start("/virtufin.WorkManager/StopWorker", request.SerializeAsString())
              : nullptr;
    const std::string stopped = "\nvirtufin_workers{status=\"stopped\"} 1\n";
    while (stops && daemon.Get("/metrics").body.find(stopped) == std::string::npos) {
      std::this_thread::yield();
    }
    daemon.process.Signal(SIGTERM);
    while (!daemon.process.HasSaid("stops: SIGTERM")) std::this_thread::yield();
    CHECK(access((gate + ".done").c_str(), F_OK) != 0);
    const std::string bytes(64, 'x');  // also for what it may hear of afterwards
    REQUIRE(write(pipes[1], bytes.data(), bytes.size()) == 64);
    if (stops) CHECK(call->Wait().code == 0);
    CHECK_MESSAGE(daemon.process.ExitStatus() == 0, daemon.process.Said());
    CHECK(access((gate + ".done").c_str(), F_OK) == 0);
    for (const int fd : pipes) close(fd);
  }
}

// Pins WM-80.
TEST_CASE("a signal ends a daemon that is not ready yet") {
  TemporaryFolder folder;
  const std::string pipe = folder / "credentials.json";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  Process process(
      Daemon::Arguments(folder / "data", {"--set", "workmanager.code.credentials=" + pipe}));
  int fd = -1;
  while ((fd = open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && errno == ENXIO) {
    std::this_thread::yield();  // until the daemon reads the file, which has no end
  }
  REQUIRE(fd >= 0);
  process.Signal(SIGTERM);
  CHECK(process.ExitStatus() == 0);
  CHECK(process.HasSaid("stops: SIGTERM"));
  close(fd);
}

// Pins WM-80.
TEST_CASE("a data directory is one daemon's, until it ends in any way") {
  TemporaryFolder folder;
  Daemon first(folder / "data");
  Process second(Daemon::Arguments(folder / "data", {}));
  CHECK(second.ExitStatus() == 2);
  CHECK_MESSAGE(second.HasSaid("found another that uses it"), second.Said());
  first.process.Signal(SIGKILL);
  CHECK(first.process.ExitStatus() == -1);
  Daemon third(folder / "data");
  CHECK(third.Get("/health/ready").status == 200);
}

// Pins WM-80.
TEST_CASE("a daemon whose port is taken says so and ends") {
  TemporaryFolder folder;
  Daemon first(folder / "one");
  for (const char* option : {"--http-port", "--grpc-port"}) {
    const bool is_http = std::string_view(option) == "--http-port";
    const std::string taken =
        is_http ? std::to_string(first.http) : first.process.WaitForPort("grpc");
    std::vector<std::string> arguments = Daemon::Arguments(folder / "two", {});
    arguments.insert(arguments.end(), {option, taken});
    Process second(arguments);
    CHECK(second.ExitStatus() == 1);
    CHECK_MESSAGE(second.HasSaid(taken), second.Said());
  }
}
