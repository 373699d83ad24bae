// Events as JSON: the structured and the batch form of the CloudEvents JSON format, written and
// read.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/encoded_bytes.hpp"

namespace virtufin::inline v0 {

/// One JSON object, UTF-8 without white space of its own; JSON data stands in it as written, text
/// as a string, everything else as data_base64 (also data that claims to be JSON and is not).
/// [any]
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or without memory.
Result<EncodedBytes> EncodeJson(const CloudEvent& event);

/// One JSON array of such objects. `events` is borrowed until this returns. [any]
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxBatchEvents, or without memory.
Result<EncodedBytes> EncodeJsonBatch(std::span<const CloudEvent> events);

enum class ExtensionType : std::uint8_t {
  kBoolean,
  kInteger,
  kString,
  kBinary,
  kUri,
  kUriReference,
  kTimestamp
};

/// Reads one event after the other and keeps its memory. [owner]
class JsonDecoder {
 public:
  /// Names of extensions whose type is known. JSON itself tells booleans, integers and strings
  /// apart: an extension that is not named here becomes one of these.
  using KnownTypes = std::vector<std::pair<std::string, ExtensionType>>;

  explicit JsonDecoder(KnownTypes known = {});
  ~JsonDecoder();
  JsonDecoder(JsonDecoder&& other) noexcept;
  JsonDecoder& operator=(JsonDecoder&& other) noexcept;

  /// `json` is borrowed until this returns. JSON data is kept as written, with numbers of any size,
  /// names that are there twice inside of it, and escapes; a string in `data` is text where
  /// datacontenttype says that it is no JSON. kTrusted: `data` is not checked, for text that
  /// EncodeJson made.
  /// Errors: INVALID_ARGUMENT saying what was expected and found, for what is no event, no JSON
  /// (RFC 8259, UTF-8, no lone surrogate) or deeper than kMaxJsonDepth, for a name of the event
  /// that is there twice and for anything behind the event; RESOURCE_EXHAUSTED above
  /// kMaxEventBytes or kMaxExtensions, or without memory.
  Result<CloudEvent> Decode(std::string_view json, NameRule rule = NameRule::kStrict,
                            Validate validate = Validate::kFull);

  /// A JSON array of events: all of them, or an error that names the first bad one by its index
  /// from 0. Its data may be as deep as that of an event that stands alone.
  /// Errors: as Decode; RESOURCE_EXHAUSTED above kMaxEventBytes altogether or kMaxBatchEvents.
  Result<std::vector<CloudEvent>> DecodeBatch(std::string_view json,
                                              NameRule rule = NameRule::kStrict,
                                              Validate validate = Validate::kFull);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
