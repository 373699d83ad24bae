// WorkerBase: a worker with typed payloads. It decodes, calls your Handle, and builds the reply.
//
//   class Doubler : public virtufin::WorkerBase<virtufin::Json, virtufin::Json> {
//    public:
//     Doubler() : WorkerBase("urn:com.example.doubler", "com.example.doubler.response",
//                            std::make_shared<virtufin::JsonCodec>()) {}
//     virtufin::Result<std::optional<virtufin::Json>> Handle(
//         virtufin::WorkerContext&, const virtufin::CloudEvent&,
//         const virtufin::Json& in) override {
//       return virtufin::Json{{"value", 2 * in.at("value").get<double>()}};
//     }
//   };
// Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/core/result.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/payload_codec.hpp"
#include "virtufin/worker/worker.hpp"

namespace virtufin::inline v0 {

namespace detail {

/// What of a typed worker does not depend on the payload: who it is, and its replies' envelopes.
class ReplyMaker {
 public:
  ReplyMaker(std::string source, std::string type)
      : source_(std::move(source)), type_(std::move(type)) {}
  const std::string& source() const noexcept { return source_; }
  const std::string& type() const noexcept { return type_; }
  /// A call begins: its replies are numbered from 0.
  void NewCall() noexcept;
  Result<CloudEvent> Make(const CloudEvent& input, const EncodedPayload& payload);

 private:
  const std::string source_;
  const std::string type_;
  std::uint64_t Ordinal(const CloudEvent& input);

  std::uint64_t ordinal_ = 0;
  std::uint64_t call_ = 0;  // whose replies it counts
  std::string input_;       // the same where calls have no number
};

/// The context of this thread's call; one that drops log lines and has no gateway outside of calls.
WorkerContext& ContextOrNone() noexcept;
/// The time of a reply to `input`: now; under clocktype historical its eventtime, else its time.
std::optional<Timestamp> ReplyTime(const CloudEvent& input) noexcept;
FiredTimer FiredTimerOf(const CloudEvent& event) noexcept;
/// The text of an error reply for what is being handled. Precondition: inside a catch block.
std::string InternalErrorText();

}  // namespace detail

/// Made by the host, called in order, one at a time. Three ways for a handler to fail: throw, or
/// return an error payload of your own: the sender gets an error reply, which is right for input
/// that is wrong; return a Status: the call failed, the host tries the event again while all behind
/// it wait, and gives it to the dead letter topic in the end. That is for what may succeed later.
template <class In, class Out>
class WorkerBase : public Worker {
 public:
  using Codec = PayloadCodec<In, Out>;
  static constexpr std::string_view kCorrelationId = "correlationid";
  static constexpr std::string_view kReplyTopic = "replytopic";
  static constexpr std::string_view kFieldError = "error";
  static constexpr std::string_view kJsonContentType = "application/json";

  /// `source` (a URI reference) and `response_event_type` are those of every reply; `codec` must
  /// not be null.
  WorkerBase(std::string source, std::string response_event_type,
             std::shared_ptr<const Codec> codec)
      : replies_(std::move(source), std::move(response_event_type)), codec_(std::move(codec)) {}

  const std::string& source() const noexcept { return replies_.source(); }             // [any]
  const std::string& response_event_type() const noexcept { return replies_.type(); }  // [any]
  const Codec& codec() const noexcept { return *codec_; }                              // [any]

  /// Decodes, calls Handle, builds the reply. Data that cannot be decoded, a handler that throws
  /// and a reply that cannot be encoded become an error reply. May be overridden. [owner]
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    replies_.NewCall();
    try {
      WorkerContext& context = detail::ContextOrNone();
      if (event.type() == kTimerEventType) {
        return Reply(event, HandleTimer(context, event, detail::FiredTimerOf(event)));
      }
      const Result<In> payload = codec_->DecodePayload(event);
      if (!payload.ok()) return ErrorReply(event, payload.status().message());
      return Reply(event, Handle(context, event, *payload));
    } catch (...) {
      return ErrorReply(event, detail::InternalErrorText());
    }
  }

