// ImportRecording: text becomes a recording that plays; order on recorded time, requests, broken
// lines, and the recording we ship.
#include "virtufin/exchange/recording_import.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/file_limit.hpp"
#include "support/imported_session.hpp"
#include "support/temporary_folder.hpp"

using namespace virtufin;
using namespace virtufin::test;
using Lines = std::vector<std::string>;

namespace {

const std::string kOpen =
    "wss://x.example/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker <-> ";

std::string Wrapped(const std::string& stream, const std::string& data) {
  return R"({"stream":")" + stream + R"(","data":)" + data + "}\n";
}

std::string Diff(const char* time, int first, int last) {
  return std::string(time) + ": " +
         Wrapped("btcusdt@depth@100ms", R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":)" +
                                            std::to_string(first) + R"(,"u":)" +
                                            std::to_string(last) + R"(,"b":[],"a":[]})");
}

std::string Answer(const char* time, int id) {
  return std::string("https://x.example/api/v3/depth?symbol=BTCUSDT&limit=5 -> ") + time +
         R"(: {"lastUpdateId":)" + std::to_string(id) + R"(,"bids":[["1","1"]],"asks":[]})" + "\n";
}

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// The text files, what became of them, and what a replay publishes of it.
struct Imported {
  explicit Imported(const std::string& frames, const std::string& answers = "") {
    options.frames_path = folder / "ws";
    options.answers_paths = {folder / "http"};
    options.path = folder / "recording";
    WriteText(options.frames_path, frames);
    WriteText(options.answers_paths[0], answers);
    options.adapter.seed = 7;
  }
  void Play() {
    auto made = ImportRecording(options);
    REQUIRE_MESSAGE(made.ok(), made.status().ToString());
    report = std::move(*made);
    replay = std::make_unique<ImportedReplay>(options.path);
    const Status played = replay->player->Play(0);
    REQUIRE_MESSAGE(played.ok(), played.ToString());
    CHECK_FALSE(replay->player->info().truncated);
    CHECK(replay->player->counters().answers == report.answers + report.unanswered);
  }
  /// "10.00 feed.status.BTCUSDT resync"; of the book and its quotes only.
  Lines Events() const {
    Lines out;
    for (const Message& message : replay->bus.messages) {
      std::string topic(message.topic());
      topic.erase(0, topic.find(".exchange.binance") + 18);
      if (!topic.ends_with(".BTCUSDT")) continue;
      const auto data = nlohmann::json::parse(message.event().data_text());
      if (data.contains("state")) topic += " " + data["state"].get<std::string>();
      if (data.contains("last_update_id")) topic += " " + data["last_update_id"].dump();
      out.push_back(std::string(message.event().ExtensionText("receivetime").substr(17, 5)) + " " +
                    topic);
    }
    return out;
  }
  Lines Problems() const {
    Lines out;
    for (const auto& problem : report.problems) {
      out.push_back(std::to_string(problem.line) + ": " + problem.what);
    }
    return out;
  }

  TemporaryFolder folder;
  RecordingImportOptions options;
  RecordingImport report;
  std::unique_ptr<ImportedReplay> replay;
};

}  // namespace

// Pins EX-50.
TEST_CASE("frames and answers are merged on recorded time") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 5, 6) + Diff("10.3", 7, 8), Answer("10.2", 5));
  one.Play();
  CHECK(one.Events() ==
        Lines{"10.00 feed.status.BTCUSDT resync", "10.20 orderbook.snapshot.BTCUSDT live 6",
              "10.20 feed.status.BTCUSDT live", "10.30 orderbook.update.BTCUSDT 8"});
  CHECK(one.report.frames == 2);
  CHECK(one.report.answers == 1);
  CHECK(one.report.unanswered == 0);
  CHECK(one.report.problems.empty());
  const auto& info = one.replay->player->info();
  CHECK(info.market == BinanceMarket::kSpot);
  CHECK(info.start_unix_ns == 10'000'000'000);
  CHECK(info.subscriptions.size() == 2);
}

