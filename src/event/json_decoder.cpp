// Reads events and batches from JSON: one pass that checks every byte, then one block per event.
#include <charconv>
#include <memory>

#include "event/assemble.hpp"
#include "event/batch.hpp"
#include "event/envelope.hpp"
#include "event/json_scan.hpp"
#include "event/typed_text.hpp"
#include "virtufin/core/base64.hpp"
#include "virtufin/event/json.hpp"

namespace virtufin::inline v0 {

namespace {

using detail::Entry;
using detail::Envelope;
using detail::Expected;
using detail::FindType;
using detail::JsonScan;
using detail::Member;
using detail::TypeName;
using detail::ValueKind;

// What the value that starts with `c` is.
std::string_view FoundName(char c) noexcept {
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

// What a decoder keeps.
struct Memory {
  JsonDecoder::KnownTypes known;
  std::vector<Entry> entries;
  // For what is not in the JSON as it is: texts without their escapes, and bytes of base64 text. A
  // text can be both, one behind the other, so twice the JSON is enough.
  std::unique_ptr<char[]> scratch;
  std::size_t capacity = 0;
};

// Reading one event, from where `scan` stands.
class Reading {
 public:
  Reading(Memory& memory, std::string_view json, const JsonScan& scan, NameRule rule,
          Validate validate) noexcept
      : memory_(memory), json_(json), scan_(scan), validate_(validate), envelope_(rule) {
    memory_.entries.clear();
  }

  /// `alone`: the text ends with the event.
  Result<CloudEvent> Run(bool alone) {
    alone_ = alone;
    if (Status status = ReadEnvelope(); !status.ok()) return status;
    if (Status status = Finish(); !status.ok()) return status;
    return detail::Assemble(envelope_.draft);
  }
  /// Behind the event when Run succeeded.
  const JsonScan& scan() const noexcept { return scan_; }

 private:
  Status ReadEnvelope();
  Status ReadMember(std::string_view name, bool plain);
  Status ReadData();
  Status ReadDataBase64();
  Status ReadExtension(std::string_view name);
  Status SetTyped(Entry& entry, ExtensionType type, std::string_view text);
  Status ReadInteger(Entry& entry);
  Status ReadText(std::string_view name, std::string_view& out);
  Status Finish();

  Status NotJson(const char* subject = "the event") const {
    return detail::NotJson(subject, scan_.fault());
  }
  char* Scratch() {
    if (scratch_at_ == nullptr) {
      if (memory_.capacity < 2 * json_.size()) {
        memory_.scratch = std::make_unique_for_overwrite<char[]>(2 * json_.size());
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
  Validate validate_;
  bool alone_ = true;
  Envelope envelope_;
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
  if (!alone_ || scan_.AtEnd()) return {};
  return detail::EventError("expected the end behind the event, found more at byte " +
                            std::to_string(scan_.at() - json_.data()));
}

Status Reading::ReadMember(std::string_view name, bool plain) {
  const Member member = detail::MemberOf(name);
  if (member == detail::kMemberExtension) {
    envelope_.draft.head.plain &= plain;
    return ReadExtension(name);
  }
  if (Status status = envelope_.Note(member, name); !status.ok()) return status;
  if (member == detail::kMemberData) return ReadData();  // null is data, too
  if (scan_.Peek() == 'n') return scan_.ReadWord("null") ? Status{} : NotJson();
  if (member == detail::kMemberDataBase64) return ReadDataBase64();
  std::string_view text;
  if (Status status = ReadText(name, text); !status.ok()) return status;
  return envelope_.SetText(member, name, text);
}

Status Reading::ReadText(std::string_view name, std::string_view& out) {
  if (!scan_.At('"')) return Expected(name, "a string", FoundName(scan_.Peek()));
  JsonScan::String string;
  if (!scan_.ReadString(string)) return NotJson();
  envelope_.draft.head.plain &= string.plain;
  out = TextOf(string);
  return {};
}

Status Reading::ReadData() {
  const char* const start = scan_.at();
  data_is_string_ = scan_.At('"');
  const bool read = data_is_string_                ? scan_.ReadString(data_string_)
                    : validate_ == Validate::kFull ? scan_.ReadValue()
                                                   : scan_.SkipValidData(alone_);
  if (!read) return NotJson("data");
  data_token_ = {start, static_cast<std::size_t>(scan_.at() - start)};
  return {};
}

Status Reading::ReadDataBase64() {
  JsonScan::String string;
  if (!scan_.At('"')) return Expected("data_base64", "a string", FoundName(scan_.Peek()));
  if (!scan_.ReadString(string)) return NotJson();
  const std::string_view text = TextOf(string);
  auto* const start = reinterpret_cast<std::uint8_t*>(Scratch());
  std::uint8_t* const end = ReadBase64(text, start);
  if (end == nullptr) return Expected("data_base64", "base64 text", "something else");
  scratch_at_ = reinterpret_cast<char*>(end);
  envelope_.draft.head.data_kind = DataKind::kBinary;
  envelope_.draft.data = {start, end};
  return {};
}

Status Reading::ReadExtension(std::string_view name) {
  if (memory_.entries.size() == kMaxExtensions)
    return detail::TooManyExtensions(kMaxExtensions + 1);
  if (const char* fault = detail::NameFault(name, envelope_.rule()))
    return detail::NameError(name, fault);
  Entry& entry = memory_.entries.emplace_back();
  detail::SetEntryName(entry, name);
  const char c = scan_.Peek();
  // Absent, but the name counts: parsers disagree about which of two members holds.
  if (c == 'n') return scan_.ReadWord("null") ? Status{} : NotJson();
  const ExtensionType* const wanted = FindType(memory_.known, name);
  if (c == '"') {
    std::string_view text;
    if (Status status = ReadText(name, text); !status.ok()) return status;
    if (wanted != nullptr) return SetTyped(entry, *wanted, text);
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
  if (FoundName(c) != "a number") {
    return Expected(name, "a boolean, an integer or a string", FoundName(c));
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
    constexpr std::size_t kShown = 64;
    const std::string_view found(start, static_cast<std::size_t>(scan_.at() - start));
    return Expected(
        entry.name_text(), "a 32-bit integer",
        found.size() > kShown ? std::string(found.substr(0, kShown)) + "..." : std::string(found));
  }
  entry.kind = ValueKind::kInt;
  return {};
}

Status Reading::SetTyped(Entry& entry, ExtensionType type, std::string_view text) {
  std::uint8_t* scratch = nullptr;
  if (type == ExtensionType::kBinary) scratch = reinterpret_cast<std::uint8_t*>(Scratch());
  Status status = detail::SetTypedText(entry, type, text, false, scratch);
  if (scratch != nullptr) scratch_at_ = reinterpret_cast<char*>(scratch);
  return status;
}

// What depends on more than one member.
Status Reading::Finish() {
  if (Status status = envelope_.CheckVersion(); !status.ok()) return status;
  envelope_.draft.entries = memory_.entries;
  if (Status status = detail::CheckCore(envelope_.draft, envelope_.rule()); !status.ok()) {
    return status;
  }
  if (Status status = detail::CheckDistinct(memory_.entries); !status.ok()) return status;
  if (data_token_.empty()) return {};
  if (envelope_.draft.head.data_kind == DataKind::kBinary) {
    return detail::EventError("expected data or data_base64, found both");
  }
  const std::string_view media_type = envelope_.draft.head.attributes[detail::kDataContentType];
  if (data_is_string_ && !media_type.empty() && !IsJsonMediaType(media_type)) {
    envelope_.draft.head.data_kind = DataKind::kText;
    envelope_.draft.data = AsBytes(TextOf(data_string_));
  } else {
    envelope_.draft.head.data_kind = DataKind::kJson;
    envelope_.draft.json_state = detail::kJsonValid;
    envelope_.draft.data = AsBytes(data_token_);
  }
  return {};
}

Result<std::vector<CloudEvent>> ReadBatch(Memory& memory, std::string_view json, NameRule rule,
                                          Validate validate) {
  JsonScan scan(json);
  std::vector<CloudEvent> events;
  const auto not_json = [&scan] { return detail::NotJson("the batch", scan.fault()); };
  scan.SkipSpace();
  if (!scan.Take('[', "expected '['")) return not_json();
  scan.SkipSpace();
  bool more = !scan.At(']');
  while (more) {
    if (events.size() == kMaxBatchEvents) return detail::TooManyEvents();
    Reading reading(memory, json, scan, rule, validate);
    Result<CloudEvent> event = reading.Run(false);
    if (!event.ok()) return detail::InBatch(events.size(), event.status());
    events.push_back(*std::move(event));
    scan = reading.scan();
    more = scan.At(',');
    if (more) scan.Take(',', "");
  }
  if (!scan.Take(']', "expected ',' or ']'")) return not_json();
  scan.SkipSpace();
  if (!scan.AtEnd()) {
    return detail::EventError("expected the end behind the batch, found more at byte " +
                              std::to_string(scan.at() - json.data()));
  }
  return events;
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
  return Reading(impl_->memory, json, JsonScan(json), rule, validate).Run(true);
}

Result<std::vector<CloudEvent>> JsonDecoder::DecodeBatch(std::string_view json, NameRule rule,
                                                         Validate validate) {
  if (json.size() > kMaxEventBytes) return detail::EventTooLarge(json.size());
  return ReadBatch(impl_->memory, json, rule, validate);
}

}  // namespace virtufin::inline v0
