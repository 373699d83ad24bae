// Assemble: one allocation and some copies make an event of a draft; and the checks before that.
#include "event/assemble.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {

namespace {

Status BadText(std::string_view name) { return EventError(std::string(name) + ": expected UTF-8"); }

struct Sizes {
  std::size_t entries = 0;
  std::size_t rooms = kEntryRooms;
  std::size_t text = 0;  // copied
};

Sizes Measure(const Draft& draft) noexcept {
  Sizes sizes;
  if (!draft.copies_text) {
    sizes.entries = draft.entries.size();
    sizes.rooms += draft.entries.size();
    return sizes;
  }
  for (int i = 0; i < kAttributeCount; ++i) {
    if ((draft.stream_attributes >> i & 1) == 0) sizes.text += draft.head.attributes[i].size();
  }
  sizes.text += draft.id_text().size();
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    ++sizes.entries;
    if (!entry.shared_name) sizes.text += entry.name_size;
    if (IsStoredText(entry.kind)) sizes.text += entry.value.text.size;
    if (IsMadeText(entry.kind)) ++sizes.rooms;
  }
  return sizes;
}

// Copies the texts that are not the stream's to `at` and points the block to the copies.
void CopyTexts(const Draft& draft, EventBlock& block, char* at) noexcept {
  const auto copy = [&at](std::string_view text) {
    char* const start = at;
    if (!text.empty()) std::memcpy(start, text.data(), text.size());
    at += text.size();
    return start;
  };
  for (int i = 0; i < kAttributeCount; ++i) {
    if ((draft.stream_attributes >> i & 1) != 0) continue;
    const std::string_view text = draft.head.attributes[i];
    block.attributes[i] = {copy(text), text.size()};
  }
  if (!block.has_id_uuid) block.id.text.data = copy(draft.id_text());
  std::uint16_t room = kEntryRooms;
  auto* out = reinterpret_cast<Entry*>(&block + 1);
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    Entry& made = *std::construct_at(out++, entry);
    made.text_state = 0;
    if (!entry.shared_name) made.name = copy(entry.name_text());
    if (IsStoredText(entry.kind)) made.value.text.data = copy(entry.stored_text());
    if (IsMadeText(entry.kind)) made.room = room++;
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

Status TooManyExtensions(std::size_t found) {
  return {StatusCode::kResourceExhausted, "event",
          "expected at most " + std::to_string(kMaxExtensions) + " extensions, found " +
              std::to_string(found)};
}

void Draft::UseStream(const StreamBlock& block) noexcept {
  head.stream = &block;
  head.shared = block.entries;
  head.shared_count = block.entry_count;
  head.plain = block.plain;
  for (int i = 0; i < kAttributeCount; ++i) head.attributes[i] = block.attributes[i];
  stream_attributes = (1u << kAttributeCount) - 1;
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
    void operator()(UriReference v) const { SetEntryText(entry, ValueKind::kUriReference, v.text); }
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

TextClass ClassifyTexts(const Draft& draft) noexcept {
  TextClass worst = ClassifyText(draft.id_text());
  const auto add = [&worst](std::string_view text) {
    if (!text.empty()) worst = std::max(worst, ClassifyText(text));
  };
  for (const std::string_view text : draft.head.attributes) add(text);
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    add(entry.name_text());
    if (IsStoredText(entry.kind) && entry.kind != ValueKind::kBytes) add(entry.stored_text());
  }
  return worst;
}

}  // namespace

Status FindBadText(const Draft& draft) {
  if (!IsUtf8(draft.id_text())) return BadText("id");
  for (int i = 0; i < kAttributeCount; ++i) {
    if (!IsUtf8(draft.head.attributes[i])) return BadText(AttributeName(static_cast<Attribute>(i)));
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

std::string ShownText(std::string_view text) { return '"' + OneLine(text, 64) + '"'; }

namespace {

// What the names of `entries` have twice, empty when nothing. Quadratic, which is best for few.
std::string_view RepeatedOfFew(std::span<const Entry> entries) noexcept {
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const std::string_view name = entries[i].name_text();
    for (std::size_t j = 0; j < i; ++j) {
      if (entries[j].name_text() == name) return name;
    }
  }
  return {};
}

std::string_view RepeatedOfMany(std::span<const Entry> entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.name_text());
  std::sort(names.begin(), names.end());
  const auto repeated = std::adjacent_find(names.begin(), names.end());
  return repeated == names.end() ? std::string_view{} : *repeated;
}

}  // namespace

