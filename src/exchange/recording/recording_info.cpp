// Reads what a recording says of itself.
#include "exchange/recording/recording_info.hpp"

#include <algorithm>
#include <utility>

#include "exchange/recording/layout.hpp"
#include "exchange/recording/session_tap.hpp"

namespace virtufin::inline v0 {
namespace detail {

Result<BinanceSessionOptions> RecordedOptions(const RecordingHeader& header, RecordingInfo& info) {
  if (header.venue != BinanceVenueName(header.market)) {
    return Status(StatusCode::kInvalidArgument, "exchange",
                  "expected a recording of " + std::string(BinanceVenueName(header.market)) +
                      ", found one of '" + header.venue + "'");
  }
  BinanceSessionOptions options;
  std::set<std::string, std::less<>> recorded;
  for (const auto& [key, value] : header.options) {
    recorded.insert(key);
    if (IsNeverRecorded(key)) continue;
    const Status status = options.Set(key, value);
    if (status.code() == StatusCode::kNotFound) {
      info.unknown_options.push_back(key);
    } else if (!status.ok()) {
      return status;
    }
  }
  for (const auto& key : BinanceAdapterOptions::Keys()) {
    if (!IsNeverRecorded(key.name) && !recorded.contains(key.name)) {
      info.missing_options.push_back(key.name);
    }
  }
  options.feed.market = header.market;
  options.seed = header.seed;
  options.banned_until_unix_ns = header.banned_until_unix_ns;
  options.stream_url = "wss://stream.recorded";
  options.rest_url = "https://rest.recorded";
  options.public_path = "/public";
  options.market_path = "/market";
  return options;
}

InfoBuilder::InfoBuilder(const RecordingHeader& header) {
  info.venue = header.venue;
  info.market = header.market;
  info.seed = header.seed;
  info.options = header.options;
  info.start_unix_ns = info.end_unix_ns = header.start.unix_ns;
  info.start_monotonic_ns = info.end_monotonic_ns = header.start.monotonic_ns;
}

bool InfoBuilder::Take(const Record& record) {
  ++info.records;
  info.end_unix_ns = record.time.unix_ns;
  info.end_monotonic_ns = record.time.monotonic_ns;
  if (record.direction == RecordDirection::kOut) return true;
  info.frames += record.kind == RecordKind::kText ? 1 : 0;
  info.answers += record.kind == RecordKind::kHttp ? 1 : 0;
  if (record.kind != RecordKind::kSubscribe || requests_.contains(record.payload())) {
    return true;
  }
  request_bytes_ += kRecordHeadBytes + record.size;
  if (request_bytes_ > kMaxRequestBytes) return false;
  requests_.emplace(record.payload());
  if (auto request = DecodeRequest(record.payload()); request.ok()) {
    info.subscriptions.push_back(std::move(*request));
  }
  return true;
}

void InfoBuilder::End(const ContainerReader& reader) {
  info.truncated = reader.truncated();
  info.truncated_reason = reader.truncated_reason();
  info.lost_records = reader.lost_records();
}

}  // namespace detail

Result<RecordingInfo> ReadRecordingInfo(const std::string& path) {
  auto reader = detail::ContainerReader::Open(path);
  if (!reader.ok()) return reader.status();
  detail::InfoBuilder builder(reader->header());
  if (const auto options = detail::RecordedOptions(reader->header(), builder.info); !options.ok()) {
    return options.status();
  }
  detail::Record record;
  for (;;) {
    const Result<bool> next = reader->Next(record);
    if (!next.ok()) return next.status();
    if (!*next) break;
    if (!builder.Take(record)) return reader->Refuse(record, builder.kTooMany);
  }
  builder.End(*reader);
  return std::move(builder.info);
}

}  // namespace virtufin::inline v0
