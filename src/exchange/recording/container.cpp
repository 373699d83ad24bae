// Recordings as bytes: headers, records and payloads.
#include "exchange/recording/container.hpp"

#include <array>
#include <cstring>

#include "exchange/recording/bytes.hpp"
#include "exchange/recording/crc32.hpp"
#include "exchange/recording/layout.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::array<std::string_view, 16> kKindNames = {
    "text", "binary",    "http",        "open",      "close", "life",   "tick", "start",
    "stop", "subscribe", "unsubscribe", "republish", "ban",   "result", "end",  "held"};

Status Unreadable(const char* what) {
  return Status(StatusCode::kDataLoss, "exchange",
                std::string("expected the payload of ") + what + ", found other bytes");
}

}  // namespace

std::string_view RecordKindName(RecordKind kind) noexcept {
  const auto at = static_cast<std::size_t>(kind) - 1;
  return at < kKindNames.size() ? kKindNames[at] : "unknown";
}

std::string EncodeHeader(const RecordingHeader& header) {
  ByteWriter body;
  body.Text(header.venue)
      .Put(static_cast<std::uint8_t>(header.market))
      .Put(header.seed)
      .Put(header.start.unix_ns)
      .Put(header.start.monotonic_ns)
      .Put(header.banned_until_unix_ns)
      .Put(static_cast<std::uint32_t>(header.options.size()));
  for (const auto& [key, value] : header.options) body.Text(key).Text(value);
  const std::string bytes = body.Take();
  ByteWriter out;
  std::string all(kRecordingMagic);
  out.Put(kRecordingVersion).Put(static_cast<std::uint32_t>(bytes.size()));
  all += out.Take();
  ByteWriter crc;
  crc.Put(Crc32(bytes, Crc32(all)));
  return all + crc.Take() + bytes;
}

void EncodeHead(char* to, const RecordHead& head, std::uint32_t payload_bytes) noexcept {
  StoreLe(to + kAtLength, payload_bytes);
  StoreLe(to + kAtUnix, head.time.unix_ns);
  StoreLe(to + kAtMonotonic, head.time.monotonic_ns);
  StoreLe(to + kAtNumber, head.number);
  StoreLe(to + kAtConnection, head.connection);
  StoreLe(to + kAtSession, kTheSession);
  StoreLe(to + kAtKind, static_cast<std::uint8_t>(head.kind));
  StoreLe(to + kAtDirection, static_cast<std::uint8_t>(head.direction));
  StoreLe(to + kAtStatus, head.status);
}

void SealRecord(char* record, std::uint64_t index) noexcept {
  const std::uint32_t size = PayloadBytes(record);
  StoreLe(record + kAtIndex, index);
  StoreLe(record + kAtPayloadCrc, Crc32({record + kRecordHeadBytes, size}));
  StoreLe(record + kAtHeadCrc, Crc32({record, kAtHeadCrc}));
}

std::uint32_t PayloadBytes(const char* head) noexcept {
  return LoadLe<std::uint32_t>(head + kAtLength);
}

std::string EncodeRequest(const FeedRequest& request) {
  ByteWriter out;
  out.Put(static_cast<std::uint8_t>(request.channel))
      .Text(request.instrument)
      .Put(static_cast<std::uint32_t>(request.parameters.size()));
  for (const auto& [name, value] : request.parameters) out.Text(name).Text(value);
  return out.Take();
}

Result<FeedRequest> DecodeRequest(std::string_view payload) {
  ByteReader in(payload);
  FeedRequest request;
  const auto channel = in.Get<std::uint8_t>();
  request.channel = static_cast<FeedChannel>(channel);
  request.instrument = in.Text();
  const auto count = in.Get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.Text();
    const std::string_view value = in.Text();
    if (in.ok()) request.parameters.emplace_back(name, value);
  }
  if (!in.AtEnd() || channel >= kFeedChannels) return Unreadable("a subscription");
  return request;
}

std::string EncodeAnswerHead(const RecordedAnswer& answer) {
  ByteWriter out;
  out.Text(answer.error).Put(static_cast<std::uint16_t>(answer.headers.size()));
  for (const auto& [name, value] : answer.headers) out.Text(name).Text(value);
  return out.Take();
}

Result<RecordedAnswer> DecodeAnswer(std::string_view payload) {
  ByteReader in(payload);
  RecordedAnswer answer;
  answer.error = in.Text();
  const auto count = in.Get<std::uint16_t>();
  for (std::uint16_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.Text();
    const std::string_view value = in.Text();
    answer.headers.emplace_back(name, value);
  }
  if (!in.ok()) return Unreadable("an answer");
  answer.body = in.rest();
  return answer;
}

std::string EncodeGet(std::string_view url, std::int64_t timeout_ms) {
  return ByteWriter().Put(timeout_ms).Text(url).Take();
}

Result<RecordedGet> DecodeGet(std::string_view payload) {
  ByteReader in(payload);
  RecordedGet get;
  get.timeout_ms = in.Get<std::int64_t>();
  get.url = in.Text();
  if (!in.AtEnd()) return Unreadable("a request");
  return get;
}

}  // namespace virtufin::inline v0::detail
