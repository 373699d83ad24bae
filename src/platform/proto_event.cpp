// Reads the protobuf JSON form of an event: typed attributes, text or base64 data.
#include "platform/proto_event.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/base64.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

Status Invalid(const std::string& member, const std::string& expected, const Json& found) {
  return Status(StatusCode::kInvalidArgument, "gateway",
                "cloudevent." + member + ": expected " + expected + ", found " + found.type_name());
}

/// As readers of Protobuf's JSON do.
std::optional<std::vector<std::uint8_t>> FromBase64(std::string_view text) {
  std::vector<std::uint8_t> bytes(Base64Bytes(text.size()));
  const std::uint8_t* const end = ReadBase64(text, bytes.data(), Base64Rule::kLenient);
  if (end == nullptr) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

/// One attribute value: an object with exactly one member named after its type.
Status SetAttribute(const std::string& name, const Json& value, CloudEvent::Builder& builder) {
  const std::string member = "attributes." + name;
  if (!value.is_object() || value.size() != 1) {
    return Invalid(member, "an object with one member such as ceString", value);
  }
  const std::string& kind = value.begin().key();
  const Json& content = value.begin().value();
  if (name == "datacontenttype" || name == "subject" || name == "dataschema" || name == "time") {
    const bool fits = name == "time" ? kind == "ceTimestamp"
                                     : kind == "ceString" || kind == "ceUri" || kind == "ceUriRef";
    if (!fits || !content.is_string()) {
      return Invalid(member, name == "time" ? "ceTimestamp" : "ceString", value);
    }
  }
  if (kind == "ceBoolean" && content.is_boolean()) {
    builder.Extension(name, content.get<bool>());
    return {};
  }
  if (kind == "ceInteger" && content.is_number_integer()) {
    const auto number = content.get<std::int64_t>();
    const bool wraps = content.is_number_unsigned() && content.get<std::uint64_t>() > INT32_MAX;
    if (wraps || number < INT32_MIN || number > INT32_MAX) {
      return Invalid(member, "a 32-bit integer", content);
    }
    builder.Extension(name, static_cast<std::int32_t>(number));
    return {};
  }
  if (!content.is_string()) return Invalid(member, "text in " + kind, content);
  const auto& text = content.get_ref<const std::string&>();
  if (kind == "ceTimestamp") {
    auto time = Timestamp::Parse(text);
    if (!time.ok()) return time.status();
    if (name == "time")
      builder.Time(*time);
    else
      builder.Extension(name, *time);
  } else if (kind == "ceBytes") {
    auto bytes = FromBase64(text);
    if (!bytes) return Invalid(member, "base64", content);
    builder.Extension(name, ByteView(*bytes));
  } else if (kind == "ceString" || kind == "ceUri" || kind == "ceUriRef") {
    if (name == "subject")
      builder.Subject(text);
    else if (name == "datacontenttype")
      builder.DataContentType(text);
    else if (name == "dataschema")
      builder.DataSchema(text);
    else if (kind == "ceUri")
      builder.Extension(name, Uri{text});
    else if (kind == "ceUriRef")
      builder.Extension(name, UriReference{text});
    else
      builder.Extension(name, std::string_view(text));
  } else {
    return Invalid(member,
                   "one of ceBoolean, ceInteger, ceString, ceBytes, ceUri, ceUriRef, ceTimestamp",
                   value);
  }
  return {};
}

Status SetData(const std::string& member, const Json& value, bool json,
               CloudEvent::Builder& builder) {
  if (!value.is_string()) return Invalid(member, "text", value);
  const auto& text = value.get_ref<const std::string&>();
  if (member == "textData" || member == "text_data") {
    if (json && Json::accept(text))
      builder.JsonData(text);
    else
      builder.TextData(text);
    return {};
  }
  auto bytes = FromBase64(text);
  if (!bytes) return Invalid(member, "base64", value);
  builder.BinaryData(*bytes);
  return {};
}

}  // namespace

Result<CloudEvent> EventFromProtoJson(const Json& json) {
  if (!json.is_object()) {
    return Status(StatusCode::kInvalidArgument, "gateway",
                  std::string("cloudevent: expected an object, found ") + json.type_name());
  }
  CloudEvent::Builder builder;
  std::pair<std::string, const Json*> data{"", nullptr};
  std::string content_type;
  for (const auto& [member, value] : json.items()) {
    if (member == "attributes") {
      if (!value.is_object()) return Invalid(member, "an object", value);
      for (const auto& [name, attribute] : value.items()) {
        if (Status status = SetAttribute(name, attribute, builder); !status.ok()) return status;
        if (name == "datacontenttype") content_type = attribute.begin().value().get<std::string>();
      }
      continue;
    }
    if (member == "textData" || member == "text_data" || member == "binaryData" ||
        member == "binary_data") {
      if (data.second != nullptr) return Invalid(member, "one kind of data", value);
      data = {member, &value};
      continue;
    }
    if (!value.is_string()) return Invalid(member, "text", value);
    const auto& text = value.get_ref<const std::string&>();
    if (member == "id")
      builder.Id(text);
    else if (member == "source")
      builder.Source(text);
    else if (member == "type")
      builder.Type(text);
    else if (member == "specVersion" || member == "spec_version") {
      if (text != "1.0") return Invalid(member, "1.0, not '" + text + "'", value);
    } else {
      return Invalid(
          member, "one of id, source, specVersion, type, attributes, textData, binaryData", value);
    }
  }
  if (!json.contains("id")) return Invalid("id", "text", Json());
  if (data.second != nullptr) {
    Status status = SetData(data.first, *data.second,
                            content_type.empty() || IsJsonMediaType(content_type), builder);
    if (!status.ok()) return status;
  }
  return builder.Build();
}

}  // namespace virtufin::inline v0::detail
