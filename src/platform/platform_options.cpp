// The option keys of a platform: one table that Set and Keys share.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <limits>

#include "virtufin/platform/platform.hpp"

namespace virtufin::inline v0 {
namespace {

Status Invalid(std::string_view key, std::string_view expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "platform",
                std::string(key) + ": expected " + std::string(expected) + ", found '" +
                    std::string(found) + "'");
}

template <class T>
Status SetNumber(std::string_view key, std::string_view text, std::int64_t low, std::int64_t high,
                 T& out) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < low || value > high) {
    return Invalid(
        key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high), text);
  }
  out = static_cast<T>(value);
  return {};
}

Status SetBool(std::string_view key, std::string_view text, bool& out) {
  if (text != "true" && text != "false") return Invalid(key, "true or false", text);
  out = text == "true";
  return {};
}

Status SetNames(std::string_view text, std::vector<std::string>& out) {
  out.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

struct Option {
  PlatformOptions::Key key;
  Status (*set)(std::string_view key, std::string_view value, PlatformOptions& options);
};

constexpr std::int64_t kDayMs = 86'400'000;

const Option kOptions[] = {
    {{"executor.threads", "threads of the executor; 0: one per core", "0"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, 1024, o.executor.threads);
     }},
    {{"executor.max_blocking_threads", "extra threads while calls are declared blocking", "64"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, 4096, o.executor.max_blocking_threads);
     }},
    {{"executor.blocking_after_ms", "a call that runs longer is declared blocking", "10"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 1, kDayMs, o.executor.blocking_after_ms);
     }},
    {{"executor.spin_us", "how long an idle thread spins before it sleeps", "0"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, 1'000'000, o.executor.spin_us);
     }},
    {{"pubsub.driver", "the bus: inproc", "inproc"},
     [](auto, auto value, auto& o) {
       o.pubsub_driver = value;
       return Status();
     }},
    {{"state.driver", "the state store: memory, or sqlite", "memory"},
     [](auto, auto value, auto& o) {
       o.state_driver = value;
       return Status();
     }},
    {{"state.path", "the file of the state store sqlite", ""},
     [](auto, auto value, auto& o) {
       o.state_path = value;
       return Status();
     }},
    {{"state.services",
      "who may keep state besides workmanager, websocketmanager and statestore; by commas", ""},
     [](auto, auto value, auto& o) { return SetNames(value, o.state_services); }},
    {{"websocketmanager.max_feeds", "feeds at a time; each has threads and connections", "100"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, 1'000'000, o.max_feeds);
     }},
    {{"websocketmanager.stop_timeout_ms",
      "how long a handler of its events may hold up a feed's end", "10000"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, kDayMs, o.feed_stop_timeout_ms);
     }},
    {{"worker.directory", "directory for private copies of worker libraries; empty: memory", ""},
     [](auto, auto value, auto& o) {
       o.worker_directory = value;
       return Status();
     }},
    {{"worker.environment", "set VIRTUFIN_WORKER_ID and VIRTUFIN_WORKER_TOPIC around a load",
      "false"},
     [](auto key, auto value, auto& o) { return SetBool(key, value, o.worker_environment); }},
    {{"workmanager.call_timeout_ms", "how long a call of a worker may take; 0: for ever", "30000"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, kDayMs, o.workmanager.call_timeout_ms);
     }},
    {{"workmanager.stop_timeout_ms", "how long an event in flight may hold up Stop and Delete",
      "30000"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, kDayMs, o.workmanager.stop_timeout_ms);
     }},
    {{"workmanager.retry_attempts", "how often an event whose call failed is tried again", "3"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, 1'000'000, o.workmanager.retry_attempts);
     }},
    {{"workmanager.retry_delay_ms", "before the first retry; doubles from retry to retry", "200"},
     [](auto key, auto value, auto& o) {
       return SetNumber(key, value, 0, kDayMs, o.workmanager.retry_base_delay_ms);
     }},
};

}  // namespace

Status PlatformOptions::Set(std::string_view key, std::string_view value) {
  for (const Option& option : kOptions) {
    if (option.key.name == key) return option.set(key, value, *this);
  }
  return Status(StatusCode::kNotFound, "platform",
                "no option '" + std::string(key) + "': Keys lists them");
}

std::vector<PlatformOptions::Key> PlatformOptions::Keys() {
  std::vector<Key> keys;
  for (const Option& option : kOptions) keys.push_back(option.key);
  return keys;
}

}  // namespace virtufin::inline v0
