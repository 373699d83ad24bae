// Board: what the viewer of the quickstart sees, gathered from bus events by any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "virtufin/event/cloud_event.hpp"

namespace quickstart {

/// Both sides' best levels as text, and how many levels there are.
struct TopOfBook {
  std::uint64_t last_update_id = 0;
  std::string bid, bid_qty, ask, ask_qty, spread;
  std::size_t bids = 0, asks = 0;

  friend bool operator==(const TopOfBook& a, const TopOfBook& b) {
    return a.last_update_id == b.last_update_id && a.bid == b.bid && a.bid_qty == b.bid_qty &&
           a.ask == b.ask && a.ask_qty == b.ask_qty && a.bids == b.bids && a.asks == b.asks;
  }
};

class Board {
 public:
  using Clock = std::chrono::steady_clock;

  /// The player is about to hand over a frame: events until the next call come from it.
  void OnFrame() { frame_at_ = Clock::now(); }
  /// An event of the adapter, on the player's thread. Counts it; books start their latency here.
  void OnAdapterEvent(const virtufin::CloudEvent& event);
  /// A reply of the worker, on the worker's thread.
  void OnReply(const virtufin::CloudEvent& event);
  void OnFeedStatus(const virtufin::CloudEvent& event);

  /// One block of lines for everything since the last call.
  void Print(double elapsed_s);
  void PrintTotals(double elapsed_s);

  /// Waits until the worker replied to every book event of the adapter; false: not in time.
  bool AwaitReplies(std::chrono::seconds limit);
  std::map<std::string, TopOfBook> books() const;

 private:
  struct Pair {
    TopOfBook top;
    std::string feed = "waiting";
  };

  void Answered(Clock::time_point frame, Clock::time_point reply);  // lock held
  static std::string Key(std::string_view pair, std::uint64_t id);
  void PrintPairs() const;                                    // lock held
  static std::string Latency(std::vector<std::uint32_t> ns);  // p50/p99

  Clock::time_point frame_at_;  // player's thread only
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  std::map<std::string, Pair> pairs_;
  // (pair, update id) -> frame without reply, and reply that overtook its event's note.
  std::unordered_map<std::string, Clock::time_point> open_, early_;
  std::vector<std::uint32_t> window_ns_, all_ns_;
  std::uint64_t events_ = 0, events_before_ = 0, replies_ = 0;
  double printed_s_ = 0;
};

}  // namespace quickstart
