// A session on a link that keeps what it is told, and a clock that the test moves.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"

namespace virtufin::test {

namespace vd = virtufin::detail;
using Lines = std::vector<std::string>;

/// Does nothing by itself: the test says what happens on it.
class ScriptedLink final : public vd::VenueLink {
 public:
  struct Sent {
    std::uint32_t socket;
    std::string method;
    Lines streams;
    std::int64_t id;
    std::size_t bytes;
    std::int64_t at_ms;
  };
  struct Asked {
    std::uint64_t request;
    std::string url;
    std::int64_t at_ms;
  };

  void Open(std::uint32_t socket, std::string_view url) override {
    opened.emplace_back(socket, std::string(url));
    open_times_ms.push_back(*now_ms);
  }
  bool Send(std::uint32_t socket, std::string_view text) override {
    if (refuse_sends > 0) return --refuse_sends, false;
    const auto json = nlohmann::json::parse(text);
    sent.push_back(
        {socket, json.at("method"), json.at("params"), json.at("id"), text.size(), *now_ms});
    texts.emplace_back(text);
    return true;
  }
  void Ping(std::uint32_t socket) override { pings.emplace_back(socket, *now_ms); }
  void Close(std::uint32_t socket) override { closed.push_back(socket); }
  void Get(std::uint64_t request, std::string_view url, std::int64_t) override {
    asked.push_back({request, std::string(url), *now_ms});
  }

  const std::int64_t* now_ms = nullptr;
  std::vector<std::pair<std::uint32_t, std::string>> opened;
  std::vector<std::int64_t> open_times_ms;
  std::vector<Sent> sent;
  Lines texts;
  std::vector<std::pair<std::uint32_t, std::int64_t>> pings;
  std::vector<std::uint32_t> closed;
  std::vector<Asked> asked;
  int refuse_sends = 0;
};

class SessionSink final : public vd::BinanceSessionSink {
 public:
  void Publish(const Message& message) override { messages.push_back(message); }
  std::vector<Message> messages;
};

/// Without exchangeInfo, our own pings and looks at what is silent, unless a test wants them.
inline vd::BinanceSessionOptions PlainSession(BinanceMarket market = BinanceMarket::kSpot) {
  vd::BinanceSessionOptions options;
  options.feed.market = market;
  options.stream_url = "wss://s.example";
  options.rest_url = "https://r.example/";
  options.check_symbols = false;
  options.ping_ms = 0;
  options.life_timeout_ms = 0;
  options.canary_ms = 0;
  options.book_idle_ms = 0;
  return options;
}

struct SessionFixture {
  explicit SessionFixture(const vd::BinanceSessionOptions& options = PlainSession())
      : clock(Timestamp::FromUnixMillis(1'700'000'000'000)) {
    link.now_ms = &elapsed_ms;
    session = vd::BinanceSession::Create(options, clock, link, sink).value();
  }

