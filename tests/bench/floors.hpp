// Floors: what the same work costs without our abstractions, for ratios within one run.
//
// Nothing here includes a header of the library. Frozen: a floor that changes makes every ratio
// written down before it worthless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace floors {

// ---- inputs ------------------------------------------------------------------------------------

/// Seven attributes and two extensions; `data` is JSON text.
struct Event {
  std::string_view id, type, source, specversion, datacontenttype, subject, time;
  std::vector<std::pair<std::string_view, std::string_view>> extensions;
  std::string_view data;
};
const Event& EventWith500Bytes();  // 9 attributes, 500 B of data
const Event& Event426();           // 9 attributes, 426 B as JSON (Event426Json)
std::string_view Event426Json();

/// Combined-stream frames; 64 readable bytes follow each.
std::string_view SpotBookTickerFrame();  // 141 B
std::string_view SpotDepthFrame();       // 205 B, 2 bids, 0 asks
std::string_view FuturesDepthFrame();    // 326 B, 3 bids, 5 asks
std::string_view DepthMessage1k();       // about 1 kB, 32 levels

// ---- worker wire -------------------------------------------------------------------------------

/// FlatBuffers as generated, one builder reused. Spans are valid until the next Encode.
class Wire {
 public:
  Wire();
  ~Wire();
  std::span<const std::uint8_t> EncodeEvent(const Event& event);
  std::span<const std::uint8_t> EncodeResponse(const Event& event);
  /// Verify, then read every field. Returns a sum over what was read; 0 when invalid.
  static std::uint64_t ReadEvent(std::span<const std::uint8_t> bytes);
  static std::uint64_t ReadResponse(std::span<const std::uint8_t> bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A C function of a dlopen'd library that mallocs 64 bytes, and the one that frees them.
class Library {
 public:
  Library();  // ends the process when the library does not load
  ~Library();
  std::uint64_t CallAndFree(std::span<const std::uint8_t> in) const;

 private:
  void* handle_;
  void* process_;
  void* free_;
};

/// What a native worker costs at least: event encoded, read, call and free, response encoded, read.
class WorkerRoundTrip {
 public:
  std::uint64_t Run(const Event& event);

 private:
  Wire in_, out_;
  Library library_;
};

// ---- JSON --------------------------------------------------------------------------------------

struct Fixed {
  std::int64_t coefficient;
  std::int32_t scale;
};
/// '-'? digits ('.' digits)?, at most 18 digits; no checks beyond "is a digit".
bool ParseFixed(std::string_view text, Fixed& out) noexcept;

/// simdjson On-Demand. Each returns a sum over what was read; 0 on an error.
class Json {
 public:
  Json();
  ~Json();
  std::uint64_t BookTickerFields(std::string_view padded);    // stream, u, s
  std::uint64_t BookTickerStrings(std::string_view padded);   // and b, B, a, A as strings
  std::uint64_t BookTickerDecimals(std::string_view padded);  // and those parsed
  // stream, E, s, U, u, with usd_m also pu; b and a raw, or every level as two strings, or parsed
  std::uint64_t DepthFields(std::string_view padded, bool usd_m);
  std::uint64_t DepthStrings(std::string_view padded, bool usd_m);
  std::uint64_t DepthDecimals(std::string_view padded, bool usd_m);
  std::uint64_t EventAttributes(std::string_view padded);  // all attributes, data walked once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The event as JSON, from pieces that need no escaping, into `out` (at least 1024 bytes).
std::size_t WriteEventJson(const Event& event, char* out) noexcept;

std::size_t DocumentParse(std::string_view text);         // nlohmann; number of members
std::size_t DocumentParseAndDump(std::string_view text);  // bytes dumped

// ---- Protobuf and HTTP -------------------------------------------------------------------------

/// The event as Protobuf, time as text, into `out` (at least 1024 bytes).
std::size_t WriteEventProto(const Event& event, std::uint8_t* out) noexcept;
/// Every field of those bytes found, then one copy of them kept and freed. Returns a sum.
std::uint64_t ReadEventProto(std::span<const std::uint8_t> bytes);
/// Names and values of header fields, each byte looked at, into `out` (at least 1024 bytes).
std::size_t WriteEventHttp(const Event& event, char* out) noexcept;
/// Names in lower case, values looked through for '%', then one copy of all kept and freed.
std::uint64_t ReadEventHttp(std::span<const std::pair<std::string_view, std::string_view>> fields,
                            std::string_view body);

// ---- payloads of market events -----------------------------------------------------------------

/// A trade as on trade.tape: two decimals, a time, ids and flags.
struct Trade {
  std::int64_t id, first_id, last_id, unix_ms;
  Fixed price, quantity;
  bool sell, aggregate;
};
/// 64 readable bytes follow.
std::string_view TradePayload();       // 193 B
std::string_view BookUpdatePayload();  // 243 B, 3 bids, 5 asks
/// Every member read and parsed, by simdjson On-Demand. 0 on an error.
class PayloadJson {
 public:
  PayloadJson();
  ~PayloadJson();
  std::uint64_t ReadTrade(std::string_view padded, Trade& out);
  std::uint64_t ReadBookUpdate(std::string_view padded);
  /// Of the last ReadBookUpdate.
  const std::vector<std::pair<Fixed, Fixed>>& bids() const noexcept;
  const std::vector<std::pair<Fixed, Fixed>>& asks() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// The same texts written into `out` (at least 1024 bytes); their sizes.
std::size_t WriteTrade(const Trade& trade, char* out) noexcept;
std::size_t WriteBookUpdate(std::span<const std::pair<Fixed, Fixed>> bids,
                            std::span<const std::pair<Fixed, Fixed>> asks, std::int64_t first_id,
                            std::int64_t last_id, char* out) noexcept;

// ---- memory ------------------------------------------------------------------------------------

/// One malloc of 600 bytes, a counter set, the event's bytes copied in, one counter down, free.
std::uint64_t BuildBlock(const Event& event);
/// The same, with a 16-byte id and a time written as text into the block.
std::uint64_t BuildBlockWithText(const Event& event, const std::uint8_t (&uuid)[16],
                                 std::int64_t unix_ms);

// ---- threads -----------------------------------------------------------------------------------

/// One way through a condition variable to a thread that sleeps.
class Wake {
 public:
  Wake();
  ~Wake();
  double OnceNs();  // waits until the sleeper sleeps, then wakes it: notify to running

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Two threads, each spinning for the other: nanoseconds a hand-over.
double SpinHandoverNs(int hand_overs);
/// A mutex, a vector of shared handles bounded by `capacity`; one thread copies a handle and pushes
/// it, one swaps the vector out and gives each handle to a std::function. Both sleep on condition
/// variables and are notified only when they do. Nanoseconds an item.
double BatchQueueNs(std::size_t items, std::size_t capacity = 8192);

/// A mutex, a hash table of texts to shared functions; messages with a count and their own text, in
/// an order of their own. PublishNext takes the next message, finds its function, copies the
/// handle, lets go of the mutex and calls.
class TopicMap {
 public:
  explicit TopicMap(const std::vector<std::string>& topics);
  ~TopicMap();
  void PublishNext();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- book --------------------------------------------------------------------------------------

/// Levels sorted with the best at the end; a price within the best 100 found backwards and set.
class Levels {
 public:
  explicit Levels(std::size_t levels = 1000);
  void ApplyNext() noexcept;
  /// The same price sequence for the path under test: price of step `i` as a multiple of one tick.
  std::int64_t PriceOfStep(std::size_t i) const noexcept;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> levels_;
  std::vector<std::int64_t> steps_;
  std::size_t next_ = 0;
};

// ---- store on disk -----------------------------------------------------------------------------

/// A table of keys and values: write-ahead log, synchronous NORMAL, one connection, prepared
/// statements. Built where SQLite is.
class SqliteTable {
 public:
  explicit SqliteTable(const std::string& path);  // ends the process when it cannot be made
  ~SqliteTable();
  void Save(std::string_view key, std::string_view value);
  std::string Get(std::string_view key);  // of a key that is there

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- sockets -----------------------------------------------------------------------------------

/// Reads so many unmasked WebSocket frames: recv into 64 KiB, and a walk over the frame headers.
/// Returns a sum over what was read; 0 when the stream ends before.
std::uint64_t ReadFrames(int fd, std::size_t frames);
/// Answers every request without a body by the same 82 bytes, one send for each recv, until the
/// client ends. Returns how many.
std::uint64_t AnswerRequests(int fd);

}  // namespace floors
