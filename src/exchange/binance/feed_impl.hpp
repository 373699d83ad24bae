// What a BinanceFeed keeps, and the steps its functions are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/feed_symbol.hpp"
#include "exchange/binance/silent_sockets.hpp"
#include "exchange/event_cause.hpp"
#include "exchange/payloads.hpp"
#include "exchange/retired_sequences.hpp"
#include "exchange/status_board.hpp"

namespace virtufin::inline v0 {

struct BinanceFeed::Impl {
  using Symbol = detail::FeedSymbol;
  static constexpr std::int64_t kMs = 1'000'000;

  Impl(const BinanceFeedOptions& o, Clock& c, BinanceFeedSink& s);

  BinanceFeedOptions options;
  Clock& clock;
  BinanceFeedSink& sink;
  detail::FeedIdentity identity;
  BinanceDecoder decoder;
  detail::StatusBoard statuses;
  detail::FeedSymbols symbols;
  detail::RetiredSequences<3> retired;  // book, depth and quote of symbols that left
  BookCounters retired_books;
  std::vector<std::uint32_t> open;  // connections
  std::uint64_t requests = 0;       // snapshots asked for so far
  std::int64_t last_frame_ns = 0;
  std::int64_t next_fetch_ns = kNoTick;
  std::int64_t next_ahead_ns = kNoTick;
  struct DepthDue {
    std::int64_t at_ns;
    std::uint64_t number;
    Symbol* symbol;
    /// For the heap: the earliest one is the greatest.
    friend bool operator<(const DepthDue& a, const DepthDue& b) noexcept {
      return a.at_ns != b.at_ns ? a.at_ns > b.at_ns : a.number > b.number;
    }
  };
  std::vector<DepthDue> depths_due;  // a heap; one that was put off meanwhile stays in it
  std::uint64_t symbols_made = 0;
  bool silent = false;
  detail::SilentSockets silent_sockets;
  detail::EventCause cause{"books"};
  BinanceFeedCounters counts;
  detail::PayloadBuffer payload;

  bool IsOpen(std::uint32_t connection) const noexcept;
  std::uint32_t NewestOpen() const noexcept;  // 0: none

  /// Events of one call from outside have one cause.
  void NewCause() noexcept { cause.New(); }
  detail::EventMoment Cause(FeedTime now, EventTime event) {
    return cause.Moment(now.unix_ns, event, clock, identity);
  }

  // What other threads read.
  static void ShowBook(Symbol& symbol, FeedTime now) noexcept;
  static void ShowQuote(Symbol& symbol, FeedTime now, const BinanceFrame& frame) noexcept;

  // Events.
  bool Publish(detail::EventChannel& channel, std::string_view json, std::uint64_t& sequence,
               const detail::EventMoment& moment);
  void SetState(Symbol& symbol, FeedState state, FeedTime now, std::string_view reason,
                const BookGap* gap = nullptr);
  bool PublishSnapshot(Symbol& symbol, FeedTime now);
  void PublishUpdate(Symbol& symbol, FeedTime now, const BinanceFrame& frame, std::int64_t before);
  void ScheduleDepth(Symbol& symbol, FeedTime now);
  void PublishDepth(Symbol& symbol, FeedTime now);

  // A book's snapshot and its way to live.
  void WantSnapshot(Symbol& symbol, FeedTime now);
  void AskForSnapshot(Symbol& symbol, FeedTime now);
  void CancelSnapshot(Symbol& symbol);
  void StartOver(Symbol& symbol, FeedTime now, std::string_view reason);
  void LoseBook(Symbol& symbol, FeedTime now);
  void GoLive(Symbol& symbol, FeedTime now);
  Status TakeSnapshot(Symbol& symbol, FeedTime now, std::string_view body);
  void AddCarrier(Symbol& symbol, std::uint32_t connection, FeedTime now);
  void RemoveCarrier(Symbol& symbol, std::uint32_t connection, FeedTime now,
                     std::string_view reason);
  void EndBook(Symbol& symbol, FeedTime now, std::string_view reason);

  // Frames.
  void OnDepth(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void UseDiff(Symbol& symbol, std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void OnBookTicker(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);

  // Diffs that came too early (feed_ahead.cpp).
  void HoldAhead(Symbol& symbol, std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void FollowUp(Symbol& symbol, FeedTime now);
  void ReleaseAhead(Symbol& symbol, FeedTime now);
  static void ForgetAhead(Symbol& symbol) noexcept;
  void TickAhead(FeedTime now);

  // What is due.
  void TickFetches(FeedTime now);
  void TickDepths(FeedTime now);

  // Silence (feed_silence.cpp).
  void TickSilence(FeedTime now);
  void Weigh(Symbol& symbol, FeedTime now);
  void Revive(Symbol& symbol, FeedTime now);
  void ShowAgain(Symbol& symbol, FeedTime now);
};

}  // namespace virtufin::inline v0
