// Writes events in the CloudEvents JSON format, into memory that is large enough from the start.
#include "virtufin/core/base64.hpp"
#include "virtufin/event/json.hpp"

#include <cstring>

#include "event/assemble.hpp"
#include "event/batch.hpp"
#include "event/encode.hpp"
#include "event/plain_scan.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// The letter of a two-character escape, or 0.
constexpr char ShortEscape(char c) noexcept {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\n':
      return 'n';
    case '\t':
      return 't';
    case '\r':
      return 'r';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    default:
      return 0;
  }
}

// Bytes of valid UTF-8 as the inside of a JSON string.
std::size_t EscapedSize(std::string_view text) noexcept {
  std::size_t size = text.size();
  for (const char c : text) {
    if (ShortEscape(c) != 0) {
      size += 1;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      size += 5;
    }
  }
  return size;
}

class JsonWriter {
 public:
  JsonWriter(std::uint8_t* out, bool plain) noexcept
      : start_(reinterpret_cast<char*>(out)), at_(start_), plain_(plain) {}

  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - start_); }

  void Raw(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  /// Whether names and texts need no escapes.
  void SetPlain(bool plain) noexcept { plain_ = plain; }

  // ,"name":
  void Name(std::string_view name) noexcept {
    Raw(",\"");
    Text(name);
    Raw("\":");
  }

  void Member(std::string_view name, std::string_view text) noexcept {
    Name(name);
    Quoted(text);
  }

  void Quoted(std::string_view text) noexcept {
    *at_++ = '"';
    Text(text);
    *at_++ = '"';
  }

  void Escaped(std::string_view text) noexcept {
    const char* from = text.data();
    const char* const end = from + text.size();
    while (true) {
      const char* const special = SkipPlain(from, end);
      Raw({from, static_cast<std::size_t>(special - from)});
      from = special;
      if (from == end) return;
      const char c = *from++;
      if (const char letter = ShortEscape(c)) {
        *at_++ = '\\';
        *at_++ = letter;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        Raw("\\u00");
        *at_++ = kHex[c >> 4];
        *at_++ = kHex[c & 15];
      } else {
        *at_++ = c;
        while (from < end && static_cast<unsigned char>(*from) >= 0x80) *at_++ = *from++;
      }
    }
  }

  void Base64(ByteView bytes) noexcept {
    *at_++ = '"';
    at_ = WriteBase64(bytes, at_);
    *at_++ = '"';
  }

 private:
  void Text(std::string_view text) noexcept { plain_ ? Raw(text) : Escaped(text); }

  char* start_;
  char* at_;
  bool plain_;
};

enum class DataForm { kAbsent, kJson, kText, kBase64 };

DataForm FormOf(const EventBlock& event) noexcept {
  switch (event.data_kind) {
    case DataKind::kAbsent:
      return DataForm::kAbsent;
    case DataKind::kText:
      return DataForm::kText;
    case DataKind::kJson:
      return DataIsJson(event) ? DataForm::kJson : DataForm::kBase64;
    default:
      return DataForm::kBase64;
  }
}

// At least as many bytes as will be written.
std::size_t Bound(const EncodeInput& input, DataForm form) noexcept {
  constexpr std::size_t kMemberExtra = 6;  // ,"":""
  constexpr std::size_t kNames = 200;      // the names of the specification, braces, specversion
  const EventBlock& event = input.event;
  const auto size_of = [&event](std::string_view text) {
    return event.plain ? text.size() : EscapedSize(text);
  };
  std::size_t bound = kNames + sizeof(Room);  // time
  for (const std::string_view text : event.attributes) bound += size_of(text);
  bound += event.has_id_uuid ? sizeof(Room) : size_of({event.id.text.data, event.id.text.size});
  ForEachExtension(input, [&](const Entry& entry) {
    const bool stamped = !event.plain || !input.stamped.empty();
    bound += kMemberExtra + (stamped ? EscapedSize(entry.name_text()) : entry.name_size);
    if (entry.kind == ValueKind::kBytes) {
      bound += Base64Size(entry.value.text.size);
    } else if (IsStoredText(entry.kind)) {
      bound += stamped ? EscapedSize(entry.stored_text()) : entry.value.text.size;
    } else {
      bound += sizeof(Room);
    }
  });
  const std::string_view data(reinterpret_cast<const char*>(event.data), event.data_size);
  switch (form) {
    case DataForm::kText:
      return bound + EscapedSize(data);
    case DataForm::kBase64:
      return bound + Base64Size(data.size());
    default:
      return bound + data.size();
  }
}

