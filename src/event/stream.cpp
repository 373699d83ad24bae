// CloudEvent::Stream: checks the constants once and stores them in one block.
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "event/assemble.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

// The constants and, unset, the varying names, borrowed from `options`.
Result<std::vector<Entry>> StreamEntries(const CloudEvent::Stream::Options& options) {
  const std::size_t count = options.extensions.size() + options.varying.size();
  if (count > kMaxExtensions) {
    return TooManyExtensions(count);
  }
  std::vector<Entry> entries(count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool constant = i < options.extensions.size();
    const std::string& name =
        constant ? options.extensions[i].first : options.varying[i - options.extensions.size()];
    if (name.size() > kMaxNameBytes) {
      return EventError("an extension name is longer than 1024 bytes");
    }
    SetEntryName(entries[i], name);
    SetEntryText(entries[i], ValueKind::kString,
                 constant ? std::string_view(options.extensions[i].second) : std::string_view());
  }
  return entries;
}

const StreamBlock* NewStreamBlock(const Draft& draft, std::size_t constants) {
  std::size_t text_bytes = 0;
  for (const std::string_view text : draft.head.attributes) text_bytes += text.size();
  for (const Entry& entry : draft.entries) {
    text_bytes += entry.name_size + entry.stored_text().size();
  }
  if (text_bytes > kMaxEventBytes) return nullptr;
  const std::size_t text_at = sizeof(StreamBlock) + draft.entries.size() * sizeof(Entry);
  auto* const memory = static_cast<char*>(
      std::aligned_alloc(alignof(StreamBlock), (text_at + text_bytes + 63) / 64 * 64));
  if (memory == nullptr) return nullptr;
  char* at = memory + text_at;
  const auto copy = [&at](std::string_view text) {
    char* const start = at;
    if (!text.empty()) std::memcpy(start, text.data(), text.size());
    at += text.size();
    return start;
  };
  auto* const block = ::new (memory) StreamBlock;
  for (int i = 0; i < kAttributeCount; ++i) {
    block->attributes[i] = {copy(draft.head.attributes[i]), draft.head.attributes[i].size()};
  }
  auto* const entries = reinterpret_cast<Entry*>(block + 1);
  for (std::size_t i = 0; i < draft.entries.size(); ++i) {
    Entry& entry = *std::construct_at(entries + i, draft.entries[i]);
    entry.name = copy(entry.name_text());
    entry.value.text.data = copy(entry.stored_text());
    entry.shared_name = true;
    if (i < constants) continue;
    entry.kind = ValueKind::kUnset;
    entry.room = static_cast<std::uint16_t>(kEntryRooms + i - constants);
  }
  block->entries = entries;
  block->entry_count = static_cast<std::uint16_t>(constants);
  block->varying = entries + constants;
  block->varying_count = static_cast<std::uint16_t>(draft.entries.size() - constants);
  block->plain = draft.head.plain;
  block->text_bytes = static_cast<std::uint32_t>(text_bytes);
  return block;
}

}  // namespace
}  // namespace detail

Result<CloudEvent::Stream> CloudEvent::Stream::Make(const Options& options) {
  Result<std::vector<detail::Entry>> entries = detail::StreamEntries(options);
  if (!entries.ok()) return entries.status();
  detail::Draft draft;
  draft.SetId("checked per event");
  draft.SetAttribute(detail::kSource, options.source);
  draft.SetAttribute(detail::kType, options.type);
  draft.SetAttribute(detail::kSubject, options.subject);
  draft.SetAttribute(detail::kDataContentType, options.data_content_type);
  draft.SetAttribute(detail::kDataSchema, options.data_schema);
  draft.entries = *entries;
  if (Status status = detail::CheckAttributes(draft, NameRule::kStrict); !status.ok()) {
    return status;
  }
  const detail::StreamBlock* block = detail::NewStreamBlock(draft, options.extensions.size());
  if (block == nullptr) {
    return Status(StatusCode::kResourceExhausted, "event",
                  "the constants of a stream do not fit into an event or into memory");
  }
  return Stream(block);
}

CloudEvent::Stream::Stream(const Stream& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) detail::Retain(*block_);
}
CloudEvent::Stream::~Stream() { detail::Release(block_); }

}  // namespace virtufin::inline v0
