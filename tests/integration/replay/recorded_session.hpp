// Records a session of the Binance adapter with a simulated venue that has faults, in virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"
#include "exchange/recording/recorder.hpp"
#include "exchange/recording/session_tap.hpp"
#include "support/simulated_link.hpp"
#include "support/unruly_venue.hpp"

namespace virtufin::test {

/// What happens hangs on the seed and the length alone.
class RecordedSession final : public detail::BinanceSessionSink {
 public:
  RecordedSession(const std::string& path, std::int64_t length_ms)
      : length_ms_(length_ms),
        link_(Venue(length_ms), kSeed),
        recorder_({path}, NullLog()),
        tap_(link_, recorder_),
        session_(detail::BinanceSession::Create(Session(), link_.clock(), tap_, *this).value()) {
    link_.faults = {.connect_lost = 5, .request_lost = 5, .late = 3, .send_refused = 3};
    tap_.Attach(*session_);
  }

  Status Record() {
    const detail::RecordingHeader header = detail::HeaderOf(session_->options(), link_.Now());
    if (Status status = recorder_.Start(header); !status.ok()) return status;
    if (Status status = tap_.Start(link_.Now()); !status.ok()) return status;
    for (const FeedRequest& request : Requests()) {
      if (auto handle = tap_.Subscribe(request, link_.Now()); !handle.ok()) return handle.status();
    }
    while (link_.elapsed_ms() < length_ms_) {
      link_.Step(tap_, session_->next_tick_ns(), length_ms_);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) tap_.OnTick(link_.Now());
    }
    tap_.Stop(link_.Now());
    return recorder_.Stop(std::chrono::minutes(1));
  }
  /// How often a book had to be synchronised anew, for its diffs had a hole.
  std::uint64_t gaps() const { return session_->books().counters().books.gaps; }
  std::uint64_t events() const { return events_; }

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
    MakeUnruly(options);
    options.snapshot_lag = 2;
    options.faults = sim::FaultPlan::Draw(kSeed, length_ms, 5, Names());
    return options;
  }

  static detail::BinanceSessionOptions Session() {
    detail::BinanceSessionOptions options;
    MakeWatchful(options);
    options.seed = kSeed;
    options.instruments_poll_ms = 30'000;
    return options;
  }

  static std::vector<FeedRequest> Requests() {
    std::vector<FeedRequest> requests;
    for (const std::string& name : Names()) {
      requests.push_back({FeedChannel::kBook, name, {}});
      requests.push_back({FeedChannel::kQuote, name, {}});
      requests.push_back({FeedChannel::kTrade, name, {{"aggregate", "true"}}});
    }
    requests.push_back({FeedChannel::kCandle, Names()[0], {{"interval", "1m"}}});
    requests.push_back({FeedChannel::kTicker, Names()[1], {}});
    requests.push_back({FeedChannel::kStatus, "", {}});
    return requests;
  }

  void Publish(const Message&) override { ++events_; }

  const std::int64_t length_ms_;
  SimulatedLink link_;
  detail::Recorder recorder_;
  detail::SessionTap tap_;
  std::unique_ptr<detail::BinanceSession> session_;
  std::uint64_t events_ = 0;
};

}  // namespace virtufin::test
