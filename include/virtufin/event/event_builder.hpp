// CloudEvent::Builder and CloudEvent::Stream: making and editing events, many per second.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

namespace detail {
struct StreamBlock;
}

/// Constants that many events share (source, type, fixed extensions): checked once, stored once.
/// Copies share them; events keep them alive.
class CloudEvent::Stream {
 public:
  struct Options {
    std::string source = {};                             // required
    std::string type = {};                               // required
    std::string subject = {};                            // empty: given per event, or absent
    std::string data_content_type = "application/json";  // empty: given per event, or absent
    std::string data_schema = {};                        // empty: given per event, or absent
    std::vector<std::pair<std::string, std::string>> extensions = {};  // the same on every event
    std::vector<std::string> varying = {};  // names of string extensions given per event by index
  };

  /// Errors: INVALID_ARGUMENT naming the first missing, illegal or repeated attribute. [any]
  static Result<Stream> Make(const Options& options);

  Stream(const Stream& other) noexcept;
  Stream(Stream&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Stream& operator=(Stream other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Stream();

 private:
  friend class Builder;
  explicit Stream(const detail::StreamBlock* block) noexcept : block_(block) {}
  const detail::StreamBlock* block_;
};

/// Makes or edits events. Build makes the event and starts over from what the builder was
/// constructed with; the memory is kept for the next one. All text is copied at once. [owner]
class CloudEvent::Builder {
 public:
  /// An empty event: source and type must be set. Unless an id is set, Build makes a random UUID.
  Builder();
  /// The stream's constants. Unless an id is set, Build makes one in a nanosecond: a UUID drawn at
  /// random for this builder and counted up; unique within this process, but no secret.
  explicit Builder(const Stream& stream);
  /// A copy to edit: keeps id and time of `event` unless they are set.
  explicit Builder(const CloudEvent& event);
  ~Builder();
  Builder(Builder&& other) noexcept;
  Builder& operator=(Builder&& other) noexcept;

  Builder& Id(std::string_view id);
  Builder& Id(Uuid id);
  Builder& Source(std::string_view source);
  Builder& Type(std::string_view type);
  Builder& Subject(std::string_view subject);  // empty: absent
  Builder& Time(Timestamp time);
  Builder& NoTime();
  Builder& DataContentType(std::string_view type);  // empty: absent
  Builder& DataSchema(std::string_view uri);        // empty: absent

  /// Sets or replaces.
  Builder& Extension(std::string_view name, const AttributeValue& value);
  /// A string extension made of a number, a time or a UUID.
  Builder& TextExtension(std::string_view name, const TextValue& value);
  /// The same for the stream's `varying[index]`, without a search. One that is not given is absent.
  /// Precondition: the builder was made with a stream and index < varying.size().
  Builder& Varying(std::size_t index, std::string_view text);
  Builder& Varying(std::size_t index, Timestamp time);
  Builder& Varying(std::size_t index, std::uint64_t number);
  Builder& Varying(std::size_t index, Uuid uuid);
  Builder& RemoveExtension(std::string_view name);  // no effect when absent

  /// One JSON value, kept as written. Under kFull Build refuses what is no JSON; under kTrusted the
  /// caller vouches for it.
  Builder& JsonData(std::string_view json, Validate validate = Validate::kFull);
  /// UTF-8; datacontenttype becomes text/plain unless one is set.
  Builder& TextData(std::string_view text);
  Builder& BinaryData(ByteView bytes);
  Builder& NoData();

  /// Errors: INVALID_ARGUMENT naming the first missing or illegal attribute, or where the data is
  /// no JSON; RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxExtensions.
  Result<CloudEvent> Build(NameRule rule = NameRule::kStrict);

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace virtufin::inline v0
