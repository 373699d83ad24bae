// The venue's list of instruments: fetched now and then, told when something in it changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/binance/market_core.hpp"

namespace virtufin::inline v0::detail {

/// trading, halted, closed, auction or unknown; static storage.
std::string_view InstrumentState(BinanceMarket market, std::string_view venue_status) noexcept;

class InstrumentWatch final : public FetchOwner {
 public:
  InstrumentWatch(MarketCore& core, BinanceMarket market);
  ~InstrumentWatch() override { core_.Cancel(fetch_); }

  void Refresh(FeedTime now);
  /// What is known already is told at once. `symbol` empty: of all.
  void Want(FeedChannel channel, std::string_view symbol, FeedTime now);
  void Drop(FeedChannel channel, std::string_view symbol);
  void OnTick(FeedTime now);
  void OnAnswer(FeedTime now, std::string_view body) override;
  void OnFetchFailed(FeedTime now, std::string_view reason) override;

  /// `pending` until the first answer, `stale` while fetching fails.
  const MarketStatus& status() const noexcept { return status_; }
  std::int64_t read_ns() const noexcept { return read_ns_; }
  bool known() const noexcept { return generation_ != 0; }
  bool Find(std::string_view symbol, MarketInstrument& out) const;
  std::int64_t request_weight() const noexcept { return request_weight_; }

 private:
  struct Record {
    explicit Record(std::string_view symbol) : name(symbol) {}
    std::string name;
    std::string info;  // the payload of instrument.info
    std::string venue_status;
    std::string_view state;        // static storage; empty: never listed
    std::uint64_t generation = 0;  // the last answer that listed it
    bool wants_info = false, wants_status = false;
    std::unique_ptr<MarketTopic> statuses;
  };

  Record& RecordOf(std::string_view symbol);
  void Take(FeedTime now, const BinanceInstrument& instrument);
  void SetInstrumentState(FeedTime now, Record& record, std::string_view state,
                          std::string_view venue_status);
  void Delist(FeedTime now, Record& record);
  void PublishInfo(FeedTime now, Record& record);
  void PublishState(FeedTime now, Record& record);
  void SetState(SubscriptionState state, FeedTime now, std::string_view reason);

  MarketCore& core_;
  const BinanceMarket market_;
  SymbolTable<Record> records_;
  MarketTopic infos_;
  bool all_info_ = false, all_status_ = false;
  std::uint64_t generation_ = 0;  // answers read
  std::uint64_t fetch_ = 0;
  int attempts_ = 0;
  std::int64_t next_ns_ = BinanceFeed::kNoTick;
  std::int64_t read_ns_ = 0;
  std::int64_t request_weight_ = 0;
  MarketStatus status_;
};

}  // namespace virtufin::inline v0::detail
