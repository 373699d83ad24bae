// Finding and unescaping one JSON string.
#include "worker/error_body.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {
namespace {

void AppendUtf8(std::string& out, std::uint32_t point) {
  char bytes[4];
  out.append(bytes, WriteUtf8(point, bytes));
}

// The four digits at the front of `text`, which are removed.
std::optional<std::uint32_t> TakeHex4(std::string_view& text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<std::uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  text.remove_prefix(4);
  return value;
}

// Behind "\u": one code point, of two units when it is a pair.
bool TakeCodePoint(std::string_view& text, std::string& out) {
  const auto unit = TakeHex4(text);
  if (!unit.has_value()) return false;
  if (*unit < 0xd800 || *unit >= 0xe000) {
    AppendUtf8(out, *unit);
    return true;
  }
  if (*unit >= 0xdc00 || !text.starts_with("\\u")) return false;
  text.remove_prefix(2);
  const auto low = TakeHex4(text);
  if (!low.has_value() || *low < 0xdc00 || *low >= 0xe000) return false;
  AppendUtf8(out, 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00));
  return true;
}

// A string whose opening quote is gone.
std::optional<std::string> Unescaped(std::string_view text) {
  static constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return out;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (text.empty()) return std::nullopt;
    const char escape = text.front();
    text.remove_prefix(1);
    if (const std::size_t at = kNames.find(escape); at != std::string_view::npos) {
      out += kValues[at];
    } else if (escape != 'u' || !TakeCodePoint(text, out)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string MessageOfErrorBody(std::string_view body) {
  static constexpr std::string_view kMember = "\"message\"", kBlanks = " \t\r\n";
  for (std::size_t at = body.find(kMember); at != std::string_view::npos;
       at = body.find(kMember, at + 1)) {
    std::string_view rest = body.substr(at + kMember.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    if (!rest.starts_with('"')) continue;
    if (auto text = Unescaped(rest.substr(1))) return *std::move(text);
  }
  return std::string(body);
}

}  // namespace virtufin::inline v0::detail
