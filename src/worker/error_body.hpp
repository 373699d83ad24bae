// The message in {"error":{"code":<n>,"message":"<why>"}}, without a JSON library.
#pragma once

#include <string>
#include <string_view>

namespace virtufin::inline v0::detail {

/// The unescaped text of the first member "message" whose value is a string; the whole body when it
/// has none.
std::string MessageOfErrorBody(std::string_view body);

}  // namespace virtufin::inline v0::detail
