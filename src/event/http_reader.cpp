// Reads events from header fields and bodies.
#include <memory>
#include <string>
#include <utility>

#include "event/envelope.hpp"
#include "event/typed_text.hpp"
#include "virtufin/event/http.hpp"
#include "virtufin/event/protobuf.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

// What a decoder keeps.
struct HttpMemory {
  JsonDecoder::KnownTypes known;
  std::vector<Entry> entries;
  // Names in lower case, values without their escapes, and bytes of base64 values.
  std::unique_ptr<char[]> scratch;
  std::size_t capacity = 0;
};

constexpr char ToLower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A value that is one quoted string (RFC 7230), written to `out` without quotes and escapes; false
// when it is none.
bool Unquote(std::string_view value, char* out, std::size_t& size) noexcept {
  if (value.size() < 2 || value.front() != '"') return false;
  size = 0;
  for (std::size_t i = 1; i < value.size(); ++i) {
    if (value[i] == '"') return i + 1 == value.size();
    if (value[i] == '\\' && ++i == value.size()) return false;
    out[size++] = value[i];
  }
  return false;
}

// One round of percent-decoding; `out` may be where `text` is. Returns the size.
std::size_t PercentDecode(std::string_view text, char* out) noexcept {
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i > 2 && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out[size++] = static_cast<char>(HexDigit(text[i + 1]) << 4 | HexDigit(text[i + 2]));
      i += 2;
    } else {
      out[size++] = text[i];
    }
  }
  return size;
}

bool IsEventField(std::string_view name) noexcept {
  return name.size() > 3 && ToLower(name[0]) == 'c' && ToLower(name[1]) == 'e' && name[2] == '-';
}

Status Unsupported(std::string_view what, std::string_view found) {
  return {StatusCode::kUnimplemented, "event",
          "Content-Type: expected " + std::string(what) + ", found " + ShownText(found)};
}

// Reading binary mode.
class Reading {
 public:
  Reading(HttpMemory& memory, std::string_view content_type, NameRule rule,
          Validate validate) noexcept
      : memory_(memory), content_type_(content_type), validate_(validate), envelope_(rule) {
    memory_.entries.clear();
  }

  Result<CloudEvent> Run(std::span<const HttpField> fields, ByteView body) {
    if (Status status = Reserve(fields); !status.ok()) return status;
    for (const HttpField& field : fields) {
      if (!IsEventField(field.name)) continue;
      if (Status status = ReadField(field); !status.ok()) return status;
    }
    if (Status status = Finish(body); !status.ok()) return status;
    return Assemble(envelope_.draft);
  }

 private:
  // Twice the values: a text can be decoded and be base64 text, which counts in steps of three.
  Status Reserve(std::span<const HttpField> fields) {
    std::size_t size = 0;
    for (const HttpField& field : fields) {
      if (IsEventField(field.name)) size += field.name.size() + 2 * field.value.size() + 3;
    }
    if (size > 2 * kMaxEventBytes) return EventTooLarge(size / 2);
    if (memory_.capacity < size) {
      memory_.scratch = std::make_unique_for_overwrite<char[]>(size);
      memory_.capacity = size;
    }
    at_ = memory_.scratch.get();
    return {};
  }
  std::string_view NameOf(std::string_view field_name) noexcept {
    char* const start = at_;
    for (const char c : field_name.substr(3)) *at_++ = ToLower(c);
    return {start, static_cast<std::size_t>(at_ - start)};
  }
  std::string_view TextOf(std::string_view value) noexcept {
    value = Trimmed(value);
    std::size_t size = 0;
    const bool quoted = Unquote(value, at_, size);
    if (quoted) value = {at_, size};
    if (value.find('%') == value.npos && !quoted) return value;
    char* const start = std::exchange(at_, at_ + value.size());
    return {start, PercentDecode(value, start)};
  }
  Status ReadField(const HttpField& field);
  Status ReadExtension(std::string_view name, std::string_view text);
  Status Finish(ByteView body);

  HttpMemory& memory_;
  std::string_view content_type_;
  Validate validate_;
  Envelope envelope_;
  char* at_ = nullptr;
};

Status Reading::ReadField(const HttpField& field) {
  const std::string_view name = NameOf(field.name);
  const std::string_view text = TextOf(field.value);
  const Member member = MemberOf(name);
  if (member == kMemberExtension || member == kMemberData || member == kMemberDataBase64) {
    return ReadExtension(name, text);
  }
  if (Status status = envelope_.Note(member, name); !status.ok()) return status;
  if (member != MemberOf(kDataContentType)) return envelope_.SetText(member, name, text);
  if (envelope_.rule() == NameRule::kLenient && text == content_type_) return {};
  return Expected("ce-datacontenttype", "Content-Type in its place", ShownText(text));
}

