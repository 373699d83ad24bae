// The container of recordings: its bytes, written and read (docs/recording-format.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

inline constexpr std::uint32_t kRecordingVersion = 1;
inline constexpr std::size_t kRecordHeadBytes = 56;

enum class RecordKind : std::uint8_t {
  kText = 1,     // in: a frame; out: a message of ours, `status` 1: the link took it
  kBinary,       // not used by venues that send text
  kHttp,         // in: an answer to `number`, `status` of HTTP; out: a request
  kOpen,         // in: a socket is open; out: open one
  kClose,        // in: it ended, with a reason; out: close it
  kLife,         // in: a sign of life; out: a ping
  kTick,         // in: what is due is done
  kStart,        // in
  kStop,         // in
  kSubscribe,    // in: a request
  kUnsubscribe,  // in: of handle `number`
  kRepublish,    // in: of handle `number`
  kBan,          // in: until `number`, unix time in nanoseconds
  kResult,       // out: of start, subscribe, unsubscribe, republish: `status` code, handle `number`
  kEnd,          // in: the last record; `status` RecordingEnd, `number` of records that were lost
  kHeld,         // in: nothing was read for `number` nanoseconds
};
std::string_view RecordKindName(RecordKind kind) noexcept;

enum class RecordDirection : std::uint8_t { kIn = 0, kOut = 1 };

enum class RecordingEnd : std::uint16_t {
  kClosed = 0,
  kBufferFull = 1,
  kWriteFailed = 2,
  kTooLarge = 3  // for the format, or for whoever records
};

struct RecordingHeader {
  std::string venue;
  BinanceMarket market = BinanceMarket::kSpot;
  std::uint64_t seed = 0;
  FeedTime start;
  std::int64_t banned_until_unix_ns = 0;  // as the options said
  std::vector<std::pair<std::string, std::string>> options;
};

/// All of a record but its payload.
struct RecordHead {
  FeedTime time;
  std::uint64_t number = 0;      // of a request, a handle, or as the kind says
  std::uint32_t connection = 0;  // socket
  RecordKind kind = RecordKind::kTick;
  RecordDirection direction = RecordDirection::kIn;
  std::uint16_t status = 0;
};

std::string EncodeHeader(const RecordingHeader& header);
/// Room for the head; payload length and everything but record number and checksums is set.
void EncodeHead(char* to, const RecordHead& head, std::uint32_t payload_bytes) noexcept;
/// Of a whole record, head and payload, that EncodeHead began.
void SealRecord(char* record, std::uint64_t index) noexcept;
/// The payload length of an encoded head.
std::uint32_t PayloadBytes(const char* head) noexcept;

// Payloads. Readers' views are borrowed from the payload.
std::string EncodeRequest(const FeedRequest& request);
Result<FeedRequest> DecodeRequest(std::string_view payload);

struct RecordedAnswer {
  std::string_view error, body;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};
/// All but the body, which follows.
std::string EncodeAnswerHead(const RecordedAnswer& answer);
Result<RecordedAnswer> DecodeAnswer(std::string_view payload);

std::string EncodeGet(std::string_view url, std::int64_t timeout_ms);
struct RecordedGet {
  std::string_view url;
  std::int64_t timeout_ms = 0;
};
Result<RecordedGet> DecodeGet(std::string_view payload);

/// One that was read.
struct Record : RecordHead {
  std::uint64_t index = 0;   // from 0
  std::uint64_t offset = 0;  // of its first byte
  std::string_view payload() const noexcept { return {bytes.data(), size}; }
  std::vector<char> bytes;  // the payload, then kBufferPadding
  std::size_t size = 0;
};

/// Reads forward, one record in memory at a time. [owner]
class ContainerReader {
 public:
  /// Errors: NOT_FOUND or PERMISSION_DENIED naming the file; INVALID_ARGUMENT when it is no
  /// recording or of another version; DATA_LOSS for a damaged header.
  static Result<ContainerReader> Open(const std::string& path);

  const RecordingHeader& header() const noexcept { return header_; }
  const std::string& header_bytes() const noexcept { return header_bytes_; }
  /// The next whole record, whose times are possible; false at the end, for which see below.
  /// Errors: DATA_LOSS naming the byte; then there is no next.
  Result<bool> Next(Record& record);
  /// Ends reading at `record`, the last one that was read. Always DATA_LOSS.
  Status Refuse(const Record& record, std::string_view what);

  /// After the end.
  bool truncated() const noexcept { return !reason_.empty(); }
  const std::string& truncated_reason() const noexcept { return reason_; }
  std::uint64_t lost_records() const noexcept { return lost_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  ContainerReader() = default;
  Status ReadHeader();
  Result<bool> Cut(std::string_view what);
  Status Damaged(std::string_view what);
  Result<bool> End(const Record& record);
  Status CheckTimes(const Record& record);
  Status CheckSize(const char* head);

  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t bytes_ = 0;   // of the file when it was opened
  std::uint64_t offset_ = 0;  // read so far
  std::uint64_t next_index_ = 0;
  std::uint64_t output_bytes_ = 0;  // since the last input
  std::int64_t last_monotonic_ns_ = 0;
  bool done_ = false;
  RecordingHeader header_;
  std::string header_bytes_;
  std::string reason_;
  std::uint64_t lost_ = 0;
};

}  // namespace virtufin::inline v0::detail
