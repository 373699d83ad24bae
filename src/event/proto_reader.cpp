// Reads events from io.cloudevents.v1.CloudEvent: one pass that checks every byte, then one block.
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "event/batch.hpp"
#include "event/envelope.hpp"
#include "event/proto_fields.hpp"
#include "event/proto_scan.hpp"
#include "virtufin/event/protobuf.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

Status NotProto(const ProtoScan& scan, const char* name) {
  return EventError(std::string(name) + " is not Protobuf: " + scan.fault() + " at byte " +
                    std::to_string(scan.offset()));
}

// The extensions of an event; few of them cost no allocation.
class Entries {
 public:
  std::size_t size() const noexcept { return size_; }
  Entry& Add() {
    if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
    if (size_++ < few_.size()) return few_[size_ - 1];
    return many_.emplace_back();
  }
  std::span<const Entry> all() const noexcept {
    return many_.empty() ? std::span(few_).first(size_) : std::span(many_);
  }

 private:
  std::array<Entry, 16> few_;
  std::vector<Entry> many_;
  std::size_t size_ = 0;
};

class Reading {
 public:
  Reading(const ProtoScan& scan, NameRule rule, Validate validate) noexcept
      : scan_(scan), validate_(validate), envelope_(rule) {}

  Result<CloudEvent> Run() {
    if (Status status = ReadEvent(); !status.ok()) return status;
    if (Status status = Finish(); !status.ok()) return status;
    return Assemble(envelope_.draft);
  }

 private:
  Status ReadEvent();
  Status ReadCore(std::uint32_t field);
  Status ReadAttribute();
  Status ReadValue(ProtoScan scan, Entry& value);
  Status ReadTyped(ProtoScan& scan, std::uint32_t field, ProtoType type, Entry& value, bool& known);
  Status ReadTime(ProtoScan& scan, Entry& value);
  Status SetAttribute(std::string_view name, Entry& value);
  Status ReadData(std::uint32_t field);
  Status ReadAny(ProtoScan scan);
  Status Finish();

  ProtoScan scan_;
  Validate validate_;
  Envelope envelope_;
  Entries entries_;
  std::uint32_t data_field_ = 0;
};

Status Reading::ReadEvent() {
  while (!scan_.AtEnd()) {
    std::uint32_t field = 0;
    ProtoType type{};
    if (!scan_.ReadTag(field, type)) return NotProto(scan_, "the event");
    Status status;
    if (type != ProtoType::kBytes || field > proto::kProtoData) {
      if (!scan_.Skip(field, type)) return NotProto(scan_, "the event");
    } else if (field == proto::kAttributes) {
      status = ReadAttribute();
    } else if (field >= proto::kBinaryData) {
      status = ReadData(field);
    } else {
      status = ReadCore(field);
    }
    if (!status.ok()) return status;
  }
  return {};
}

Status Reading::ReadCore(std::uint32_t field) {
  constexpr std::string_view kNames[] = {"id", "source", "specversion", "type"};
  const std::string_view name = kNames[field - proto::kId];
  ByteView bytes;
  if (!scan_.ReadBytes(bytes)) return NotProto(scan_, "the event");
  const Member member = MemberOf(name);
  if (Status status = envelope_.Note(member, name); !status.ok()) return status;
  return envelope_.SetText(member, name, AsText(bytes));
}

Status Reading::ReadAttribute() {
  ProtoScan entry{ByteView{}};
  if (!scan_.ReadMessage(entry)) return NotProto(scan_, "the event");
  ByteView name;
  ProtoScan value{ByteView{}};
  int names = 0, values = 0;
  while (!entry.AtEnd()) {
    std::uint32_t field = 0;
    ProtoType type{};
    bool read = entry.ReadTag(field, type);
    if (read && type == ProtoType::kBytes && field == proto::kMapKey) {
      ++names;
      read = entry.ReadBytes(name);
    } else if (read && type == ProtoType::kBytes && field == proto::kMapValue) {
      ++values;
      read = entry.ReadMessage(value);
    } else if (read) {
      read = entry.Skip(field, type);
    }
    if (!read) return NotProto(entry, "an attribute");
  }
  if (names > 1 || values > 1) {
    return EventError("attribute " + ShownText(AsText(name)) +
                      ": expected one name and one value, found more");
  }
  Entry read;
  if (name.size() > kMaxNameBytes) return EventError("an extension name is longer than 1024 bytes");
  SetEntryName(read, AsText(name));
  if (Status status = ReadValue(value, read); !status.ok()) return status;
  return SetAttribute(AsText(name), read);
}

