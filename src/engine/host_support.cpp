// What a host checks of a worker's wishes, and the events of timers.
#include "virtufin/engine/host_support.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "virtufin/core/utf8.hpp"
#include "virtufin/core/uuid.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0 {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kLongest = std::chrono::hours(24 * 365 * 100);

Status Invalid(std::string text) {
  return {StatusCode::kInvalidArgument, "engine", std::move(text)};
}

Status CheckTime(nanoseconds time, nanoseconds least, const char* what) {
  if (time >= least && time <= kLongest) return {};
  return Invalid(std::string("timer: expected a ") + what + " from " +
                 std::to_string(least.count()) + " ns to a hundred years, found " +
                 std::to_string(time.count()) + " ns");
}

// `passed` after `base`; nothing after the year 9999.
std::optional<Timestamp> After(const Timestamp& base, nanoseconds passed) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = base.unix_seconds() + passed.count() / kSecond;
  std::int64_t ns = base.nanoseconds() + passed.count() % kSecond;
  if (ns >= kSecond) {
    ++seconds;
    ns -= kSecond;
  }
  const auto time = Timestamp::FromUnix(seconds, static_cast<std::int32_t>(ns));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

Status CheckWorkerTopic(std::string_view topic) {
  const char* found = nullptr;
  if (topic.empty()) {
    found = "an empty one";
  } else if (topic.size() > kMaxTopicBytes) {
    found = "a longer one";
  } else if (!IsUtf8(topic)) {
    found = "bytes that are no UTF-8";
  } else if (topic.find('\0') != std::string_view::npos) {
    found = "a NUL";
  }
  if (found == nullptr) return {};
  return Invalid("topic: expected text of 1 to " + std::to_string(kMaxTopicBytes) +
                 " bytes, found " + found);
}

Status CheckWorkerTimer(const HostTimer& timer) {
  if (Status status = CheckTime(timer.delay, nanoseconds(0), "delay"); !status.ok()) return status;
  if (timer.period != nanoseconds(0)) {
    if (Status status = CheckTime(timer.period, kMinTimerPeriod, "period"); !status.ok()) {
      return status;
    }
  }
  if (timer.name.size() > kMaxTimerNameBytes) {
    return Invalid("timer: expected a name of at most " + std::to_string(kMaxTimerNameBytes) +
                   " bytes, found " + std::to_string(timer.name.size()));
  }
  const bool has_control = std::any_of(timer.name.begin(), timer.name.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (has_control || !IsUtf8(timer.name)) {
    return Invalid("timer: expected a name of UTF-8 without control characters, found another");
  }
  return {};
}

Result<CloudEvent> MakeTimerEvent(const DueTimer& due) {
  const auto periods = static_cast<std::int64_t>(due.count - 1);
  const std::optional<Timestamp> when =
      After(due.started.now, due.timer.delay + periods * due.timer.period);
  CloudEvent::Builder builder;
  builder.Source("urn:com.virtufin:workmanager").Type(kWorkerTimerType).Subject(due.timer.name);
  builder.TextExtension("timerid", due.id).TextExtension("timercount", due.count);
  builder.TextExtension("timermissed", due.missed);
  if (when) builder.Time(*when);
  if (due.started.historical) {
    builder.Extension("clocktype", "historical");
    if (when) builder.TextExtension("eventtime", *when);
    const std::string text = when ? when->ToString() : std::string();
    const std::string_view names[] = {kWorkerTimerType, due.timer.name, text, due.worker};
    builder.Id(Uuid::V5(Uuid(), names, (due.id << 32) + due.count));
  }
  std::string data = "{\"name\":";
  AppendJsonString(data, due.timer.name);
  data += ",\"id\":\"" + std::to_string(due.id) + "\",\"count\":" + std::to_string(due.count) +
          ",\"missed\":" + std::to_string(due.missed) + "}";
  builder.JsonData(data, Validate::kTrusted);
  return builder.Build();
}

}  // namespace virtufin::inline v0
