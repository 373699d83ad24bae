// Assemble: one allocation and some copies make an event of a draft; and the checks before that.
#include "event/assemble.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>

namespace virtufin::inline v0::detail {

namespace {

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShown = 64;
  std::string quoted = "\"";
  quoted += text.substr(0, kShown);
  quoted += text.size() > kShown ? "...\"" : "\"";
  return quoted;
}

Status BadText(std::string_view name) {
  return EventError(std::string(name) + ": expected UTF-8");
}

// A block under construction: texts are copied one behind the other.
class TextCopier {
 public:
  explicit TextCopier(char* at) noexcept : at_(at) {}
  const char* Copy(std::string_view text) noexcept {
    char* const start = at_;
    if (!text.empty()) std::memcpy(start, text.data(), text.size());
    at_ += text.size();
    return start;
  }
  char* at() const noexcept { return at_; }

 private:
  char* at_;
};

struct Sizes {
  std::size_t entries = 0;
  std::size_t rooms = 0;
  std::size_t text = 0;     // copied
  std::size_t counted = 0;  // against kMaxEventBytes, the stream's text included
};

Sizes Measure(const Draft& draft) noexcept {
  Sizes sizes;
  for (int i = 0; i < kAttributeCount; ++i) {
    if ((draft.stream_attributes >> i & 1) == 0) sizes.text += draft.attributes[i].size();
  }
  if (!draft.has_id_uuid) sizes.text += draft.id.text.size;
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    ++sizes.entries;
    if (!entry.shared_name) sizes.text += entry.name_size;
    if (IsStoredText(entry.kind)) sizes.text += entry.value.text.size;
    if (IsMadeText(entry.kind)) ++sizes.rooms;
  }
  sizes.text += draft.data.size();
  sizes.counted = sizes.text + (draft.stream == nullptr ? 0 : draft.stream->text_bytes);
  return sizes;
}

void CopyEntries(const Draft& draft, Entry* out, TextCopier& text) noexcept {
  std::uint16_t room = 0;
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    Entry& copy = *std::construct_at(out++, entry);
    copy.text_state = 0;
    if (!entry.shared_name) copy.name = text.Copy(entry.name_text());
    if (IsStoredText(entry.kind)) copy.value.text.data = text.Copy(entry.stored_text());
    if (IsMadeText(entry.kind)) copy.room = room++;
  }
}

}  // namespace

Status EventError(std::string message) {
  return {StatusCode::kInvalidArgument, "event", std::move(message)};
}

Status EventTooLarge(std::size_t bytes) {
  return {StatusCode::kResourceExhausted, "event",
          "expected at most " + std::to_string(kMaxEventBytes) + " bytes, found " +
              std::to_string(bytes)};
}

void Draft::UseStream(const StreamBlock& block) noexcept {
  stream = &block;
  for (int i = 0; i < kAttributeCount; ++i) attributes[i] = block.attributes[i];
  stream_attributes = (1u << kAttributeCount) - 1;
  plain = block.plain;
}

void SetEntryName(Entry& entry, std::string_view name) noexcept {
  entry.name = name.data();
  entry.name_size = static_cast<std::uint16_t>(name.size());
  entry.shared_name = false;
}

void SetEntryText(Entry& entry, ValueKind kind, std::string_view text) noexcept {
  entry.kind = kind;
  entry.value.text = {text.data(), text.size()};
}

void SetEntry(Entry& entry, const AttributeValue& value) noexcept {
  struct Visitor {
    Entry& entry;
    void operator()(bool v) const {
      entry.kind = ValueKind::kBool;
      entry.value.boolean = v;
    }
    void operator()(std::int32_t v) const {
      entry.kind = ValueKind::kInt;
      entry.value.integer = v;
    }
    void operator()(std::string_view v) const { SetEntryText(entry, ValueKind::kString, v); }
    void operator()(ByteView v) const { SetEntryText(entry, ValueKind::kBytes, AsText(v)); }
    void operator()(Uri v) const { SetEntryText(entry, ValueKind::kUri, v.text); }
    void operator()(UriReference v) const {
      SetEntryText(entry, ValueKind::kUriReference, v.text);
    }
    void operator()(const Timestamp& v) const {
      entry.kind = ValueKind::kTime;
      std::construct_at(&entry.value.time, v);
    }
  };
  std::visit(Visitor{entry}, value);
}

void SetEntry(Entry& entry, const TextValue& value) noexcept {
  switch (value.index()) {
    case 0:
      SetEntryText(entry, ValueKind::kString, *std::get_if<0>(&value));
      break;
    case 1:
      entry.kind = ValueKind::kTextTime;
      std::construct_at(&entry.value.time, *std::get_if<1>(&value));
      break;
    case 2:
      entry.kind = ValueKind::kTextNumber;
      entry.value.number = *std::get_if<2>(&value);
      break;
    default:
      entry.kind = ValueKind::kTextUuid;
      std::construct_at(&entry.value.uuid, *std::get_if<3>(&value));
  }
}

namespace {

std::string_view IdText(const Draft& draft) noexcept {
  if (draft.has_id_uuid) return {};
  return {draft.id.text.data, draft.id.text.size};
}

TextClass ClassifyTexts(const Draft& draft) noexcept {
  TextClass worst = ClassifyText(IdText(draft));
  const auto add = [&worst](std::string_view text) {
    if (!text.empty()) worst = std::max(worst, ClassifyText(text));
  };
  for (const std::string_view text : draft.attributes) add(text);
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    add(entry.name_text());
    if (IsStoredText(entry.kind) && entry.kind != ValueKind::kBytes) add(entry.stored_text());
  }
  return worst;
}

