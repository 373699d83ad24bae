// Writes events as header fields and bodies.
#include <cstring>
#include <utility>

#include "event/assemble.hpp"
#include "event/encode.hpp"
#include "virtufin/core/base64.hpp"
#include "virtufin/event/http.hpp"
#include "virtufin/event/protobuf.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

// Characters that a header field carries as they are; all others become %XX.
constexpr bool IsFieldByte(char c) noexcept {
  return c >= 0x21 && c <= 0x7E && c != '"' && c != '%';
}

// A name that survives the ways of header fields: a token in lower case.
bool IsFieldName(std::string_view name) noexcept {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (const char c : name) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && kMarks.find(c) == kMarks.npos) return false;
  }
  return true;
}

// Content-Type is not percent-encoded, so that it must be what a field can carry.
bool IsFieldText(std::string_view text) noexcept {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return !text.empty() && text.front() != ' ' && text.back() != ' ';
}

constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kPrefix = "ce-";

}  // namespace

/// Builds the content: room for all texts first, then field after field.
class HttpWriter {
 public:
  static Result<HttpContent> Binary(const CloudEvent& event) {
    const EventBlock& block = BlockAccess::Block(event);
    if (Status status = CheckNames(block); !status.ok()) return status;
    HttpWriter writer;
    const std::size_t bound = Bound(block);
    if (bound > 3 * kMaxEventBytes) return EventTooLarge(bound / 3);
    if (Status status = writer.Reserve(bound, 8 + block.extension_count()); !status.ok()) {
      return status;
    }
    writer.PutEvent(block);
    writer.content_.text_.SetSize(static_cast<std::size_t>(writer.at_ - writer.start()));
    const std::size_t size = writer.content_.text_.size() + block.data_size;
    if (size > kMaxEventBytes) return EventTooLarge(size);
    writer.content_.event_ = event;
    return std::move(writer.content_);
  }

  static Result<HttpContent> Whole(Result<EncodedBytes> body, std::string_view media_type) {
    if (!body.ok()) return body.status();
    HttpWriter writer;
    writer.content_.bytes_ = *std::move(body);
    writer.content_.fields_.push_back({kContentType, media_type});
    return std::move(writer.content_);
  }

 private:
  static Status OnlyStructured(std::string expected, std::string_view found) {
    expected.append(", found ").append(found);
    return EventError(std::move(expected.append("; structured mode carries such an event")));
  }

  // Whether a reader takes the body for what it is. Without a media type the bytes tell.
  static Status CheckBody(const EventBlock& event, std::string_view media_type) {
    if (event.data_size == 0 || media_type.empty()) return {};
    const bool json_type = media_type == "application/json" || IsJsonMediaType(media_type);
    if (json_type && !HoldsJson(event)) {
      return OnlyStructured(
          "data: expected JSON, as datacontenttype " + ShownText(media_type) + " says", "none");
    }
    if (!json_type && event.data_kind == DataKind::kBinary) return {};
    const std::string_view charset = ParameterOf(media_type, "charset");
    if (IsUtf8Charset(charset)) return {};
    return OnlyStructured("datacontenttype: expected charset utf-8 for text and JSON",
                          ShownText(charset));
  }
  static bool HoldsJson(const EventBlock& event) noexcept {
    if (event.data_kind == DataKind::kJson) return DataIsJson(event);
    const auto* const data = reinterpret_cast<const char*>(event.data);
    return CheckJson({data, event.data_size}).what == nullptr;
  }

  static Status CheckNames(const EventBlock& event) {
    const std::string_view media_type = event.attributes[kDataContentType];
    if (!media_type.empty() && !IsFieldText(media_type)) {
      return EventError("datacontenttype: expected printable ASCII, found " +
                        ShownText(media_type));
    }
    if (std::string_view form; CutEventMediaType(media_type, form)) {
      return OnlyStructured("datacontenttype: expected a type that does not say structured mode",
                            ShownText(media_type));
    }
    if (Status status = CheckBody(event, media_type); !status.ok()) return status;
    Status status;
    ForEachExtension({event}, [&status](const Entry& entry) {
      if (status.ok() && !IsFieldName(entry.name_text())) {
        status = NameError(entry.name_text(), "cannot be the name of a header field");
      }
    });
    return status;
  }

