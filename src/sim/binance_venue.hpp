// BinanceVenue: Binance as a client sees it (spot or USD-M), without sockets, threads or a clock.
//
// Pure and deterministic: the same seed and the same calls give the same bytes. Its owner carries
// bytes: a server front over real sockets, or a simulated link in tests. `now_ms` is Unix time in
// milliseconds of the owner's choice and never goes back; every call first does what was due until
// then, so that it does not matter how often OnTick comes.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/candles.hpp"
#include "sim/fault_plan.hpp"
#include "sim/market.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::sim {

using ConnectionId = std::uint64_t;
using VenueText = std::shared_ptr<const std::string>;  // shared by all who get the same frame

/// When a control message is answered.
enum class AckOrder : std::uint8_t { kAtOnce, kAfterData, kMixed };
/// `{"code":..}`, `{"error":{"code":..}}`, or one and the other in turn.
enum class ErrorShape : std::uint8_t { kFlat, kNested, kMixed };

struct VenueOptions {
  VenueMarket market = VenueMarket::kSpot;
  std::vector<SymbolOptions> symbols;  // empty: DefaultSymbols(market)
  std::uint64_t seed = 1;
  std::int64_t start_unix_ms = 1'790'000'000'000;  // trading begins

  std::size_t depth = 50;              // most levels of a book's side
  std::size_t snapshot_levels = 5000;  // most levels of a depth answer; USD-M: 1000 at most
  std::size_t keep_updates = 200'000;  // history of each symbol, for truth and REST
  int window_phases = 4;               // depth windows start at so many different offsets
  bool extra_fields = false;           // USD-M: the fields of 2026 (`st`, `ps`, `ap`, `nq`)
  bool mark_moves = true;              // USD-M: mark price and funding rate wander

  AckOrder ack_order = AckOrder::kAtOnce;
  std::int64_t ack_delay_ms = 0;       // at least
  std::int64_t ack_patience_ms = 500;  // kAfterData: without data, then
  ErrorShape error_shape = ErrorShape::kFlat;

  // 0: what the market does (venues: 20 s, 60 s, 5/s, 24 h; USD-M: 3 min, 10 min, 10/s, 24 h).
  std::int64_t ping_interval_ms = 0;
  std::int64_t pong_timeout_ms = 0;
  int max_messages_per_s = 0;
  std::int64_t max_age_ms = 0;
  int max_streams = 1024;  // of one connection
  int max_connects_per_5min = 300;
  std::size_t max_control_bytes = 16'384;     // a longer message or URL is not answered
  std::int64_t shutdown_notice_ms = 600'000;  // from serverShutdown to the cut

  std::int64_t weight_limit = 0;     // a minute; 0: 6000, USD-M 2400
  int tolerated_429 = 10;            // so many refused requests in a minute; then a ban
  std::int64_t retry_after_ms = 0;   // what a 429 asks to wait; 0: to the end of the minute
  std::int64_t ban_ms = 120'000;     // the first; doubles up to 3 days
  std::int64_t snapshot_lag = 0;     // depth answers are up to so many updates old
  std::int64_t answer_delay_ms = 0;  // of every REST answer
  bool gzip = false;                 // REST answers are compressed

  FaultPlan faults;
};

/// Ten pairs with the tick and lot sizes of the venue.
std::vector<SymbolOptions> DefaultSymbols(VenueMarket market);

/// What the venue does to its connections. May not call back into the venue. After Close and Drop
/// the venue has forgotten the connection: what is still reported of it is ignored.
class VenueOutput {
 public:
  virtual ~VenueOutput() = default;
  virtual void Send(ConnectionId connection, const VenueText& text) = 0;
  virtual void Ping(ConnectionId connection, std::string_view payload) = 0;
  /// With a close frame; what was sent before goes out first.
  virtual void Close(ConnectionId connection, std::uint16_t code, std::string_view reason) = 0;
  /// Cut: no close frame.
  virtual void Drop(ConnectionId connection) = 0;
  /// Half-open from now on: the front neither reads nor writes, answers no ping, and keeps the
  /// socket until Drop or Close.
  virtual void Stall(ConnectionId connection) = 0;
  /// Nothing more is sent, and the venue will not ask for it: the front answers no ping and no
  /// close frame, and reads on until Drop.
  virtual void Hush(ConnectionId connection) = 0;
};

