// Candles of one symbol and interval: each close once, in order; a missed one is fetched.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "exchange/binance/market_core.hpp"

namespace virtufin::inline v0::detail {

/// The topic of one interval; open candles have a type of their own on it.
struct CandleTopic {
  CandleTopic(const FeedIdentity& identity, std::string_view name, std::string_view symbol);
  std::string interval;
  EventChannel closed, open;
  std::uint64_t sequence = 0;
};

class CandleTrack final : public MarketTrack {
 public:
  /// `topic` is borrowed while the track lives.
  CandleTrack(MarketCore& core, std::string_view symbol, CandleTopic& topic);

  void OnCandle(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  /// The symbol traded, which a candle must tell.
  void NoteTrade(FeedTime now) noexcept {
    if (now.monotonic_ns < last_data_ns() + kSettleNs || untold_ns_ > last_data_ns()) return;
    untold_ns_ = now.monotonic_ns;
    core_.Due(untold_ns_ + kSettleNs);
  }
  void OnTick(FeedTime now) override;
  void OnAnswer(FeedTime now, std::string_view body) override;
  void OnFetchFailed(FeedTime now, std::string_view reason) override;

  bool wants_open = false;

 private:
  /// A trade so soon after a frame may be told by the next one only, with the next trade: in the
  /// recordings that takes seconds. Later ones are told at once, or at the spot cadence of 2 s.
  static constexpr std::int64_t kSettleNs = 3'000'000'000;

  struct Kept {
    Kept(FeedTime when, const BinanceFrame& frame);
    BinanceCandle View(std::string_view interval) const;
    FeedTime now;
    EventTime time;
    BinanceCandle candle;
    std::string texts[7];
  };

  std::int64_t SilentSince(FeedTime now) const noexcept override;
  void Resume(FeedTime now, bool first) override;
  void Rejoin(FeedTime now) override;
  void Lost() override;
  void Publish(FeedTime now, EventTime time, const BinanceCandle& candle);
  void PublishOpen(FeedTime now, EventTime time, const BinanceCandle& candle);
  void Expect(std::int64_t open_ns, std::int64_t close_ns);
  void ExpectNext(const BinanceCandle& closed);
  bool ClosedByNow(FeedTime now, std::int64_t close_ns) const noexcept;
  bool Ended(FeedTime now, const BinanceCandle& candle) const noexcept;
  void WatchClose(FeedTime now);
  void FaceHole(FeedTime now) override;
  void StartRepair();
  void Ask();
  void TakePage(FeedTime now, std::span<const BinanceCandle> page);
  void PublishHeld();
  void Retry(FeedTime now, std::string_view reason);
  void AnnounceMissing(FeedTime now, std::int64_t until_ns, std::string_view reason);
  void GiveUp(FeedTime now, std::string_view reason);
  void Finish(FeedTime now, std::string_view reason);

  CandleTopic& topic_;
  std::int64_t untold_ns_ = -1;    // monotonic: the first trade that a frame must have told since
  std::int64_t expected_ns_ = -1;  // when the next candle to close opened; -1: not known
  std::int64_t expected_close_ns_ = 0;
  std::int64_t length_ns_ = 0;
  std::int64_t newest_ns_ = -1;        // the latest opening that a frame named
  std::int64_t newest_end_ns_ = 0;     // monotonic: when it ends, by that frame
  std::int64_t open_sent_ns_ = -1;     // of the last open candle that was published
  std::map<std::int64_t, Kept> held_;  // closed ones behind a missing one, by opening
  bool repairing_ = false;
  bool overdue_ = false;  // repairing a close that the stream did not bring in time
  int pages_ = 0, attempts_ = 0;
};

}  // namespace virtufin::inline v0::detail