Status Reading::ReadExtension(std::string_view name, std::string_view text) {
  if (const char* fault = NameFault(name, envelope_.rule())) return NameError(name, fault);
  if (memory_.entries.size() == kMaxExtensions) return TooManyExtensions(kMaxExtensions + 1);
  Entry& entry = memory_.entries.emplace_back();
  SetEntryName(entry, name);
  SetEntryText(entry, ValueKind::kString, text);
  const ExtensionType* type = FindType(memory_.known, name);
  if (type == nullptr) return {};
  auto* scratch = reinterpret_cast<std::uint8_t*>(at_);
  Status status = SetTypedText(entry, *type, text, true, scratch);
  at_ = reinterpret_cast<char*>(scratch);
  return status;
}

Status Reading::Finish(ByteView body) {
  if (!envelope_.has(kMemberSpecVersion)) {
    return EventError(
        "expected a field ce-specversion or Content-Type application/cloudevents+json, found "
        "Content-Type " +
        ShownText(content_type_));
  }
  if (Status status = envelope_.CheckVersion(); !status.ok()) return status;
  Draft& draft = envelope_.draft;
  draft.entries = memory_.entries;
  draft.SetAttribute(kDataContentType, content_type_);
  if (Status status = CheckAttributes(draft, envelope_.rule()); !status.ok()) return status;
  if (body.empty()) return {};
  draft.data = body;
  draft.head.data_kind = KindOf(content_type_, AsText(body));
  if (draft.head.data_kind == DataKind::kJson) {
    const std::string_view charset = ParameterOf(content_type_, "charset");
    if (!IsUtf8Charset(charset)) return Unsupported("charset utf-8", charset);
  }
  // Without a media type it has just been walked.
  return CheckData(draft, content_type_.empty() ? Validate::kTrusted : validate_);
}

Status FindContentType(std::span<const HttpField> fields, std::string_view& out) {
  bool found = false;
  for (const HttpField& field : fields) {
    if (!EqualsIgnoringCase(field.name, "content-type")) continue;
    if (found) return EventError("Content-Type is there twice");
    found = true;
    out = Trimmed(field.value);
  }
  return {};
}

Result<HttpEvents> One(HttpMode mode, Result<CloudEvent> event) {
  if (!event.ok()) return event.status();
  HttpEvents events;
  events.mode = mode;
  events.events.push_back(*std::move(event));
  return events;
}

Result<HttpEvents> Batch(Result<std::vector<CloudEvent>> batch) {
  if (!batch.ok()) return batch.status();
  HttpEvents events;
  events.mode = HttpMode::kBatch;
  events.events = *std::move(batch);
  return events;
}

}  // namespace
}  // namespace detail

struct HttpDecoder::Impl {
  detail::HttpMemory memory;
  JsonDecoder json;
};

HttpDecoder::HttpDecoder(JsonDecoder::KnownTypes known)
    : impl_(new Impl{.memory = {.known = known, .entries = {}, .scratch = {}, .capacity = 0},
                     .json = JsonDecoder(std::move(known))}) {}
HttpDecoder::~HttpDecoder() = default;
HttpDecoder::HttpDecoder(HttpDecoder&&) noexcept = default;
HttpDecoder& HttpDecoder::operator=(HttpDecoder&&) noexcept = default;

Result<HttpEvents> HttpDecoder::Decode(std::span<const HttpField> fields, ByteView body,
                                       NameRule rule, Validate validate) {
  std::string_view content_type;
  if (Status status = detail::FindContentType(fields, content_type); !status.ok()) return status;
  if (body.size() > kMaxEventBytes) return detail::EventTooLarge(body.size());
  std::string_view form;
  if (!detail::CutEventMediaType(content_type, form)) {
    return detail::One(
        HttpMode::kBinary,
        detail::Reading(impl_->memory, content_type, rule, validate).Run(fields, body));
  }
  if (detail::EqualsIgnoringCase(form, "+protobuf")) {
    return detail::One(HttpMode::kStructured, DecodeProtobuf(body, rule, validate));
  }
  if (detail::EqualsIgnoringCase(form, "-batch+protobuf")) {
    return detail::Batch(DecodeProtobufBatch(body, rule, validate));
  }
  const bool batch = detail::EqualsIgnoringCase(form, "-batch+json");
  if (!batch && !detail::EqualsIgnoringCase(form, "+json")) {
    return detail::Unsupported(
        "application/cloudevents or application/cloudevents-batch, and +json or +protobuf",
        detail::WithoutParameters(content_type));
  }
  const std::string_view charset = detail::ParameterOf(content_type, "charset");
  if (!detail::IsUtf8Charset(charset)) return detail::Unsupported("charset utf-8", charset);
  const std::string_view json = AsText(body);
  if (batch) return detail::Batch(impl_->json.DecodeBatch(json, rule, validate));
  return detail::One(HttpMode::kStructured, impl_->json.Decode(json, rule, validate));
}

}  // namespace virtufin::inline v0