  FeedTime Now() const {
    return {1'700'000'000'000'000'000 + elapsed_ms * 1'000'000, elapsed_ms * 1'000'000};
  }
  void Start() { REQUIRE(session->Start(Now()).ok()); }
  /// Time passes, with a tick whenever one is due.
  void Run(std::int64_t ms) {
    const std::int64_t end_ms = elapsed_ms + ms;
    for (int ticks = 0;; ++ticks) {
      REQUIRE_MESSAGE(ticks < 100'000, "ticks without end");
      const std::int64_t next = session->next_tick_ns();
      if (next > end_ms * 1'000'000) break;
      elapsed_ms = std::max(elapsed_ms, (next + 999'999) / 1'000'000);
      session->OnTick(Now());
    }
    elapsed_ms = end_ms;
  }

  FeedHandle Subscribe(FeedChannel channel, std::string_view symbol,
                       std::vector<std::pair<std::string, std::string>> parameters = {}) {
    return session->Subscribe({channel, std::string(symbol), std::move(parameters)}, Now()).value();
  }
  std::string State(FeedHandle handle) {
    return std::string(SubscriptionStateName(session->StatusOf(handle).value().state));
  }
  std::string Reason(FeedHandle handle) { return session->StatusOf(handle).value().reason; }

  void Opened(std::uint32_t socket) { session->OnOpen(socket, Now()); }
  void Closed(std::uint32_t socket, std::string_view reason = "reset") {
    session->OnClosed(socket, Now(), reason);
  }
  void Frame(std::uint32_t socket, std::string_view text) { session->OnFrame(socket, Now(), text); }
  /// The answer to the `index`th control message.
  void Ack(std::size_t index) {
    Frame(link.sent.at(index).socket,
          R"({"result":null,"id":)" + std::to_string(link.sent.at(index).id) + "}");
  }
  void AckLast() { Ack(link.sent.size() - 1); }
  void Refuse(std::size_t index, const char* message, bool nested) {
    const std::string error = R"("code":2,"msg":")" + std::string(message) + "\"";
    const std::string id = ",\"id\":" + std::to_string(link.sent.at(index).id) + "}";
    Frame(link.sent.at(index).socket, (nested ? "{\"error\":{" + error + "}" : "{" + error) + id);
  }
  void Diff(std::uint32_t socket, int first, int last, const char* symbol = "BTCUSDT",
            const char* stream = "btcusdt@depth@100ms") {
    Frame(socket, std::string(R"({"stream":")") + stream +
                      R"(","data":{"e":"depthUpdate","E":1700000000123,"s":")" + symbol +
                      R"(","U":)" + std::to_string(first) + R"(,"u":)" + std::to_string(last) +
                      R"(,"b":[["10.0","1"]],"a":[]}})");
  }

  /// Answers the `index`th request.
  void Answer(std::size_t index, int status, std::string_view body,
              std::vector<vd::VenueHeader> headers = {}) {
    vd::VenueAnswer answer;
    answer.status = status;
    answer.error = status == 0 ? "timed out" : "";
    answer.body = body;
    answer.headers = headers;
    session->OnAnswer(link.asked.at(index).request, Now(), answer);
  }
  void Snapshot(std::size_t index, int id) {
    Answer(
        index, 200,
        R"({"lastUpdateId":)" + std::to_string(id) + R"(,"bids":[["9","1"]],"asks":[["11","3"]]})");
  }
  void AnswerLast(int status, std::string_view body, std::vector<vd::VenueHeader> headers = {}) {
    Answer(link.asked.size() - 1, status, body, std::move(headers));
  }

  /// "<scope> <state>: <reason>" of the status events since the last call; instrument's: state
  /// only.
  Lines Statuses() {
    Lines lines;
    for (const Message& message : sink.messages) {
      if (message.topic().find(".feed.status") == std::string_view::npos) continue;
      const auto data = nlohmann::json::parse(message.event().data_text());
      std::string line =
          data.at("scope").get<std::string>() + " " + data.at("state").get<std::string>();
      if (data.at("scope") != "instrument") line += ": " + data.at("reason").get<std::string>();
      lines.push_back(std::move(line));
    }
    sink.messages.clear();
    return lines;
  }
  /// The tails of all topics since the last call.
  Lines Topics() {
    Lines tails;
    for (const Message& message : sink.messages) {
      std::string topic(message.topic());
      topic.erase(0, topic.find(".exchange.") + 10);
      tails.push_back(topic.substr(topic.find('.') + 1));
    }
    sink.messages.clear();
    return tails;
  }

  std::int64_t elapsed_ms = 0;
  ManualClock clock;
  ScriptedLink link;
  SessionSink sink;
  std::unique_ptr<vd::BinanceSession> session;
};

/// A socket that carries the live book of BTCUSDT at id 100, nothing noted yet.
struct LiveSession : SessionFixture {
  explicit LiveSession(const vd::BinanceSessionOptions& options = PlainSession())
      : SessionFixture(options) {
    Start();
    handle = Subscribe(FeedChannel::kBook, "BTCUSDT");
    Opened(1);
    Ack(0);
    Snapshot(0, 100);
    REQUIRE(State(handle) == "live");
    sink.messages.clear();
    link.sent.clear();
    link.asked.clear();
    link.opened.clear();
    link.open_times_ms.clear();
  }
  FeedHandle handle = 0;
};

}  // namespace virtufin::test
