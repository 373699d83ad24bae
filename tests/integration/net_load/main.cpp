// Load of the WebSocket client: many connections of one process, fed by a server process.
//
//   net_load [--connections 500] [--rate 50000] [--seconds 10] [--open-files 0]
//
// The server sends numbered frames evenly over all connections. Fails when a connection cannot be
// had, a frame is lost, doubled or damaged, or the client's memory grows. Rate, CPU and latency are
// told, not judged. `--open-files` raises the process's limit; 0 leaves it.
// VIRTUFIN_TESTS_NIGHTLY=1 makes it ten minutes; VIRTUFIN_TESTS_SCALE shortens it.
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "net/open_files.hpp"
#include "net/web_socket.hpp"
#include "support/piped_process.hpp"

using namespace virtufin;
using std::chrono::milliseconds;

namespace {

std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // the same in both processes
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// --- the server's process

// Everything on the server's loop.
class Feeder : public net::HttpHandler {
 public:
  explicit Feeder(std::int64_t rate) : rate_(rate) {}

  void OnRequest(net::IncomingRequest, net::HttpResponder responder) override {
    if (!responder.Accept(std::make_shared<Peer>(*this)).ok()) responder.Send({});
  }
  void Begin(net::HttpServer& server) {
    began_ns_ = NowNs();
    Tick(server);
  }
  std::uint64_t sent() const { return sent_.load(); }

 private:
  struct Peer final : net::SocketEvents {
    explicit Peer(Feeder& its) : feeder(its) {}
    void OnOpen(net::ServerSocket its) override {
      socket = std::move(its);
      feeder.peers_.push_back(this);
    }
    void OnText(std::string_view) override {}
    void OnClosed(std::uint16_t, std::string_view) override { std::erase(feeder.peers_, this); }
    Feeder& feeder;
    net::ServerSocket socket;
    std::uint64_t number = 0;
  };

  // Sends what is due by now: one frame to each in turn.
  void Tick(net::HttpServer& server) {
    const std::int64_t now = NowNs();
    const auto due = static_cast<std::uint64_t>(static_cast<double>(now - began_ns_) * 1e-9 *
                                                static_cast<double>(rate_));
    if (peers_.empty() || due > turns_ + static_cast<std::uint64_t>(rate_) / 10) {
      turns_ = due;  // behind by 0.1 s: what was missed is not made up for
    }
    for (; turns_ < due; ++turns_) {
      Peer& peer = *peers_[turns_ % peers_.size()];
      if (peer.socket.unsent_bytes() > 2048) continue;  // it does not keep up: a lower rate
      char frame[256];
      const int size = std::snprintf(
          frame, sizeof frame,
          R"({"u":%llu,"s":"BTCUSDT","b":"91250.39000000","B":"0.07139000","a":"91250.40000000",)"
          R"("A":"1.25510000","T":%lld})",
          static_cast<unsigned long long>(peer.number), static_cast<long long>(NowNs()));
      if (!peer.socket.SendText(std::string(frame, static_cast<std::size_t>(size))).ok()) continue;
      ++peer.number;
      sent_.fetch_add(1, std::memory_order_relaxed);
    }
    server.After(milliseconds(1), [this, &server] { Tick(server); });
  }

  const std::int64_t rate_;
  std::int64_t began_ns_ = 0;
  std::uint64_t turns_ = 0;
  std::atomic<std::uint64_t> sent_{0};
  std::vector<Peer*> peers_;
};

// Says its port, feeds until its input ends, then says what it did.
int Serve(std::int64_t rate, std::int64_t open_files) {
  if (open_files > 0 && !net::RaiseOpenFiles(static_cast<std::uint64_t>(open_files)).ok()) return 1;
  Feeder feeder(rate);
  auto server = net::HttpServer::Create({}, feeder).value();
  if (!server->Start().ok()) return 1;
  std::printf("%d\n", server->port());
  std::fflush(stdout);
  server->After(milliseconds(0), [&] { feeder.Begin(*server); });
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  static_cast<void>(server->Stop(milliseconds(2000)));
  std::printf("%llu %.3f %ld\n", static_cast<unsigned long long>(feeder.sent()), CpuSeconds(),
              test::ResidentKb());
  return 0;
}

struct ServerProcess : test::PipedProcess {
  int port = 0;
};

ServerProcess StartServer(const char* self, std::int64_t rate, std::int64_t open_files) {
  ServerProcess server{test::StartPiped(
      {self, "--serve", std::to_string(rate), "--open-files", std::to_string(open_files)})};
  if (std::fscanf(server.out, "%d", &server.port) != 1) std::abort();
  return server;
}

// --- the client's process

// Counts by the logarithm: eight steps for each doubling.
class Histogram {
 public:
  void Add(std::int64_t ns) {
    const double steps = ns < 1 ? 0 : std::log2(static_cast<double>(ns)) * 8;
    ++counts_[std::min<std::size_t>(counts_.size() - 1, static_cast<std::size_t>(steps))];
    ++total_;
    max_ = std::max(max_, ns);
  }
  double MicrosAt(double share) const {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      below += counts_[i];
      if (static_cast<double>(below) >= share * static_cast<double>(total_)) {
        return std::exp2(static_cast<double>(i + 1) / 8) / 1000;
      }
    }
    return 0;
  }
  double MaxMicros() const { return static_cast<double>(max_) / 1000; }

