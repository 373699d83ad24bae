// A market feed whose events and fetches are kept, on a clock that the test moves.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/market_feed.hpp"

namespace virtufin::test {

class MarketSink final : public virtufin::detail::MarketFeedSink,
                         public virtufin::detail::BinanceFetcher {
 public:
  void Publish(const virtufin::Message& message) override { messages.push_back(message); }
  void Resubscribe(std::string_view stream, virtufin::FeedTime) override {
    resubscribed.emplace_back(stream);
  }
  void Fetch(const virtufin::detail::BinanceFetch& fetch) override { fetches.push_back(fetch); }
  void CancelFetch(std::uint64_t id) override { cancelled.push_back(id); }

  std::vector<virtufin::Message> messages;
  std::vector<std::string> resubscribed;
  std::vector<virtufin::detail::BinanceFetch> fetches;
  std::vector<std::uint64_t> cancelled;
};

struct MarketFixture {
  using Lines = std::vector<std::string>;

  explicit MarketFixture(virtufin::detail::BinanceMarketFeedOptions options = {},
                         virtufin::BinanceMarket market = virtufin::BinanceMarket::kSpot)
      : clock(virtufin::Timestamp::FromUnixMillis(1'700'000'000'500)), decoder(market) {
    identity.venue = virtufin::BinanceVenueName(market);
    identity.world = "act";
    identity.universe = "ALL";
    identity.subject_kind =
        market == virtufin::BinanceMarket::kSpot ? "currency_pair" : "instrument";
    statuses = std::make_unique<virtufin::detail::StatusBoard>(identity, 100);
    feed = std::make_unique<virtufin::detail::BinanceMarketFeed>(market, options, identity,
                                                                 *statuses, clock, sink, sink);
  }

  virtufin::FeedTime Now() const { return {start_ns + elapsed_ns, elapsed_ns}; }
  std::int64_t NowMs() const { return Now().unix_ns / 1'000'000; }
  void Advance(std::int64_t ms) { elapsed_ns += ms * 1'000'000; }
  /// Moves on, from one due tick to the next.
  void Wait(std::int64_t ms) {
    const std::int64_t end = elapsed_ns + ms * 1'000'000;
    while (feed->next_tick_ns() <= end) {
      elapsed_ns = std::max(elapsed_ns, feed->next_tick_ns());
      feed->OnTick(Now());
    }
    elapsed_ns = end;
  }
  void Subscribe(const virtufin::detail::MarketRequest& request) {
    REQUIRE(feed->Subscribe(request, Now()).ok());
  }
  void Live(std::string_view stream, std::uint32_t connection = 1) {
    feed->OnStreamLive(stream, connection, Now());
  }
  void Lose(std::uint32_t connection = 1) { feed->OnConnectionLost(connection, Now(), "closed"); }
  void Frame(std::string_view text, std::uint32_t connection = 1) {
    const virtufin::BinanceFrame& frame = decoder.Decode(text);
    CAPTURE(text);
    REQUIRE(frame.kind != virtufin::BinanceKind::kMalformed);
    feed->OnFrame(connection, Now(), frame);
  }
  void Answer(std::string_view body) {
    REQUIRE_FALSE(sink.fetches.empty());
    feed->OnAnswer(sink.fetches.back().id, Now(), body);
  }
  void Fail(std::string_view reason = "HTTP 503") {
    REQUIRE_FALSE(sink.fetches.empty());
    feed->OnFetchFailed(sink.fetches.back().id, Now(), reason);
  }

  /// The events since the last call, one line each: the topic's tail and the payload.
  Lines Events() {
    Lines lines;
    for (const auto& message : sink.messages) {
      lines.push_back(Tail(message) + " " + std::string(message.event().data_text()));
      CheckSequence(message);
    }
    sink.messages.clear();
    return lines;
  }
  /// The same in short: trades by id ("r" before one that is recovered), candles by the seconds of
  /// their opening, states with expected and got, else the topic.
  Lines Brief() {
    Lines lines;
    for (const auto& message : sink.messages) {
      CheckSequence(message);
      const std::string tail = Tail(message);
      const auto data = nlohmann::json::parse(message.event().data_text());
      if (tail.starts_with("trade.")) {
        lines.push_back((data.contains("recovered") ? "r" : "") + data.at("trade_id").dump());
      } else if (tail.starts_with("ohlcv.")) {
        const std::string open = data.at("candle_open_time");
        lines.push_back((data.at("closed") ? "closed " : "open ") + open.substr(11, 8));
      } else if (tail.starts_with("feed.")) {
        std::string line = data.at("state");
        if (data.contains("expected")) line += " " + data.at("expected").dump();
        if (data.contains("got")) line += "-" + data.at("got").dump();
        lines.push_back(line);
      } else {
        lines.push_back(tail);
      }
    }
    sink.messages.clear();
    return lines;
  }

  std::int64_t start_ns = 1'700'000'000'000'000'000;
  std::int64_t elapsed_ns = 0;
  virtufin::ManualClock clock;
  virtufin::BinanceDecoder decoder;
  virtufin::detail::FeedIdentity identity;
  MarketSink sink;
  std::unique_ptr<virtufin::detail::StatusBoard> statuses;
  std::unique_ptr<virtufin::detail::BinanceMarketFeed> feed;

 private:
  static std::string Tail(const virtufin::Message& message) {
    std::string topic(message.topic());
    topic.erase(0, topic.find(".exchange.") + 10);
    return topic.erase(0, topic.find('.') + 1);
  }
  void CheckSequence(const virtufin::Message& message) {
    const std::string topic(message.topic());
    CAPTURE(topic);
    CHECK(message.event().ExtensionText("sequence") == std::to_string(++sequences_[topic]));
  }
  std::map<std::string, int> sequences_;
};

}  // namespace virtufin::test
