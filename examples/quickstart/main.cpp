// Quickstart: a recorded exchange session flows through adapter, bus and a native worker.
//
//   quickstart [--recording <ws> <http>] [--speed max|<n>x]
//
// Ends with 0 when every book is live at the end and the worker's books equal the adapter's.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "board.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/exchange/player.hpp"
#include "virtufin/platform/platform.hpp"

namespace {

using quickstart::Board;
using quickstart::TopOfBook;
using namespace virtufin;

struct Arguments {
  std::string frames = QUICKSTART_RECORDING "/spot.ws";
  std::string answers = QUICKSTART_RECORDING "/spot.http";
  double speed = 1;  // 0: as fast as possible
};

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--recording") == 0 && i + 2 < argc) {
      arguments.frames = argv[++i];
      arguments.answers = argv[++i];
    } else if (std::strcmp(argv[i], "--speed") == 0 && i + 1 < argc) {
      const std::string text = argv[++i];
      char* end = nullptr;
      arguments.speed = text == "max" ? 0 : std::strtod(text.c_str(), &end);
      const bool number = end != nullptr && end != text.c_str() && std::strcmp(end, "x") == 0;
      if (text != "max" && (!number || !(arguments.speed > 0))) {
        std::fprintf(stderr, "--speed: expected max or a factor such as 1x, found '%s'\n",
                     text.c_str());
        return std::nullopt;
      }
    } else {
      std::fprintf(stderr,
                   "usage: quickstart [--recording <ws> <http>] [--speed max|<n>x]; found '%s'\n",
                   argv[i]);
      return std::nullopt;
    }
  }
  return arguments;
}

/// Ends the program's useful part: says what failed.
int Failed(const Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

class StderrLog final : public LogSink {
 public:
  bool Enabled(LogLevel level) const noexcept override { return level >= LogLevel::kWarn; }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    if (!Enabled(level)) return;
    std::fprintf(stderr, "[%.*s] %.*s\n", static_cast<int>(component.size()), component.data(),
                 static_cast<int>(text.size()), text.data());
  }
};

/// The topics on which the recording's pairs and the worker's replies appear.
struct Topics {
  std::vector<std::string> books, adapter, status, replies;
};

Topics TopicsOf(const RecordingPlayer& player, const std::string& world) {
  Topics topics;
  const std::string prefix =
      world + ".exchange." + std::string(BinanceVenueName(player.market())) + ".";
  for (const std::string& symbol : player.symbols()) {
    const std::string pair = TopicSegment(symbol);
    topics.books.push_back(prefix + "orderbook.snapshot." + pair);
    topics.books.push_back(prefix + "orderbook.update." + pair);
    topics.adapter.push_back(prefix + "quote.update." + pair);
    topics.status.push_back(prefix + "feed.status." + pair);
    topics.replies.push_back(prefix + "orderbook.changed." + pair);
  }
  topics.adapter.insert(topics.adapter.end(), topics.books.begin(), topics.books.end());
  return topics;
}

Result<std::string> StartWorker(Platform& platform, const std::vector<std::string>& topics) {
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.path = QUICKSTART_WORKER;
  request.topics = topics;
  auto id = platform.workers().Create(std::move(request));
  if (!id.ok()) return id;
  if (Status status = platform.workers().Start(*id); !status.ok()) return status;
  return id;
}

/// Shows every event of `topics` to `show`, on the thread that publishes it.
Result<Subscription> Watch(PubSub& bus, const std::vector<std::string>& topics,
                           std::function<void(const CloudEvent&)> show) {
  const std::vector<std::string_view> views(topics.begin(), topics.end());
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  return bus.Subscribe(views, options, [show](const Message& message, const DeliveryInfo&) {
    show(message.event());
    return Delivery::kSuccess;
  });
}

/// Plays everything at `speed` and prints once a second. Seconds it took.
double Play(RecordingPlayer& player, Board& board, double speed) {
  using Clock = Board::Clock;
  const auto start = Clock::now();
  auto print_at = start + std::chrono::seconds(1);
  auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  while (auto offset = player.next_offset_ns()) {
    auto due = start;
    if (speed > 0) {
      due +=
          std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(*offset) / speed));
    }
    while (std::min(due, print_at) > Clock::now() || print_at <= Clock::now()) {
      std::this_thread::sleep_until(std::min(due, print_at));
      if (print_at <= Clock::now()) {
        board.Print(elapsed());
        print_at += std::chrono::seconds(1);
      }
    }
    board.OnFrame();
    player.Next();
  }
  return elapsed();
}

TopOfBook TopOf(const BookSynchroniser& sync) {
  TopOfBook top;
  top.last_update_id = static_cast<std::uint64_t>(sync.last_update_id());
  const BookSide bids = sync.book().bids();
  const BookSide asks = sync.book().asks();
  top.bid = bids.empty() ? "-" : bids.front().price.ToString();
  top.bid_qty = bids.empty() ? "-" : bids.front().quantity.ToString();
  top.ask = asks.empty() ? "-" : asks.front().price.ToString();
  top.ask_qty = asks.empty() ? "-" : asks.front().quantity.ToString();
  top.bids = bids.size();
  top.asks = asks.size();
  return top;
}