  // At least as many bytes as will be written; every byte of a text may become three.
  static std::size_t Bound(const EventBlock& event) noexcept {
    constexpr std::size_t kNames = 128;  // the specification's
    std::size_t bound = kNames + 3 * sizeof(Room);
    for (const std::string_view text : event.attributes) bound += 3 * text.size();
    bound += event.has_id_uuid ? sizeof(Room) : 3 * event.id.text.size;
    ForEachExtension({event}, [&bound](const Entry& entry) {
      bound += kPrefix.size() + entry.name_size;
      if (entry.kind == ValueKind::kBytes) {
        bound += Base64Size(entry.value.text.size);
      } else {
        bound += IsStoredText(entry.kind) ? 3 * entry.value.text.size : sizeof(Room);
      }
    });
    return bound;
  }

  Status Reserve(std::size_t bytes, std::size_t fields) {
    content_.text_ = EncodedBytes::WithCapacity(bytes);
    if (content_.text_.data() == nullptr) return NoMemory();
    content_.fields_.reserve(fields);
    at_ = start();
    return {};
  }

  char* start() noexcept { return reinterpret_cast<char*>(content_.text_.data()); }
  void Raw(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void Escaped(std::string_view text) noexcept {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (const char c : text) {
      if (IsFieldByte(c)) {
        *at_++ = c;
        continue;
      }
      *at_++ = '%';
      *at_++ = kHex[static_cast<unsigned char>(c) >> 4];
      *at_++ = kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  // A field whose value `put` writes.
  template <class Put>
  void Field(std::string_view name, Put put) {
    const char* const name_at = at_;
    Raw(kPrefix);
    Raw(name);
    const char* const value_at = at_;
    put();
    content_.fields_.push_back({{name_at, static_cast<std::size_t>(value_at - name_at)},
                                {value_at, static_cast<std::size_t>(at_ - value_at)}});
  }
  void TextField(std::string_view name, std::string_view text) {
    if (!text.empty()) Field(name, [&] { Escaped(text); });
  }

  void PutEvent(const EventBlock& event) {
    std::string_view media_type = event.attributes[kDataContentType];
    if (!media_type.empty()) {
      const char* const value_at = at_;
      Raw(media_type);
      media_type = {value_at, media_type.size()};
    } else if (DataIsJson(event)) {
      media_type = "application/json";  // only JSON's own format may leave this to be guessed
    }
    if (!media_type.empty()) content_.fields_.push_back({kContentType, media_type});
    TextField("specversion", "1.0");
    TextField("id", event.id_text());
    for (const Attribute attribute : {kSource, kType, kSubject, kDataSchema}) {
      TextField(AttributeName(attribute), event.attributes[attribute]);
    }
    TextField("time", event.time_text());
    ForEachExtension({event}, [&](const Entry& entry) {
      Field(entry.name_text(), [&] { PutValue(event, entry); });
    });
  }

  void PutValue(const EventBlock& event, const Entry& entry) noexcept {
    switch (entry.kind) {
      case ValueKind::kBool:
      case ValueKind::kInt:
        return Raw(ScalarText(entry).text());
      case ValueKind::kBytes:
        at_ = WriteBase64(AsBytes(entry.stored_text()), at_);
        return;
      default:
        return Escaped(event.entry_text(entry));
    }
  }

  HttpContent content_;
  char* at_ = nullptr;
};

}  // namespace detail

Result<HttpContent> EncodeHttpBinary(const CloudEvent& event) {
  return detail::HttpWriter::Binary(event);
}

Result<HttpContent> EncodeHttpStructured(const CloudEvent& event, EventFormat format) {
  return format == EventFormat::kJson
             ? detail::HttpWriter::Whole(EncodeJson(event),
                                         "application/cloudevents+json; charset=utf-8")
             : detail::HttpWriter::Whole(EncodeProtobuf(event), "application/cloudevents+protobuf");
}

Result<HttpContent> EncodeHttpBatch(std::span<const CloudEvent> events, EventFormat format) {
  return format == EventFormat::kJson
             ? detail::HttpWriter::Whole(EncodeJsonBatch(events),
                                         "application/cloudevents-batch+json; charset=utf-8")
             : detail::HttpWriter::Whole(EncodeProtobufBatch(events),
                                         "application/cloudevents-batch+protobuf");
}

}  // namespace virtufin::inline v0