Status Reading::ReadValue(ProtoScan scan, Entry& value) {
  const std::string_view name = value.name_text();
  bool found = false;
  while (!scan.AtEnd()) {
    std::uint32_t field = 0;
    ProtoType type{};
    if (!scan.ReadTag(field, type)) return NotProto(scan, "an attribute's value");
    bool known = false;
    if (Status status = ReadTyped(scan, field, type, value, known); !status.ok()) return status;
    if (known && found) return Expected(ShownText(name), "one value", "more");
    found |= known;
    if (!known && !scan.Skip(field, type)) return NotProto(scan, "an attribute's value");
  }
  return found ? Status{} : Expected(ShownText(name), "a value of a known type", "none");
}

Status Reading::ReadTyped(ProtoScan& scan, std::uint32_t field, ProtoType type, Entry& value,
                          bool& known) {
  constexpr ValueKind kKinds[] = {ValueKind::kUnset,        ValueKind::kBool,  ValueKind::kInt,
                                  ValueKind::kString,       ValueKind::kBytes, ValueKind::kUri,
                                  ValueKind::kUriReference, ValueKind::kTime};
  known = field <= proto::kTimestamp &&
          type == (field <= proto::kInteger ? ProtoType::kVarint : ProtoType::kBytes);
  if (!known) return {};
  if (field == proto::kTimestamp) return ReadTime(scan, value);
  value.kind = kKinds[field];
  if (type == ProtoType::kBytes) {
    ByteView bytes;
    if (!scan.ReadBytes(bytes)) return NotProto(scan, "an attribute's value");
    SetEntryText(value, value.kind, AsText(bytes));
    return {};
  }
  std::uint64_t number = 0;
  if (!scan.ReadVarint(number)) return NotProto(scan, "an attribute's value");
  if (field == proto::kBoolean) {
    value.value.boolean = number != 0;
    return {};
  }
  value.value.integer = static_cast<std::int32_t>(static_cast<std::uint32_t>(number));
  const auto extended = static_cast<std::uint64_t>(std::int64_t{value.value.integer});
  if (number == extended || number <= std::numeric_limits<std::uint32_t>::max()) return {};
  return Expected(ShownText(value.name_text()), "a 32-bit integer",
                  std::to_string(static_cast<std::int64_t>(number)));
}

Status Reading::ReadTime(ProtoScan& outer, Entry& value) {
  ProtoScan scan{ByteView{}};
  if (!outer.ReadMessage(scan)) return NotProto(outer, "an attribute's value");
  std::uint64_t seconds = 0, nanos = 0;
  while (!scan.AtEnd()) {
    std::uint32_t field = 0;
    ProtoType type{};
    bool read = scan.ReadTag(field, type);
    if (read && type == ProtoType::kVarint && field <= proto::kNanos) {
      read = scan.ReadVarint(field == proto::kSeconds ? seconds : nanos);
    } else if (read) {
      read = scan.Skip(field, type);
    }
    if (!read) return NotProto(scan, "a time");
  }
  const auto fraction = static_cast<std::int64_t>(nanos);
  if (fraction < 0 || fraction > 999'999'999) {
    return Expected(ShownText(value.name_text()), "nanoseconds from 0 to 999999999",
                    std::to_string(fraction));
  }
  const Result<Timestamp> time =
      Timestamp::FromUnix(static_cast<std::int64_t>(seconds), static_cast<std::int32_t>(fraction));
  if (!time.ok()) {
    return EventError(ShownText(value.name_text()) + ": " + std::string(time.status().message()));
  }
  value.kind = ValueKind::kTime;
  std::construct_at(&value.value.time, *time);
  return {};
}

// An attribute of the map, whose value is read. Names of extensions are checked with the others.
Status Reading::SetAttribute(std::string_view name, Entry& value) {
  const Member member = MemberOf(name);
  const bool has_field = member != kMemberTime && member != MemberOf(kSubject) &&
                         member != MemberOf(kDataSchema) && member != MemberOf(kDataContentType);
  if (member == kMemberExtension || has_field) {
    if (entries_.size() == kMaxExtensions) return TooManyExtensions(kMaxExtensions + 1);
    entries_.Add() = value;
    return {};
  }
  if (Status status = envelope_.Note(member, name); !status.ok()) return status;
  if (member == kMemberTime && value.kind == ValueKind::kTime) {
    envelope_.draft.SetTime(value.value.time);
    return {};
  }
  if (!IsStoredText(value.kind) || value.kind == ValueKind::kBytes) {
    return Expected(name, member == kMemberTime ? "a timestamp" : "a text", "another type");
  }
  return envelope_.SetText(member, name, value.stored_text());
}

