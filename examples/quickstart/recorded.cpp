// Plays a recorded exchange session: recording -> adapter -> bus -> worker -> viewer.
#include "recorded.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "board.hpp"
#include "screen.hpp"
#include "virtufin/exchange/recording_import.hpp"
#include "virtufin/exchange/session_player.hpp"
#include "virtufin/platform/platform.hpp"
#include "wiring.hpp"

namespace quickstart {
namespace {

using namespace virtufin;
using Clock = Board::Clock;

/// Plays everything at `speed` and shows the board once a second. Seconds it took.
double Play(SessionPlayer& player, Board& board, Clock::time_point& frame_at, double speed) {
  Screen screen(false);
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
        screen.Show(board.Take(elapsed()));
        print_at += std::chrono::seconds(1);
      }
    }
    frame_at = Clock::now();
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

/// Prints what was played and both sides' final books. True: they are equal wherever the feed is
/// live, and it is live somewhere.
bool PrintOutcome(const BinanceFeed& feed, const Board& board) {
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
  const auto seen = board.pairs();
  bool equal = true;
  bool any_live = false;
  for (const std::string& symbol : feed.symbols()) {
    const TopOfBook adapter = TopOf(*feed.FindBook(symbol));
    const auto it = seen.find(symbol);
    const TopOfBook worker = it == seen.end() ? TopOfBook() : it->second.top;
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

/// A name for a file that is gone with this.
struct TemporaryFile {
  ~TemporaryFile() { (void)std::remove(path.c_str()); }
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("quickstart-" + std::to_string(::getpid()) + ".recording"))
                               .string();
};

/// The text becomes a recording, which is all that a player needs.
Result<RecordingInfo> Import(const Arguments& arguments, const std::string& path) {
  RecordingImportOptions import;
  import.frames_path = arguments.frames;
  import.answers_paths = {arguments.answers};
  import.path = path;
  const auto imported = ImportRecording(import);
  if (!imported.ok()) return imported.status();
  for (const RecordingProblem& problem : imported->problems) {
    std::fprintf(stderr, "%s\n", problem.ToString().c_str());
  }
  return ReadRecordingInfo(path);
}

/// Whose books were recorded.
std::vector<std::string> PairsOf(const RecordingInfo& info) {
  std::vector<std::string> pairs;
  for (const FeedRequest& request : info.subscriptions) {
    if (request.channel == FeedChannel::kBook) pairs.push_back(request.instrument);
  }
  return pairs;
}

}  // namespace

int RunRecorded(const Arguments& arguments) {
  PlatformOptions options;
  options.log = std::make_shared<StderrLog>();
  auto platform = Platform::Create(std::move(options));
  if (!platform.ok()) return Failed(platform.status());
  PubSub& bus = (*platform)->bus();

  const TemporaryFile file;
  const auto info = Import(arguments, file.path);
  if (!info.ok()) return Failed(info.status());
  SessionPlayerOptions recording;
  recording.path = file.path;
  ManualClock clock(Timestamp::FromUnixNanos(info->start_unix_ns));
  auto player = SessionPlayer::Open(recording, bus, clock);
  if (!player.ok()) return Failed(player.status());
  Topics topics = TopicsOf(BinanceVenueName(info->market), World::Parse(recording.world).value(),
                           PairsOf(*info));

  if (Status status = (*platform)->Start(); !status.ok()) return Failed(status);
  Board board;
  Clock::time_point frame_at;  // of this thread, as the adapter
  topics.others.insert(topics.others.end(), topics.books.begin(), topics.books.end());
  auto adapter =
      Watch(bus, topics.others, [&](const CloudEvent& e) { board.OnAdapterEvent(e, frame_at); });
  auto status = Watch(bus, topics.status, [&](const CloudEvent& e) { board.OnFeedStatus(e); });
  auto replies = Watch(bus, topics.replies, [&](const CloudEvent& e) { board.OnReply(e); });
  for (const auto* watch : {&adapter, &status, &replies}) {
    if (!watch->ok()) return Failed(watch->status());
  }
  if (Status s = StartWorker(**platform, topics.books); !s.ok()) return Failed(s);

  std::printf("Playing %s and %s\n", arguments.frames.c_str(), arguments.answers.c_str());
  const double elapsed = Play(**player, board, frame_at, arguments.speed);
  const bool complete = board.AwaitReplies(std::chrono::seconds(30));
  std::printf("\n");
  PrintView(board.Totals(elapsed));
  if (arguments.speed == 0) {
    std::printf("At full speed the latency is mostly waiting in the queue.\n");
  }
  if (Status played = (*player)->status(); !played.ok()) return Failed(played);
  if (!complete) std::fprintf(stderr, "the worker did not reply to every book event\n");
  const bool equal = PrintOutcome((*player)->books(), board);
  if (Status stopped = (*platform)->Stop(std::chrono::seconds(30)); !stopped.ok()) {
    return Failed(stopped);
  }
  return equal && complete ? 0 : 1;
}

}  // namespace quickstart
