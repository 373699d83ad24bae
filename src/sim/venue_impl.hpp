// The parts of a BinanceVenue: its connections, its streams and what is due when.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/binance_venue.hpp"
#include "sim/control.hpp"
#include "sim/frames.hpp"
#include "sim/random.hpp"
#include "sim/rest.hpp"
#include "sim/streams.hpp"

namespace virtufin::inline v0::sim {

struct VenueConnection;

/// A stream as those see it whose windows are cut at the same times.
struct VenueStream {
  std::uint64_t id = 0;
  std::string name, key;
  std::string combined_head;  // {"stream":"...","data":
  StreamSpec spec;
  FrameStyle style;
  std::int64_t offset_ms = 0;  // of its windows
  std::vector<VenueConnection*> subscribers;
  std::vector<VenueConnection*> lost;  // FaultKind::kLose: subscribed, and get nothing
  std::uint64_t told = 0;              // depth: number of the first update not sent yet
  std::int64_t sent_ms = 0;            // kAllMiniTickers
  bool omit_next = false;              // FaultKind::kGap
  VenueCandle candle;                  // kKline
  std::int64_t candle_told = 0;        // how many trades of it were told
};

struct VenueConnection {
  struct Subscription {
    std::string name;
    VenueStream* stream = nullptr;  // null: silent
  };
  struct HeldText {
    std::int64_t due_us = 0;
    VenueText text;
    bool data = false;  // of a stream
  };
  struct HeldAck {
    VenueText text;
    std::vector<std::string> after;  // data of one of these streams; empty: of none
    std::int64_t not_before_us = 0, deadline_us = 0;
  };
  struct SentPing {
    std::string payload;
    std::int64_t sent_us = 0;
  };

  ConnectionId id = 0;
  VenueTarget target;
  int phase = 0;
  bool stalled = false;
  bool muted = false;                       // no stream data
  bool hushed = false;                      // nothing at all; muted too
  std::vector<Subscription> subscriptions;  // in their order
  std::deque<std::int64_t> messages_us;     // those of the last second
  std::deque<SentPing> pings;               // unanswered
  std::deque<HeldText> held;                // late, in order
  std::vector<HeldAck> acks;
};

struct BinanceVenue::Impl {
  Impl(VenueOptions given, std::unique_ptr<MarketModel> model, VenueOutput& to);

  // --- binance_venue.cpp: time, symbols, faults.
  enum class DueKind : std::uint8_t {
    kChange,   // of a symbol
    kStream,   // a window ends
    kMarks,    // mark prices move
    kPing,     // of a connection
    kPongDue,  // the same
    kAge,      // the same
    kLate,     // held texts and acks of a connection
    kLeave,    // of a connection, after serverShutdown
    kFault,    // of the plan
  };
  struct Due {
    std::int64_t at_us = 0;
    std::uint64_t order = 0;
    DueKind kind = DueKind::kChange;
    std::uint64_t id = 0;
    bool operator>(const Due& other) const {
      return at_us != other.at_us ? at_us > other.at_us : order > other.order;
    }
  };
  struct SymbolState {
    std::vector<VenueStream*> depths, tickers, aggregates, trades, klines;
    DayWindow day;
    std::int64_t changed_ms = 0;  // the last trade
    std::int64_t silent_until_us = 0;
    MarkPrice mark;
  };

  void At(std::int64_t at_us, DueKind kind, std::uint64_t id) {
    due.push({at_us, ++orders, kind, id});
  }
  void Advance(std::int64_t to_ms);
  void Do(const Due& item);
  void ChangeOf(std::size_t index);
  void ScheduleChange(std::size_t symbol);
  void MoveMarks();
  std::int64_t now_ms() const { return now_us / 1000; }
  bool Trading(std::size_t symbol) const { return statuses[symbol] == "TRADING"; }
  void DoFault(const Fault& fault);
  void HitConnections(const Fault& fault);
  void Silence(VenueConnection& connection, FaultKind kind);
  void LoseDepth(std::size_t symbol);
  void AnnounceShutdown();
  void SetStatus(std::size_t symbol, std::string_view status) { statuses[symbol] = status; }
  void Count(FaultKind kind) { ++counters.faults[static_cast<std::size_t>(kind)]; }

  // --- venue_connections.cpp
  int Accept(ConnectionId id, std::string_view target);
  void OnText(VenueConnection& connection, std::string_view text);
  void OnPong(VenueConnection& connection, std::string_view payload);
  /// Null: unknown or stalled.
  VenueConnection* Find(ConnectionId id);
  /// False: too many; the connection is gone.
  bool CountMessage(VenueConnection& connection);
  void Control(VenueConnection& connection, const ControlMessage& message);
  /// Empty: done; else what is wrong.
  std::string Subscribe(VenueConnection& connection, const std::vector<std::string>& names,
                        int& code);
  void Unsubscribe(VenueConnection& connection, const std::vector<std::string>& names);
  void Refuse(VenueConnection& connection, const ControlError& error);
  void Acknowledge(VenueConnection& connection, std::string text, std::vector<std::string> after);
  void ReleaseAcks(VenueConnection& connection, const VenueStream* stream);
  void ReleaseHeld(VenueConnection& connection);
  void PingNow(VenueConnection& connection);
  void Forget(ConnectionId id);
  void Close(ConnectionId id, std::uint16_t code, std::string_view reason);
  void Drop(ConnectionId id);
  /// In the order of the socket.
  void Send(VenueConnection& connection, const VenueText& text);

  // --- venue_streams.cpp
  VenueStream& Join(VenueConnection& connection, const std::string& name, const StreamSpec& spec);
  void Leave(VenueConnection& connection, VenueStream& stream);
  std::vector<VenueStream*>* ListOf(const StreamSpec& spec);
  void ScheduleStream(const VenueStream& stream);
  void WindowEnds(VenueStream& stream);
  void KlineWindow(VenueStream& stream);
  void RollCandle(VenueStream& stream, std::int64_t to_ms);
  std::string AllMiniTickers(VenueStream& stream);
  std::string AllMarkPrices(const VenueStream& stream);
  void Emit(VenueStream& stream, const std::string& payload);
  void Deliver(VenueConnection& connection, const VenueStream& stream, const VenueText& text);

  VenueOptions options;
  std::unique_ptr<MarketModel> market;
  VenueOutput& output;
  VenueCounters counters;
  std::vector<std::string> statuses;  // by symbol
  RestDesk rest;
  Random changes, choices;  // when what changes; everything else
  bool usdm = false, trading = true, faults_ended = false;
  std::int64_t now_us = 0;
  std::uint64_t orders = 0, stream_ids = 0, connections_seen = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  std::vector<SymbolState> symbols;
  std::map<ConnectionId, std::unique_ptr<VenueConnection>> connections;
  std::unordered_map<std::string, std::unique_ptr<VenueStream>> streams;  // by key
  std::unordered_map<std::uint64_t, VenueStream*> streams_by_id;
  std::deque<std::int64_t> connects_us;  // of the last five minutes
  bool nest_error = false;
  std::int64_t refuse_until_us = 0, delay_us = 0, delay_until_us = 0;
  std::int64_t drop_left = 0, lost_acks_left = 0, late_acks_left = 0;
};

}  // namespace virtufin::inline v0::sim
