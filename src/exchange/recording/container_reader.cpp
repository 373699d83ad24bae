// Reads recordings: whole records only, whose bytes and times are as they were written.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "exchange/recording/bytes.hpp"
#include "exchange/recording/container.hpp"
#include "exchange/recording/crc32.hpp"
#include "exchange/recording/layout.hpp"
#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::uint8_t kLastMarket = static_cast<std::uint8_t>(BinanceMarket::kUsdm);

bool Read(std::FILE* file, char* to, std::size_t bytes) noexcept {
  return std::fread(to, 1, bytes, file) == bytes;
}

bool IsKind(std::uint8_t kind) noexcept {
  return kind >= static_cast<std::uint8_t>(RecordKind::kText) &&
         kind <= static_cast<std::uint8_t>(RecordKind::kHeld);
}

bool IsPossible(FeedTime time) noexcept {
  return time.unix_ns >= 0 && time.unix_ns <= kMaxUnixNs && time.monotonic_ns >= 0 &&
         time.monotonic_ns <= kMaxMonotonicNs;
}

Status CannotOpen(const std::string& path, int error) {
  const StatusCode code = error == ENOENT   ? StatusCode::kNotFound
                          : error == EACCES ? StatusCode::kPermissionDenied
                                            : StatusCode::kInvalidArgument;
  return Status(code, "exchange",
                "recording '" + path + "': expected a file to read: " + std::strerror(error));
}

}  // namespace

Result<ContainerReader> ContainerReader::Open(const std::string& path) {
  ContainerReader reader;
  reader.file_.reset(std::fopen(path.c_str(), "rbe"));
  if (reader.file_ == nullptr) return CannotOpen(path, errno);
  struct stat found {};
  if (::fstat(::fileno(reader.file_.get()), &found) != 0 || !S_ISREG(found.st_mode)) {
    return CannotOpen(path, EISDIR);
  }
  reader.bytes_ = static_cast<std::uint64_t>(found.st_size);
  if (Status status = reader.ReadHeader(); !status.ok()) {
    return Status(status.code(), "exchange",
                  "recording '" + path + "': " + std::string(status.message()));
  }
  return reader;
}

Status ContainerReader::ReadHeader() {
  char fixed[kHeaderFixedBytes];
  const auto invalid = [](std::string what) {
    return Status(StatusCode::kInvalidArgument, "exchange", std::move(what));
  };
  if (!Read(file_.get(), fixed, sizeof fixed) ||
      std::memcmp(fixed, kRecordingMagic.data(), kRecordingMagic.size()) != 0) {
    return invalid("expected a recording, found a file that does not begin as one");
  }
  const auto version = LoadLe<std::uint32_t>(fixed + kAtVersion);
  if (version != kRecordingVersion) {
    return invalid("expected format version " + std::to_string(kRecordingVersion) + ", found " +
                   std::to_string(version));
  }
  const auto size = LoadLe<std::uint32_t>(fixed + kAtBodyBytes);
  if (size > kMaxHeaderBody || size > bytes_ - sizeof fixed) {
    return Damaged("expected a whole header");
  }
  std::string body(size, '\0');
  if (!Read(file_.get(), body.data(), size)) return Damaged("expected a whole header");
  if (Crc32(body, Crc32({fixed, kAtHeaderCrc})) != LoadLe<std::uint32_t>(fixed + kAtHeaderCrc)) {
    return Damaged("the checksum of the header is another one");
  }
  ByteReader in(body);
  header_.venue = in.Text();
  const auto market = in.Get<std::uint8_t>();
  header_.market = static_cast<BinanceMarket>(market);
  header_.seed = in.Get<std::uint64_t>();
  header_.start.unix_ns = in.Get<std::int64_t>();
  header_.start.monotonic_ns = in.Get<std::int64_t>();
  header_.banned_until_unix_ns = in.Get<std::int64_t>();
  const auto count = in.Get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.Text();
    const std::string_view value = in.Text();
    if (in.ok()) header_.options.emplace_back(key, value);
  }
  if (!in.AtEnd() || market > kLastMarket || !IsPossible(header_.start)) {
    return Damaged("the header has values that none has");
  }
  header_bytes_.assign(fixed, sizeof fixed).append(body);
  offset_ = header_bytes_.size();
  last_monotonic_ns_ = header_.start.monotonic_ns;
  return {};
}

Status ContainerReader::Refuse(const Record& record, std::string_view what) {
  offset_ = record.offset;
  return Damaged(what);
}

Status ContainerReader::Damaged(std::string_view what) {
  done_ = true;
  reason_ = "damaged at byte " + std::to_string(offset_) + ": " + std::string(what);
  return Status(StatusCode::kDataLoss, "exchange", reason_);
}

