// PayloadCodec: how a typed worker reads the data of its events and writes that of its replies.
// Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

/// The data of a reply.
struct EncodedPayload {
  std::string data;          // bytes; JSON as UTF-8 text
  std::string content_type;  // media type; decides whether `data` is JSON, text or binary
};

/// Port: implemented once per data format. JsonCodec (worker/json.hpp) is the JSON one. Shared by
/// all calls of its worker; everything is const and borrowed until the call returns.
template <class In, class Out>
class PayloadCodec {
 public:
  virtual ~PayloadCodec() = default;
  /// The media type of what EncodeResponse writes; static storage or the codec's own.
  virtual std::string_view ContentType() const noexcept = 0;
  /// The data of `event`. Errors: any; its message becomes the error reply, word for word.
  virtual Result<In> DecodePayload(const CloudEvent& event) const = 0;
  /// The data of the reply to `input`. Errors: any; becomes the error reply `Internal error: <it>`.
  virtual Result<EncodedPayload> EncodeResponse(const CloudEvent& input,
                                                const Out& payload) const = 0;
  /// The payload that tells the sender of `input` what went wrong.
  virtual Out EncodeError(const CloudEvent& input, std::string_view message) const = 0;
};

}  // namespace virtufin::inline v0
