// JSON payloads of workers.
#include "virtufin/worker/json.hpp"

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0 {
namespace {

Status Invalid(std::string_view text) {
  return {StatusCode::kInvalidArgument, "worker", std::string(text)};
}

// Of any text: brackets in strings do not count, and what is no JSON is refused by the parser.
int DepthOfText(std::string_view text) noexcept {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = ++depth > deepest ? depth : deepest;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

bool IsDeeper(const Json& value, int levels) {
  if (!value.is_structured()) return false;
  if (levels == 0) return true;
  for (const Json& inner : value) {
    if (IsDeeper(inner, levels - 1)) return true;
  }
  return false;
}

// What was thrown may be any bytes, and an error reply must not fail for that: what is no UTF-8
// becomes U+FFFD, what follows the first 64 KiB is cut.
std::string AsUtf8(std::string_view text) {
  constexpr std::size_t kMaxBytes = 65'536;
  text = CutUtf8(text, kMaxBytes);
  if (IsUtf8(text)) return std::string(text);
  std::string valid;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const std::size_t length = Utf8Length(at, end);
    valid.append(length != 0 ? std::string_view(at, length) : "\xef\xbf\xbd");
    at += length != 0 ? length : 1;
  }
  return valid;
}

}  // namespace

Json ErrorPayload(std::string_view message) {
  return {{"command", "error"}, {"success", false}, {"message", AsUtf8(message)}};
}

Json ResponsePayload(std::string_view command, bool success, std::string_view id,
                     std::string_view message) {
  Json payload = {{"command", command}, {"success", success}};
  if (!id.empty()) payload["id"] = id;
  if (!message.empty()) payload["message"] = message;
  return payload;
}

const Json* FindArgument(const Json& payload, std::string_view name) {
  if (!payload.is_object()) return nullptr;
  if (const auto data = payload.find("data"); data != payload.end() && data->is_object()) {
    if (const auto found = data->find(name); found != data->end()) return &*found;
  }
  const auto found = payload.find(name);
  return found != payload.end() ? &*found : nullptr;
}

std::optional<std::string_view> FindText(const Json& payload, std::string_view name) {
  const Json* const found = FindArgument(payload, name);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return found->get_ref<const std::string&>();
}

Result<Json> JsonCodec::DecodePayload(const CloudEvent& event) const {
  const std::string_view type = event.data_content_type();
  if (!type.empty() && !IsJsonMediaType(type)) return Invalid(complaint_);
  // Media type and bytes decide, not the kind of the data: behind the wire of a library there is
  // none. The parser takes a NUL for the end.
  const std::string_view text = event.data_text();
  if (text.find('\0') != text.npos || DepthOfText(text) > kMaxJsonDepth) return Invalid(complaint_);
  Json payload = Json::parse(text, nullptr, false);
  if (!payload.is_object()) return Invalid(complaint_);
  return payload;
}

Result<EncodedPayload> JsonCodec::EncodeResponse(const CloudEvent& /*input*/,
                                                 const Json& payload) const {
  if (IsDeeper(payload, kMaxJsonDepth)) {
    return Status(StatusCode::kResourceExhausted, "worker",
                  "the reply is deeper than " + std::to_string(kMaxJsonDepth) + " levels");
  }
  try {
    return EncodedPayload{payload.dump(), std::string(ContentType())};
  } catch (const Json::exception& error) {
    return Invalid(error.what());
  }
}

Json JsonCodec::EncodeError(const CloudEvent& /*input*/, std::string_view message) const {
  return ErrorPayload(message);
}

namespace detail {

Result<std::string_view> CommandText(const Json& payload) {
  if (payload.is_object()) {
    const auto found = payload.find("command");
    if (found != payload.end() && found->is_string()) {
      return std::string_view(found->get_ref<const std::string&>());
    }
  }
  return Invalid("Missing 'command' field");
}

Status UnknownCommand(std::string_view text) {
  return Invalid("Unknown command: " + std::string(text));
}

}  // namespace detail
}  // namespace virtufin::inline v0
