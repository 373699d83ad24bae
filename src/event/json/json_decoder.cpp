// Reads events from JSON with simdjson On-Demand.
//
// On-Demand does not check what it skips. So nothing is skipped: every member of the event is read,
// `data` is cut out and walked, names that are there twice and bytes behind the end are errors.
#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "event/json/base64.hpp"
#include "virtufin/event/json.hpp"

namespace virtufin::inline v0 {

namespace {

namespace od = simdjson::ondemand;

enum Member : std::uint8_t {
  kSpecVersion,
  kId,
  kSource,
  kType,
  kSubject,
  kDataContentType,
  kDataSchema,
  kTime,
  kData,
  kDataBase64,
  kExtension
};

constexpr std::string_view kNames[] = {
    "specversion",     "id",         "source", "type", "subject",
    "datacontenttype", "dataschema", "time",   "data", "data_base64"};

Member MemberOf(std::string_view name) noexcept {
  const auto is = [name](Member member) { return name == kNames[member] ? member : kExtension; };
  switch (name.size()) {
    case 2:
      return is(kId);
    case 4:
      return name[0] == 'd' ? is(kData) : name[1] == 'y' ? is(kType) : is(kTime);
    case 6:
      return is(kSource);
    case 7:
      return is(kSubject);
    case 10:
      return is(kDataSchema);
    case 11:
      return name[0] == 's' ? is(kSpecVersion) : is(kDataBase64);
    case 15:
      return is(kDataContentType);
    default:
      return kExtension;
  }
}

Status Error(std::string message) {
  return {StatusCode::kInvalidArgument, "event", std::move(message)};
}

Status Expected(std::string_view name, std::string_view expected, std::string_view found) {
  return Error(std::string(name) + ": expected " + std::string(expected) + ", found " +
               std::string(found));
}

std::string Quoted(std::string_view text) {
  return '"' + std::string(text.substr(0, 64)) + (text.size() > 64 ? "...\"" : "\"");
}

std::string_view TypeName(od::json_type type) noexcept {
  switch (type) {
    case od::json_type::array:
      return "an array";
    case od::json_type::object:
      return "an object";
    case od::json_type::number:
      return "a number";
    case od::json_type::string:
      return "a string";
    case od::json_type::boolean:
      return "a boolean";
    default:
      return "null";
  }
}

std::string_view TypeName(ExtensionType type) noexcept {
  constexpr std::string_view kTypes[] = {
      "a boolean", "a 32-bit integer", "a string",     "base64 text",
      "a URI",     "a URI reference",  "RFC 3339 text"};
  return kTypes[static_cast<std::size_t>(type)];
}

std::string_view WithoutSpaceBehind(std::string_view token) noexcept {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

// An attribute that is null is absent.
Status ReadNull(std::string_view name, od::value value) {
  bool null = false;
  if (value.is_null().get(null) || !null) return Expected(name, "a value", "no JSON");
  return {};
}

}  // namespace

struct JsonDecoder::Impl {
  KnownTypes known;
  od::parser parser{kMaxEventBytes};
  std::unique_ptr<char, decltype(&std::free)> buffer{nullptr, &std::free};
  std::size_t capacity = 0;

  // Of the event that is being read.
  NameRule rule = NameRule::kStrict;
  CloudEvent::Parts parts;
  unsigned seen = 0;  // bit per Member
  std::vector<NamedValue> extensions;
  std::vector<std::vector<std::uint8_t>> blobs;  // what was base64
  std::string_view data_token;                   // of `data`, as written
  std::optional<std::string_view> data_text;     // when that is a string
  std::string_view version;

