// Extensions whose type a reader knows although the encoding writes them as text.
#pragma once

#include <cstdint>
#include <string_view>

#include "event/block.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/json.hpp"

namespace virtufin::inline v0::detail {

/// "a 32-bit integer" and so on.
std::string_view TypeName(ExtensionType type) noexcept;
/// Null when nothing is known of `name`.
const ExtensionType* FindType(const JsonDecoder::KnownTypes& known, std::string_view name) noexcept;

/// Sets the value of `entry`, whose name is set, to what `text` stands for; both are borrowed.
/// Bytes are written to `scratch`, which has room for Base64Bytes(text.size()), and `scratch` then
/// points behind them. Booleans and integers are read where `scalars` says that the encoding
/// writes them as text, too. Errors: INVALID_ARGUMENT when it is no such text.
Status SetTypedText(Entry& entry, ExtensionType type, std::string_view text, bool scalars,
                    std::uint8_t*& scratch);

}  // namespace virtufin::inline v0::detail