struct RestAnswer {
  static constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();

  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Type is among them
  VenueText body;
  std::int64_t delay_ms = 0;         // before the first byte
  std::size_t truncate_at = kWhole;  // so many bytes of the body are sent, then the socket is cut
  bool gzip = false;                 // the front compresses the body and says so
  bool no_answer = false;            // never answered; the socket stays open
};

struct VenueCounters {
  std::uint64_t accepted = 0, refused = 0;  // connections
  std::uint64_t frames = 0;                 // data frames sent
  std::uint64_t acks = 0, errors = 0;       // answers to control messages
  std::uint64_t pings = 0, pongs = 0;
  std::uint64_t rate_cuts = 0, pong_cuts = 0, age_cuts = 0;
  std::uint64_t too_long = 0;        // control messages and URLs that were not answered
  std::uint64_t silent_streams = 0;  // subscribed, but nothing will ever come
  std::uint64_t requests = 0;
  std::uint64_t limited = 0, banned = 0;            // 429 and 418, asked for by a fault or not
  std::array<std::uint64_t, kFaultKinds> faults{};  // how often which fault hit something: frames
                                                    // lost, answers spoilt, connections cut ...
  std::uint64_t fault(FaultKind kind) const { return faults[static_cast<std::size_t>(kind)]; }
};

/// [owner] for everything.
class BinanceVenue {
 public:
  /// `output` is borrowed until the venue is destroyed.
  /// Errors: INVALID_ARGUMENT naming the option and what was expected.
  static Result<std::unique_ptr<BinanceVenue>> Create(VenueOptions options, VenueOutput& output);
  ~BinanceVenue();

  // --- WebSocket. `target` is path and query as the client wrote them.
  /// The HTTP status of the upgrade: 101 accepted; else the connection is unknown to the venue. The
  /// caller chooses numbers that are never used again. Nothing is sent on the connection meanwhile.
  int Accept(ConnectionId connection, std::string_view target, std::int64_t now_ms);
  void OnText(ConnectionId id, std::string_view text, std::int64_t now_ms);
  /// The front answers pings itself; here they count as messages.
  void OnPing(ConnectionId id, std::int64_t now_ms);
  void OnPong(ConnectionId id, std::string_view payload, std::int64_t now_ms);
  void OnClosed(ConnectionId connection, std::int64_t now_ms);

  // --- REST: GET of `target`.
  RestAnswer OnRequest(std::string_view target, std::int64_t now_ms);

  // --- Time.
  void OnTick(std::int64_t now_ms);
  static constexpr std::int64_t kNoTick = std::numeric_limits<std::int64_t>::max();
  /// Call OnTick then, or earlier.
  std::int64_t next_tick_ms() const noexcept;

  // --- What a test or an operator does to it.
  /// A fault now, whatever its at_ms. Errors: NOT_FOUND for a symbol the venue does not have.
  Status Inject(const Fault& fault, std::int64_t now_ms);
  /// TRADING and so on; anything else stops its trading. Errors: NOT_FOUND.
  Status SetStatus(std::string_view symbol, std::string_view status, std::int64_t now_ms);
  /// What the plan still holds and what is still to hit something is forgotten, and connections are
  /// no longer cut for their age. What has begun goes on: bans, halts, stalled, mute and hushed
  /// connections, lost streams.
  void EndFaults();
  /// Nothing happens any more in any book: a quiet tail. Tickers, marks and candles go on.
  void StopTrading();

  // --- Truth.
  const VenueOptions& options() const noexcept;
  /// Books, trades and their numbers.
  MarketModel& market() noexcept;
  /// "TRADING" and so on; empty for a symbol the venue does not have.
  std::string_view status(std::string_view symbol) const noexcept;
  /// The candle of `interval` ("1m") that opened at `open_ms`, from the trades in the history.
  /// Errors: NOT_FOUND for the symbol; INVALID_ARGUMENT for the interval or a time that opens none.
  Result<VenueCandle> CandleAt(std::string_view symbol, std::string_view interval,
                               std::int64_t open_ms) const;
  const VenueCounters& counters() const noexcept;

 private:
  struct Impl;
  explicit BinanceVenue(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::sim