// Pins EX-50.
TEST_CASE("an answer waits until it is asked for, and a request for the answer's time") {
  // The gap at 12.0 asks again half a second later; the second answer was recorded before that.
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + Diff("12.0", 8, 8) + Diff("12.4", 9, 9) +
                   Diff("14.0", 10, 10),
               Answer("10.5", 6) + Answer("12.2", 8));
  one.Play();
  CHECK(one.Events() ==
        Lines{"10.00 feed.status.BTCUSDT resync", "10.50 orderbook.snapshot.BTCUSDT live 6",
              "10.50 feed.status.BTCUSDT live", "12.00 feed.status.BTCUSDT gap",
              "12.00 feed.status.BTCUSDT resync", "12.50 orderbook.snapshot.BTCUSDT live 9",
              "12.50 feed.status.BTCUSDT live", "14.00 orderbook.update.BTCUSDT 10"});
}

// Pins EX-50.
TEST_CASE("a request without an answer in the recording fails and is counted") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + Diff("12.0", 7, 7));
  one.Play();
  CHECK(one.report.unanswered >= 2);
  CHECK(one.replay->player->books().state("BTCUSDT") == FeedState::kResync);
}

// Pins EX-50.
TEST_CASE("an answer that comes after the request's time is there for the next request") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 5, 6) + Diff("40.0", 7, 8), Answer("25.0", 5));
  one.options.adapter.request_timeout_ms = 2'000;
  one.options.adapter.feed.max_retry_ms = 1'000;
  auto made = ImportRecording(one.options);
  REQUIRE(made.ok());
  CHECK(made->answers == 1);
  CHECK(made->unanswered == 0);
  ImportedReplay replay(one.options.path);
  REQUIRE(replay.player->Play(0).ok());
  CHECK(replay.player->books().state("BTCUSDT") == FeedState::kLive);
  CHECK(replay.player->counters().answers > 3);
}

// Pins EX-50.
TEST_CASE("an answer is given to a request for the same, whatever its limit and host") {
  const std::string path = "https://api.other/api/v3/depth?limit=5&symbol=";
  const std::string body = R"( -> 10.2: {"lastUpdateId":5,"bids":[["1","1"]],"asks":[]})";
  Imported one(kOpen + "10.0\n" + Diff("10.1", 5, 6) + Diff("10.3", 7, 8),
               path + "ETHUSDT" + body + "\n" + path + "BTC%55SDT" + body + "\n");
  one.Play();
  CHECK(one.report.answers == 1);
  CHECK(one.replay->player->books().state("BTCUSDT") == FeedState::kLive);
}

// Pins EX-51.
TEST_CASE("cut and broken lines are reported by number, the rest is played") {
  const std::string cut = Diff("10.2", 7, 7);
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + cut.substr(0, 90) + "\n10.25 {}\n" +
                   Answer("10.3", 1) + "10.35: {\"e\":\"trade\"}\n" + "10.36: " +
                   Wrapped("btcusdt@depth20", "{}") + "10.37: " + Wrapped("btcusdt@depth20", "{}") +
                   Diff("999999.0", 7, 7) + Diff("10.4", 7, 7),
               Answer("10.05", 5) + "x.example/time -> 1: {}\n10.06: {}\nbroken\n");
  one.Play();
  CHECK(
      one.Problems() ==
      Lines{"2: expected '<url> -> <unix seconds>: <body>' with an address and its path",
            "3: expected '<url> -> <unix seconds>: <body>' with an address and its path",
            "4: expected '<unix seconds>: <frame>', '<url> <-> <unix seconds>' or '<url> -> "
            "<unix seconds>: <body>', found 'broken'",
            "3: bad frame: " + one.Problems().at(3).substr(14),
            "4: expected unix seconds with at most nine decimals, found '10.25 {}'",
            "5: expected a frame, found the answer of a request",
            "6: expected '{\"stream\":\"<name>\",...', or a URL that names one stream",
            "7: stream 'btcusdt@depth20': no subscription of an adapter brings it, it is left out",
            "9: expected a time within a day of the line before, found 999999"});
  CHECK(one.report.problem_count == 9);
  CHECK(one.report.left_out == 3);
  CHECK(one.Events().back() == "10.40 orderbook.update.BTCUSDT 7");
}