  Status Load(std::string_view json);
  Status Read(std::size_t size);
  Status ReadMember(std::string_view name, od::value value);
  Status ReadText(Member member, od::value value, std::string_view& out);
  Status ReadData(od::value value, od::json_type type);
  Status ReadDataBase64(od::value value);
  Status ReadExtension(std::string_view name, od::value value, od::json_type type);
  Status ReadInteger(std::string_view name, od::value value, AttributeValue& out);
  Status ReadTyped(std::string_view name, std::string_view text, ExtensionType type,
                   AttributeValue& out);
  Status Finish();
  const ExtensionType* KnownType(std::string_view name) const noexcept;
};

// A copy with padding behind it; no larger than it must be for large texts.
Status JsonDecoder::Impl::Load(std::string_view json) {
  if (json.size() > kMaxEventBytes) {
    return {StatusCode::kResourceExhausted, "event",
            "expected at most " + std::to_string(kMaxEventBytes) + " bytes, found " +
                std::to_string(json.size())};
  }
  const std::size_t needed = json.size() + simdjson::SIMDJSON_PADDING;
  if (needed > capacity) {
    capacity = std::max<std::size_t>(needed, 4096);
    buffer.reset(static_cast<char*>(std::malloc(capacity)));
    if (buffer == nullptr) {
      capacity = 0;
      return {StatusCode::kResourceExhausted, "event", "no memory to read an event"};
    }
  }
  if (!json.empty()) std::memcpy(buffer.get(), json.data(), json.size());
  std::memset(buffer.get() + json.size(), 0, simdjson::SIMDJSON_PADDING);
  parts = {};
  seen = 0;
  extensions.clear();
  blobs.clear();
  data_token = version = {};
  data_text.reset();
  return {};
}

Status JsonDecoder::Impl::Read(std::size_t size) {
  od::document document;
  const auto json_error = [&](simdjson::error_code code) {
    if (code == simdjson::MEMALLOC) {
      return Status(StatusCode::kResourceExhausted, "event", "no memory to read an event");
    }
    std::string message = "expected one JSON object: ";
    message += simdjson::error_message(code);
    return Error(std::move(message));
  };
  if (const auto code = parser.iterate(buffer.get(), size, capacity).get(document)) {
    return json_error(code);
  }
  od::object object;
  if (const auto code = document.get_object().get(object)) return json_error(code);
  for (auto field_or : object) {
    od::field field;
    std::string_view name;
    if (const auto code = std::move(field_or).get(field)) return json_error(code);
    if (const auto code = field.unescaped_key().get(name)) return json_error(code);
    if (Status status = ReadMember(name, field.value()); !status.ok()) return status;
  }
  const char* rest = nullptr;
  if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
    const std::size_t offset =
        rest == nullptr ? size : static_cast<std::size_t>(rest - buffer.get());
    return Error("expected the end behind the event, found more at byte " + std::to_string(offset));
  }
  return Finish();
}

Status JsonDecoder::Impl::ReadMember(std::string_view name, od::value value) {
  const Member member = MemberOf(name);
  od::json_type type;
  if (const auto code = value.type().get(type)) {
    return Expected(name, "a value", simdjson::error_message(code));
  }
  if (member == kExtension) return ReadExtension(name, value, type);
  if ((seen >> member & 1) != 0) return Error(std::string(name) + " is there twice");
  seen |= 1u << member;
  if (member == kData) return ReadData(value, type);  // null is data, too
  if (type == od::json_type::null) return ReadNull(name, value);
  if (type != od::json_type::string) return Expected(name, "a string", TypeName(type));
  switch (member) {
    case kSpecVersion:
      return ReadText(member, value, version);
    case kId:
      return ReadText(member, value, parts.id);
    case kSource:
      return ReadText(member, value, parts.source);
    case kType:
      return ReadText(member, value, parts.type);
    case kSubject:
      return ReadText(member, value, parts.subject);
    case kDataContentType:
      return ReadText(member, value, parts.data_content_type);
    case kDataSchema:
      return ReadText(member, value, parts.data_schema);
    case kDataBase64:
      return ReadDataBase64(value);
    default: {
      std::string_view text;
      if (Status status = ReadText(member, value, text); !status.ok() || text.empty()) {
        return status;
      }
      AttributeValue time;
      Status status = ReadTyped(name, text, ExtensionType::kTimestamp, time);
      if (status.ok()) parts.time = *std::get_if<Timestamp>(&time);
      return status;
    }
  }
}

Status JsonDecoder::Impl::ReadText(Member member, od::value value, std::string_view& out) {
  if (const auto code = value.get_string().get(out)) {
    return Expected(kNames[member], "a string", simdjson::error_message(code));
  }
  if (out.empty() && (rule == NameRule::kStrict || member <= kType)) {
    return Expected(kNames[member], "a text", "an empty one");
  }
  return {};
}

Status JsonDecoder::Impl::ReadData(od::value value, od::json_type type) {
  const auto cut_out = [this](auto container_or) -> Status {
    std::remove_cvref_t<decltype(container_or.value_unsafe())> container;
    auto code = std::move(container_or).get(container);
    if (!code) code = container.raw_json().get(data_token);
    data_token = WithoutSpaceBehind(data_token);
    return code ? Expected("data", "JSON", simdjson::error_message(code)) : Status{};
  };
  if (type == od::json_type::object) return cut_out(value.get_object());
  if (type == od::json_type::array) return cut_out(value.get_array());
  data_token = WithoutSpaceBehind(value.raw_json_token());
  if (type == od::json_type::string) {
    std::string_view text;
    if (const auto code = value.get_string().get(text)) {
      return Expected("data", "JSON", simdjson::error_message(code));
    }
    data_text = text;
  }
  return {};
}

Status JsonDecoder::Impl::ReadDataBase64(od::value value) {
  std::string_view text;
  std::vector<std::uint8_t>& bytes = blobs.emplace_back();
  if (value.get_string().get(text) || !detail::ReadBase64(text, bytes)) {
    return Expected("data_base64", "base64 text", "something else");
  }
  parts.data_kind = DataKind::kBinary;
  parts.data = bytes;
  return {};
}

const ExtensionType* JsonDecoder::Impl::KnownType(std::string_view name) const noexcept {
  for (const auto& [known_name, type] : known) {
    if (known_name == name) return &type;
  }
  return nullptr;
}

Status JsonDecoder::Impl::ReadExtension(std::string_view name, od::value value,
                                        od::json_type type) {
  const ExtensionType* const wanted = KnownType(name);
  AttributeValue read;
  switch (type) {
    case od::json_type::null:
      return ReadNull(name, value);
    case od::json_type::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth)) return Expected(name, "a value", "no JSON");
      read = truth;
      if (wanted != nullptr && *wanted != ExtensionType::kBoolean) break;
      extensions.emplace_back(name, read);
      return {};
    }
    case od::json_type::number:
      if (wanted != nullptr && *wanted != ExtensionType::kInteger) break;
      if (Status status = ReadInteger(name, value, read); !status.ok()) return status;
      extensions.emplace_back(name, read);
      return {};
    case od::json_type::string: {
      std::string_view text;
      if (const auto code = value.get_string().get(text)) {
        return Expected(name, "a string", simdjson::error_message(code));
      }
      const ExtensionType as = wanted == nullptr ? ExtensionType::kString : *wanted;
      if (Status status = ReadTyped(name, text, as, read); !status.ok()) return status;
      extensions.emplace_back(name, read);
      return {};
    }
    default:
      return Expected(name, "a boolean, an integer or a string", TypeName(type));
  }
  return Expected(name, TypeName(*wanted), TypeName(type));
}

