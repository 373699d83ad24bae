// Sessions that are recorded while a simulated venue and network do their worst, and the events of
// their replays.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"
#include "exchange/recording/recorder.hpp"
#include "exchange/recording/session_tap.hpp"
#include "support/simulated_link.hpp"
#include "support/unruly_venue.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/exchange/session_player.hpp"

namespace virtufin::test {

inline std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.flush().good());
}

/// Topic and event, byte for byte.
inline std::string Line(const Message& message) {
  const auto json = EncodeJson(message.event()).value();
  return std::string(message.topic()) + " " +
         std::string(reinterpret_cast<const char*>(json.bytes().data()), json.size());
}

/// Keeps what is published.
class KeptEvents final : public PubSub {
 public:
  Status Publish(const Message& message) override {
    lines.push_back(Line(message));
    return {};
  }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "test", "nobody subscribes here");
  }
  std::vector<std::string> lines;
};

/// The same of a session.
class KeptSink final : public detail::BinanceSessionSink {
 public:
  void Publish(const Message& message) override { lines.push_back(Line(message)); }
  std::vector<std::string> lines;
};

inline const Uuid kRunSeed = Uuid::V5(Uuid(), "a run");
inline constexpr std::string_view kRunId = "00000000-0000-4000-8000-000000000001";

struct Plan {
  BinanceMarket market = BinanceMarket::kSpot;
  std::uint64_t seed = 1;
  std::int64_t faulty_ms = 20'000;
  std::int64_t quiet_ms = 5'000;
};

inline sim::VenueOptions VenueOf(const Plan& plan) {
  sim::Random random(plan.seed * 2 + 1);
  sim::VenueOptions options;
  options.market =
      plan.market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  options.seed = plan.seed;
  options.start_unix_ms += random.Below(120'000);
  std::vector<std::string> names = {"AAAUSDT", "BBBUSDT", "CCCUSDT"};
  for (const std::string& name : names) {
    sim::SymbolOptions& symbol = options.symbols.emplace_back();
    symbol.name = name;
    symbol.tick_size = "0.01";
    symbol.changes_per_s = 5;
    symbol.trade_percent = 25;
  }
  MakeUnruly(options);
  options.snapshot_lag = random.Below(6);
  if (plan.faulty_ms > 0) {
    options.faults = sim::FaultPlan::Draw(plan.seed, plan.faulty_ms, 60, names);
  }
  return options;
}

inline detail::BinanceSessionOptions RecordedSession(const Plan& plan) {
  detail::BinanceSessionOptions options;
  options.feed.market = plan.market;
  options.feed.historical = true;
  options.feed.world = "hyp.replay";
  options.feed.run_id = kRunId;
  options.feed.run_seed = kRunSeed;
  MakeWatchful(options);
  options.seed = plan.seed;
  options.forbidden_retry_ms = 5'000;
  options.instruments_poll_ms = 5'000;
  return options;
}

/// Runs a session in virtual time and records it to `path`; what it published.
inline std::vector<std::string> RecordSession(const Plan& plan, const std::string& path) {
  SimulatedLink link(VenueOf(plan), plan.seed);
  if (plan.faulty_ms > 0) link.faults = DrawLinkFaults(plan.seed);
  KeptSink sink;
  detail::Recorder recorder({path}, NullLog());
  detail::SessionTap tap(link, recorder);
  auto session =
      detail::BinanceSession::Create(RecordedSession(plan), link.clock(), tap, sink).value();
  tap.Attach(*session);
  REQUIRE(recorder.Start(detail::HeaderOf(session->options(), link.Now())).ok());

  tap.SetBannedUntil(0, link.Now());
  REQUIRE(tap.Start(link.Now()).ok());
  std::vector<FeedHandle> handles;
  const auto want = [&](FeedChannel channel, std::string symbol,
                        std::vector<std::pair<std::string, std::string>> parameters = {}) {
    handles.push_back(
        tap.Subscribe({channel, std::move(symbol), std::move(parameters)}, link.Now()).value());
  };
  for (const char* const name : {"AAAUSDT", "BBBUSDT", "CCCUSDT", "NOSUCH"}) {
    want(FeedChannel::kBook, name);
    want(FeedChannel::kQuote, name);
    want(FeedChannel::kTrade, name);
  }
  want(FeedChannel::kBook, "AAAUSDT", {{"interval_ms", "500"}, {"levels", "5"}});
  want(FeedChannel::kCandle, "AAAUSDT", {{"interval", "1m"}});
  want(FeedChannel::kTicker, "");
  want(FeedChannel::kInstrument, "");
  want(FeedChannel::kStatus, "");
  if (plan.market == BinanceMarket::kUsdm) want(FeedChannel::kMark, "BBBUSDT");
  CHECK_FALSE(tap.Subscribe({FeedChannel::kBook, "", {}}, link.Now()).ok());
  CHECK_FALSE(tap.Unsubscribe(4711, link.Now()).ok());

  sim::Random mind(plan.seed + 99);
  const std::int64_t end_ms = plan.faulty_ms + plan.quiet_ms;
  for (std::int64_t second_ms = 1'000; link.elapsed_ms() < end_ms; second_ms += 1'000) {
    if (link.elapsed_ms() >= plan.faulty_ms) {
      link.faults = {};
      link.venue().EndFaults();
    }
    const std::int64_t until_ms = std::min(second_ms, end_ms);
    while (link.elapsed_ms() < until_ms) {
      link.Step(tap, session->next_tick_ns(), until_ms);
      if (session->next_tick_ns() <= link.Now().monotonic_ns) tap.OnTick(link.Now());
    }
    const auto any = static_cast<std::size_t>(mind.Below(static_cast<int>(handles.size())));
    if (mind.Percent(20)) (void)tap.Republish(handles[any], link.Now()).ok();
    if (mind.Percent(10)) {
      REQUIRE(tap.Unsubscribe(handles[any], link.Now()).ok());
      handles.erase(handles.begin() + static_cast<std::ptrdiff_t>(any));
      want(FeedChannel::kBook, "BBBUSDT");
    }
  }
  tap.Stop(link.Now());
  REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
  REQUIRE(recorder.lost() == 0);
  return std::move(sink.lines);
}

/// A bus, a clock and a player on a recording.
struct Replay {
  explicit Replay(const std::string& path, std::function<Status()> settle = {}) {
    SessionPlayerOptions options;
    options.path = path;
    options.run_id = kRunId;
    options.run_seed = kRunSeed;
    options.settle = std::move(settle);
    auto opened = SessionPlayer::Open(options, bus, clock);
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    player = std::move(*opened);
  }
  KeptEvents bus;
  ManualClock clock{Timestamp::FromUnixMillis(1'790'000'000'000)};
  std::unique_ptr<SessionPlayer> player;
};

}  // namespace virtufin::test
