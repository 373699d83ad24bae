// A feed whose events and requests are kept, on a clock that the test moves.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::test {

class KeepingSink final : public virtufin::BinanceFeedSink {
 public:
  void Publish(const virtufin::Message& message) override { messages.push_back(message); }
  void FetchSnapshot(std::string_view symbol, std::uint64_t request) override {
    fetches.emplace_back(symbol);
    requests.push_back(request);
  }
  void CancelSnapshot(std::string_view symbol, std::uint64_t request) override {
    cancelled.push_back(std::string(symbol) + " " + std::to_string(request));
  }

  std::vector<virtufin::Message> messages;
  std::vector<std::string> fetches;
  std::vector<std::uint64_t> requests;  // their numbers
  std::vector<std::string> cancelled;   // "BTCUSDT 3"
};

struct FeedFixture {
  explicit FeedFixture(virtufin::BinanceFeedOptions options = {})
      : clock(virtufin::Timestamp::FromUnixMillis(1'700'000'000'500)),
        feed(virtufin::BinanceFeed::Create(options, clock, sink).value()) {}

  virtufin::FeedTime Now() const { return {start_ns + elapsed_ns, elapsed_ns}; }
  void Advance(std::int64_t ms) { elapsed_ns += ms * 1'000'000; }
  /// Moves on in steps of 10 ms, with ticks.
  void Wait(std::int64_t ms) {
    for (; ms > 0; ms -= 10) {
      Advance(10);
      feed->OnTick(Now());
    }
  }
  /// A socket that carries all symbols.
  void Open(std::uint32_t connection = 1) {
    feed->OnOpen(connection, Now());
    for (const std::string& symbol : feed->symbols()) feed->OnLive(connection, symbol, Now());
  }
  void Frame(std::string_view text, std::uint32_t connection = 1) {
    feed->OnFrame(connection, Now(), text);
  }
  void Diff(std::int64_t first, std::int64_t last, std::string_view bids = "[]",
            std::string_view asks = "[]", std::uint32_t connection = 1) {
    Frame(R"({"e":"depthUpdate","E":1700000000123,"s":"BTCUSDT","U":)" + std::to_string(first) +
              R"(,"u":)" + std::to_string(last) + R"(,"b":)" + std::string(bids) + R"(,"a":)" +
              std::string(asks) + "}",
          connection);
  }
  virtufin::Status Snapshot(std::int64_t id, std::string_view symbol = "BTCUSDT",
                            std::uint64_t request = 0) {
    return feed->OnSnapshot(symbol, request, Now(),
                            R"({"lastUpdateId":)" + std::to_string(id) +
                                R"(,"bids":[["10.0","1"],["9.5","2.50"]],"asks":[["11","3"]]})");
  }

  /// The events since the last call, one line each: the topic's tail and the payload.
  std::vector<std::string> Events() {
    std::vector<std::string> lines;
    for (const auto& message : sink.messages) {
      std::string topic(message.topic());
      topic.erase(0, topic.find(".exchange.") + 10);
      topic.erase(0, topic.find('.') + 1);
      lines.push_back(topic + " " + std::string(message.event().data_text()));
    }
    sink.messages.clear();
    return lines;
  }
  /// The states that the events since the last call told.
  std::vector<std::string> States() {
    std::vector<std::string> states;
    for (const auto& message : sink.messages) {
      if (message.topic().find(".feed.status.") == std::string_view::npos) continue;
      const auto data = nlohmann::json::parse(message.event().data_text());
      states.push_back(data.at("state"));
    }
    sink.messages.clear();
    return states;
  }

  std::int64_t start_ns = 1'700'000'000'000'000'000;
  std::int64_t elapsed_ns = 0;
  virtufin::ManualClock clock;
  KeepingSink sink;
  std::unique_ptr<virtufin::BinanceFeed> feed;
};

}  // namespace virtufin::test