// Pins EX-51.
TEST_CASE("an answer that is cut is reported, and the next one used") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + Diff("12.0", 7, 7),
               Answer("10.05", 5).substr(0, 100) + "\n" + Answer("10.2", 6));
  one.Play();
  CHECK(one.Problems() == Lines{"1: the answer is not what was asked for"});
  CHECK(one.replay->player->books().state("BTCUSDT") == FeedState::kLive);
}

TEST_CASE("a second connection in the file ends the first, books start over") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + kOpen + "11.0\n" + Diff("11.1", 9, 9),
               Answer("10.05", 5) + Answer("11.05", 8));
  one.Play();
  CHECK(one.Events() ==
        Lines{"10.00 feed.status.BTCUSDT resync", "10.05 orderbook.snapshot.BTCUSDT live 5",
              "10.05 feed.status.BTCUSDT live", "10.10 orderbook.update.BTCUSDT 6",
              "10.10 feed.status.BTCUSDT disconnected", "11.00 feed.status.BTCUSDT resync",
              "11.05 orderbook.snapshot.BTCUSDT live 8", "11.05 feed.status.BTCUSDT live",
              "11.10 orderbook.update.BTCUSDT 9"});
}

TEST_CASE("a night between two connections is no night of attempts") {
  Imported one(kOpen + "10.0\n" + Diff("10.1", 6, 6) + kOpen + "40000.0\n" + Diff("40000.1", 9, 9),
               Answer("10.05", 5) + Answer("40000.05", 8));
  one.Play();
  CHECK(one.replay->player->books().state("BTCUSDT") == FeedState::kLive);
  CHECK(one.replay->player->counters().records < 100);
}

TEST_CASE("behind the last frame nothing is asked again until an answer of later") {
  std::string open = "wss://x.example/stream?streams=btcusdt@depth@100ms";
  for (int i = 0; i < 16; ++i) open += "/s" + std::to_string(i) + "usdt@depth@100ms";
  std::string answers;
  for (int i = 0; i < 16; ++i) {
    answers += "https://x.example/api/v3/depth?symbol=S" + std::to_string(i) +
               R"(USDT -> 90000.0: {"lastUpdateId":5,"bids":[["1","1"]],"asks":[]})" + "\n";
  }
  Imported one(open + " <-> 10.0\n" + Diff("10.1", 6, 6), answers);
  one.Play();
  CHECK(one.report.answers == 0);
  CHECK(one.replay->player->info().end_unix_ns < 100'000'000'000);
}

TEST_CASE("a connection brings the streams that its address names, and those that speak on it") {
  const auto trade = [](const char* time, const std::string& stream, const std::string& symbol) {
    return std::string(time) + ": " +
           Wrapped(stream + "@aggTrade",
                   R"({"e":"aggTrade","E":1,"s":")" + symbol +
                       R"(","a":1,"p":"1","q":"1","f":1,"l":1,"T":1,"m":true})");
  };
  Imported one("wss://x.example/ws/btcusdt@aggTrade/ethusdt@aggTrade <-> 10.0\n" +
               trade("10.1", "btcusdt", "BTCUSDT") + trade("10.2", "xrpusdt", "XRPUSDT") +
               "wss://x.example/ws/ethusdt@aggTrade <-> 11.0\n" +
               trade("11.1", "ethusdt", "ETHUSDT"));
  one.Play();
  Lines trades;
  for (const Message& message : one.replay->bus.messages) {
    const std::string topic(message.topic());
    if (topic.find("trade.tape") != topic.npos)
      trades.push_back(topic.substr(topic.rfind('.') + 1));
  }
  CHECK(trades == Lines{"BTCUSDT", "XRPUSDT", "ETHUSDT"});
  CHECK(one.report.left_out == 0);
  CHECK(one.report.problems.empty());
}

