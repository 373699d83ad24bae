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

/// One pair, as it is now.
struct PairView {
  TopOfBook top;                                    // by the worker
  std::string state = "waiting";                    // of the book's feed
  std::string trade = "-";                          // price of the last one
  std::uint64_t books = 0, quotes = 0, trades = 0;  // events
  std::int64_t first_trade = 0, last_trade = 0;     // ids
};

/// Everything at one moment.
struct View {
  std::string headline;  // time, rates, latencies
  std::map<std::string, PairView> pairs;
  std::vector<std::string> notes;  // what happened since the view before
};

/// Everything is callable from any thread.
class Board {
 public:
  using Clock = std::chrono::steady_clock;

  /// An event of the adapter, made of a frame that arrived at `frame_at`. Books start their latency
  /// there.
  void OnAdapterEvent(const virtufin::CloudEvent& event, Clock::time_point frame_at);
  /// A reply of the worker.
  void OnReply(const virtufin::CloudEvent& event);
  void OnFeedStatus(const virtufin::CloudEvent& event);
  /// Something worth a line.
  void Note(std::string line);

  /// What happened since the last call.
  View Take(double elapsed_s);
  /// What happened in all.
  View Totals(double elapsed_s);

  /// Waits until the worker replied to every book event of the adapter; false: not in time.
  bool AwaitReplies(std::chrono::seconds limit);
  std::map<std::string, PairView> pairs() const;

 private:
  void Answered(Clock::time_point frame, Clock::time_point reply);  // lock held
  static std::string Key(std::string_view pair, std::uint64_t id);
  static std::string Latency(std::vector<std::uint32_t> ns);  // p50/p99

  mutable std::mutex mutex_;
  std::condition_variable answered_;
  std::map<std::string, PairView> pairs_;
  std::vector<std::string> notes_;
  // (pair, update id) -> frame without reply, and reply that overtook its event's note.
  std::unordered_map<std::string, Clock::time_point> open_, early_;
  std::vector<std::uint32_t> window_ns_, all_ns_;
  std::uint64_t events_ = 0, events_before_ = 0, replies_ = 0;
  double taken_s_ = 0;
};

}  // namespace quickstart