 protected:
  /// Your part. nullopt: no reply. Everything is borrowed until it returns; it may block in a
  /// gateway call. [owner]
  virtual Result<std::optional<Out>> Handle(WorkerContext& context, const CloudEvent& event,
                                            const In& payload) = 0;
  /// The same for events of the timers that this worker started (kTimerEventType), which have no
  /// payload to decode. Anybody may publish such an event: look at the id. By default no reply.
  virtual Result<std::optional<Out>> HandleTimer(WorkerContext& /*context*/,
                                                 const CloudEvent& /*event*/,
                                                 const FiredTimer& /*timer*/) {
    return std::optional<Out>();
  }

  /// A reply to `input`: this worker's source and type, a fresh id, time now, and the input's
  /// `correlationid`. Under clocktype historical the id is a UUIDv5 of the input's source and id,
  /// this worker's source and the number of the reply within the call, and the time the input's
  /// eventtime: a replay gives the same replies. The Process of this class begins at number 0: one
  /// that overrides it builds replies behind it, or without it. [owner]
  /// Errors: those of the codec; INVALID_ARGUMENT for a source or type that is empty.
  Result<CloudEvent> BuildResponse(const CloudEvent& input, const Out& payload) {
    const Result<EncodedPayload> encoded = codec_->EncodeResponse(input, payload);
    if (!encoded.ok()) return encoded.status();
    return replies_.Make(input, *encoded);
  }
  /// The same with data that is encoded already.
  Result<CloudEvent> BuildResponse(const CloudEvent& input, std::string data,
                                   std::string content_type) {
    return replies_.Make(input, EncodedPayload{std::move(data), std::move(content_type)});
  }
  /// For replies built by hand: `reply` with the correlation id of `input`, when that has one.
  static Result<CloudEvent> WithCorrelationId(const CloudEvent& input, const CloudEvent& reply) {
    const std::optional<AttributeValue> id = input.FindExtension(kCorrelationId);
    if (!id) return reply;
    return CloudEvent::Builder(reply).Extension(kCorrelationId, *id).Build(NameRule::kLenient);
  }
  /// For replies built by hand: `reply` with the time that BuildResponse would give it.
  static Result<CloudEvent> WithTimestamp(const CloudEvent& input, const CloudEvent& reply) {
    CloudEvent::Builder builder(reply);
    const std::optional<Timestamp> time = detail::ReplyTime(input);
    return (time ? builder.Time(*time) : builder.NoTime()).Build(NameRule::kLenient);
  }
  /// One line to the host's log; dropped outside of a call. [any] during a call.
  static void Log(LogLevel level, std::string_view text) noexcept {
    detail::ContextOrNone().Log(level, text);
  }

 private:
  Result<std::optional<CloudEvent>> Reply(const CloudEvent& input,
                                          const Result<std::optional<Out>>& answer) {
    if (!answer.ok()) return answer.status();
    if (!answer->has_value()) return std::optional<CloudEvent>();
    Result<CloudEvent> reply = BuildResponse(input, **answer);
    if (!reply.ok()) {
      return ErrorReply(input, "Internal error: " + std::string(reply.status().message()));
    }
    return std::optional<CloudEvent>(*std::move(reply));
  }
  // Only when not even the error can be encoded does the call fail.
  Result<std::optional<CloudEvent>> ErrorReply(const CloudEvent& input, std::string_view message) {
    try {
      Result<CloudEvent> reply = BuildResponse(input, codec_->EncodeError(input, message));
      if (!reply.ok()) return reply.status();
      return std::optional<CloudEvent>(*std::move(reply));
    } catch (...) {
      return Status(StatusCode::kInternal, "worker",
                    std::string(message) + "; the error reply: " + detail::InternalErrorText());
    }
  }

  detail::ReplyMaker replies_;
  const std::shared_ptr<const Codec> codec_;
};

}  // namespace virtufin::inline v0
