// The live Binance adapter: spot or USD-M futures over the venue's own sockets and REST interface.
// CMake: virtufin::exchange.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance_feed.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0 {

/// What is empty or 0 "by market" is what the venue's rules say for spot or USD-M.
struct BinanceAdapterOptions {
  /// Market (`feed.market`, default spot), world, run id, and limits of the books.
  /// snapshot_timeout_ms and silent_after_ms are not used: the limits below are.
  BinanceFeedOptions feed = {};

  // Both or none: with one of them only, the other side is the live venue, and its weight.
  std::string stream_url = {};          // ws(s)://host:port without path; empty: the venue's own
  std::string rest_url = {};            // http(s)://host:port; empty: the venue's own
  std::string public_path = "/public";  // USD-M: before /stream, by route; may be empty
  std::string market_path = "/market";
  std::string ca_file = {};  // PEM: trust these instead of the system's certificates
  std::string ca_pem = {};   // the same as text; both add up

  int depth_speed_ms = 100;    // of the depth stream; spot also 1000, USD-M 250 and 500
  int snapshot_levels = 1000;  // of each side in a depth snapshot
  bool check_symbols = true;   // refuse symbols that exchangeInfo lacks
  std::uint64_t seed = 1;      // of the jitter of delays

  std::size_t max_subscriptions = 100'000;
  std::size_t streams_per_connection = 0;          // by market: 1024, 200
  std::int64_t messages_per_second = 0;            // to the venue, in 1.25 s; by market: 4, 8
  std::int64_t connections_per_5_minutes = 300;    // attempts count
  std::int64_t weight_per_minute = 0;              // by market: 6000, 2400
  int weight_percent = 80;                         // of the venue's limit; the rest is for others
  std::size_t requests_in_flight = 4;              // REST
  std::size_t max_message_bytes = kMaxEventBytes;  // of a frame or an answer
  std::int64_t banned_until_unix_ns = 0;           // known from an earlier run; 0: not banned

  std::int64_t connect_timeout_ms = 15'000;
  std::int64_t request_timeout_ms = 10'000;
  std::int64_t ack_timeout_ms = 5'000;    // of SUBSCRIBE; then asked again
  std::int64_t ping_ms = 20'000;          // our own pings; 0: none
  std::int64_t life_timeout_ms = 60'000;  // nothing from the venue: a new connection; 0: off
  // Silence is a state. Every socket carries a stream that never rests: spot !miniTicker@arr, USD-M
  // bookTicker or markPrice of `canary_symbol`. Without any data for canary_ms the socket and what
  // it carries are stale, after twice that it is replaced. A depth stream that says nothing for
  // book_idle_ms is compared with the venue's book; one that lags behind that is asked for again.
  std::int64_t canary_ms = 5'000;  // 0: off
  std::string canary_symbol = "BTCUSDT";
  std::int64_t stale_cool_down_ms = 30'000;  // between two such replacements of a socket
  std::int64_t stale_reconnects_per_hour = 20;
  std::int64_t book_idle_ms = 60'000;        // 0: off
  std::int64_t renew_cool_down_ms = 30'000;  // between two times that a stream is asked for again
  std::int64_t renews_per_hour = 20;
  std::int64_t rotate_after_ms = 82'800'000;  // a socket so old is replaced while it runs, up to
                                              // 1/46 earlier; the venue cuts it at 24 h; 0: off
  std::int64_t reconnect_first_ms = 1'000;    // doubles
  std::int64_t reconnect_max_ms = 30'000;
  std::int64_t stable_ms = 60'000;  // open for so long, a lost connection starts its delays anew
  std::int64_t forbidden_retry_ms = 60'000;    // after HTTP 403, 451; doubles to ten times that
  std::int64_t instruments_poll_ms = 300'000;  // exchangeInfo; 0: at the start only

  // Everything that the session is given and does, for SessionPlayer, without any address or secret
  // (docs/recording-format.md). A full buffer ends the recording, never an event. A file that
  // exists is never written over: Start answers ALREADY_EXISTS, and there is no feed. `%t` in the
  // path is the time of the start (20261123T061500Z), with a number behind it when that exists: use
  // it when a feed starts again by itself.
  std::string record_path = {};  // empty: nothing is recorded
  std::size_t record_buffer_bytes = std::size_t{64} << 20;
  std::int64_t record_max_bytes = 0;  // of the file; there the recording ends. 0: no limit

  /// Sets one option by its key, which is the field's name ("depth_speed_ms"). [owner]
  /// Errors: NOT_FOUND for an unknown key, naming those that exist; INVALID_ARGUMENT saying what
  /// was expected.
  Status Set(std::string_view key, std::string_view value);
  /// Every key, with its default and the values it takes as text: "1 to 5000", "true or false";
  /// empty: any text. [any]
  struct Key {
    std::string name, description, default_value, values;
  };
  static std::vector<Key> Keys();
};

/// Makes an adapter for `options.feed.market` that publishes on `bus`. It has a thread for its
/// sockets, on which it reads, decodes and publishes, and one for its requests; both start with
/// Start. A queued subscription with Overflow::kBlock that is full makes it stop reading until the
/// queue is half empty, or for block_timeout_ms at most: then that subscription lags and is told
/// how much it missed. What was read already waits in order; Stop waits for it, too, for half of
/// its deadline at most. Inline handlers run on the sockets' thread and delay everything. The other
/// overflow policies never hold it up: good for quotes, never for orderbook.update.
///
/// Instruments in upper case. Parameters of requests, as text:
/// book    none: every change; `interval_ms`, with `levels` (20): orderbook.depth instead, at most
///         so often; of several on one instrument the shortest interval and the most levels count
/// trade   `aggregate` true (default) or false: each fill. The venue gives no fills again: what
///         was lost of them is announced, with the next one that comes
/// candle  `interval` (1m), as the venue writes it; `open` true: unfinished ones too
/// ticker  `mini` true or false (default); always mini without an instrument
/// mark, funding  `speed_ms` 1000 (default) or 3000; USD-M only
///
/// With a Platform, `runtime` is platform.runtime(). Start the platform first, and stop the adapter
/// before it: its Stop tells the last states.
///
/// With `state`, a ban by the venue holds over a restart: service "exchange", key
/// "exchange.ban.<host of rest_url>", its end as an RFC 3339 time. Read before the first request,
/// written by a task of the executor, at the latest in Stop. What the store fails at is logged.
///
/// `bus`, `state` and what `runtime` names are borrowed until the adapter is destroyed. Destroying
/// it stops it, with a deadline of 5 s. [any]
/// Errors: INVALID_ARGUMENT naming the option and what was expected; INTERNAL when the network
/// libraries cannot be set up.
Result<std::unique_ptr<ExchangeAdapter>> MakeBinanceAdapter(const BinanceAdapterOptions& options,
                                                            PubSub& bus, const Runtime& runtime,
                                                            StateStore* state = nullptr);

}  // namespace virtufin::inline v0
