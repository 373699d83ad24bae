// Writes events as io.cloudevents.v1.CloudEvent, front to back: sizes first, then the bytes.
#include <bit>
#include <cstring>
#include <string>

#include "event/assemble.hpp"
#include "event/batch.hpp"
#include "event/encode.hpp"
#include "event/proto_fields.hpp"
#include "virtufin/event/protobuf.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

constexpr std::size_t VarintSize(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}
// Of a field whose number is below 16: tag, length, bytes.
constexpr std::size_t FieldSize(std::size_t bytes) noexcept {
  return 1 + VarintSize(bytes) + bytes;
}

class ProtoWriter {
 public:
  explicit ProtoWriter(std::uint8_t* out) noexcept : at_(out) {}

  void Varint(std::uint64_t value) noexcept {
    while (value >= 0x80) {
      *at_++ = static_cast<std::uint8_t>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<std::uint8_t>(value);
  }
  void Number(std::uint32_t field, std::uint64_t value) noexcept {
    *at_++ = static_cast<std::uint8_t>(field << 3);
    Varint(value);
  }
  // Tag and length of what follows.
  void Begin(std::uint32_t field, std::size_t size) noexcept {
    *at_++ = static_cast<std::uint8_t>(field << 3 | 2);
    Varint(size);
  }
  void Text(std::uint32_t field, std::string_view text) noexcept {
    Begin(field, text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

 private:
  std::uint8_t* at_;
};

// One value of the map, before it is written.
struct Value {
  std::uint32_t field = proto::kString;
  std::string_view text = {};  // of strings, URIs and bytes
  std::uint64_t number = 0;    // of booleans and integers; the seconds of a time
  std::uint64_t nanos = 0;

  std::size_t time_size() const noexcept {
    return (number == 0 ? 0 : 1 + VarintSize(number)) + (nanos == 0 ? 0 : 1 + VarintSize(nanos));
  }
  std::size_t size() const noexcept {
    if (field == proto::kTimestamp) return FieldSize(time_size());
    if (field <= proto::kInteger) return 1 + VarintSize(number);
    return FieldSize(text.size());
  }
};

Value TimeValue(const Timestamp& time) noexcept {
  return {.field = proto::kTimestamp,
          .number = static_cast<std::uint64_t>(time.unix_seconds()),
          .nanos = static_cast<std::uint64_t>(time.nanoseconds())};
}

Value ValueOfEntry(const EventBlock& event, const Entry& entry) noexcept {
  switch (entry.kind) {
    case ValueKind::kBool:
      return {.field = proto::kBoolean, .number = entry.value.boolean};
    case ValueKind::kInt:  // negative ones as 64 bits, as Protobuf has it
      return {.field = proto::kInteger,
              .number = static_cast<std::uint64_t>(std::int64_t{entry.value.integer})};
    case ValueKind::kBytes:
      return {.field = proto::kBytes, .text = entry.stored_text()};
    case ValueKind::kUri:
      return {.field = proto::kUri, .text = entry.stored_text()};
    case ValueKind::kUriReference:
      return {.field = proto::kUriRef, .text = entry.stored_text()};
    case ValueKind::kTime:
      return TimeValue(entry.value.time);
    default:
      return {.text = event.entry_text(entry)};
  }
}

// The field that takes the data, 0 when there is none.
std::uint32_t DataField(const EventBlock& event) noexcept {
  switch (event.data_kind) {
    case DataKind::kAbsent:
      return 0;
    case DataKind::kJson:  // a worker may have called it JSON without need
      return DataIsJson(event) ? proto::kTextData : proto::kBinaryData;
    case DataKind::kText:
      return proto::kTextData;
    default: {
      const Entry* url = event.Find(kDataTypeUrl);
      return url != nullptr && url->kind == ValueKind::kString ? proto::kProtoData
                                                               : proto::kBinaryData;
    }
  }
}

std::size_t MapEntrySize(std::string_view name, const Value& value) noexcept {
  return FieldSize(name.size()) + FieldSize(value.size());
}

// Calls f(name, value) for each entry of the map.
template <class F>
void ForEachAttribute(const EventBlock& event, std::uint32_t data_field, F f) {
  if (event.has_time) f("time", TimeValue(event.time));
  for (const Attribute attribute : {kSubject, kDataContentType}) {
    const std::string_view text = event.attributes[attribute];
    if (!text.empty()) f(AttributeName(attribute), Value{.text = text});
  }
  // Only JSON's own format may leave this to be guessed.
  if (event.attributes[kDataContentType].empty() && event.data_kind == DataKind::kJson) {
    f(AttributeName(kDataContentType), Value{.text = "application/json"});
  }
  if (const std::string_view text = event.attributes[kDataSchema]; !text.empty()) {
    f(AttributeName(kDataSchema), Value{.field = proto::kUri, .text = text});
  }
  ForEachExtension({event}, [&](const Entry& entry) {
    if (data_field == proto::kProtoData && entry.name_text() == kDataTypeUrl) return;
    f(entry.name_text(), ValueOfEntry(event, entry));
  });
}

std::size_t AnySize(const EventBlock& event) noexcept {
  return FieldSize(event.Find(kDataTypeUrl)->value.text.size) + FieldSize(event.data_size);
}

std::size_t EventSize(const EventBlock& event) noexcept {
  const std::uint32_t data_field = DataField(event);
  std::size_t size = FieldSize(event.id_text().size()) + FieldSize(std::string_view("1.0").size()) +
                     FieldSize(event.attributes[kSource].size()) +
                     FieldSize(event.attributes[kType].size());
  ForEachAttribute(event, data_field, [&size](std::string_view name, const Value& value) {
    size += FieldSize(MapEntrySize(name, value));
  });
  if (data_field == proto::kProtoData) return size + FieldSize(AnySize(event));
  return data_field == 0 ? size : size + FieldSize(event.data_size);
}

void PutValue(ProtoWriter& out, const Value& value) noexcept {
  if (value.field == proto::kTimestamp) {
    out.Begin(value.field, value.time_size());
    if (value.number != 0) out.Number(proto::kSeconds, value.number);
    if (value.nanos != 0) out.Number(proto::kNanos, value.nanos);
  } else if (value.field <= proto::kInteger) {
    out.Number(value.field, value.number);
  } else {
    out.Text(value.field, value.text);
  }
}

void PutEvent(ProtoWriter& out, const EventBlock& event) noexcept {
  const std::uint32_t data_field = DataField(event);
  out.Text(proto::kId, event.id_text());
  out.Text(proto::kSource, event.attributes[kSource]);
  out.Text(proto::kSpecVersion, "1.0");
  out.Text(proto::kType, event.attributes[kType]);
  ForEachAttribute(event, data_field, [&out](std::string_view name, const Value& value) {
    out.Begin(proto::kAttributes, MapEntrySize(name, value));
    out.Text(proto::kMapKey, name);
    out.Begin(proto::kMapValue, value.size());
    PutValue(out, value);
  });
  const std::string_view data = AsText({event.data, event.data_size});
  if (data_field == proto::kProtoData) {
    out.Begin(proto::kProtoData, AnySize(event));
    out.Text(proto::kTypeUrl, event.Find(kDataTypeUrl)->stored_text());
    out.Text(proto::kAnyValue, data);
  } else if (data_field != 0) {
    out.Text(data_field, data);
  }
}

}  // namespace
}  // namespace detail

Result<EncodedBytes> EncodeProtobuf(const CloudEvent& event) {
  const detail::EventBlock& block = detail::BlockAccess::Block(event);
  const std::size_t size = detail::EventSize(block);
  if (size > kMaxEventBytes) return detail::EventTooLarge(size);
  EncodedBytes bytes = EncodedBytes::WithCapacity(size);
  if (bytes.data() == nullptr) return detail::NoMemory();
  detail::ProtoWriter out(bytes.data());
  detail::PutEvent(out, block);
  bytes.SetSize(size);
  return bytes;
}

Result<EncodedBytes> EncodeProtobufBatch(std::span<const CloudEvent> events) {
  if (events.size() > kMaxBatchEvents) return detail::TooManyEvents();
  std::size_t size = 0;
  for (const CloudEvent& event : events) {
    size += detail::FieldSize(detail::EventSize(detail::BlockAccess::Block(event)));
  }
  if (size > kMaxEventBytes) return detail::EventTooLarge(size);
  EncodedBytes bytes = EncodedBytes::WithCapacity(size);
  if (bytes.data() == nullptr) return detail::NoMemory();
  detail::ProtoWriter out(bytes.data());
  for (const CloudEvent& event : events) {
    const detail::EventBlock& block = detail::BlockAccess::Block(event);
    out.Begin(detail::proto::kEvents, detail::EventSize(block));
    detail::PutEvent(out, block);
  }
  bytes.SetSize(size);
  return bytes;
}

}  // namespace virtufin::inline v0
