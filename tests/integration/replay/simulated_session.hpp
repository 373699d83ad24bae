// A session of the Binance adapter with a simulated venue that has faults, in virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exchange/binance/session.hpp"
#include "support/simulated_link.hpp"

namespace virtufin::test {

/// Symbols, faults and the network hang on the seed alone.
class SimulatedSession final : public detail::BinanceSessionSink {
 public:
  using Publisher = std::function<void(const Message&)>;

  explicit SimulatedSession(std::int64_t length_ms, Publisher publish = {})
      : publish_(std::move(publish)),
        link_(Venue(length_ms), kSeed),
        session_(detail::BinanceSession::Create(Session(), link_.clock(), link_, *this).value()) {
    link_.faults = {.connect_lost = 5, .request_lost = 5, .late = 3, .send_refused = 3};
  }

  ManualClock& clock() noexcept { return link_.clock(); }
  void Start() {
    (void)session_->Start(link_.Now());
    const auto want = [this](FeedChannel channel, const std::string& symbol,
                             std::vector<std::pair<std::string, std::string>> parameters) {
      (void)session_->Subscribe({channel, symbol, std::move(parameters)}, link_.Now()).value();
    };
    for (const std::string& name : Names()) {
      want(FeedChannel::kBook, name, {});
      want(FeedChannel::kQuote, name, {});
      want(FeedChannel::kTrade, name, {{"aggregate", "true"}});
    }
    want(FeedChannel::kCandle, Names()[0], {{"interval", "1m"}});
    want(FeedChannel::kTicker, Names()[1], {});
    want(FeedChannel::kStatus, "", {});
  }
  void RunUntil(std::int64_t until_ms) {
    while (link_.elapsed_ms() < until_ms) {
      link_.Step(*session_, session_->next_tick_ns(), until_ms);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) session_->OnTick(link_.Now());
    }
  }
  void Stop() { session_->Stop(link_.Now()); }

 private:
  static constexpr std::uint64_t kSeed = 20'261'123;

  static std::vector<std::string> Names() { return {"AAAUSDT", "BBBUSDT", "QUIETUSDT"}; }

  static sim::VenueOptions Venue(std::int64_t length_ms) {
    sim::VenueOptions options;
    options.seed = kSeed;
    for (const std::string& name : Names()) {
      sim::SymbolOptions& symbol = options.symbols.emplace_back();
      symbol.name = name;
      symbol.tick_size = "0.01";
      symbol.changes_per_s = name == "QUIETUSDT" ? 0 : 8;
      symbol.trade_percent = 25;
    }
    options.depth = 12;
    options.ack_order = sim::AckOrder::kMixed;
    options.error_shape = sim::ErrorShape::kMixed;
    options.ping_interval_ms = 7'000;
    options.pong_timeout_ms = 20'000;
    options.shutdown_notice_ms = 8'000;
    options.ban_ms = 4'000;
    options.snapshot_lag = 2;
    options.faults = sim::FaultPlan::Draw(kSeed, length_ms, 12, Names());
    return options;
  }

  static detail::BinanceSessionOptions Session() {
    detail::BinanceSessionOptions options;
    options.feed.historical = true;
    options.feed.world = "hyp.replay";
    options.stream_url = SimulatedLink::kStreamUrl;
    options.rest_url = SimulatedLink::kRestUrl;
    options.seed = kSeed;
    options.connect_timeout_ms = 5'000;
    options.ack_timeout_ms = 2'000;
    options.ping_ms = 5'000;
    options.life_timeout_ms = 12'000;
    options.request_timeout_ms = 4'000;
    options.instruments_poll_ms = 30'000;
    return options;
  }

  void Publish(const Message& message) override {
    if (publish_) publish_(message);
  }

  const Publisher publish_;
  SimulatedLink link_;
  std::unique_ptr<detail::BinanceSession> session_;
};

}  // namespace virtufin::test