Status CheckEntryNames(std::span<const Entry> entries, NameRule rule) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind == ValueKind::kUnset) continue;
    const std::string_view name = entries[i].name_text();
    if (const char* fault = NameFault(name, rule)) return NameError(name, fault);
    for (std::size_t j = 0; j < i; ++j) {
      if (entries[j].name_text() == name && entries[j].kind != ValueKind::kUnset) {
        return EventError("extension " + Quoted(name) + " is there twice");
      }
    }
  }
  return {};
}

}  // namespace

Status FindBadText(const Draft& draft) {
  if (!IsUtf8(IdText(draft))) return BadText("id");
  for (int i = 0; i < kAttributeCount; ++i) {
    if (!IsUtf8(draft.attributes[i])) return BadText(AttributeName(static_cast<Attribute>(i)));
  }
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    if (!IsUtf8(entry.name_text())) return EventError("an extension name is not UTF-8");
    if (IsStoredText(entry.kind) && entry.kind != ValueKind::kBytes &&
        !IsUtf8(entry.stored_text())) {
      return BadText(entry.name_text());
    }
  }
  return {};
}

Status NameError(std::string_view name, const char* fault) {
  return EventError("extension name " + Quoted(name) + " " + fault);
}

Status CheckCore(const Draft& draft, NameRule rule) {
  if (!draft.has_id_uuid && IdText(draft).empty()) return EventError("id: expected a text");
  for (const Attribute required : {kSource, kType}) {
    if (draft.attributes[required].empty()) {
      return EventError(std::string(AttributeName(required)) + ": expected a text");
    }
  }
  const std::string_view media_type = draft.attributes[kDataContentType];
  if (rule == NameRule::kStrict && !media_type.empty() && !IsMediaType(media_type)) {
    return EventError("datacontenttype: expected type/subtype, found " + Quoted(media_type));
  }
  return {};
}

Status CheckAttributes(Draft& draft, NameRule rule) {
  const TextClass texts = ClassifyTexts(draft);
  if (texts == TextClass::kInvalid) return FindBadText(draft);
  draft.plain = texts == TextClass::kPlain;
  if (Status status = CheckCore(draft, rule); !status.ok()) return status;
  return CheckEntryNames(draft.entries, rule);
}

Status CheckData(Draft& draft, Validate validate) {
  const std::string_view text = AsText(draft.data);
  if (draft.data_kind == DataKind::kText && !IsUtf8(text)) return BadText("data");
  if (draft.data_kind != DataKind::kJson) return {};
  if (validate == Validate::kFull) {
    const JsonFault fault = CheckJson(text);
    if (fault.what != nullptr) {
      return EventError("data is not JSON: " + std::string(fault.what) + " at byte " +
                        std::to_string(fault.offset));
    }
  }
  draft.json_state = kJsonValid;
  return {};
}

Result<CloudEvent> Assemble(const Draft& draft) {
  const Sizes sizes = Measure(draft);
  if (sizes.counted > kMaxEventBytes) return EventTooLarge(sizes.counted);
  const StreamBlock* const stream = draft.stream;
  const std::size_t shared = stream == nullptr ? 0 : stream->entry_count;
  if (sizes.entries + shared > kMaxExtensions) {
    return Status(StatusCode::kResourceExhausted, "event",
                  "expected at most " + std::to_string(kMaxExtensions) + " extensions, found " +
                      std::to_string(sizes.entries + shared));
  }
  const std::size_t text_at = sizeof(EventBlock) + sizes.entries * sizeof(Entry);
  const std::size_t rooms_at = text_at + sizes.text + kBufferPadding;
  auto* const memory =
      static_cast<char*>(std::malloc(rooms_at + sizes.rooms * sizeof(Room)));
  if (memory == nullptr) {
    return Status(StatusCode::kResourceExhausted, "event", "no memory for an event");
  }
  auto* const block = ::new (memory) EventBlock;
  if (stream != nullptr) {
    Retain(*stream);
    block->stream = stream;
    block->shared = stream->entries;
    block->shared_count = stream->entry_count;
  }
  block->own_count = static_cast<std::uint16_t>(sizes.entries);
  block->plain = draft.plain;
  block->rooms = memory + rooms_at;

  TextCopier text(memory + text_at);
  for (int i = 0; i < kAttributeCount; ++i) {
    const std::string_view value = draft.attributes[i];
    const bool shares = (draft.stream_attributes >> i & 1) != 0;
    block->attributes[i] = shares ? value : std::string_view(text.Copy(value), value.size());
  }
  block->id = draft.id;
  block->has_id_uuid = draft.has_id_uuid;
  if (!draft.has_id_uuid) {
    block->id.text.data = text.Copy({draft.id.text.data, draft.id.text.size});
  }
  block->has_time = draft.has_time;
  block->time = draft.time;
  CopyEntries(draft, reinterpret_cast<Entry*>(block + 1), text);
  block->data_kind = draft.data_kind;
  block->json_state = draft.json_state;
  block->data_size = static_cast<std::uint32_t>(draft.data.size());
  block->data = reinterpret_cast<const std::uint8_t*>(text.Copy(AsText(draft.data)));
  std::memset(text.at(), 0, kBufferPadding);
  return BlockAccess::Adopt(block);
}

}  // namespace virtufin::inline v0::detail
