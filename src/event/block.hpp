// How an event lies in memory: one reference-counted block, constants shared with its stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <thread>
#include <type_traits>

#include "event/text.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0::detail {

/// What an extension's value is. From kTime on the text is made on first use, into a room.
enum class ValueKind : std::uint8_t {
  kUnset,  // a varying extension that was not given; never in a block
  kBool,
  kInt,
  kString,
  kUri,
  kUriReference,
  kBytes,
  kTime,        // CloudEvents Timestamp
  kTextTime,    // String, made of a time
  kTextNumber,  // String, made of a number
  kTextUuid,    // String, made of a UUID
};
constexpr bool IsMadeText(ValueKind kind) noexcept { return kind >= ValueKind::kTime; }
constexpr bool IsStoredText(ValueKind kind) noexcept {
  return kind >= ValueKind::kString && kind <= ValueKind::kBytes;
}

/// One byte of length and the longest text that is made on first use (a UUID, 36 bytes).
struct Room {
  char bytes[40];
};

struct Entry {
  const char* name = nullptr;
  std::uint16_t name_size = 0;
  std::uint16_t room = 0;
  ValueKind kind = ValueKind::kUnset;
  mutable std::uint8_t text_state = 0;
  bool shared_name = false;  // the name lies in the stream's block
  union Value {
    struct {
      const char* data;
      std::size_t size;
    } text;
    Timestamp time;
    Uuid uuid;
    std::uint64_t number;
    std::int32_t integer;
    bool boolean;
    Value() noexcept : text{nullptr, 0} {}
  } value;

  /// A copy of an entry of a block that others use: its state is left out.
  static Entry Copy(const Entry& other) noexcept {
    Entry copy;
    copy.name = other.name;
    copy.name_size = other.name_size;
    copy.room = other.room;
    copy.kind = other.kind;
    copy.shared_name = other.shared_name;
    copy.value = other.value;
    return copy;
  }
  std::string_view name_text() const noexcept { return {name, name_size}; }
  /// Of kString to kBytes.
  std::string_view stored_text() const noexcept { return {value.text.data, value.text.size}; }
};
static_assert(sizeof(Entry) == 32);
static_assert(std::is_trivially_copyable_v<Entry>);

/// The text attributes besides id and time, in an order that loops rely on.
enum Attribute : std::uint8_t {
  kSource,
  kType,
  kSubject,
  kDataContentType,
  kDataSchema,
  kAttributeCount
};
std::string_view AttributeName(Attribute attribute) noexcept;

/// Reference counts and states are plain numbers, so that blocks under construction can be copied.
/// Once a block is shared they are touched through std::atomic_ref only.
struct StreamBlock {
  alignas(64) mutable std::uint32_t refs = 1;  // alone in its line: other threads release events
  alignas(64) std::uint16_t entry_count = 0;
  std::uint16_t varying_count = 0;
  bool plain = true;
  std::uint32_t text_bytes = 0;  // counted against kMaxEventBytes
  std::string_view attributes[kAttributeCount];
  const Entry* entries = nullptr;  // strings
  const Entry* varying = nullptr;  // names only, kUnset; their rooms are assigned
};

/// Rooms of every block; those of entries follow.
enum : std::uint16_t { kIdRoom, kTimeRoom, kEntryRooms };

/// What of a block never changes once it is made.
struct EventHead {
  const StreamBlock* stream = nullptr;
  const Entry* shared = nullptr;  // the stream's
  std::string_view attributes[kAttributeCount];
  const std::uint8_t* data = nullptr;
  char* rooms = nullptr;
  Entry::Value id;  // uuid, or text
  Timestamp time;
  std::uint32_t data_size = 0;
  std::uint16_t shared_count = 0;
  std::uint16_t own_count = 0;
  DataKind data_kind = DataKind::kAbsent;
  bool has_time = false;
  bool has_id_uuid = false;
  bool plain = true;  // no text, data apart, needs an escape in JSON
};
static_assert(std::is_trivially_copyable_v<EventHead>);

/// Behind it lie the event's own entries, texts, data, padding and rooms.
struct EventBlock : EventHead {
  mutable std::uint32_t refs = 1;
  mutable std::uint8_t json_state = 0;  // kJsonUnknown, or what a walk of the data found
  mutable std::uint8_t id_text_state = 0;
  mutable std::uint8_t time_text_state = 0;

  explicit EventBlock(const EventHead& head) noexcept : EventHead(head) {}
  const Entry* own() const noexcept { return reinterpret_cast<const Entry*>(this + 1); }
  std::size_t extension_count() const noexcept { return std::size_t{shared_count} + own_count; }
  const Entry& entry(std::size_t index) const noexcept {
    return index < shared_count ? shared[index] : own()[index - shared_count];
  }
  std::string_view id_text() const noexcept;
  std::string_view time_text() const noexcept;  // empty: absent
  /// The text of a string-like entry of this block; empty for booleans, integers and bytes.
  std::string_view entry_text(const Entry& entry) const noexcept;
  const Entry* Find(std::string_view name) const noexcept;
};
static_assert(sizeof(EventBlock) % alignof(Entry) == 0);

/// What is known about kJson data of a block.
enum : std::uint8_t { kJsonUnknown, kJsonValid, kJsonInvalid };
/// Walks the data on first use. [any]
bool DataIsJson(const EventBlock& block) noexcept;

void Retain(const EventBlock& block) noexcept;
void Release(const EventBlock* block) noexcept;
void Retain(const StreamBlock& block, std::uint32_t count = 1) noexcept;
void Release(const StreamBlock* block, std::uint32_t count = 1) noexcept;

/// Text that is made once, by whichever thread asks first; the others wait for those nanoseconds.
template <class Format>
std::string_view MadeText(std::uint8_t& state, char* room, Format format) noexcept {
  enum : std::uint8_t { kEmpty, kMaking, kReady };
  std::atomic_ref<std::uint8_t> shared(state);
  std::uint8_t seen = shared.load(std::memory_order_acquire);
  while (seen != kReady) {
    if (seen == kEmpty &&
        shared.compare_exchange_strong(seen, kMaking, std::memory_order_acquire)) {
      room[0] = static_cast<char>(format(room + 1));
      shared.store(kReady, std::memory_order_release);
      break;
    }
    if (seen == kMaking) {
      std::this_thread::yield();
      seen = shared.load(std::memory_order_acquire);
    }
  }
  return {room + 1, static_cast<std::uint8_t>(room[0])};
}

/// The one way from a block to a handle and back, for the component's own sources.
struct BlockAccess {
  static CloudEvent Adopt(const EventBlock* block) noexcept { return CloudEvent(block); }
  static const EventBlock& Block(const CloudEvent& event) noexcept { return *event.block_; }
};

}  // namespace virtufin::inline v0::detail