Result<bool> ContainerReader::Cut(std::string_view what) {
  done_ = true;
  reason_ = "cut at byte " + std::to_string(offset_) + ": " + std::string(what);
  return false;
}

Status ContainerReader::CheckTimes(const Record& record) {
  const std::int64_t at = record.time.monotonic_ns;
  if (!IsPossible(record.time)) return Damaged("a time that no recording has");
  if (at < last_monotonic_ns_) return Damaged("the monotonic time goes back");
  if (at - last_monotonic_ns_ > kMaxJumpNs) {
    return Damaged("the monotonic time jumps by more than 366 days");
  }
  last_monotonic_ns_ = at;
  return {};
}

/// Before any memory is taken for it.
Status ContainerReader::CheckSize(const char* head) {
  const std::uint32_t size = PayloadBytes(head);
  if (size > kMaxPayloadBytes) {
    return Damaged("expected a payload of at most " + std::to_string(kMaxPayloadBytes) +
                   " bytes, found " + std::to_string(size));
  }
  const auto direction = static_cast<RecordDirection>(LoadLe<std::uint8_t>(head + kAtDirection));
  output_bytes_ = direction == RecordDirection::kOut ? output_bytes_ + kRecordHeadBytes + size : 0;
  if (output_bytes_ > kMaxOutputBytes) {
    return Damaged("expected at most " + std::to_string(kMaxOutputBytes) +
                   " bytes of records behind one input");
  }
  return {};
}

Result<bool> ContainerReader::End(const Record& record) {
  done_ = true;
  lost_ = record.number;
  if (offset_ != bytes_) return Damaged("there are bytes after the end");
  const auto end = static_cast<RecordingEnd>(record.status);
  if (end == RecordingEnd::kClosed) return false;
  reason_ = "ended early before byte " + std::to_string(record.offset) + ": " +
            (end == RecordingEnd::kBufferFull ? "the buffer was full"
             : end == RecordingEnd::kTooLarge ? "it was as large as it may be"
                                              : "a write failed") +
            ", " + std::to_string(lost_) + " records lost";
  return false;
}

Result<bool> ContainerReader::Next(Record& record) {
  if (done_) return false;
  const std::uint64_t left = bytes_ - offset_;
  if (left == 0) return Cut("expected a record or the mark of the end");
  if (left < kRecordHeadBytes) return Cut("expected a whole record");
  char head[kRecordHeadBytes];
  if (!Read(file_.get(), head, sizeof head)) return Cut("the file is shorter than it was");
  if (Crc32({head, kAtHeadCrc}) != LoadLe<std::uint32_t>(head + kAtHeadCrc)) {
    return Damaged("the checksum of a record's head is another one");
  }
  if (Status status = CheckSize(head); !status.ok()) return status;
  record.size = PayloadBytes(head);
  if (record.size > left - kRecordHeadBytes) return Cut("expected a whole record");
  if (record.bytes.size() < record.size + kBufferPadding) {
    record.bytes.resize(record.size + kBufferPadding);
  }
  if (!Read(file_.get(), record.bytes.data(), record.size)) {
    return Cut("the file is shorter than it was");
  }
  if (Crc32(record.payload()) != LoadLe<std::uint32_t>(head + kAtPayloadCrc)) {
    return Damaged("the checksum of a record's payload is another one");
  }
  const auto kind = LoadLe<std::uint8_t>(head + kAtKind);
  const auto direction = LoadLe<std::uint8_t>(head + kAtDirection);
  record.time = {LoadLe<std::int64_t>(head + kAtUnix), LoadLe<std::int64_t>(head + kAtMonotonic)};
  record.number = LoadLe<std::uint64_t>(head + kAtNumber);
  record.connection = LoadLe<std::uint32_t>(head + kAtConnection);
  record.kind = static_cast<RecordKind>(kind);
  record.direction = static_cast<RecordDirection>(direction);
  record.status = LoadLe<std::uint16_t>(head + kAtStatus);
  record.index = LoadLe<std::uint64_t>(head + kAtIndex);
  record.offset = offset_;
  if (!IsKind(kind) || direction > 1) return Damaged("a kind of record that we do not know");
  if (LoadLe<std::uint32_t>(head + kAtSession) != kTheSession) {
    return Damaged("a record of another session");
  }
  if (record.index != next_index_) {
    return Damaged("expected record " + std::to_string(next_index_) + ", found " +
                   std::to_string(record.index));
  }
  if (Status status = CheckTimes(record); !status.ok()) return status;
  ++next_index_;
  offset_ += kRecordHeadBytes + record.size;
  if (record.kind == RecordKind::kEnd) return End(record);
  return true;
}

}  // namespace virtufin::inline v0::detail
