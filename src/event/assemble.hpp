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
  const StreamBlock* stream = nullptr;  // the block will share its constants; borrowed
  std::string_view attributes[kAttributeCount];
  std::uint8_t stream_attributes = 0;  // bit per attribute: its text lies in the stream's block
  bool has_id_uuid = false;
  bool has_time = false;
  bool plain = true;  // every text is known to be plain
  DataKind data_kind = DataKind::kAbsent;
  std::uint8_t json_state = kJsonUnknown;
  Entry::Value id;
  Timestamp time;
  ByteView data;
  std::span<const Entry> entries;  // besides the stream's; kUnset ones are left out

  void SetId(const Uuid& uuid) noexcept {
    std::construct_at(&id.uuid, uuid);
    has_id_uuid = true;
  }
  void SetId(std::string_view text) noexcept {
    id.text = {text.data(), text.size()};
    has_id_uuid = false;
  }
  void SetAttribute(Attribute attribute, std::string_view text) noexcept {
    attributes[attribute] = text;
    stream_attributes = static_cast<std::uint8_t>(stream_attributes & ~(1u << attribute));
  }
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
Status NameError(std::string_view name, const char* fault);
/// Checks everything but the data and notes whether all texts are plain.
/// Errors: INVALID_ARGUMENT naming the first missing or illegal attribute.
Status CheckAttributes(Draft& draft, NameRule rule);
/// Checks the data; JSON is walked under kFull, else taken as vouched for.
/// Errors: INVALID_ARGUMENT saying where.
Status CheckData(Draft& draft, Validate validate);
/// Copies; the draft must have been checked, as far as its texts are not known to be right.
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxExtensions, or without memory.
Result<CloudEvent> Assemble(const Draft& draft);

Status EventError(std::string message);
Status EventTooLarge(std::size_t bytes);

}  // namespace virtufin::inline v0::detail
