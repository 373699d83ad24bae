// RecordingPlayer: order on recorded time, requests, broken lines, and the recording we ship.
#include "virtufin/exchange/player.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "support/event_books.hpp"

using namespace virtufin;
using Lines = std::vector<std::string>;

namespace {

class File {
 public:
  File(const std::string& name, const std::string& content)
      : path_((std::filesystem::temp_directory_path() /
               ("player_test." + std::to_string(::getpid()) + "." + name))
                  .string()) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~File() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Bus final : public PubSub {
 public:
  Status Publish(const Message& message) override {
    const test::EventBooks::Book* changed = nullptr;
    CHECK(books.Take(message, changed) == "");
    ++published;
    std::string topic(message.topic());
    topic.erase(0, topic.find(".exchange.binance") + 18);
    const auto data = nlohmann::json::parse(message.event().data_text());
    if (data.contains("state")) topic += " " + data["state"].get<std::string>();
    if (data.contains("last_update_id")) topic += " " + data["last_update_id"].dump();
    events.push_back(std::string(message.event().ExtensionText("receivetime").substr(17, 5)) + " " +
                     topic);
    if (refuse) return Status(StatusCode::kResourceExhausted, "test", "full");
    return {};
  }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "test", "publish only");
  }
  test::EventBooks books;
  Lines events;
  std::atomic<int> published{0};
  bool refuse = false;
};

const std::string kOpen = "wss://x.example/stream?streams=btcusdt@depth/btcusdt@bookTicker <-> ";

std::string Diff(const char* time, int first, int last) {
  return std::string(time) + R"(: {"e":"depthUpdate","E":1,"s":"BTCUSDT","U":)" +
         std::to_string(first) + R"(,"u":)" + std::to_string(last) + R"(,"b":[],"a":[]})" + "\n";
}

std::string Answer(const char* time, int id) {
  return std::string("https://x.example/api/v3/depth?symbol=BTCUSDT&limit=5 -> ") + time +
         R"(: {"lastUpdateId":)" + std::to_string(id) + R"(,"bids":[["1","1"]],"asks":[]})" + "\n";
}

std::unique_ptr<RecordingPlayer> Open(const File& frames, const File& answers, Bus& bus,
                                      bool snapshots_first = false) {
  RecordingPlayerOptions options;
  options.frames_path = frames.path();
  options.answers_path = answers.path();
  options.snapshots_first = snapshots_first;
  return RecordingPlayer::Open(options, bus).value();
}

Lines Problems(const RecordingPlayer& player) {
  Lines out;
  for (const auto& problem : player.problems()) {
    out.push_back(std::to_string(problem.line) + ": " + problem.what);
  }
  return out;
}

}  // namespace

// Pins EX-50.
TEST_CASE("frames and answers are merged on recorded time") {
  File frames("ws", kOpen + "10.0\n" + Diff("10.1", 5, 6) + Diff("10.3", 7, 8));
  File answers("http", Answer("10.2", 5));
  Bus bus;
  auto player = Open(frames, answers, bus);
  CHECK(player->symbols() == Lines{"BTCUSDT"});
  CHECK(player->next_offset_ns() == 0);
  Lines offsets;
  while (player->Next()) {
    if (const auto next = player->next_offset_ns()) offsets.push_back(std::to_string(*next));
  }
  CHECK(offsets == Lines{"100000000", "200000000", "300000000"});
  CHECK_FALSE(player->next_offset_ns().has_value());
  CHECK_FALSE(player->Next());
  CHECK(bus.events == Lines{"10.00 feed.status.BTCUSDT resync",
                            "10.20 orderbook.snapshot.BTCUSDT live 6",
                            "10.20 feed.status.BTCUSDT live", "10.30 orderbook.update.BTCUSDT 8"});
  CHECK(player->counters().frames == 2);
  CHECK(player->counters().answers == 1);
}

