// How the parsers of core say what is wrong: the text, the position, expected and found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// What a parser found wrong. `expected` has static storage; null: nothing is wrong.
struct ParseError {
  std::size_t position = 0;
  const char* expected = nullptr;
};

/// INVALID_ARGUMENT `<what> "<text>": expected <expected> at position <n>, found <byte>`.
Status ParseFailure(std::string_view what, std::string_view text, const ParseError& error);

/// The text in quotes: long ones cut, bytes that are not printable ASCII as \xNN.
std::string Quoted(std::string_view text);

}  // namespace virtufin::inline v0::detail