Status JsonDecoder::Impl::ReadInteger(std::string_view name, od::value value, AttributeValue& out) {
  std::int64_t number = 0;
  if (value.get_int64().get(number) || number < INT32_MIN || number > INT32_MAX) {
    return Expected(name, "a 32-bit integer", WithoutSpaceBehind(value.raw_json_token()));
  }
  out = static_cast<std::int32_t>(number);
  return {};
}

Status JsonDecoder::Impl::ReadTyped(std::string_view name, std::string_view text,
                                    ExtensionType type, AttributeValue& out) {
  switch (type) {
    case ExtensionType::kString:
      out = text;
      return {};
    case ExtensionType::kUri:
      out = Uri{text};
      return {};
    case ExtensionType::kUriReference:
      out = UriReference{text};
      return {};
    case ExtensionType::kBinary: {
      std::vector<std::uint8_t>& bytes = blobs.emplace_back();
      if (!detail::ReadBase64(text, bytes)) break;
      out = ByteView(bytes);
      return {};
    }
    case ExtensionType::kTimestamp: {
      Timestamp time;
      if (!Timestamp::TryParse(text, time)) {
        return Error(std::string(name) + ": " +
                     std::string(Timestamp::Parse(text).status().message()));
      }
      out = time;
      return {};
    }
    default:
      break;
  }
  return Expected(name, TypeName(type), Quoted(text));
}

// What depends on more than one member.
Status JsonDecoder::Impl::Finish() {
  if (version != "1.0") {
    return Expected("specversion", "\"1.0\"",
                    (seen >> kSpecVersion & 1) == 0 ? "nothing" : Quoted(version));
  }
  parts.extensions = extensions;
  if (data_token.empty()) return {};
  if (parts.data_kind == DataKind::kBinary) {
    return Error("expected data or data_base64, found both");
  }
  const bool text =
      data_text && !parts.data_content_type.empty() && !IsJsonMediaType(parts.data_content_type);
  parts.data_kind = text ? DataKind::kText : DataKind::kJson;
  parts.data = AsBytes(text ? *data_text : data_token);
  return {};
}

JsonDecoder::JsonDecoder(KnownTypes known) : impl_(std::make_unique<Impl>()) {
  impl_->known = std::move(known);
}
JsonDecoder::~JsonDecoder() = default;
JsonDecoder::JsonDecoder(JsonDecoder&&) noexcept = default;
JsonDecoder& JsonDecoder::operator=(JsonDecoder&&) noexcept = default;

Result<CloudEvent> JsonDecoder::Decode(std::string_view json, NameRule rule, Validate validate) {
  impl_->rule = rule;
  if (Status status = impl_->Load(json); !status.ok()) return status;
  if (Status status = impl_->Read(json.size()); !status.ok()) return status;
  return CloudEvent::Make(impl_->parts, rule, validate);
}

}  // namespace virtufin::inline v0
