// The error texts of core's parsers.
#include "core/parse_error.hpp"

#include <utility>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kLongestQuote = 64;

void AppendByte(std::string& out, char byte) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  if (value >= 0x20 && value < 0x7f) {
    if (byte == '"' || byte == '\\') out.push_back('\\');
    out.push_back(byte);
  } else {
    out.append("\\x").append({kHex[value >> 4], kHex[value & 15]});
  }
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text.substr(0, kLongestQuote)) AppendByte(out, byte);
  out.append(text.size() > kLongestQuote ? "...\"" : "\"");
  return out;
}

Status ParseFailure(std::string_view what, std::string_view text, const ParseError& error) {
  std::string message(what);
  message.append(" ").append(Quoted(text)).append(": expected ").append(error.expected);
  message.append(" at position ").append(std::to_string(error.position)).append(", found ");
  if (error.position < text.size()) {
    message.push_back('\'');
    AppendByte(message, text[error.position]);
    message.push_back('\'');
  } else {
    message.append("the end");
  }
  return Status(StatusCode::kInvalidArgument, "core", std::move(message));
}

}  // namespace virtufin::inline v0::detail
