// CloudEvent: accessors, equality and the life of its block.
#include "virtufin/event/cloud_event.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "event/block.hpp"

namespace virtufin::inline v0 {
namespace detail {

std::string_view AttributeName(Attribute attribute) noexcept {
  constexpr std::string_view kNames[] = {"source", "type", "subject", "datacontenttype",
                                         "dataschema"};
  return kNames[attribute];
}

void Retain(const EventBlock& block) noexcept {
  std::atomic_ref(block.refs).fetch_add(1, std::memory_order_relaxed);
}

void Release(const EventBlock* block) noexcept {
  if (block == nullptr) return;
  const std::atomic_ref refs(block->refs);
  // A sole owner needs no locked decrement.
  if (refs.load(std::memory_order_acquire) != 1 &&
      refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  Release(block->stream);
  std::free(const_cast<EventBlock*>(block));
}

void Retain(const StreamBlock& block, std::uint32_t count) noexcept {
  std::atomic_ref(block.refs).fetch_add(count, std::memory_order_relaxed);
}

void Release(const StreamBlock* block, std::uint32_t count) noexcept {
  if (block != nullptr &&
      std::atomic_ref(block->refs).fetch_sub(count, std::memory_order_acq_rel) == count) {
    std::free(const_cast<StreamBlock*>(block));
  }
}

std::string_view EventBlock::id_text() const noexcept {
  if (!has_id_uuid) return {id.text.data, id.text.size};
  return MadeText(id_text_state, rooms + sizeof(Room) * kIdRoom, [this](char* out) {
    id.uuid.Format(out);
    return Uuid::kTextBytes;
  });
}

std::string_view EventBlock::time_text() const noexcept {
  if (!has_time) return {};
  return MadeText(time_text_state, rooms + sizeof(Room) * kTimeRoom,
                  [this](char* out) { return time.Format(out); });
}

std::string_view EventBlock::entry_text(const Entry& entry) const noexcept {
  if (entry.kind >= ValueKind::kString && entry.kind <= ValueKind::kUriReference) {
    return entry.stored_text();
  }
  if (!IsMadeText(entry.kind)) return {};
  return MadeText(entry.text_state, rooms + sizeof(Room) * entry.room, [&entry](char* out) {
    switch (entry.kind) {
      case ValueKind::kTextNumber:
        return static_cast<std::size_t>(std::to_chars(out, out + 20, entry.value.number).ptr - out);
      case ValueKind::kTextUuid:
        entry.value.uuid.Format(out);
        return Uuid::kTextBytes;
      default:
        return entry.value.time.Format(out);
    }
  });
}

const Entry* EventBlock::Find(std::string_view name) const noexcept {
  const std::size_t count = extension_count();
  for (std::size_t i = 0; i < count; ++i) {
    const Entry& candidate = entry(i);
    if (candidate.name_text() == name) return &candidate;
  }
  return nullptr;
}

bool DataIsJson(const EventBlock& block) noexcept {
  if (block.data_kind != DataKind::kJson) return false;
  // Threads that walk at the same time find the same.
  std::atomic_ref<std::uint8_t> state(block.json_state);
  std::uint8_t known = state.load(std::memory_order_relaxed);
  if (known == kJsonUnknown) {
    const std::string_view text(reinterpret_cast<const char*>(block.data), block.data_size);
    known = CheckJson(text).what == nullptr ? kJsonValid : kJsonInvalid;
    state.store(known, std::memory_order_relaxed);
  }
  return known == kJsonValid;
}

namespace {

AttributeValue ValueOf(const EventBlock& block, const Entry& entry) noexcept {
  switch (entry.kind) {
    case ValueKind::kBool:
      return entry.value.boolean;
    case ValueKind::kInt:
      return entry.value.integer;
    case ValueKind::kBytes:
      return AsBytes(entry.stored_text());
    case ValueKind::kUri:
      return Uri{entry.stored_text()};
    case ValueKind::kUriReference:
      return UriReference{entry.stored_text()};
    case ValueKind::kTime:
      return entry.value.time;
    default:
      return block.entry_text(entry);
  }
}

bool SameId(const EventBlock& a, const EventBlock& b) noexcept {
  if (a.has_id_uuid && b.has_id_uuid) return a.id.uuid == b.id.uuid;
  return a.id_text() == b.id_text();
}

bool SameValue(const EventBlock& a, const Entry& x, const EventBlock& b, const Entry& y) noexcept {
  const auto type_of = [](ValueKind kind) {
    return kind > ValueKind::kTime ? ValueKind::kString : kind;
  };
  if (type_of(x.kind) != type_of(y.kind)) return false;
  switch (x.kind) {
    case ValueKind::kBool:
      return x.value.boolean == y.value.boolean;
    case ValueKind::kInt:
      return x.value.integer == y.value.integer;
    case ValueKind::kBytes:
      return x.stored_text() == y.stored_text();
    case ValueKind::kTime:
      return x.value.time == y.value.time;
    default:
      return a.entry_text(x) == b.entry_text(y);
  }
}

}  // namespace
}  // namespace detail

CloudEvent::CloudEvent(const CloudEvent& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) detail::Retain(*block_);
}
CloudEvent::~CloudEvent() { detail::Release(block_); }

std::string_view CloudEvent::id() const noexcept { return block_->id_text(); }
std::string_view CloudEvent::source() const noexcept { return block_->attributes[detail::kSource]; }
std::string_view CloudEvent::type() const noexcept { return block_->attributes[detail::kType]; }
std::string_view CloudEvent::subject() const noexcept {
  return block_->attributes[detail::kSubject];
}
std::string_view CloudEvent::data_content_type() const noexcept {
  return block_->attributes[detail::kDataContentType];
}
std::string_view CloudEvent::data_schema() const noexcept {
  return block_->attributes[detail::kDataSchema];
}

std::optional<Timestamp> CloudEvent::time() const noexcept {
  if (!block_->has_time) return std::nullopt;
  return block_->time;
}
std::string_view CloudEvent::time_text() const noexcept { return block_->time_text(); }

std::optional<Uuid> CloudEvent::id_uuid() const noexcept {
  if (block_->has_id_uuid) return block_->id.uuid;
  Uuid parsed;
  if (!Uuid::TryParse({block_->id.text.data, block_->id.text.size}, parsed)) return std::nullopt;
  return parsed;
}

DataKind CloudEvent::data_kind() const noexcept { return block_->data_kind; }
ByteView CloudEvent::data() const noexcept { return {block_->data, block_->data_size}; }

std::size_t CloudEvent::extension_count() const noexcept { return block_->extension_count(); }

NamedValue CloudEvent::extension(std::size_t index) const noexcept {
  const detail::Entry& entry = block_->entry(index);
  return {entry.name_text(), detail::ValueOf(*block_, entry)};
}

std::optional<AttributeValue> CloudEvent::FindExtension(std::string_view name) const noexcept {
  const detail::Entry* entry = block_->Find(name);
  if (entry == nullptr) return std::nullopt;
  return detail::ValueOf(*block_, *entry);
}

std::string_view CloudEvent::ExtensionText(std::string_view name) const noexcept {
  const detail::Entry* entry = block_->Find(name);
  return entry == nullptr ? std::string_view{} : block_->entry_text(*entry);
}

std::optional<Timestamp> CloudEvent::ExtensionTime(std::string_view name) const noexcept {
  const detail::Entry* entry = block_->Find(name);
  if (entry == nullptr) return std::nullopt;
  if (entry->kind == detail::ValueKind::kTime || entry->kind == detail::ValueKind::kTextTime) {
    return entry->value.time;
  }
  if (entry->kind != detail::ValueKind::kString) return std::nullopt;
  Timestamp parsed;
  if (!Timestamp::TryParse(entry->stored_text(), parsed)) return std::nullopt;
  return parsed;
}

std::optional<std::uint64_t> CloudEvent::ExtensionNumber(std::string_view name) const noexcept {
  const detail::Entry* entry = block_->Find(name);
  if (entry == nullptr) return std::nullopt;
  if (entry->kind == detail::ValueKind::kTextNumber) return entry->value.number;
  if (entry->kind == detail::ValueKind::kInt) {
    if (entry->value.integer < 0) return std::nullopt;
    return static_cast<std::uint64_t>(entry->value.integer);
  }
  if (entry->kind != detail::ValueKind::kString) return std::nullopt;
  const std::string_view text = entry->stored_text();
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool operator==(const CloudEvent& a, const CloudEvent& b) noexcept {
  const detail::EventBlock& x = *a.block_;
  const detail::EventBlock& y = *b.block_;
  if (&x == &y) return true;
  if (x.has_time != y.has_time || (x.has_time && x.time != y.time) ||
      x.extension_count() != y.extension_count() || x.data_size != y.data_size ||
      (x.data_kind == DataKind::kAbsent) != (y.data_kind == DataKind::kAbsent)) {
    return false;
  }
  for (int i = 0; i < detail::kAttributeCount; ++i) {
    if (x.attributes[i] != y.attributes[i]) return false;
  }
  if (!detail::SameId(x, y)) return false;
  if (x.data_size != 0 && std::memcmp(x.data, y.data, x.data_size) != 0) return false;
  for (std::size_t i = 0; i < x.extension_count(); ++i) {
    const detail::Entry& mine = x.entry(i);
    const detail::Entry* other = y.Find(mine.name_text());
    if (other == nullptr || !detail::SameValue(x, mine, y, *other)) return false;
  }
  return true;
}

}  // namespace virtufin::inline v0
