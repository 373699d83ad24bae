// Runs the simulated venue in this process and a feed against it, over loopback sockets.
#include "live.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "board.hpp"
#include "live_check.hpp"
#include "screen.hpp"
#include "sim/venue_server.hpp"
#include "viewer_books.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"
#include "wiring.hpp"

namespace quickstart {
namespace {

using namespace virtufin;
using Clock = Board::Clock;

/// SIGINT and SIGTERM are waited for instead of ending the process; threads made later inherit it.
class EndingSignals {
 public:
  EndingSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  /// True: one came within `time`.
  bool Await(std::chrono::nanoseconds time) const {
    if (time.count() < 0) time = {};
    const timespec span{static_cast<time_t>(time.count() / 1'000'000'000),
                        static_cast<long>(time.count() % 1'000'000'000)};
    return sigtimedwait(&set_, nullptr, &span) > 0;
  }

 private:
  sigset_t set_;
};

/// What goes wrong on the way: one diff of the busiest pair is lost, later every connection is cut.
sim::FaultPlan FaultsOf(double seconds) {
  const auto at = [&](double share) { return std::llround(seconds * 1000 * share); };
  const std::string script =
      std::to_string(at(0.25)) + " gap BTCUSDT\n" + std::to_string(at(0.5)) + " cut\n";
  return sim::FaultPlan::Parse(script).value();
}

Result<std::unique_ptr<sim::BinanceVenueServer>> StartVenue(double seconds, LogSink& log) {
  sim::VenueServerOptions options;
  options.venue.symbols = sim::DefaultSymbols(sim::VenueMarket::kSpot);
  options.venue.faults = FaultsOf(seconds);
  auto server = sim::BinanceVenueServer::Create(std::move(options), log);
  if (!server.ok()) return server;
  if (Status status = (*server)->Start(); !status.ok()) return status;
  return server;
}

/// When the frame behind `event` was read from its socket.
Clock::time_point FrameTime(const CloudEvent& event) {
  const auto received = event.ExtensionTime("receivetime");
  const auto now = Clock::now();
  if (!received) return now;
  const auto read = std::chrono::seconds(received->unix_seconds()) +
                    std::chrono::nanoseconds(received->nanoseconds());
  const auto wall = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return now - (wall - read);
}

/// Announces each fault as it happens, shows the board, and lasts until `seconds` are over. False:
/// a signal came before.
bool Show(const EndingSignals& signals, Screen& screen, Board& board, double seconds,
          Clock::time_point start) {
  const std::chrono::milliseconds period(screen.terminal() ? 100 : 1000);
  const auto end = start + std::chrono::nanoseconds(std::llround(seconds * 1e9));
  const sim::FaultPlan plan = FaultsOf(seconds);
  auto fault = plan.faults.begin();
  for (auto next = start + period;; next += period) {
    if (signals.Await(std::min(next, end) - Clock::now())) return false;
    const auto now = Clock::now();
    const double elapsed = std::chrono::duration<double>(now - start).count();
    for (; fault != plan.faults.end() && elapsed * 1000 >= static_cast<double>(fault->at_ms);
         ++fault) {
      board.Note("VENUE      fault: " + sim::FaultText(*fault));
    }
    screen.Show(board.Take(elapsed));
    if (now >= end) return true;
  }
}

/// The venue falls silent; the books have this long to arrive at its last update.
constexpr std::chrono::seconds kQuietTail{15};

int Finish(const EndingSignals& signals, Screen& screen, Board& board, LiveCheck& check,
           Clock::time_point start) {
  if (Status status = check.StopTrading(); !status.ok()) return Failed(status);
  const auto end = Clock::now() + kQuietTail;
  bool equal = check.AllEqual();
  while (!equal && Clock::now() < end) {
    if (signals.Await(std::chrono::milliseconds(50))) break;
    equal = check.AllEqual();
  }
  const View totals = board.Totals(std::chrono::duration<double>(Clock::now() - start).count());
  screen.Close();
  std::printf("\n");
  PrintView(totals);
  check.Print();
  return equal ? 0 : 1;
}

}  // namespace

int RunLive(const Arguments& arguments) {
  const EndingSignals signals;
  const auto log = std::make_shared<StderrLog>();
  auto venue = StartVenue(arguments.seconds, *log);
  if (!venue.ok()) return Failed(venue.status());
  const auto start = Clock::now();
  std::vector<std::string> pairs;
  for (const auto& symbol : sim::DefaultSymbols(sim::VenueMarket::kSpot)) {
    pairs.push_back(symbol.name);
  }

  PlatformOptions options;
  options.log = log;
  auto platform = Platform::Create(std::move(options));
  if (!platform.ok()) return Failed(platform.status());
  if (Status status = (*platform)->Start(); !status.ok()) return Failed(status);
  PubSub& bus = (*platform)->bus();
  WebSocketManager& feeds = **(*platform)->feeds();

  Board board;
  ViewerBooks books;
  const Topics topics = TopicsOf("binance", {}, pairs);
  const auto on_event = [&](const CloudEvent& e) { board.OnAdapterEvent(e, FrameTime(e)); };
  const auto on_book = [&](const CloudEvent& e) {
    on_event(e);
    books.OnEvent(e);
  };
  auto seen_books = Watch(bus, topics.books, on_book);
  auto seen_others = Watch(bus, topics.others, on_event);
  auto status = Watch(bus, topics.status, [&](const CloudEvent& e) { board.OnFeedStatus(e); });
  auto replies = Watch(bus, topics.replies, [&](const CloudEvent& e) { board.OnReply(e); });
  for (const auto* watch : {&seen_books, &seen_others, &status, &replies}) {
    if (!watch->ok()) return Failed(watch->status());
  }
  if (Status s = StartWorker(**platform, topics.books); !s.ok()) return Failed(s);
  const auto feed = feeds.StartFeed(
      "binance", {{"stream_url", (*venue)->ws_url()}, {"rest_url", (*venue)->rest_url()}});
  if (!feed.ok()) return Failed(feed.status());
  for (const char* const channel : {"book", "quote", "trade"}) {
    if (Status s = feeds.SubscribeFeed(*feed, channel, pairs); !s.ok()) return Failed(s);
  }

  int code = 130;  // ended by a signal
  {
    Screen screen(isatty(STDOUT_FILENO) != 0);
    LiveCheck check(**venue, board, books, pairs);
    board.Note("VENUE      simulated Binance on " + (*venue)->rest_url());
    if (Show(signals, screen, board, arguments.seconds, start)) {
      code = Finish(signals, screen, board, check, start);
    }
  }
  if (Status s = feeds.StopFeed(*feed); !s.ok()) return Failed(s);
  if (Status s = (*platform)->Stop(std::chrono::seconds(30)); !s.ok()) return Failed(s);
  if (Status s = (*venue)->Stop(std::chrono::seconds(5)); !s.ok()) return Failed(s);
  return code;
}

}  // namespace quickstart
