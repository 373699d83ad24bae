// JSON payloads: JsonCodec, and CommandWorker<Command>, the one most workers derive from.
//
// The only header of the library that shows a third-party type: nlohmann::json is what authors
// expect to handle. Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/worker/command_worker.hpp"
#include "virtufin/worker/payload_codec.hpp"

namespace virtufin::inline v0 {

using Json = nlohmann::json;

/// {"command": "error", "success": false, "message": message}; bytes of the message that are no
/// UTF-8 become U+FFFD, what follows its first 64 KiB is cut. [any]
Json ErrorPayload(std::string_view message);
/// {"command", "success", "id"?, "message"?}; an empty id or message is left out. [any]
Json ResponsePayload(std::string_view command, bool success, std::string_view id = {},
                     std::string_view message = {});
/// The argument `name` of a command: a member of "data", else of `payload` itself; null when there
/// is none. Borrowed from `payload`. [any]
const Json* FindArgument(const Json& payload, std::string_view name);
/// The same when it is a string, else nothing.
std::optional<std::string_view> FindText(const Json& payload, std::string_view name);

/// JSON both ways. Takes data without a media type, or with application/json, text/json or any
/// "+json" one, that is one JSON object of at most kMaxJsonDepth levels.
class JsonCodec : public PayloadCodec<Json, Json> {
 public:
  static constexpr std::string_view kBadData = "Failed to parse JSON data";
  static constexpr std::string_view kBadCommand = "Failed to parse command JSON";

  /// `complaint` is what a sender of other data is told; static storage.
  explicit JsonCodec(std::string_view complaint = kBadData) : complaint_(complaint) {}

  std::string_view ContentType() const noexcept override { return "application/json"; }
  /// Errors: INVALID_ARGUMENT with the complaint.
  Result<Json> DecodePayload(const CloudEvent& event) const override;
  /// Errors: INVALID_ARGUMENT for strings that are not UTF-8; RESOURCE_EXHAUSTED above
  /// kMaxEventBytes or kMaxJsonDepth.
  Result<EncodedPayload> EncodeResponse(const CloudEvent& input,
                                        const Json& payload) const override;
  Json EncodeError(const CloudEvent& input, std::string_view message) const override;

 private:
  const std::string_view complaint_;
};

namespace detail {
/// The string member "command". Errors: INVALID_ARGUMENT `Missing 'command' field`.
Result<std::string_view> CommandText(const Json& payload);
Status UnknownCommand(std::string_view text);
}  // namespace detail

template <class Command, class In = Json, class Out = Json>
class CommandWorker;

/// Commands as JSON: {"command": "...", "api_host": "...", "data": {...}}. Override HandleCommand.
template <class Command>
class CommandWorker<Command, Json, Json> : public detail::CommandDispatch<Command, Json, Json> {
 public:
  CommandWorker(std::string source, std::string response_event_type)
      : detail::CommandDispatch<Command, Json, Json>(
            std::move(source), std::move(response_event_type),
            std::make_shared<JsonCodec>(JsonCodec::kBadCommand)) {}

 protected:
  /// Error replies: "Missing 'command' field", "Unknown command: ..." with its text.
  Result<Command> ExtractCommand(const CloudEvent& /*event*/, const Json& payload) override {
    const Result<std::string_view> text = detail::CommandText(payload);
    if (!text.ok()) return text.status();
    const std::optional<Command> command = FindCommand<Command>(*text);
    if (!command) return detail::UnknownCommand(*text);
    return *command;
  }
  /// ResponsePayload with the declared name of `command`.
  static Json Response(Command command, bool success, std::string_view id = {},
                       std::string_view message = {}) {
    return ResponsePayload(NameOfCommand(command), success, id, message);
  }
};

}  // namespace virtufin::inline v0
