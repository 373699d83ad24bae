// Writes events and responses as FlatBuffers, front to back, in one pass over the texts.
//
// Written by hand because the library's builder, which writes back to front into memory of its own,
// costs 1.3 times as much for this fixed schema even before the copy that gives the bytes away
// (tests/bench/event_bench.cpp). Tests read what this writes with the generated code.
#include <bit>
#include <cstring>

#include "event/assemble.hpp"
#include "event/encode.hpp"
#include "virtufin/core/base64.hpp"
#include "virtufin/event/wire.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

static_assert(std::endian::native == std::endian::little, "FlatBuffers are little-endian");

// Fields of the tables, in the schema's order.
enum : int {
  kId,
  kTypeField,
  kSourceField,
  kSpecVersion,
  kContentType,
  kSchema,
  kSubjectField,
  kTime,
  kData,
  kExtensions,
  kEventFields
};
constexpr std::uint16_t kEventVtableBytes = 4 + 2 * kEventFields;
constexpr std::uint16_t kPairVtableBytes = 8;  // tables of two fields: Extension, WorkerResponse
constexpr std::uint32_t kPairTableBytes = 12;

class WireWriter {
 public:
  explicit WireWriter(std::uint8_t* out) noexcept : out_(out) {}

  std::uint32_t at() const noexcept { return at_; }
  std::uint8_t* data() noexcept { return out_; }

  void Put16(std::uint16_t value) noexcept {
    std::memcpy(out_ + at_, &value, 2);
    at_ += 2;
  }
  void Put32(std::uint32_t value) noexcept {
    std::memcpy(out_ + at_, &value, 4);
    at_ += 4;
  }
  // The offset at `slot` now leads to here.
  void Point(std::uint32_t slot) noexcept { PointTo(slot, at_); }
  void PointTo(std::uint32_t slot, std::uint32_t target) noexcept {
    const std::uint32_t offset = target - slot;
    std::memcpy(out_ + slot, &offset, 4);
  }
  std::uint32_t Skip(std::uint32_t bytes) noexcept { return std::exchange(at_, at_ + bytes); }

  // Length, bytes, NUL, zeros up to a multiple of four; what `slot` points to.
  void Text(std::uint32_t slot, std::string_view text) noexcept {
    Point(slot);
    Put32(static_cast<std::uint32_t>(text.size()));
    if (!text.empty()) std::memcpy(out_ + at_, text.data(), text.size());
    EndVector(text.size(), 1);
  }
  // The same without NUL.
  void Bytes(std::uint32_t slot, ByteView bytes) noexcept {
    Point(slot);
    Put32(static_cast<std::uint32_t>(bytes.size()));
    if (!bytes.empty()) std::memcpy(out_ + at_, bytes.data(), bytes.size());
    EndVector(bytes.size(), 0);
  }
  void Base64(std::uint32_t slot, ByteView bytes) noexcept {
    Point(slot);
    const std::size_t size = Base64Size(bytes.size());
    Put32(static_cast<std::uint32_t>(size));
    WriteBase64(bytes, reinterpret_cast<char*>(out_ + at_));
    EndVector(size, 1);
  }

 private:
  void EndVector(std::size_t size, std::uint32_t terminator) noexcept {
    const auto end = at_ + static_cast<std::uint32_t>(size);
    std::memset(out_ + end, 0, 4);
    at_ = (end + terminator + 3) & ~std::uint32_t{3};
  }

  std::uint8_t* out_;
  std::uint32_t at_ = 0;
};

// An upper bound of the bytes that PutEvent writes.
std::size_t EventBound(const EncodeInput& input) noexcept {
  constexpr std::size_t kTextExtra = 4 + 4 + 3;  // length, NUL and zeros
  const EventBlock& event = input.event;
  std::size_t bound = 128 + event.data_size + (kEventFields + 1) * kTextExtra;
  for (const std::string_view text : event.attributes) bound += text.size();
  bound += event.has_id_uuid ? sizeof(Room) : event.id.text.size;
  bound += sizeof(Room);  // time
  ForEachExtension(input, [&bound](const Entry& entry) {
    bound += 4 + kPairTableBytes + 2 * kTextExtra + entry.name_size;
    if (entry.kind == ValueKind::kBytes) {
      bound += Base64Size(entry.value.text.size);
    } else {
      bound += IsStoredText(entry.kind) ? entry.value.text.size : sizeof(Room);
    }
  });
  return bound;
}

// A vtable for tables of two fields that are both there.
std::uint32_t PutPairVtable(WireWriter& out) noexcept {
  const std::uint32_t vtable = out.at();
  out.Put16(kPairVtableBytes);
  out.Put16(kPairTableBytes);
  out.Put16(4);
  out.Put16(8);
  return vtable;
}

void PutExtension(WireWriter& out, const EncodeInput& input, const Entry& entry, std::uint32_t slot,
                  std::uint32_t vtable) noexcept {
  out.Point(slot);
  const std::uint32_t table = out.Skip(kPairTableBytes);
  const std::uint32_t to_vtable = table - vtable;
  std::memcpy(out.data() + table, &to_vtable, 4);
  out.Text(table + 4, entry.name_text());
  switch (entry.kind) {
    case ValueKind::kBytes:
      return out.Base64(table + 8, AsBytes(entry.stored_text()));
    case ValueKind::kBool:
    case ValueKind::kInt:
      return out.Text(table + 8, ScalarText(entry).text());
    default:
      return out.Text(table + 8, input.event.entry_text(entry));
  }
}

