// Events as HTTP messages: the binary, structured and batch modes of the CloudEvents HTTP binding.
//
// Header fields and bodies in and out, for any HTTP client or server. Header fields have no types:
// in binary mode extensions that are no strings travel as text. An empty body is absent data.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/encoded_bytes.hpp"
#include "virtufin/event/json.hpp"

namespace virtufin::inline v0 {

/// One header field, borrowed; the name in any case.
struct HttpField {
  std::string_view name;
  std::string_view value;
};

namespace detail {
class HttpWriter;
}

enum class HttpMode : std::uint8_t { kBinary, kStructured, kBatch };
/// What a structured or batch body is written in.
enum class EventFormat : std::uint8_t { kJson, kProtobuf };

/// Header fields and body of a request or response, owned. Const functions are [any].
class HttpContent {
 public:
  HttpContent(HttpContent&&) noexcept = default;
  HttpContent& operator=(HttpContent&&) noexcept = default;

  /// Names in lower case, Content-Type first where there is one; Content-Length is left to the
  /// HTTP library. Borrowed until this is gone.
  std::span<const HttpField> fields() const noexcept { return fields_; }
  /// Borrowed until this is gone.
  ByteView body() const noexcept { return event_ ? event_->data() : bytes_.bytes(); }

 private:
  friend class detail::HttpWriter;
  HttpContent() noexcept = default;

  std::vector<HttpField> fields_;
  EncodedBytes text_;                // of the fields
  EncodedBytes bytes_;               // the body, unless it is the data of an event
  std::optional<CloudEvent> event_;  // whose data is the body
};

/// Binary mode: attributes as header fields `ce-<name>`, percent-encoded, datacontenttype as
/// Content-Type, data as the body without a copy. JSON data without a datacontenttype says
/// application/json from here on. [any]
/// Errors: INVALID_ARGUMENT for an extension whose name, or a datacontenttype, that no header field
/// can carry, for application/cloudevents..., by which a reader knows structured mode, for data of
/// a JSON type that is no JSON, and for text or JSON said to be in a charset other than UTF-8
/// (EncodeHttpStructured carries these); RESOURCE_EXHAUSTED above kMaxEventBytes or without memory.
Result<HttpContent> EncodeHttpBinary(const CloudEvent& event);

/// [any] Errors: as EncodeJson and EncodeProtobuf.
Result<HttpContent> EncodeHttpStructured(const CloudEvent& event,
                                         EventFormat format = EventFormat::kJson);

/// `events` is borrowed until this returns. [any] Errors: as EncodeJsonBatch and
/// EncodeProtobufBatch.
Result<HttpContent> EncodeHttpBatch(std::span<const CloudEvent> events,
                                    EventFormat format = EventFormat::kJson);

/// What an HTTP message held.
struct HttpEvents {
  HttpMode mode = HttpMode::kBinary;
  std::vector<CloudEvent> events;  // one, unless it was a batch
};

/// Reads one message after the other and keeps its memory. [owner]
class HttpDecoder {
 public:
  /// `known` as JsonDecoder has it: types of extensions in binary mode and in JSON.
  explicit HttpDecoder(JsonDecoder::KnownTypes known = {});
  ~HttpDecoder();
  HttpDecoder(HttpDecoder&& other) noexcept;
  HttpDecoder& operator=(HttpDecoder&& other) noexcept;

  /// The Content-Type tells the mode: application/cloudevents+json or +protobuf,
  /// application/cloudevents-batch+json or +protobuf, else binary. `fields` may be all fields of
  /// the message; both are borrowed until this returns. In binary mode values may be quoted, a
  /// percent sign without two hex digits stands for itself, the body is what its Content-Type says,
  /// without one JSON when it is one value, and under kFull JSON is walked.
  /// Errors: INVALID_ARGUMENT saying what was expected and found, for no event, an illegal
  /// attribute, a field that is there twice, and for ce-datacontenttype unless the rule is lenient
  /// and it repeats Content-Type; UNIMPLEMENTED for other event formats and charsets;
  /// RESOURCE_EXHAUSTED above kMaxEventBytes, kMaxExtensions or kMaxBatchEvents, or without memory.
  Result<HttpEvents> Decode(std::span<const HttpField> fields, ByteView body,
                            NameRule rule = NameRule::kStrict, Validate validate = Validate::kFull);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
