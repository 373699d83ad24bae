// Checks of text: what JSON must escape, names, media types, JSON values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/bytes.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0::detail {

/// Ordered: the worst of several texts is the maximum.
enum class TextClass : std::uint8_t {
  kPlain,    // printable ASCII without '"' and '\': stands in JSON as it is
  kUtf8,     // valid UTF-8
  kInvalid,  // neither
};
TextClass ClassifyText(std::string_view text) noexcept;

/// The names of the specification's attributes, and the members of its JSON format.
bool IsCoreName(std::string_view name) noexcept;
/// Null when `name` may name an extension, else what is wrong with it.
const char* NameFault(std::string_view name, NameRule rule) noexcept;

/// type "/" subtype, then anything behind a ';' (RFC 2046).
bool IsMediaType(std::string_view text) noexcept;
/// text/* or an XML type, whatever its parameters.
bool IsTextMediaType(std::string_view text) noexcept;

/// For logs and answers: one line of UTF-8 whatever a peer sent, at most `most` bytes and "..."
/// when there is more. Control characters and what is no UTF-8 become '?'.
std::string OneLine(std::string_view text, std::size_t most);

/// Without the spaces and tabs around it.
std::string_view Trimmed(std::string_view text) noexcept;
/// The media type without its parameters and the space around it.
std::string_view WithoutParameters(std::string_view media_type) noexcept;
/// The value of a parameter, its quotes left out; empty when it is not there.
std::string_view ParameterOf(std::string_view media_type, std::string_view lower_name) noexcept;
/// Whether text of that charset is UTF-8, as it is when none is named.
bool IsUtf8Charset(std::string_view charset) noexcept;
/// What stands behind application/cloudevents in a Content-Type of HTTP's structured and batch
/// modes, such as "+json" or nothing; false when `media_type` is none of these.
bool CutEventMediaType(std::string_view media_type, std::string_view& form) noexcept;
/// `lower` is in lower case.
bool EqualsIgnoringCase(std::string_view text, std::string_view lower) noexcept;

/// What bytes are that only their media type tells apart. Without one they are JSON when they are
/// one value. Bytes of a JSON type are not checked; those of a text type are text when they are
/// UTF-8 and the type names no other charset.
DataKind KindOf(std::string_view media_type, std::string_view data) noexcept;

/// Where a text stops being one JSON value: RFC 8259, valid UTF-8, and one level less deep than
/// kMaxJsonDepth, because it stands inside an envelope.
struct JsonFault {
  const char* what = nullptr;  // null: it is one
  std::size_t offset = 0;
};
JsonFault CheckJson(std::string_view json) noexcept;

}  // namespace virtufin::inline v0::detail
