// Trades of one symbol, each id once and in order: duplicates dropped, holes repaired or announced.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/market_core.hpp"

namespace virtufin::inline v0::detail {

/// The last trade that was published; it outlives the subscription.
struct LastTrade {
  std::int64_t id = -1;
  std::int64_t unix_ns = 0;
};

class TradeTrack final : public MarketTrack {
 public:
  /// `aggregate`: aggTrade, whose holes can be fetched. `topic` and `last` are borrowed while the
  /// track lives.
  TradeTrack(MarketCore& core, std::string_view symbol, bool aggregate, MarketTopic& topic,
             LastTrade& last);

  void OnTrade(std::uint32_t connection, FeedTime now, const BinanceTrade& trade);
  void OnTick(FeedTime now) override;
  void OnAnswer(FeedTime now, std::string_view body) override;
  void OnFetchFailed(FeedTime now, std::string_view reason) override;

 private:
  /// A live trade that waits; it owns its texts.
  struct Kept {
    Kept(FeedTime when, const BinanceTrade& source);
    BinanceTrade View() const;
    FeedTime now;
    BinanceTrade trade;
    std::string price, quantity, condition;
  };

  void Resume(FeedTime now, bool first) override;
  void Lost() override;
  void Publish(FeedTime now, const BinanceTrade& trade, bool recovered);
  void PublishFirst(FeedTime now, const BinanceTrade& trade);
  void NoteOld(FeedTime now, const BinanceTrade& trade);
  void Restart(FeedTime now);
  void Hold(FeedTime now, const BinanceTrade& trade);
  void FaceHole(FeedTime now) override;
  void StartRepair(FeedTime now, std::string_view reason);
  void Ask();
  void TakePage(FeedTime now, std::span<const BinanceTrade> page);
  void PublishHeld();
  void AfterPage(FeedTime now, bool full, bool progress);
  void Retry(FeedTime now, std::string_view reason);
  void GiveUp(FeedTime now, std::string_view reason);
  void Finish(FeedTime now, std::string_view reason);
  void AnnounceMissing(FeedTime now, std::int64_t until, std::string_view reason);

  const bool aggregate_;
  MarketTopic& topic_;
  LastTrade& last_;
  std::int64_t last_id_ = -1;
  std::int64_t last_ns_ = 0;  // when that trade was made
  std::map<std::int64_t, Kept> held_;
  std::vector<Kept> restarted_;  // old ids with new times, one after the other
  bool repairing_ = false;
  bool beyond_ = false;  // the last repair ended before it was through: announce the next hole
  int pages_ = 0, attempts_ = 0;
};

}  // namespace virtufin::inline v0::detail
