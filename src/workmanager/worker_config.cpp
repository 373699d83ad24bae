// Worker config: limits of topics and tags, `virtufin.` keys, the overlay of the rest.
#include "workmanager/worker_config.hpp"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/tags.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMaxQueue = 1 << 24;
constexpr std::uint32_t kMaxInstances = 256;
constexpr std::string_view kSteering = "virtufin.";

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "workmanager", std::move(message));
}

Status ApplyFlag(const std::string& key, const std::string& value, bool& flag) {
  if (value != "true" && value != "false") {
    return Invalid("config " + key + ": expected true or false, found '" + value + "'");
  }
  flag = value == "true";
  return {};
}

template <class Number>
Status ApplyNumber(const std::string& key, const std::string& value, const char* what, Number most,
                   Number& number) {
  Number read = 0;
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, read);
  if (parsed.ec != std::errc() || parsed.ptr != end || read == 0 || read > most) {
    return Invalid("config " + key + ": expected " + what + " from 1 to " + std::to_string(most) +
                   ", found '" + value + "'");
  }
  number = read;
  return {};
}

Status ApplySteering(const std::string& key, const std::string& value, WorkerConfig& config) {
  SubscribeOptions& options = config.subscribe;
  if (key == "virtufin.ordered") return ApplyFlag(key, value, options.ordered);
  if (key == "virtufin.patterns") return ApplyFlag(key, value, options.patterns);
  if (key == "virtufin.retryaftertimeout") {
    return ApplyFlag(key, value, config.retry_after_timeout);
  }
  if (key == "virtufin.group") {
    if (value.empty()) return Invalid("config " + key + ": expected a name, found none");
    options.group = value;
    return {};
  }
  if (key == "virtufin.queue")
    return ApplyNumber(key, value, "events", kMaxQueue, options.capacity);
  if (key == "virtufin.instances") {
    return ApplyNumber(key, value, "instances", kMaxInstances, config.instances);
  }
  if (key == "virtufin.overflow") {
    if (value == "Block") {
      options.overflow = Overflow::kBlock;
    } else if (value == "DropOldest") {
      options.overflow = Overflow::kDropOldest;
    } else if (value == "DropNewest") {
      options.overflow = Overflow::kDropNewest;
    } else if (value == "Conflate") {
      options.overflow = Overflow::kConflate;
    } else {
      return Invalid("config " + key +
                     ": expected Block, DropOldest, DropNewest or Conflate, found '" + value + "'");
    }
    return {};
  }
  return Invalid(
      "config " + key +
      ": expected one of virtufin.group, virtufin.instances, virtufin.ordered, virtufin.overflow, "
      "virtufin.patterns, virtufin.queue, virtufin.retryaftertimeout");
}

// One that is no pattern but has a segment of one would wait for events that never come.
bool HasPatternSegment(std::string_view topic) noexcept {
  for (;;) {
    const std::size_t dot = topic.find('.');
    const std::string_view segment = topic.substr(0, dot);
    if (segment == "*" || segment == ">") return true;
    if (dot == std::string_view::npos) return false;
    topic.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<WorkerConfig> CheckRequest(const CreateWorkerRequest& request) {
  if (request.topics.empty()) return Invalid("topics: expected at least one, found none");
  for (const std::string& topic : request.topics) {
    if (topic.empty()) return Invalid("topics: expected text, found an empty topic");
  }
  if (Status status = CheckTags(request.tags, "workmanager"); !status.ok()) return status;
  WorkerConfig config;
  std::vector<std::pair<std::string_view, std::string_view>> stamped;
  for (const auto& [key, value] : request.config) {
    if (key.starts_with(kSteering)) {
      if (Status status = ApplySteering(key, value, config); !status.ok()) return status;
    } else {
      stamped.emplace_back(key, value);
    }
  }
  for (const std::string& topic : request.topics) {
    if (!config.subscribe.patterns && HasPatternSegment(topic)) {
      return Invalid("topics: expected exact ones without config virtufin.patterns=true, found '" +
                     topic + "'");
    }
  }
  config.subscribe.shards = config.subscribe.group.empty() ? config.instances : 1;
  if (!stamped.empty()) {
    auto overlay = ExtensionOverlay::Make(stamped);
    if (!overlay.ok()) return overlay.status();
    config.overlay = std::move(*overlay);
  }
  return config;
}

}  // namespace virtufin::inline v0::detail
