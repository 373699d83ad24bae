// What of a live Binance adapter lives on its loop: the session, its sockets, requests and timer.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>

#include "exchange/ban_keeper.hpp"
#include "exchange/binance/session.hpp"
#include "exchange/net_venue_link.hpp"
#include "exchange/recording/recorder.hpp"
#include "exchange/recording/session_tap.hpp"
#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0::detail {

inline Status Stopped() {
  return Status(StatusCode::kUnavailable, "exchange", "expected a running adapter: it was stopped");
}

/// What an adapter borrows, until it is abandoned: destroyed while a handler is still inside it, or
/// on its own loop. What runs on then is ours, and finds a clock and a log of ours.
class Borrowed final : public Clock, public LogSink {
 public:
  explicit Borrowed(const Runtime& runtime) noexcept : runtime_(runtime) {}
  void Abandon() noexcept { abandoned_.store(true); }
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_acquire); }

  Timestamp Now() const noexcept override { return clock().Now(); }
  MonotonicTime Monotonic() const noexcept override { return clock().Monotonic(); }
  bool Enabled(LogLevel level) const noexcept override {
    return !abandoned() && runtime_.log.Enabled(level);
  }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    if (!abandoned()) runtime_.log.Write(level, component, text);
  }

 private:
  Clock& clock() const noexcept { return abandoned() ? WallClock() : runtime_.clock; }

  const Runtime runtime_;
  std::atomic<bool> abandoned_ = false;
};

/// What lives on the loop. Kept by tasks, so that one that comes late finds it.
class BinanceCore final : public VenueEvents,
                          public BinanceSessionSink,
                          public std::enable_shared_from_this<BinanceCore> {
 public:
  BinanceCore(PubSub& bus, const Runtime& runtime)
      : bus_(bus), runtime_(runtime), borrowed_(runtime), strand_(runtime.executor.NewStrand()) {}

  Status Build(const BinanceAdapterOptions& options, StateStore* store);
  Status StartThreads();
  Status StopThreads(std::chrono::milliseconds deadline);
  /// Nothing that is borrowed is used any more, also if a handler returns later; sockets are closed
  /// as soon as the loop is free.
  void Abandon();
  net::NetLoop& loop() { return *loop_; }
  /// [any]
  void StartSession();

  // On the loop's thread.
  void Start(std::int64_t banned_until_unix_ns);
  void Stop();
  void Tick();
  Result<FeedHandle> Subscribe(const FeedRequest& request);
  void Unsubscribe(FeedHandle handle);
  void Republish(FeedHandle handle);

  std::shared_ptr<const StatusCell> CellOf(FeedHandle handle) const {
    return session_->CellOf(handle);
  }

  std::shared_ptr<const SymbolTops> TopsOf(FeedHandle handle) const {
    return session_->TopsOf(handle);
  }

  /// [any]
  AdapterCounters Counts() const;

  void OnOpen(std::uint32_t socket, FeedTime now) override;
  void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) override;
  void OnSignOfLife(std::uint32_t socket, FeedTime now) override;
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) override;
  void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) override;
  void Publish(const Message& message) override;

 private:
  /// Adding up takes a look at every book, so not often.
  static constexpr std::int64_t kCountsNs = 1'000'000'000;
  static constexpr std::int64_t kLongPauseNs = 500'000'000;  // shorter ones make nobody silent

  template <class Body>
  void Act(Body&& body);
  /// To the session, by way of the recording if there is one.
  template <class Call>
  auto Give(Call&& call) {
    return tap_ != nullptr ? call(*tap_) : call(*session_);
  }
  void Settle();
  void GiveToBus(const Message& message);
  bool GiveWaiting(bool all);
  void TellGiven();
  void AwaitGiven(std::chrono::milliseconds longest);
  void AwaitRoom();
  void PauseReading();
  void ResumeReading();
  void NoteUnpublished(const Status& why);
  void KeepBan();
  void WriteCounts(FeedTime now);
  std::int64_t NextNs() const noexcept { return std::min(session_->next_tick_ns(), counts_at_ns_); }

  PubSub& bus_;
  Runtime runtime_;
  Borrowed borrowed_;
  Executor::Strand strand_;  // publishes; is parked when the bus is full
  std::unique_ptr<net::NetLoop> loop_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<NetVenueLink> link_;
  std::unique_ptr<Recorder> recorder_;  // null: nothing is recorded; then there is no tap either
  std::unique_ptr<SessionTap> tap_;
  std::unique_ptr<BinanceSession> session_;  // the loop's alone
  std::shared_ptr<BanKeeper> bans_;          // null: bans end with the process
  std::int64_t kept_ban_unix_ns_ = 0;
  bool publishes_ = true;  // the bus took the last event
  std::uint64_t unpublished_ = 0;
  std::int64_t paused_at_ns_ = 0;
  bool paused_ = false, stopped_ = false;
  std::deque<Message> waiting_;  // for room on the bus: published while it is full
  std::promise<void> given_;     // after Stop nothing waits any more
  std::future<void> all_given_ = given_.get_future();
  bool told_given_ = false;
  std::atomic<bool> runs_ = false;  // the loop was started
  std::int64_t armed_ns_ = BinanceFeed::kNoTick;
  std::int64_t counts_at_ns_ = BinanceFeed::kNoTick;  // when `counts_` is to be written
  Executor::Timer timer_;
  mutable std::mutex counts_mutex_;
  AdapterCounters counts_;
};

}  // namespace virtufin::inline v0::detail
