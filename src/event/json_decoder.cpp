// Reads events from JSON: one pass that checks every byte, then one block.
#include <charconv>
#include <cstring>

#include "event/assemble.hpp"
#include "event/json_scan.hpp"
#include "virtufin/core/base64.hpp"
#include "virtufin/event/json.hpp"

namespace virtufin::inline v0 {

namespace {

using detail::Draft;
using detail::Entry;
using detail::JsonScan;
using detail::ValueKind;

enum Member : std::uint8_t {
  kSpecVersion,
  kId,
  kTime,
  kData,
  kDataBase64,
  kFirstAttribute,  // then as detail::Attribute
  kExtension = kFirstAttribute + static_cast<int>(detail::kAttributeCount)
};

constexpr Member MemberOf(detail::Attribute attribute) noexcept {
  return static_cast<Member>(static_cast<int>(kFirstAttribute) + static_cast<int>(attribute));
}

Member MemberOf(std::string_view name) noexcept {
  const auto is = [name](std::string_view core, Member member) {
    return name == core ? member : kExtension;
  };
  switch (name.size()) {
    case 2:
      return is("id", kId);
    case 4:
      if (name[0] == 'd') return is("data", kData);
      return name[1] == 'y' ? is("type", MemberOf(detail::kType)) : is("time", kTime);
    case 6:
      return is("source", MemberOf(detail::kSource));
    case 7:
      return is("subject", MemberOf(detail::kSubject));
    case 10:
      return is("dataschema", MemberOf(detail::kDataSchema));
    case 11:
      return name[0] == 's' ? is("specversion", kSpecVersion) : is("data_base64", kDataBase64);
    case 15:
      return is("datacontenttype", MemberOf(detail::kDataContentType));
    default:
      return kExtension;
  }
}

Status Expected(std::string_view name, std::string_view expected, std::string_view found) {
  return detail::EventError(std::string(name) + ": expected " + std::string(expected) + ", found " +
                            std::string(found));
}

// What the value that starts with `c` is.
std::string_view TypeName(char c) noexcept {
  switch (c) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return (c >= '0' && c <= '9') || c == '-' ? "a number" : "no JSON";
  }
}

std::string_view TypeName(ExtensionType type) noexcept {
  constexpr std::string_view kTypes[] = {
      "a boolean", "a 32-bit integer", "a string",     "base64 text",
      "a URI",     "a URI reference",  "RFC 3339 text"};
  return kTypes[static_cast<std::size_t>(type)];
}

// What a decoder keeps.
struct Memory {
  JsonDecoder::KnownTypes known;
  std::vector<Entry> entries;
  // For what is not in the JSON as it is: texts without their escapes, and bytes of base64 text. A
  // text can be both, one behind the other, so twice the JSON is enough.
  std::unique_ptr<char[]> scratch;
  std::size_t capacity = 0;
};

// Reading one event.
class Reading {
 public:
  Reading(Memory& memory, std::string_view json, NameRule rule, Validate validate) noexcept
      : memory_(memory), json_(json), scan_(json), rule_(rule), validate_(validate) {
    memory_.entries.clear();
  }

  Result<CloudEvent> Run() {
    if (Status status = ReadEnvelope(); !status.ok()) return status;
    if (Status status = Finish(); !status.ok()) return status;
    return detail::Assemble(draft_);
  }

 private:
  Status ReadEnvelope();
  Status ReadMember(std::string_view name, bool plain);
  Status ReadData();
  Status ReadDataBase64();
  Status ReadExtension(std::string_view name);
  Status SetTyped(Entry& entry, std::string_view text);
  Status ReadInteger(Entry& entry);
  Status ReadText(std::string_view name, std::string_view& out);
  Status ReadTime(std::string_view name, std::string_view text, Timestamp& out);
  Status Finish();

  Status NotJson(const char* subject = "the event") const {
    const detail::JsonFault fault = scan_.fault();
    return detail::EventError(std::string(subject) + " is not JSON: " + fault.what + " at byte " +
                              std::to_string(fault.offset));
  }
  const ExtensionType* KnownType(std::string_view name) const noexcept {
    for (const auto& [known_name, type] : memory_.known) {
      if (known_name == name) return &type;
    }
    return nullptr;
  }
  char* Scratch() {
    if (scratch_at_ == nullptr) {
      if (memory_.capacity < 2 * json_.size()) {
        memory_.scratch = std::make_unique<char[]>(2 * json_.size());
        memory_.capacity = 2 * json_.size();
      }
      scratch_at_ = memory_.scratch.get();
    }
    return scratch_at_;
  }
  std::string_view TextOf(const JsonScan::String& string) {
    if (!string.escapes) return string.raw;
    char* const start = Scratch();
    scratch_at_ = detail::Unescape(string.raw, start);
    return {start, static_cast<std::size_t>(scratch_at_ - start)};
  }

