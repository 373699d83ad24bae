// The ids and times of what workers say under a replay.
#include "workmanager/repeatable.hpp"

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "virtufin/core/uuid.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/historical.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Names = std::span<const std::string_view>;

// Made out of names, not by chance.
bool IsDerived(std::string_view id) noexcept {
  Uuid uuid;
  return Uuid::TryParse(id, uuid) && uuid.bytes[6] >> 4 == 5;
}

// `event` with this id, and this time where there is one, unless it has made an id out of names
// itself; without a walltime, and with what it lacks of a historical event that `cause` caused.
Result<CloudEvent> Historical(const CloudEvent& event, const Uuid& id,
                              const std::optional<Timestamp>& time, const CloudEvent* cause) {
  const bool derived = IsDerived(event.id());
  const bool has_wall_time = event.FindExtension("walltime").has_value();
  const bool is_marked = event.FindExtension("clocktype").has_value();
  std::optional<AttributeValue> correlation;
  if (cause != nullptr && !event.FindExtension("correlationid")) {
    correlation = cause->FindExtension("correlationid");
  }
  if (derived && !has_wall_time && is_marked && !correlation) return event;
  CloudEvent::Builder edit(event);
  if (!derived) {
    edit.Id(id);
    if (time) edit.Time(*time);
  }
  if (has_wall_time) edit.RemoveExtension("walltime");
  if (!is_marked) edit.Extension("clocktype", "historical");
  if (correlation) edit.Extension("correlationid", *correlation);
  return edit.Build(NameRule::kLenient);
}

}  // namespace

std::string RepeatableNames::Next(std::string_view mime_type,
                                  const std::vector<std::string>& topics,
                                  const std::map<std::string, std::string>& config) {
  std::vector<std::string_view> names = {mime_type};
  for (const std::string& topic : topics) names.push_back(topic);
  names.emplace_back();  // no topic is empty
  for (const auto& [key, value] : config) {
    names.push_back(key);
    names.push_back(value);
  }
  std::string name = Uuid::V5(Uuid(), Names(names)).ToString();
  const std::lock_guard lock(mutex_);
  name += "/" + std::to_string(++made_[name]);
  return name;
}

RepeatableVoice::RepeatableVoice(std::string run, std::string name)
    : run_(std::move(run)), name_(std::move(name)) {}

void RepeatableVoice::Begin(bool historical, std::uint32_t attempt) {
  historical_.store(historical, std::memory_order_relaxed);
  if (!historical) return;
  const std::lock_guard lock(mutex_);
  published_ = 0;
  attempt_ = attempt;
}

Result<CloudEvent> RepeatableVoice::Published(const CloudEvent* cause, std::string_view topic,
                                              const CloudEvent& event, const Timestamp& now) {
  if (cause != nullptr && IsHistorical(*cause)) {
    std::uint64_t number = 0;
    std::uint32_t attempt = 1;
    {
      const std::lock_guard lock(mutex_);
      number = published_++;
      attempt = attempt_;
    }
    std::vector<std::string_view> names = {cause->source(), cause->id(), event.source(), name_,
                                           topic};
    std::string again;  // what an attempt that failed said has been published
    if (attempt > 1) names.emplace_back(again = "attempt " + std::to_string(attempt));
    return Historical(event, Uuid::V5(Uuid(), Names(names), number), HistoricalTime(*cause), cause);
  }
  if (!replays()) return event;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = uncaused_++;
  }
  const std::array<std::string_view, 4> names = {run_, event.source(), name_, topic};
  return Historical(event, Uuid::V5(Uuid(), Names(names), number), now, nullptr);
}

}  // namespace virtufin::inline v0::detail