TEST_CASE("frames of a connection of one stream need not name it") {
  const std::string data = Diff("", 5, 6).substr(2);
  const std::string raw = nlohmann::json::parse(data).at("data").dump();
  Imported one("wss://x.example:9443/ws/btcusdt@depth?timeUnit=x <-> 10.0\n10.1: " + raw + "\n",
               Answer("10.05", 5));
  one.Play();
  CHECK(one.report.frames == 1);
  CHECK(one.replay->player->books().FindBook("BTCUSDT")->last_update_id() == 6);
}

TEST_CASE("what tells no market or has no line is refused, and so is a missing file") {
  Imported one(Diff("10.1", 5, 6));
  CHECK(ImportRecording(one.options).status().message() ==
        "market: the recording names no URL that tells it, and no option does");
  one.options.market = BinanceMarket::kSpot;
  CHECK(ImportRecording(one.options).ok());
  CHECK(ImportRecording(one.options).status().ToString() ==
        "ALREADY_EXISTS [exchange]: path: expected a file that can be made: File exists");
  one.options.path = one.folder / "no/such/folder";
  CHECK(ImportRecording(one.options).status().code() == StatusCode::kNotFound);

  Imported two("what is this\n");
  CHECK(ImportRecording(two.options).status().message() ==
        "expected '<url> <-> <unix seconds>' or '<unix seconds>: <frame>' in " +
            two.options.frames_path + ", found " + two.options.frames_path +
            ":1: expected '<unix seconds>: <frame>', '<url> <-> <unix seconds>' or '<url> -> "
            "<unix seconds>: <body>', found 'what is this'");
  two.options.answers_paths = {"/nowhere.http"};
  CHECK(ImportRecording(two.options).status().code() == StatusCode::kNotFound);
  two.options.frames_path = "/nowhere.ws";
  CHECK(ImportRecording(two.options).status().code() == StatusCode::kNotFound);
}

TEST_CASE("the market is told by the URL") {
  Imported one("wss://fstream.binance.com/stream?streams=btcusdt_261225@depth <-> 10.0\n");
  one.Play();
  CHECK(one.replay->player->info().market == BinanceMarket::kUsdm);
  CHECK(one.replay->player->books().symbols() == Lines{"BTCUSDT_261225"});
}

TEST_CASE("a disk that is full is told, and what is there plays") {
  std::string frames = kOpen + "10.0\n";
  for (int i = 0; i < 2'000; ++i) frames += Diff(("11." + std::to_string(1000 + i)).c_str(), 5, 6);
  Imported one(frames);
  {
    const FileLimit limit(100'000);
    CHECK(ImportRecording(one.options).status().ToString() ==
          "DATA_LOSS [exchange]: path: the recording ends here: a write failed: File too large");
  }
  ImportedReplay replay(one.options.path);
  CHECK(replay.player->Play(0).ok());
  CHECK(replay.player->info().truncated);
  CHECK(replay.player->counters().frames > 100);
}

// Pins EX-53.
TEST_CASE("the shipped recording has one gap on the way, and all books are live at its end") {
  TemporaryFolder folder;
  RecordingImportOptions options;
  options.frames_path = std::string(VIRTUFIN_QUICKSTART_RECORDING) + "/spot.ws";
  options.answers_paths = {std::string(VIRTUFIN_QUICKSTART_RECORDING) + "/spot.http"};
  options.path = folder / "recording";
  const auto made = ImportRecording(options).value();
  CHECK(made.problems.empty());
  CHECK(made.unanswered == 0);
  CHECK(made.left_out == 0);
  ImportedReplay replay(options.path);
  REQUIRE(replay.player->Play(0).ok());
  const BinanceFeed& books = replay.player->books();
  CHECK(made.answers == books.symbols().size() + 1);
  CHECK(books.counters().books.gaps == 1);
  CHECK(books.counters().books.crossed == 0);
  for (const std::string& symbol : books.symbols()) {
    CAPTURE(symbol);
    CHECK(books.state(symbol) == FeedState::kLive);
    CHECK(replay.bus.books.books().at(symbol).last_id == books.FindBook(symbol)->last_update_id());
  }
}