 private:
  std::array<std::uint64_t, 512> counts_{};
  std::uint64_t total_ = 0;
  std::int64_t max_ = 0;
};

// Shared by all connections, which live on one thread; the atomics are read by others.
struct Tally {
  std::atomic<std::uint64_t> open{0}, closed{0}, frames{0}, wrong{0}, bytes{0};
  std::atomic<bool> measuring{false};
  Histogram latency;
};

class Client final : public net::WebSocketHandler {
 public:
  explicit Client(Tally& tally) : tally_(tally) {}
  void OnOpen(std::string_view) override { tally_.open.fetch_add(1); }
  void OnText(std::string_view text, const net::ReceiveTime&) override {
    std::uint64_t number = 0;
    std::int64_t sent_ns = 0;
    if (!Read(text, "\"u\":", number) || !Read(text, "\"T\":", sent_ns) || number != next_) {
      tally_.wrong.fetch_add(1);
    }
    next_ = number + 1;
    tally_.frames.fetch_add(1, std::memory_order_relaxed);
    tally_.bytes.fetch_add(text.size(), std::memory_order_relaxed);
    if (tally_.measuring.load(std::memory_order_relaxed)) tally_.latency.Add(NowNs() - sent_ns);
  }
  void OnBinary(ByteView, const net::ReceiveTime&) override { tally_.wrong.fetch_add(1); }
  void OnPong(ByteView, const net::ReceiveTime&) override {}
  void OnSignOfLife(const net::ReceiveTime&) override {}
  void OnClosed(const net::WebSocketEnd&) override { tally_.closed.fetch_add(1); }

  std::unique_ptr<net::WebSocket> socket;

 private:
  template <class T>
  static bool Read(std::string_view text, std::string_view name, T& out) {
    const std::size_t at = text.find(name);
    return at != std::string_view::npos &&
           std::from_chars(text.data() + at + name.size(), text.data() + text.size(), out).ec ==
               std::errc();
  }
  Tally& tally_;
  std::uint64_t next_ = 0;
};

struct Load {
  std::int64_t connections = 500;
  std::int64_t rate = 50'000;
  double seconds = 10;
  std::int64_t open_files = 0;
};