void PutExtensions(WireWriter& out, const EncodeInput& input, std::uint32_t count) noexcept {
  const std::uint32_t vtable = PutPairVtable(out);
  out.Put32(count);
  std::uint32_t slot = out.Skip(4 * count);
  const Entry* first = nullptr;
  ForEachExtension(input, [&first](const Entry& entry) {
    if (entry.name_text() == "correlationid") first = &entry;
  });
  const auto put = [&](const Entry& entry) {
    PutExtension(out, input, entry, slot, vtable);
    slot += 4;
  };
  if (first != nullptr) put(*first);
  ForEachExtension(input, [&](const Entry& entry) {
    if (&entry != first) put(entry);
  });
}

// Writes the event's vtable and table, then what they point to; `slot` will point to the table.
void PutEvent(WireWriter& out, const EncodeInput& input, std::uint32_t slot) noexcept {
  const EventBlock& event = input.event;
  const std::string_view texts[] = {event.id_text(),
                                    event.attributes[kType],
                                    event.attributes[kSource],
                                    "1.0",
                                    event.attributes[kDataContentType],
                                    event.attributes[kDataSchema],
                                    event.attributes[kSubject],
                                    event.time_text()};
  const auto extensions =
      static_cast<std::uint32_t>(event.extension_count() + input.stamped.size());
  std::uint16_t vtable[2 + kEventFields] = {kEventVtableBytes, 4};
  std::uint16_t& table_bytes = vtable[1];
  const auto add_field = [&](int field, bool present) {
    if (!present) return;
    vtable[2 + field] = table_bytes;
    table_bytes = static_cast<std::uint16_t>(table_bytes + 4);
  };
  for (int field = 0; field < kData; ++field) add_field(field, !texts[field].empty());
  add_field(kData, event.data_kind != DataKind::kAbsent);
  add_field(kExtensions, extensions != 0);

  const std::uint32_t vtable_at = out.Skip(kEventVtableBytes);
  std::memcpy(out.data() + vtable_at, vtable, kEventVtableBytes);
  out.Point(slot);
  const std::uint32_t table = out.Skip(table_bytes);
  const std::uint32_t to_vtable = table - vtable_at;
  std::memcpy(out.data() + table, &to_vtable, 4);
  for (int field = 0; field < kData; ++field) {
    if (!texts[field].empty()) out.Text(table + vtable[2 + field], texts[field]);
  }
  if (extensions != 0) {
    // The vector follows its tables' vtable.
    out.PointTo(table + vtable[2 + kExtensions], out.at() + kPairVtableBytes);
    PutExtensions(out, input, extensions);
  }
  if (event.data_kind != DataKind::kAbsent) {
    out.Bytes(table + vtable[2 + kData], {event.data, event.data_size});
  }
}

Result<EncodedBytes> Finish(EncodedBytes bytes, const WireWriter& writer) {
  if (writer.at() > kMaxEventBytes) return EventTooLarge(writer.at());
  bytes.SetSize(writer.at());
  return bytes;
}

}  // namespace

Status NoMemory() {
  return {StatusCode::kResourceExhausted, "event", "no memory for an encoded event"};
}

Result<EncodedBytes> EncodeWireOf(const EncodeInput& input) {
  EncodedBytes bytes = EncodedBytes::WithCapacity(EventBound(input));
  if (bytes.data() == nullptr) return NoMemory();
  WireWriter out(bytes.data());
  PutEvent(out, input, out.Skip(4));
  return Finish(std::move(bytes), out);
}

}  // namespace detail

Result<EncodedBytes> EncodeCloudEvent(const CloudEvent& event) {
  return detail::EncodeWireOf({detail::BlockAccess::Block(event)});
}

Result<EncodedBytes> EncodeWorkerResponse(const CloudEvent* event,
                                          std::optional<std::string_view> error) {
  if (error && error->size() > kMaxEventBytes) return detail::EventTooLarge(error->size());
  std::size_t bound = 64 + (error ? error->size() : 0);
  if (event != nullptr) bound += detail::EventBound({detail::BlockAccess::Block(*event)});
  EncodedBytes bytes = EncodedBytes::WithCapacity(bound);
  if (bytes.data() == nullptr) return detail::NoMemory();

  detail::WireWriter out(bytes.data());
  const std::uint32_t root = out.Skip(4);
  // A field that is not there has offset 0 in the vtable and leaves its place in the table unused.
  const std::uint32_t vtable = out.at();
  out.Put16(detail::kPairVtableBytes);
  out.Put16(detail::kPairTableBytes);
  out.Put16(event != nullptr ? 4 : 0);
  out.Put16(error ? 8 : 0);
  out.Point(root);
  const std::uint32_t table = out.Skip(detail::kPairTableBytes);
  const std::uint32_t fields[] = {table - vtable, 0, 0};
  std::memcpy(out.data() + table, fields, sizeof(fields));
  if (error) out.Text(table + 8, *error);
  if (event != nullptr) {
    detail::PutEvent(out, {detail::BlockAccess::Block(*event)}, table + 4);
  }
  return detail::Finish(std::move(bytes), out);
}

}  // namespace virtufin::inline v0
