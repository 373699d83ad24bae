// Draft: all an event will be made of, borrowed; Assemble copies it into one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "event/block.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct Draft {
  EventHead head;  // views borrow; counts, data_size and rooms are set by Assemble
  std::uint8_t json_state = kJsonUnknown;
  std::uint8_t stream_attributes = 0;  // bit per attribute: its text lies in the stream's block
  bool copies_text = true;             // false: Assemble finds all texts in the stream's block
  std::span<const Entry> entries;      // besides the stream's; kUnset ones are left out
  ByteView data;

  void SetId(const Uuid& uuid) noexcept {
    std::construct_at(&head.id.uuid, uuid);
    head.has_id_uuid = true;
  }
  void SetId(std::string_view text) noexcept {
    head.id.text = {text.data(), text.size()};
    head.has_id_uuid = false;
  }
  std::string_view id_text() const noexcept {  // empty for a UUID
    if (head.has_id_uuid) return {};
    return {head.id.text.data, head.id.text.size};
  }
  void SetTime(const Timestamp& time) noexcept {
    head.time = time;
    head.has_time = true;
  }
  void SetAttribute(Attribute attribute, std::string_view text) noexcept {
    head.attributes[attribute] = text;
    stream_attributes = static_cast<std::uint8_t>(stream_attributes & ~(1u << attribute));
  }
  /// Takes all constants of `block`, which is borrowed.
  void UseStream(const StreamBlock& block) noexcept;
};

void SetEntryName(Entry& entry, std::string_view name) noexcept;
void SetEntryText(Entry& entry, ValueKind kind, std::string_view text) noexcept;
void SetEntry(Entry& entry, const AttributeValue& value) noexcept;
void SetEntry(Entry& entry, const TextValue& value) noexcept;

/// Errors: INVALID_ARGUMENT naming the first text that is not UTF-8.
Status FindBadText(const Draft& draft);
/// Errors: INVALID_ARGUMENT naming a required attribute that is missing, or a bad media type.
Status CheckCore(const Draft& draft, NameRule rule);
/// Errors: INVALID_ARGUMENT when two entries have one name.
Status CheckDistinct(std::span<const Entry> entries);
Status NameError(std::string_view name, const char* fault);
/// In quotes, long ones cut.
std::string ShownText(std::string_view text);
/// Checks everything but the data and notes whether all texts are plain.
/// Errors: INVALID_ARGUMENT naming the first missing or illegal attribute.
Status CheckAttributes(Draft& draft, NameRule rule);
/// Checks the data; JSON is walked under kFull, else taken as vouched for. Text without a media
/// type becomes text/plain. Errors: INVALID_ARGUMENT saying where.
Status CheckData(Draft& draft, Validate validate);
/// Copies; the draft must have been checked, as far as its texts are not known to be right.
/// `stream_ref_taken`: the event takes over a reference on the stream that the caller holds.
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxExtensions, or without memory.
Result<CloudEvent> Assemble(const Draft& draft, bool stream_ref_taken = false);

Status EventError(std::string message);
/// RESOURCE_EXHAUSTED.
Status EventTooLarge(std::size_t bytes);
Status TooManyExtensions(std::size_t found);

}  // namespace virtufin::inline v0::detail