// False when one does not come.
bool OpenAll(net::NetLoop& loop, std::vector<std::unique_ptr<Client>>& clients, Tally& tally,
             int port) {
  const std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/feed";
  const std::int64_t give_up_ns = NowNs() + 120'000'000'000;
  for (std::size_t done = 0; done < clients.size();) {
    const std::size_t until = std::min(clients.size(), done + 50);  // no more at a time
    loop.Post([&clients, &loop, &tally, url, from = done, until] {
      for (std::size_t i = from; i < until; ++i) {
        auto socket = net::WebSocket::Open(loop, url, {}, *clients[i]);
        if (!socket.ok()) {
          tally.closed.fetch_add(1);
          continue;
        }
        clients[i]->socket = *std::move(socket);
      }
    });
    while (tally.open.load() < until) {
      if (tally.closed.load() > 0 || NowNs() > give_up_ns) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    done = until;
  }
  return true;
}

int Run(const char* self, const Load& load) {
  if (load.open_files > 0) {
    const Status raised = net::RaiseOpenFiles(static_cast<std::uint64_t>(load.open_files));
    if (!raised.ok()) return std::fprintf(stderr, "%s\n", raised.ToString().c_str()), 1;
  }
  ServerProcess server = StartServer(self, load.rate, load.open_files);
  Tally tally;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::int64_t i = 0; i < load.connections; ++i) {
    clients.push_back(std::make_unique<Client>(tally));
  }
  const long idle_kb = test::ResidentKb();
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  if (!loop->Start().ok()) return 1;
  bool good = OpenAll(*loop, clients, tally, server.port);
  if (!good) {
    std::fprintf(stderr, "expected %lld connections, found %llu\n",
                 static_cast<long long>(load.connections),
                 static_cast<unsigned long long>(tally.open.load()));
  }
  // The first fifth lets buffers find their size.
  const auto part = [&](double share) {
    std::this_thread::sleep_for(std::chrono::duration<double>(load.seconds * share));
  };
  part(0.2);
  const long before_kb = test::ResidentKb();
  const double cpu = CpuSeconds();
  const std::int64_t began = NowNs();
  const std::uint64_t frames = tally.frames.load();
  tally.measuring = true;
  part(0.8);
  const std::uint64_t measured = tally.frames.load() - frames;
  const double seconds = static_cast<double>(NowNs() - began) * 1e-9;
  const double cpu_share = (CpuSeconds() - cpu) / seconds;
  const long after_kb = test::ResidentKb();
  good = good && tally.closed.load() == 0;
  if (tally.closed.load() != 0) std::fprintf(stderr, "expected no connection to end\n");

  loop->Post([&] {
    for (auto& client : clients) client->socket.reset();
  });
  good = loop->Stop(milliseconds(10'000)).ok() && good;
  ::close(server.in);
  unsigned long long sent = 0;
  double server_cpu = 0;
  long server_kb = 0;
  if (std::fscanf(server.out, "%llu %lf %ld", &sent, &server_cpu, &server_kb) != 3) good = false;
  ::waitpid(server.pid, nullptr, 0);

  std::printf("connections     %lld\n", static_cast<long long>(load.connections));
  std::printf("frames          %.0f/s for %.1f s, %.0f B each\n",
              static_cast<double>(measured) / seconds, seconds,
              static_cast<double>(tally.bytes.load()) /
                  std::max(1.0, static_cast<double>(tally.frames.load())));
  std::printf("latency         p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n",
              tally.latency.MicrosAt(0.5), tally.latency.MicrosAt(0.99),
              tally.latency.MicrosAt(0.999), tally.latency.MaxMicros());
  std::printf("client CPU      %.0f %% of a core\n", cpu_share * 100);
  std::printf("server CPU      %.1f s in all, %ld kB\n", server_cpu, server_kb);
  std::printf("client memory   %ld kB idle, %ld kB, %ld kB at the end (%.1f kB a connection)\n",
              idle_kb, before_kb, after_kb,
              static_cast<double>(after_kb - idle_kb) / static_cast<double>(load.connections));
  if (tally.wrong.load() != 0 || measured == 0) {
    std::fprintf(stderr, "expected every frame in order, found %llu out of it, %llu in all\n",
                 static_cast<unsigned long long>(tally.wrong.load()),
                 static_cast<unsigned long long>(measured));
    good = false;
  }
#ifdef NET_LOAD_MEASURES_MEMORY
  if (after_kb - before_kb > 4096) {
    std::fprintf(stderr, "expected no growth, found %ld kB\n", after_kb - before_kb);
    good = false;
  }
#endif
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  std::int64_t serve = 0, seconds = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    std::int64_t* const to = name == "--connections"  ? &load.connections
                             : name == "--rate"       ? &load.rate
                             : name == "--seconds"    ? &seconds
                             : name == "--open-files" ? &load.open_files
                             : name == "--serve"      ? &serve
                                                      : nullptr;
    if (to == nullptr || (*to = std::atoll(argv[i + 1])) < 0) {
      std::fprintf(stderr, "did not expect %s %s\n", argv[i], argv[i + 1]);
      return 2;
    }
  }
  if (serve > 0) return Serve(serve, load.open_files);
  const char* nightly = std::getenv("VIRTUFIN_TESTS_NIGHTLY");
  const char* scale = std::getenv("VIRTUFIN_TESTS_SCALE");
  if (nightly != nullptr && std::strcmp(nightly, "1") == 0) load.seconds = 600;
  if (scale != nullptr) load.seconds = std::max(2.0, load.seconds * std::atof(scale));
  if (seconds > 0) load.seconds = static_cast<double>(seconds);
  return Run("/proc/self/exe", load);
}
