// The option keys of a platform: one table that Set and Keys share.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "platform/platform_options.hpp"

namespace virtufin::inline v0 {
namespace {

using Key = PlatformOptions::Key;

Status Invalid(const Key& key, std::string_view expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "platform",
                std::string(key.name) + ": expected " + std::string(expected) +
                    std::string(key.values) + ", found '" + std::string(found) + "'");
}

/// All of `text` as a number; nothing when it is none.
std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

/// The values of `key` are "<low> to <high>".
template <class T>
bool InRange(const Key& key, T value) {
  constexpr std::string_view kBetween = " to ";
  const std::size_t low_size = key.values.find(kBetween);
  const std::int64_t low = Number(key.values.substr(0, low_size)).value();
  const std::int64_t high = Number(key.values.substr(low_size + kBetween.size())).value();
  return !std::cmp_less(value, low) && !std::cmp_greater(value, high);
}

Status NotInRange(const Key& key, std::string_view found) {
  return Invalid(key, "a whole number from ", found);
}

Status SetBool(const Key& key, std::string_view text, bool& out) {
  if (text != "true" && text != "false") return Invalid(key, "", text);
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
  Key key;
  Status (*set)(const Key& key, std::string_view value, PlatformOptions& options);
  // Of what was put into the struct past Set; null: any value is good.
  Status (*check)(const Key& key, const PlatformOptions& options) = nullptr;
};

/// `Field` is a lambda that shows the member.
template <class Field>
Option NumberOf(const Key& key, Field) {
  return {key,
          [](const Key& key, std::string_view text, PlatformOptions& options) {
            const std::optional<std::int64_t> value = Number(text);
            if (!value || !InRange(key, *value)) return NotInRange(key, text);
            auto& field = Field()(options);
            field = static_cast<std::remove_reference_t<decltype(field)>>(*value);
            return Status();
          },
          [](const Key& key, const PlatformOptions& options) {
            const auto value = Field()(options);
            return InRange(key, value) ? Status() : NotInRange(key, std::to_string(value));
          }};
}

/// The same for a text, of which any is taken here.
template <class Field>
Option TextOf(const Key& key, Field) {
  return {key, [](const Key&, std::string_view text, PlatformOptions& options) {
            Field()(options) = text;
            return Status();
          }};
}

// Of times a day is the longest.
const Option kOptions[] = {
    NumberOf(
        {"executor.threads", "threads of the executor; 0: one per core", "0", "0 to 1024"},
        [](auto& o) -> auto& { return o.executor.threads; }),
    NumberOf(
        {"executor.max_blocking_threads", "extra threads while calls are declared blocking", "64",
         "0 to 4096"},
        [](auto& o) -> auto& { return o.executor.max_blocking_threads; }),
    NumberOf(
        {"executor.blocking_after_ms", "a call that runs longer is declared blocking", "10",
         "1 to 86400000"},
        [](auto& o) -> auto& { return o.executor.blocking_after_ms; }),
    NumberOf(
        {"executor.spin_us", "how long an idle thread spins before it sleeps", "0", "0 to 1000000"},
        [](auto& o) -> auto& { return o.executor.spin_us; }),
    TextOf(
        {"pubsub.driver", "the bus", "inproc", "inproc"},
        [](auto& o) -> auto& { return o.pubsub_driver; }),
    TextOf(
        {"state.driver", "the state store", "memory", "memory or sqlite"},
        [](auto& o) -> auto& { return o.state_driver; }),
    TextOf(
        {"state.path", "the file of the state store sqlite", ""},
        [](auto& o) -> auto& { return o.state_path; }),
    {{"state.services",
      "who may keep state besides workmanager, websocketmanager and statestore; by commas", ""},
     [](auto&, auto value, auto& o) { return SetNames(value, o.state_services); }},
    NumberOf(
        {"websocketmanager.max_feeds", "feeds at a time; each has threads and connections", "100",
         "0 to 1000000"},
        [](auto& o) -> auto& { return o.max_feeds; }),
    NumberOf(
        {"websocketmanager.stop_timeout_ms",
         "how long a handler of its events may hold up a feed's end", "10000", "0 to 86400000"},
        [](auto& o) -> auto& { return o.feed_stop_timeout_ms; }),
    TextOf(
        {"worker.directory", "directory for private copies of worker libraries; empty: memory", ""},
        [](auto& o) -> auto& { return o.worker_directory; }),
    {{"worker.environment", "set VIRTUFIN_WORKER_ID and VIRTUFIN_WORKER_TOPIC around a load",
      "false", "true or false"},
     [](auto& key, auto value, auto& o) { return SetBool(key, value, o.worker_environment); }},
    NumberOf(
        {"workmanager.call_timeout_ms", "how long a call of a worker may take; 0: for ever",
         "30000", "0 to 86400000"},
        [](auto& o) -> auto& { return o.workmanager.call_timeout_ms; }),
    {{"workmanager.code.allowed_hosts",
      "hosts inside that code may be fetched from, host or host:port; by commas", ""},
     [](auto&, auto value, auto& o) { return SetNames(value, o.code_allowed_hosts); }},
    TextOf(
        {"workmanager.code.ca_file",
         "PEM of the CAs that hosts of code are checked by; empty: the system's", ""},
        [](auto& o) -> auto& { return o.code_ca_file; }),
    TextOf(
        {"workmanager.code.credentials",
         "file of the credentials that requests for code may name, JSON; empty: none", ""},
        [](auto& o) -> auto& { return o.code_credentials_file; }),
    NumberOf(
        {"workmanager.code.max_bytes", "of code that is fetched", "67108864", "1 to 1073741824"},
        [](auto& o) -> auto& { return o.code_max_bytes; }),
    NumberOf(
        {"workmanager.code.timeout_ms", "of a fetch of code with all its redirects", "30000",
         "1 to 86400000"},
        [](auto& o) -> auto& { return o.code_timeout_ms; }),
    TextOf(
        {"workmanager.instance_id",
         "who this process is in the records of its workers; empty: default", ""},
        [](auto& o) -> auto& { return o.workmanager.instance_id; }),
    {{"workmanager.recovery_on_start", "load the workers of the state store at the start", "true",
      "true or false"},
     [](auto& key, auto value, auto& o) {
       return SetBool(key, value, o.workmanager.recovery_on_start);
     }},
    NumberOf(
        {"workmanager.stop_timeout_ms", "how long an event in flight may hold up Stop and Delete",
         "30000", "0 to 86400000"},
        [](auto& o) -> auto& { return o.workmanager.stop_timeout_ms; }),
    NumberOf(
        {"workmanager.retry_attempts", "how often an event whose call failed is tried again", "3",
         "0 to 1000000"},
        [](auto& o) -> auto& { return o.workmanager.retry_attempts; }),
    NumberOf(
        {"workmanager.retry_delay_ms", "before the first retry; doubles from retry to retry", "200",
         "0 to 86400000"},
        [](auto& o) -> auto& { return o.workmanager.retry_base_delay_ms; }),
};

}  // namespace