  Memory& memory_;
  char* scratch_at_ = nullptr;
  std::string_view json_;
  JsonScan scan_;
  NameRule rule_;
  Validate validate_;
  Draft draft_;
  unsigned seen_ = 0;  // bit per Member
  std::string_view version_;
  std::string_view data_token_;  // of `data`, as written
  JsonScan::String data_string_;
  bool data_is_string_ = false;
};

Status Reading::ReadEnvelope() {
  scan_.SkipSpace();
  if (!scan_.Take('{', "expected '{'")) return NotJson();
  scan_.SkipSpace();
  bool more = !scan_.At('}');
  while (more) {
    JsonScan::String name;
    if (!scan_.ReadName(name)) return NotJson();
    scan_.SkipSpace();
    if (Status status = ReadMember(TextOf(name), name.plain); !status.ok()) return status;
    scan_.SkipSpace();
    more = scan_.At(',');
    if (!more) break;
    scan_.Take(',', "");
    scan_.SkipSpace();
  }
  if (!scan_.Take('}', "expected ',' or '}'")) return NotJson();
  scan_.SkipSpace();
  if (scan_.AtEnd()) return {};
  return detail::EventError("expected the end behind the event, found more at byte " +
                            std::to_string(scan_.at() - json_.data()));
}

Status Reading::ReadMember(std::string_view name, bool plain) {
  const Member member = MemberOf(name);
  if (member == kExtension) {
    draft_.head.plain &= plain;
    return ReadExtension(name);
  }
  if ((seen_ >> member & 1) != 0) return detail::EventError(std::string(name) + " is there twice");
  seen_ |= 1u << member;
  if (member == kData) return ReadData();  // null is data, too
  if (scan_.Peek() == 'n') return scan_.ReadWord("null") ? Status{} : NotJson();
  if (member == kDataBase64) return ReadDataBase64();
  std::string_view text;
  if (Status status = ReadText(name, text); !status.ok()) return status;
  if (text.empty() && (rule_ == NameRule::kStrict || member == kId)) {
    return Expected(name, "a text", "an empty one");
  }
  if (member == kId) {
    draft_.SetId(text);
  } else if (member == kSpecVersion) {
    version_ = text;
  } else if (member >= kFirstAttribute) {
    draft_.SetAttribute(static_cast<detail::Attribute>(member - kFirstAttribute), text);
  } else if (!text.empty()) {
    Timestamp time;
    if (Status status = ReadTime(name, text, time); !status.ok()) return status;
    draft_.SetTime(time);
  }
  return {};
}

Status Reading::ReadText(std::string_view name, std::string_view& out) {
  if (!scan_.At('"')) return Expected(name, "a string", TypeName(scan_.Peek()));
  JsonScan::String string;
  if (!scan_.ReadString(string)) return NotJson();
  draft_.head.plain &= string.plain;
  out = TextOf(string);
  return {};
}

Status Reading::ReadTime(std::string_view name, std::string_view text, Timestamp& out) {
  if (Timestamp::TryParse(text, out)) return {};
  return detail::EventError(std::string(name) + ": " +
                            std::string(Timestamp::Parse(text).status().message()));
}

Status Reading::ReadData() {
  const char* const start = scan_.at();
  data_is_string_ = scan_.At('"');
  const bool read = data_is_string_                ? scan_.ReadString(data_string_)
                    : validate_ == Validate::kFull ? scan_.ReadValue()
                                                   : scan_.SkipValidData();
  if (!read) return NotJson("data");
  data_token_ = {start, static_cast<std::size_t>(scan_.at() - start)};
  return {};
}

Status Reading::ReadDataBase64() {
  JsonScan::String string;
  if (!scan_.At('"')) return Expected("data_base64", "a string", TypeName(scan_.Peek()));
  if (!scan_.ReadString(string)) return NotJson();
  const std::string_view text = TextOf(string);
  auto* const start = reinterpret_cast<std::uint8_t*>(Scratch());
  std::uint8_t* const end = ReadBase64(text, start);
  if (end == nullptr) return Expected("data_base64", "base64 text", "something else");
  scratch_at_ = reinterpret_cast<char*>(end);
  draft_.head.data_kind = DataKind::kBinary;
  draft_.data = {start, end};
  return {};
}

Status Reading::ReadExtension(std::string_view name) {
  const char c = scan_.Peek();
  if (c == 'n') return scan_.ReadWord("null") ? Status{} : NotJson();
  if (memory_.entries.size() == kMaxExtensions)
    return detail::TooManyExtensions(kMaxExtensions + 1);
  if (const char* fault = detail::NameFault(name, rule_)) return detail::NameError(name, fault);
  Entry& entry = memory_.entries.emplace_back();
  detail::SetEntryName(entry, name);
  const ExtensionType* const wanted = KnownType(name);
  if (c == '"') {
    std::string_view text;
    if (Status status = ReadText(name, text); !status.ok()) return status;
    if (wanted != nullptr) return SetTyped(entry, text);
    detail::SetEntryText(entry, ValueKind::kString, text);
    return {};
  }
  if (c == 't' || c == 'f') {
    if (!scan_.ReadWord(c == 't' ? "true" : "false")) return NotJson();
    if (wanted != nullptr && *wanted != ExtensionType::kBoolean) {
      return Expected(name, TypeName(*wanted), "a boolean");
    }
    entry.kind = ValueKind::kBool;
    entry.value.boolean = c == 't';
    return {};
  }
  if (TypeName(c) != "a number") {
    return Expected(name, "a boolean, an integer or a string", TypeName(c));
  }
  if (wanted != nullptr && *wanted != ExtensionType::kInteger) {
    return Expected(name, TypeName(*wanted), "a number");
  }
  return ReadInteger(entry);
}

Status Reading::ReadInteger(Entry& entry) {
  const char* const start = scan_.at();
  if (!scan_.ReadNumber()) return NotJson();
  const auto [end, error] = std::from_chars(start, scan_.at(), entry.value.integer);
  if (error != std::errc{} || end != scan_.at()) {
    return Expected(entry.name_text(), "a 32-bit integer",
                    {start, static_cast<std::size_t>(scan_.at() - start)});
  }
  entry.kind = ValueKind::kInt;
  return {};
}

Status Reading::SetTyped(Entry& entry, std::string_view text) {
  const ExtensionType type = *KnownType(entry.name_text());
  switch (type) {
    case ExtensionType::kString:
      detail::SetEntryText(entry, ValueKind::kString, text);
      return {};
    case ExtensionType::kUri:
      detail::SetEntryText(entry, ValueKind::kUri, text);
      return {};
    case ExtensionType::kUriReference:
      detail::SetEntryText(entry, ValueKind::kUriReference, text);
      return {};
    case ExtensionType::kBinary: {
      char* const start = Scratch();
      std::uint8_t* const end = ReadBase64(text, reinterpret_cast<std::uint8_t*>(start));
      if (end == nullptr) break;
      scratch_at_ = reinterpret_cast<char*>(end);
      detail::SetEntryText(entry, ValueKind::kBytes,
                           {start, static_cast<std::size_t>(scratch_at_ - start)});
      return {};
    }
    case ExtensionType::kTimestamp: {
      Timestamp time;
      if (Status status = ReadTime(entry.name_text(), text, time); !status.ok()) return status;
      entry.kind = ValueKind::kTime;
      std::construct_at(&entry.value.time, time);
      return {};
    }
    default:
      break;
  }
  return Expected(entry.name_text(), TypeName(type), detail::ShownText(text));
}

// What depends on more than one member.
Status Reading::Finish() {
  if (version_ != "1.0") {
    return Expected("specversion", "\"1.0\"",
                    (seen_ >> kSpecVersion & 1) == 0 ? "nothing" : detail::ShownText(version_));
  }
  draft_.entries = memory_.entries;
  if (Status status = detail::CheckCore(draft_, rule_); !status.ok()) return status;
  if (Status status = detail::CheckDistinct(memory_.entries); !status.ok()) return status;
  if (data_token_.empty()) return {};
  if (draft_.head.data_kind == DataKind::kBinary) {
    return detail::EventError("expected data or data_base64, found both");
  }
  const std::string_view media_type = draft_.head.attributes[detail::kDataContentType];
  if (data_is_string_ && !media_type.empty() && !IsJsonMediaType(media_type)) {
    draft_.head.data_kind = DataKind::kText;
    draft_.data = AsBytes(TextOf(data_string_));
  } else {
    draft_.head.data_kind = DataKind::kJson;
    draft_.json_state = detail::kJsonValid;
    draft_.data = AsBytes(data_token_);
  }
  return {};
}

}  // namespace

struct JsonDecoder::Impl {
  Memory memory;
};

JsonDecoder::JsonDecoder(KnownTypes known) : impl_(std::make_unique<Impl>()) {
  impl_->memory.known = std::move(known);
}
JsonDecoder::~JsonDecoder() = default;
JsonDecoder::JsonDecoder(JsonDecoder&&) noexcept = default;
JsonDecoder& JsonDecoder::operator=(JsonDecoder&&) noexcept = default;

Result<CloudEvent> JsonDecoder::Decode(std::string_view json, NameRule rule, Validate validate) {
  if (json.size() > kMaxEventBytes) return detail::EventTooLarge(json.size());
  return Reading(impl_->memory, json, rule, validate).Run();
}

}  // namespace virtufin::inline v0
