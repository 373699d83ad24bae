// A simulated Binance on a real port, for trying clients against it: prints its URLs and runs until
// SIGINT or SIGTERM.
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sim/venue_server.hpp"

using namespace virtufin;

namespace {

constexpr const char* kUsage =
    "usage: simulated_venue [--market spot|usdm] [--port N] [--pairs N] [--seed N] [--rate N]\n"
    "                       [--fault-script FILE]\n"
    "  --market        which Binance (spot)\n"
    "  --port          on 127.0.0.1; 0: a free one (0)\n"
    "  --pairs         how many symbols trade, 1 to 10 (10)\n"
    "  --seed          the same seed trades the same (1)\n"
    "  --rate          book changes a second and symbol (as the pairs have it)\n"
    "  --fault-script  one fault a line: <ms after the start> <fault> [arguments]\n"
    "The book at an update id: <http URL>/sim/truth?symbol=BTCUSDT&id=N\n";

int Fail(const std::string& why) {
  std::fprintf(stderr, "%s\n%s", why.c_str(), kUsage);
  return 2;
}

bool Number(std::string_view text, std::int64_t low, std::int64_t high, std::int64_t& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && out >= low &&
         out <= high;
}

struct Arguments {
  sim::VenueServerOptions server;
  std::int64_t pairs = 10;
  std::int64_t rate = -1;
};

// Empty, or what is wrong.
std::string Read(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) return "expected a value after " + name;
    const std::string value = argv[i + 1];
    std::int64_t number = 0;
    if (name == "--market" && (value == "spot" || value == "usdm")) {
      out.server.venue.market = value == "usdm" ? sim::VenueMarket::kUsdm : sim::VenueMarket::kSpot;
    } else if (name == "--port" && Number(value, 0, 65535, number)) {
      out.server.http.port = static_cast<std::uint16_t>(number);
    } else if (name == "--pairs" && Number(value, 1, 10, out.pairs)) {
    } else if (name == "--seed" && Number(value, 0, INT64_MAX, number)) {
      out.server.venue.seed = static_cast<std::uint64_t>(number);
    } else if (name == "--rate" && Number(value, 0, 100'000, out.rate)) {
    } else if (name == "--fault-script") {
      std::ifstream file(value);
      std::ostringstream script;
      script << file.rdbuf();
      if (!file) return "cannot read " + value;
      auto plan = sim::FaultPlan::Parse(script.str());
      if (!plan.ok()) return value + ": " + std::string(plan.status().message());
      out.server.venue.faults = *std::move(plan);
    } else {
      return "did not expect " + name + " " + value;
    }
  }
  auto& symbols = out.server.venue.symbols;
  symbols = sim::DefaultSymbols(out.server.venue.market);
  symbols.resize(std::min(symbols.size(), static_cast<std::size_t>(out.pairs)));
  for (auto& symbol : symbols) {
    if (out.rate >= 0) symbol.changes_per_s = out.rate;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const std::string wrong = Read(argc, argv, arguments); !wrong.empty()) return Fail(wrong);

  // Blocked before any thread starts, so that all inherit it and sigwait gets them.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  const bool spot = arguments.server.venue.market == sim::VenueMarket::kSpot;
  const auto symbols = arguments.server.venue.symbols;
  auto server = sim::BinanceVenueServer::Create(std::move(arguments.server));
  if (!server.ok()) return Fail(server.status().ToString());
  if (const Status status = (*server)->Start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("market    %s\n", spot ? "spot" : "usdm");
  std::printf("rest      %s\n", (*server)->rest_url().c_str());
  std::printf("websocket %s%s\n", (*server)->ws_url().c_str(),
              spot ? "" : "/public and /market under it");
  std::printf("symbols  ");
  for (const auto& symbol : symbols) std::printf(" %s", symbol.name.c_str());
  std::printf("\n");
  std::fflush(stdout);

  int signal = 0;
  sigwait(&ending, &signal);
  static_cast<void>((*server)->Stop(std::chrono::milliseconds(1000)));
  return 0;
}