// Pins EX-50.
TEST_CASE("an answer waits until it is asked for, and a request for the answer's time") {
  // The gap at 12.0 asks again half a second later; the second answer was recorded before that.
  File frames("ws", kOpen + "10.0\n" + Diff("10.1", 6, 6) + Diff("12.0", 8, 8) +
                        Diff("12.4", 9, 9) + Diff("14.0", 10, 10));
  File answers("http", Answer("10.5", 6) + Answer("12.2", 8));
  Bus bus;
  auto player = Open(frames, answers, bus);
  while (player->Next()) {
  }
  CHECK(bus.events ==
        Lines{"10.00 feed.status.BTCUSDT resync", "10.50 orderbook.snapshot.BTCUSDT live 6",
              "10.50 feed.status.BTCUSDT live", "12.00 feed.status.BTCUSDT gap",
              "12.00 feed.status.BTCUSDT resync", "12.50 orderbook.snapshot.BTCUSDT live 9",
              "12.50 feed.status.BTCUSDT live", "14.00 orderbook.update.BTCUSDT 10"});
}

// Pins EX-50.
TEST_CASE("a request without an answer in the recording is counted") {
  File frames("ws", kOpen + "10.0\n" + Diff("10.1", 6, 6) + Diff("55.0", 7, 7));
  File answers("http", "");
  Bus bus;
  auto player = Open(frames, answers, bus);
  while (player->Next()) {
  }
  CHECK(player->counters().unanswered == 4);
  CHECK(player->feed().state("BTCUSDT") == FeedState::kResync);
}

TEST_CASE("all answers first, when that is wanted") {
  File frames("ws", Diff("10.1", 5, 6) + Diff("10.3", 7, 8));
  File answers("http", Answer("10.2", 5));
  Bus bus;
  auto player = Open(frames, answers, bus, true);
  while (player->Next()) {
  }
  CHECK(bus.events == Lines{"10.10 feed.status.BTCUSDT resync",
                            "10.20 orderbook.snapshot.BTCUSDT live 5",
                            "10.20 feed.status.BTCUSDT live", "10.10 orderbook.update.BTCUSDT 6",
                            "10.30 orderbook.update.BTCUSDT 8"});
}

// Pins EX-51.
TEST_CASE("cut and broken lines are reported by number, the rest is played") {
  const std::string cut = Diff("10.2", 7, 7);
  File frames("ws", kOpen + "10.0\n" + Diff("10.1", 6, 6) + cut.substr(0, 60) + "\n10.25 {}\n" +
                        Answer("10.3", 1) + Diff("10.4", 7, 7));
  File answers("http", Answer("10.05", 5) + "https://x.example/time -> 1: {}\n" +
                           Answer("10.06", 4).substr(0, 100) + "\nbroken\n");
  Bus bus;
  auto player = Open(frames, answers, bus);
  while (player->Next()) {
  }
  const Lines problems = Problems(*player);
  REQUIRE(problems.size() == 5);
  CHECK(problems[0] == "4: expected unix seconds with at most nine decimals, found '10.25 {}'");
  CHECK(problems[1].substr(0, 3) == "4: ");
  CHECK(problems[2] == "2: expected the answer of '.../depth?symbol=...'");
  CHECK(problems[3].substr(0, 14) == "3: bad frame: ");
  CHECK(problems[4] == "5: expected a frame, found the answer of a request");
  CHECK(bus.events.back() == "10.40 orderbook.update.BTCUSDT 7");

  File bad_answer("http2", Answer("10.05", 5).substr(0, 100) + "\n" + Answer("10.2", 6));
  Bus second;
  player = Open(frames, bad_answer, second);
  while (player->Next()) {
  }
  CHECK(Problems(*player).back().substr(0, 24) == "5: expected a frame, fou");
  CHECK(Problems(*player)[1].substr(0, 19) == "1: depth snapshot: ");
}

TEST_CASE("a second connection in the file ends the first, books start over") {
  File frames("ws", kOpen + "10.0\n" + Diff("10.1", 6, 6) + kOpen + "11.0\n" + Diff("11.1", 9, 9));
  File answers("http", Answer("10.05", 5) + Answer("11.05", 8));
  Bus bus;
  auto player = Open(frames, answers, bus);
  while (player->Next()) {
  }
  CHECK(bus.events ==
        Lines{"10.00 feed.status.BTCUSDT resync", "10.05 orderbook.snapshot.BTCUSDT live 5",
              "10.05 feed.status.BTCUSDT live", "10.10 orderbook.update.BTCUSDT 6",
              "11.00 feed.status.BTCUSDT disconnected", "11.00 feed.status.BTCUSDT resync",
              "11.05 orderbook.snapshot.BTCUSDT live 8", "11.05 feed.status.BTCUSDT live",
              "11.10 orderbook.update.BTCUSDT 9"});
}

