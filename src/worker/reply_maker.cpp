// The envelopes of a typed worker's replies.
#include <array>
#include <chrono>

#include "virtufin/event/historical.hpp"
#include "virtufin/worker/worker_base.hpp"
#include "worker/call_mark.hpp"
#include "worker/thrown.hpp"

namespace virtufin::inline v0::detail {
namespace {

// Stands in for the host where a worker is called without one: in an application's own tests.
class NoHost final : public WorkerContext {
 public:
  void Log(LogLevel /*level*/, std::string_view /*text*/) noexcept override {}
  Result<std::string> InvokeGateway(std::string_view service, std::string_view method,
                                    std::string_view /*json*/) override {
    return Status(
        StatusCode::kUnavailable, "worker",
        "no host to carry the call of " + std::string(service) + "." + std::string(method));
  }
};

bool IsText(std::string_view media_type) noexcept { return media_type.starts_with("text/"); }

}  // namespace

WorkerContext& ContextOrNone() noexcept {
  static constinit NoHost none;
  WorkerContext* const current = WorkerContext::Current();
  return current != nullptr ? *current : none;
}

std::string InternalErrorText() { return "Internal error: " + WhatWasThrown(); }

FiredTimer FiredTimerOf(const CloudEvent& event) noexcept {
  const auto number = [&event](std::string_view name) {
    return event.ExtensionNumber(name).value_or(0);
  };
  return {event.subject(), number("timerid"), number("timercount"), number("timermissed")};
}

std::optional<Timestamp> ReplyTime(const CloudEvent& input) noexcept {
  if (IsHistorical(input)) return HistoricalTime(input);
  return Timestamp::FromUnixNanos(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count());
}

void ReplyMaker::NewCall() noexcept {
  call_ = CurrentCall();
  ordinal_ = 0;
  input_.clear();
}

// The host's calls have numbers. Where a worker is called without a host, another input is another
// call: that its Process begins with NewCall is for the author to say.
std::uint64_t ReplyMaker::Ordinal(const CloudEvent& input) {
  if (CurrentCall() != call_) NewCall();
  if (call_ == 0) {
    std::string name(input.id());
    name.append(1, '\0').append(input.source());
    if (!input_.empty() && name != input_) ordinal_ = 0;
    input_ = std::move(name);
  }
  return ordinal_++;
}

Result<CloudEvent> ReplyMaker::Make(const CloudEvent& input, const EncodedPayload& payload) {
  CloudEvent::Builder builder;
  builder.Source(source_).Type(type_);
  if (const std::optional<Timestamp> time = ReplyTime(input)) builder.Time(*time);
  if (IsHistorical(input)) {
    const std::array<std::string_view, 3> names = {input.source(), input.id(), source_};
    builder.Id(Uuid::V5(Uuid(), names, Ordinal(input)));
  }
  if (const auto id = input.FindExtension("correlationid")) builder.Extension("correlationid", *id);
  builder.DataContentType(payload.content_type);
  if (payload.content_type.empty() || IsJsonMediaType(payload.content_type)) {
    builder.JsonData(payload.data);
  } else if (IsText(payload.content_type)) {
    builder.TextData(payload.data);
  } else {
    builder.BinaryData(AsBytes(payload.data));
  }
  return builder.Build(NameRule::kLenient);
}

}  // namespace virtufin::inline v0::detail