void PrintBook(const char* whose, const std::string& pair, const TopOfBook& top) {
  std::printf("%-8s %-10s last_update_id %llu  bid %s x %s  ask %s x %s  levels %zu/%zu\n", whose,
              pair.c_str(), static_cast<unsigned long long>(top.last_update_id), top.bid.c_str(),
              top.bid_qty.c_str(), top.ask.c_str(), top.ask_qty.c_str(), top.bids, top.asks);
}

/// Prints what was played and both sides' final books. True: they are equal wherever the feed is
/// live, and it is live somewhere.
bool PrintOutcome(const RecordingPlayer& player, const Board& board) {
  const BinanceFeed& feed = player.feed();
  const BookCounters books = feed.counters().books;
  std::printf(
      "\nFrames: depth %llu (applied %llu, stale %llu, gaps %llu, crossed %llu)",
      static_cast<unsigned long long>(feed.frame_counters().of(BinanceKind::kDepth)),
      static_cast<unsigned long long>(books.applied), static_cast<unsigned long long>(books.stale),
      static_cast<unsigned long long>(books.gaps), static_cast<unsigned long long>(books.crossed));
  for (BinanceKind kind : {BinanceKind::kBookTicker, BinanceKind::kAggTrade, BinanceKind::kKline,
                           BinanceKind::kMalformed}) {
    std::printf(", %s %llu", std::string(BinanceKindName(kind)).c_str(),
                static_cast<unsigned long long>(feed.frame_counters().of(kind)));
  }
  std::printf("\n\nFinal books\n");
  const auto seen = board.books();
  bool equal = true;
  bool any_live = false;
  for (const std::string& symbol : player.symbols()) {
    const BookSynchroniser* sync = feed.FindBook(symbol);
    const TopOfBook adapter = TopOf(*sync);
    const auto it = seen.find(symbol);
    const TopOfBook worker = it == seen.end() ? TopOfBook() : it->second;
    PrintBook("adapter", symbol, adapter);
    PrintBook("worker", symbol, worker);
    if (feed.state(symbol) != FeedState::kLive) {
      std::printf("%-8s %-10s is not live at the end: %s\n", "feed", symbol.c_str(),
                  std::string(FeedStateName(feed.state(symbol))).c_str());
    } else {
      any_live = true;
      equal = equal && worker == adapter;
    }
  }
  std::printf("\nBooks of adapter and worker are %s\n", equal ? "equal" : "NOT equal");
  return equal && any_live;
}

int Run(const Arguments& arguments) {
  PlatformOptions options;
  options.log = std::make_shared<StderrLog>();
  auto platform = Platform::Create(std::move(options));
  if (!platform.ok()) return Failed(platform.status());
  PubSub& bus = (*platform)->bus();

  RecordingPlayerOptions recording;
  recording.frames_path = arguments.frames;
  recording.answers_path = arguments.answers;
  auto player = RecordingPlayer::Open(recording, bus);
  if (!player.ok()) return Failed(player.status());
  const Topics topics = TopicsOf(**player, recording.feed.world);

  if (Status status = (*platform)->Start(); !status.ok()) return Failed(status);
  Board board;
  auto adapter = Watch(bus, topics.adapter, [&](const CloudEvent& e) { board.OnAdapterEvent(e); });
  auto status = Watch(bus, topics.status, [&](const CloudEvent& e) { board.OnFeedStatus(e); });
  auto replies = Watch(bus, topics.replies, [&](const CloudEvent& e) { board.OnReply(e); });
  for (const auto* watch : {&adapter, &status, &replies}) {
    if (!watch->ok()) return Failed(watch->status());
  }
  auto worker = StartWorker(**platform, topics.books);
  if (!worker.ok()) return Failed(worker.status());

  std::printf("Playing %s and %s\n", arguments.frames.c_str(), arguments.answers.c_str());
  const double elapsed = Play(**player, board, arguments.speed);
  const bool complete = board.AwaitReplies(std::chrono::seconds(30));
  board.PrintTotals(elapsed);
  if (arguments.speed == 0)
    std::printf("At full speed the latency is mostly waiting in the queue.\n");
  for (const RecordingProblem& problem : (*player)->problems()) {
    std::fprintf(stderr, "%s\n", problem.ToString().c_str());
  }
  if (!complete) std::fprintf(stderr, "the worker did not reply to every book event\n");
  const bool equal = PrintOutcome(**player, board);
  if (Status stopped = (*platform)->Stop(std::chrono::seconds(30)); !stopped.ok()) {
    return Failed(stopped);
  }
  return equal && complete ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = Parse(argc, argv);
  return arguments ? Run(*arguments) : 2;
}