TEST_CASE("events that the bus refuses are counted") {
  File frames("ws", kOpen + "10.0\n");
  File answers("http", "");
  Bus bus;
  bus.refuse = true;
  auto player = Open(frames, answers, bus);
  while (player->Next()) {
  }
  CHECK(player->counters().not_published == 1);
}

TEST_CASE("play runs to the end, and not at all once it is told to stop") {
  File frames("ws", kOpen + "10.0\n" + Diff("10.001", 6, 6) + Diff("10.002", 7, 7));
  File answers("http", Answer("10.0005", 5));
  for (const double speed : {0.0, 1.0, 4.0}) {
    Bus bus;
    auto player = Open(frames, answers, bus);
    std::stop_source stop;
    stop.request_stop();
    player->Play(speed, stop.get_token());
    CHECK(bus.events.empty());
    player->Play(speed);
    CHECK(player->counters().frames == 2);
    CHECK(bus.events.size() == 5);
  }
}

TEST_CASE("play that waits for the next item ends when it is told to stop") {
  File frames("ws", kOpen + "10.0\n" + Diff("10.001", 6, 6) + Diff("2000000.0", 7, 7));
  File answers("http", Answer("10.0005", 5));
  for (const double speed : {1.0, 1e-30}) {
    Bus bus;
    auto player = Open(frames, answers, bus);
    std::stop_source stop;
    std::thread playing([&] { player->Play(speed, stop.get_token()); });
    while (bus.published == 0) std::this_thread::yield();
    stop.request_stop();
    playing.join();  // for weeks, if the request did not wake it
    CHECK(player->counters().frames <= 1);
  }
}

TEST_CASE("what tells neither market nor symbols is refused, and so is a missing file") {
  Bus bus;
  RecordingPlayerOptions options;
  options.frames_path = "/nowhere.ws";
  CHECK(RecordingPlayer::Open(options, bus).status().code() == StatusCode::kNotFound);
  File frames("ws", Diff("10.1", 5, 6));
  options.frames_path = frames.path();
  CHECK(RecordingPlayer::Open(options, bus).status().message() ==
        "market: the recording names no URL that tells it, and no option does");
  options.market = BinanceMarket::kSpot;
  CHECK(RecordingPlayer::Open(options, bus).status().code() == StatusCode::kInvalidArgument);
  options.answers_path = "/nowhere.http";
  CHECK(RecordingPlayer::Open(options, bus).status().code() == StatusCode::kNotFound);
}

TEST_CASE("the market is told by the URL") {
  File frames("ws", "wss://fstream.binance.com/stream?streams=btcusdt_261225@depth <-> 10.0\n");
  Bus bus;
  RecordingPlayerOptions options;
  options.frames_path = frames.path();
  const auto player = RecordingPlayer::Open(options, bus).value();
  CHECK(player->market() == BinanceMarket::kUsdm);
  CHECK(player->symbols() == Lines{"BTCUSDT_261225"});
}

// Pins EX-53.
TEST_CASE("the shipped recording has one gap on the way, and all books are live at its end") {
  Bus bus;
  RecordingPlayerOptions options;
  options.frames_path = std::string(VIRTUFIN_QUICKSTART_RECORDING) + "/spot.ws";
  options.answers_path = std::string(VIRTUFIN_QUICKSTART_RECORDING) + "/spot.http";
  auto player = RecordingPlayer::Open(options, bus).value();
  while (player->Next()) {
  }
  CHECK(player->problems().empty());
  CHECK(player->counters().unanswered == 0);
  CHECK(player->counters().answers == player->symbols().size() + 1);
  CHECK(player->feed().counters().books.gaps == 1);
  CHECK(player->feed().counters().books.crossed == 0);
  for (const std::string& symbol : player->symbols()) {
    CAPTURE(symbol);
    CHECK(player->feed().state(symbol) == FeedState::kLive);
    CHECK(bus.books.books().at(symbol).last_id ==
          player->feed().FindBook(symbol)->last_update_id());
  }
}