void PutExtensions(JsonWriter& out, const EncodeInput& input) noexcept {
  ForEachExtension(input, [&](const Entry& entry) {
    out.Name(entry.name_text());
    switch (entry.kind) {
      case ValueKind::kBool:
      case ValueKind::kInt:
        return out.Raw(ScalarText(entry).text());
      case ValueKind::kBytes:
        return out.Base64(AsBytes(entry.stored_text()));
      default:
        return out.Quoted(input.event.entry_text(entry));
    }
  });
}

void PutData(JsonWriter& out, const EventBlock& event, DataForm form) noexcept {
  const std::string_view data(reinterpret_cast<const char*>(event.data), event.data_size);
  switch (form) {
    case DataForm::kAbsent:
      return;
    case DataForm::kJson:
      out.Raw(",\"data\":");
      return out.Raw(data);
    case DataForm::kText:
      out.Raw(",\"data\":\"");
      out.Escaped(data);
      return out.Raw("\"");
    case DataForm::kBase64:
      out.Raw(",\"data_base64\":");
      return out.Base64(AsBytes(data));
  }
}

}  // namespace

namespace {

void PutEvent(JsonWriter& out, const EncodeInput& input, DataForm form) noexcept {
  const EventBlock& event = input.event;
  out.Raw(R"({"specversion":"1.0")");
  out.Member("id", event.id_text());
  out.Member("source", event.attributes[kSource]);
  out.Member("type", event.attributes[kType]);
  for (const Attribute attribute : {kSubject, kDataContentType, kDataSchema}) {
    const std::string_view text = event.attributes[attribute];
    if (!text.empty()) out.Member(AttributeName(attribute), text);
  }
  if (event.has_time) out.Member("time", event.time_text());
  PutExtensions(out, input);
  PutData(out, event, form);
  out.Raw("}");
}

}  // namespace

Result<EncodedBytes> EncodeJsonOf(const EncodeInput& input) {
  const DataForm form = FormOf(input.event);
  EncodedBytes bytes = EncodedBytes::WithCapacity(Bound(input, form));
  if (bytes.data() == nullptr) return NoMemory();
  // What is stamped on is not known to be plain.
  JsonWriter out(bytes.data(), input.event.plain && input.stamped.empty());
  PutEvent(out, input, form);
  if (out.size() > kMaxEventBytes) return EventTooLarge(out.size());
  bytes.SetSize(out.size());
  return bytes;
}

}  // namespace detail

Result<EncodedBytes> EncodeJson(const CloudEvent& event) {
  return detail::EncodeJsonOf({detail::BlockAccess::Block(event)});
}

Result<EncodedBytes> EncodeJsonBatch(std::span<const CloudEvent> events) {
  if (events.size() > kMaxBatchEvents) return detail::TooManyEvents();
  std::size_t bound = 2;
  for (const CloudEvent& event : events) {
    const detail::EventBlock& block = detail::BlockAccess::Block(event);
    bound += detail::Bound({block}, detail::FormOf(block)) + 1;
  }
  EncodedBytes bytes = EncodedBytes::WithCapacity(bound);
  if (bytes.data() == nullptr) return detail::NoMemory();
  detail::JsonWriter out(bytes.data(), true);
  out.Raw("[");
  for (const CloudEvent& event : events) {
    const detail::EventBlock& block = detail::BlockAccess::Block(event);
    if (&event != events.data()) out.Raw(",");
    out.SetPlain(block.plain);
    detail::PutEvent(out, {block}, detail::FormOf(block));
    if (out.size() > kMaxEventBytes) return detail::EventTooLarge(out.size());
  }
  out.Raw("]");
  if (out.size() > kMaxEventBytes) return detail::EventTooLarge(out.size());
  bytes.SetSize(out.size());
  return bytes;
}

}  // namespace virtufin::inline v0