Status CheckDistinct(std::span<const Entry> entries) {
  constexpr std::size_t kFew = 64;
  const std::string_view name =
      entries.size() <= kFew ? RepeatedOfFew(entries) : RepeatedOfMany(entries);
  if (name.empty()) return {};
  return EventError("extension " + ShownText(name) + " is there twice");
}

Status NameError(std::string_view name, const char* fault) {
  return EventError("extension name " + ShownText(name) + " " + fault);
}

Status CheckCore(const Draft& draft, NameRule rule) {
  if (!draft.head.has_id_uuid && draft.id_text().empty()) return EventError("id: expected a text");
  for (const Attribute required : {kSource, kType}) {
    if (draft.head.attributes[required].empty()) {
      return EventError(std::string(AttributeName(required)) + ": expected a text");
    }
  }
  const std::string_view media_type = draft.head.attributes[kDataContentType];
  if (rule == NameRule::kStrict && !media_type.empty() && media_type != "application/json" &&
      !IsMediaType(media_type)) {
    return EventError("datacontenttype: expected type/subtype, found " + ShownText(media_type));
  }
  return {};
}

Status CheckAttributes(Draft& draft, NameRule rule) {
  const TextClass texts = ClassifyTexts(draft);
  if (texts == TextClass::kInvalid) return FindBadText(draft);
  draft.head.plain = texts == TextClass::kPlain;
  if (Status status = CheckCore(draft, rule); !status.ok()) return status;
  for (const Entry& entry : draft.entries) {
    if (entry.kind == ValueKind::kUnset) continue;
    const char* const fault = NameFault(entry.name_text(), rule);
    if (fault != nullptr) return NameError(entry.name_text(), fault);
  }
  return CheckDistinct(draft.entries);
}

Status CheckData(Draft& draft, Validate validate) {
  const std::string_view text = AsText(draft.data);
  const std::string_view media_type = draft.head.attributes[kDataContentType];
  if (draft.head.data_kind == DataKind::kText) {
    if (media_type.empty()) draft.SetAttribute(kDataContentType, "text/plain");
    // Text of a JSON type is JSON, wherever it goes next.
    if (!media_type.empty() && IsJsonMediaType(media_type)) {
      draft.head.data_kind = DataKind::kJson;
      validate = Validate::kFull;
    } else if (!IsUtf8(text)) {
      return BadText("data");
    }
  }
  if (draft.head.data_kind != DataKind::kJson) return {};
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

Result<CloudEvent> Assemble(const Draft& draft, bool stream_ref_taken) {
  const Sizes sizes = Measure(draft);
  const StreamBlock* const stream = draft.head.stream;
  const std::size_t counted =
      sizes.text + draft.data.size() + (stream == nullptr ? 0 : stream->text_bytes);
  if (counted > kMaxEventBytes) return EventTooLarge(counted);
  if (sizes.entries + draft.head.shared_count > kMaxExtensions) {
    return TooManyExtensions(sizes.entries + draft.head.shared_count);
  }
  const std::size_t text_at = sizeof(EventBlock) + sizes.entries * sizeof(Entry);
  const std::size_t data_at = text_at + sizes.text;
  const std::size_t rooms_at = data_at + draft.data.size() + kBufferPadding;
  auto* const memory = static_cast<char*>(std::malloc(rooms_at + sizes.rooms * sizeof(Room)));
  if (memory == nullptr) {
    return Status(StatusCode::kResourceExhausted, "event", "no memory for an event");
  }
  auto* const block = ::new (memory) EventBlock(draft.head);
  block->json_state = draft.json_state;
  block->own_count = static_cast<std::uint16_t>(sizes.entries);
  block->rooms = memory + rooms_at;
  block->data_size = static_cast<std::uint32_t>(draft.data.size());
  block->data = reinterpret_cast<const std::uint8_t*>(memory + data_at);
  if (draft.copies_text) {
    CopyTexts(draft, *block, memory + text_at);
  } else if (!draft.entries.empty()) {
    std::memcpy(memory + sizeof(EventBlock), draft.entries.data(), draft.entries.size_bytes());
  }
  if (!draft.data.empty()) std::memcpy(memory + data_at, draft.data.data(), draft.data.size());
  std::memset(memory + rooms_at - kBufferPadding, 0, kBufferPadding);
  if (stream != nullptr && !stream_ref_taken) Retain(*stream);
  return BlockAccess::Adopt(block);
}

}  // namespace virtufin::inline v0::detail