Status Reading::ReadData(std::uint32_t field) {
  if (data_field_ != 0) {
    return EventError("expected one of binary_data, text_data and proto_data, found more");
  }
  data_field_ = field;
  if (field == proto::kProtoData) {
    ProtoScan any{ByteView{}};
    return scan_.ReadMessage(any) ? ReadAny(any) : NotProto(scan_, "the event");
  }
  return scan_.ReadBytes(envelope_.draft.data) ? Status{} : NotProto(scan_, "the event");
}

Status Reading::ReadAny(ProtoScan scan) {
  ByteView url, value;
  while (!scan.AtEnd()) {
    std::uint32_t field = 0;
    ProtoType type{};
    bool read = scan.ReadTag(field, type);
    if (read && type == ProtoType::kBytes && field <= proto::kAnyValue) {
      read = scan.ReadBytes(field == proto::kTypeUrl ? url : value);
    } else if (read) {
      read = scan.Skip(field, type);
    }
    if (!read) return NotProto(scan, "proto_data");
  }
  if (entries_.size() == kMaxExtensions) return TooManyExtensions(kMaxExtensions + 1);
  Entry& entry = entries_.Add();
  SetEntryName(entry, kDataTypeUrl);
  SetEntryText(entry, ValueKind::kString, AsText(url));
  envelope_.draft.data = value;
  return {};
}

// What depends on more than one field.
Status Reading::Finish() {
  if (Status status = envelope_.CheckVersion(); !status.ok()) return status;
  Draft& draft = envelope_.draft;
  draft.entries = entries_.all();
  if (Status status = CheckAttributes(draft, envelope_.rule()); !status.ok()) return status;
  const std::string_view media_type = draft.head.attributes[kDataContentType];
  const std::string_view data = AsText(draft.data);
  if (data_field_ == proto::kTextData) {
    const bool json =
        media_type.empty() ? CheckJson(data).what == nullptr : IsJsonMediaType(media_type);
    draft.head.data_kind = json ? DataKind::kJson : DataKind::kText;
    // Without a media type it has just been walked.
    return CheckData(draft, media_type.empty() ? Validate::kTrusted : validate_);
  }
  if (data_field_ == 0) return {};
  draft.head.data_kind = DataKind::kBinary;
  if (data_field_ == proto::kProtoData || media_type.empty()) return {};
  const DataKind kind = KindOf(media_type, data);
  if (kind == DataKind::kJson && CheckJson(data).what != nullptr) return {};
  draft.head.data_kind = kind;
  if (kind == DataKind::kJson) draft.json_state = kJsonValid;
  return {};
}

}  // namespace
}  // namespace detail

Result<CloudEvent> DecodeProtobuf(ByteView bytes, NameRule rule, Validate validate) {
  if (bytes.size() > kMaxEventBytes) return detail::EventTooLarge(bytes.size());
  return detail::Reading(detail::ProtoScan(bytes), rule, validate).Run();
}

Result<std::vector<CloudEvent>> DecodeProtobufBatch(ByteView bytes, NameRule rule,
                                                    Validate validate) {
  if (bytes.size() > kMaxEventBytes) return detail::EventTooLarge(bytes.size());
  detail::ProtoScan scan(bytes);
  std::vector<CloudEvent> events;
  while (!scan.AtEnd()) {
    std::uint32_t field = 0;
    detail::ProtoType type{};
    if (!scan.ReadTag(field, type)) return detail::NotProto(scan, "the batch");
    if (field != detail::proto::kEvents || type != detail::ProtoType::kBytes) {
      if (!scan.Skip(field, type)) return detail::NotProto(scan, "the batch");
      continue;
    }
    if (events.size() == kMaxBatchEvents) return detail::TooManyEvents();
    detail::ProtoScan event_scan{ByteView{}};
    if (!scan.ReadMessage(event_scan)) return detail::NotProto(scan, "the batch");
    Result<CloudEvent> event = detail::Reading(event_scan, rule, validate).Run();
    if (!event.ok()) return detail::InBatch(events.size(), event.status());
    events.push_back(*std::move(event));
  }
  return events;
}

}  // namespace virtufin::inline v0
