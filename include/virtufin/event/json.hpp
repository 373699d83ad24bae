// JsonDecoder: events from the structured form of the CloudEvents JSON format. The writer is
// json_writer.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

enum class ExtensionType : std::uint8_t {
  kBoolean,
  kInteger,
  kString,
  kBinary,
  kUri,
  kUriReference,
  kTimestamp
};

/// Reads one event after the other and keeps its memory, about seven times the largest text it read.
/// [owner]
class JsonDecoder {
 public:
  /// Names of extensions whose type is known. JSON itself tells booleans, integers and strings
  /// apart: an extension that is not named here becomes one of these.
  using KnownTypes = std::vector<std::pair<std::string, ExtensionType>>;

  explicit JsonDecoder(KnownTypes known = {});
  ~JsonDecoder();
  JsonDecoder(JsonDecoder&& other) noexcept;
  JsonDecoder& operator=(JsonDecoder&& other) noexcept;

  /// `json` is borrowed until this returns. JSON data is kept as written; a string in `data` is text
  /// where datacontenttype says that it is no JSON. kTrusted: `data` is not walked; for text that
  /// our own writer made.
  /// Errors: INVALID_ARGUMENT saying what was expected and found, for what is no event, no JSON or
  /// deeper than kMaxJsonDepth, for a name that is there twice and for anything behind the event;
  /// RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxExtensions, or without memory.
  Result<CloudEvent> Decode(std::string_view json, NameRule rule = NameRule::kStrict,
                            Validate validate = Validate::kFull);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
