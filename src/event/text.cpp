// Checks of text: what JSON must escape, names, media types.
#include "event/text.hpp"

#include <algorithm>

#include "event/plain_scan.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

// Characters of a token (RFC 2045): a bit each, 0 to 63 and 64 to 127.
constexpr std::uint64_t TokenBits(unsigned from) noexcept {
  std::uint64_t bits = 0;
  for (unsigned c = from; c < from + 64; ++c) {
    constexpr std::string_view kSpecials = "()<>@,;:\\\"/[]?=";
    if (c > ' ' && c < 0x7F && kSpecials.find(static_cast<char>(c)) == kSpecials.npos) {
      bits |= std::uint64_t{1} << (c - from);
    }
  }
  return bits;
}

bool IsTokenByte(char byte) noexcept {
  constexpr std::uint64_t kBits[] = {TokenBits(0), TokenBits(64)};
  const auto c = static_cast<unsigned char>(byte);
  return c < 128 && (kBits[c >> 6] >> (c & 63) & 1) != 0;
}

bool EndsIgnoringCase(std::string_view text, std::string_view lower) noexcept {
  return text.size() >= lower.size() &&
         EqualsIgnoringCase(text.substr(text.size() - lower.size()), lower);
}

// Cuts what stands before the first ';' outside quotes off `text`.
std::string_view CutParameter(std::string_view& text) noexcept {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size() && (quoted || text[at] != ';'); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    }
  }
  const std::string_view first = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return first;
}

}  // namespace

std::string OneLine(std::string_view text, std::size_t most) {
  const char* const end = text.data() + text.size();
  const char* at = text.data();
  std::string line;
  while (at < end) {
    const std::size_t size = Utf8Length(at, end);
    const auto lead = static_cast<unsigned char>(*at);
    const bool control = lead < 0x20 || lead == 0x7F ||
                         (lead == 0xC2 && size == 2 && static_cast<unsigned char>(at[1]) < 0xA0);
    const std::string_view shown = size == 0 || control ? "?" : std::string_view(at, size);
    if (line.size() + shown.size() > most) return line.append("...");
    line += shown;
    at += size == 0 ? 1 : size;
  }
  return line;
}

std::string_view Trimmed(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view WithoutParameters(std::string_view media_type) noexcept {
  return Trimmed(media_type.substr(0, media_type.find(';')));
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

std::string_view ParameterOf(std::string_view media_type, std::string_view lower_name) noexcept {
  CutParameter(media_type);
  while (!media_type.empty()) {
    const std::string_view parameter = CutParameter(media_type);
    const std::size_t equals = parameter.find('=');
    if (equals == parameter.npos) continue;
    if (!EqualsIgnoringCase(Trimmed(parameter.substr(0, equals)), lower_name)) continue;
    std::string_view value = Trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return value;
  }
  return {};
}

bool IsUtf8Charset(std::string_view charset) noexcept {
  return charset.empty() || EqualsIgnoringCase(charset, "utf-8") ||
         EqualsIgnoringCase(charset, "utf8") || EqualsIgnoringCase(charset, "us-ascii");
}

bool CutEventMediaType(std::string_view media_type, std::string_view& form) noexcept {
  constexpr std::string_view kFamily = "application/cloudevents";
  const std::string_view type = WithoutParameters(media_type);
  if (!EqualsIgnoringCase(type.substr(0, kFamily.size()), kFamily)) return false;
  form = type.substr(kFamily.size());
  return form.empty() || form[0] == '+' || form[0] == '-';
}

DataKind KindOf(std::string_view media_type, std::string_view data) noexcept {
  if (media_type.empty()) {
    return CheckJson(data).what == nullptr ? DataKind::kJson : DataKind::kBinary;
  }
  if (IsJsonMediaType(media_type)) return DataKind::kJson;
  return IsTextMediaType(media_type) && IsUtf8Charset(ParameterOf(media_type, "charset")) &&
                 IsUtf8(data)
             ? DataKind::kText
             : DataKind::kBinary;
}

TextClass ClassifyText(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  const char* const special = SkipPlain(text.data(), end);
  if (special == end) return TextClass::kPlain;
  const auto rest = static_cast<std::size_t>(end - special);
  return IsUtf8({special, rest}) ? TextClass::kUtf8 : TextClass::kInvalid;
}

bool IsCoreName(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return name == "id";
    case 4:
      return name == "type" || name == "time" || name == "data";
    case 6:
      return name == "source";
    case 7:
      return name == "subject";
    case 10:
      return name == "dataschema";
    case 11:
      return name == "specversion" || name == "data_base64";
    case 15:
      return name == "datacontenttype";
    default:
      return false;
  }
}

const char* NameFault(std::string_view name, NameRule rule) noexcept {
  if (name.empty()) return "is empty";
  if (name.size() > kMaxNameBytes) return "is longer than 1024 bytes";
  if (IsCoreName(name)) return "is the name of a core attribute";
  if (rule == NameRule::kLenient) return IsUtf8(name) ? nullptr : "is not UTF-8";
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
      return "has a character other than a-z and 0-9";
    }
  }
  return nullptr;
}

bool IsMediaType(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto token = [&] {
    const std::size_t start = at;
    while (at < text.size() && IsTokenByte(text[at])) ++at;
    return at > start;
  };
  if (!token() || at == text.size() || text[at++] != '/' || !token()) return false;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at == text.size() || text[at] == ';';
}

bool IsTextMediaType(std::string_view text) noexcept {
  const std::string_view type = WithoutParameters(text);
  return EqualsIgnoringCase(type.substr(0, 5), "text/") ||
         EqualsIgnoringCase(type, "application/xml") || EndsIgnoringCase(type, "+xml");
}

}  // namespace detail

bool IsJsonMediaType(std::string_view media_type) noexcept {
  const std::string_view type = detail::WithoutParameters(media_type);
  return detail::EqualsIgnoringCase(type, "application/json") ||
         detail::EqualsIgnoringCase(type, "text/json") || detail::EndsIgnoringCase(type, "+json");
}

}  // namespace virtufin::inline v0