PlatformOptions PlatformOptions::ForReplay(ManualClock& clock, std::string run) {
  PlatformOptions options;
  options.clock = &clock;
  options.executor.repeatable = true;
  options.executor.blocking_after_ms = 10'000;
  options.workmanager.replay_run = std::move(run);
  options.workmanager.heartbeat_interval_ms = 0;
  options.workmanager.call_timeout_ms = 0;
  return options;
}

Status PlatformOptions::Set(std::string_view key, std::string_view value) {
  std::string known;
  for (const Option& option : kOptions) {
    if (option.key.name == key) return option.set(option.key, value, *this);
    known.append(known.empty() ? "" : ", ").append(option.key.name);
  }
  return Status(StatusCode::kNotFound, "platform",
                "option: expected one of " + known + "; found '" + std::string(key) + "'");
}

Status detail::CheckFields(const PlatformOptions& options) {
  for (const Option& option : kOptions) {
    if (option.check == nullptr) continue;
    if (Status status = option.check(option.key, options); !status.ok()) return status;
  }
  return {};
}

std::vector<PlatformOptions::Key> PlatformOptions::Keys() {
  std::vector<Key> keys;
  for (const Option& option : kOptions) keys.push_back(option.key);
  return keys;
}

}  // namespace virtufin::inline v0
