// Base64: three bytes are four digits.
#include "virtufin/core/base64.hpp"

#include <array>

namespace virtufin::inline v0 {

namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> MakeValues(bool url_safe_too) {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNoDigit;
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  if (url_safe_too) {
    values['-'] = 62;
    values['_'] = 63;
  }
  return values;
}
constexpr auto kStrictValues = MakeValues(false);
constexpr auto kLenientValues = MakeValues(true);

}  // namespace

char* WriteBase64(ByteView bytes, char* out) noexcept {
  const auto write = [&](std::uint32_t group, int digits) {
    for (int i = 0; i < 4; ++i) {
      *out++ = i < digits ? kDigits[(group >> (18 - 6 * i)) & 63] : '=';
    }
  };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    write(static_cast<std::uint32_t>(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]), 4);
  }
  if (bytes.size() - i == 1) write(static_cast<std::uint32_t>(bytes[i] << 16), 2);
  if (bytes.size() - i == 2) {
    write(static_cast<std::uint32_t>(bytes[i] << 16 | bytes[i + 1] << 8), 3);
  }
  return out;
}

std::uint8_t* ReadBase64(std::string_view text, std::uint8_t* out, Base64Rule rule) noexcept {
  const bool strict = rule == Base64Rule::kStrict;
  if (strict && text.size() % 4 != 0) return nullptr;
  const std::size_t padded = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padded);
  const std::size_t padding = (4 - text.size() % 4) % 4;
  if (padding == 3 || padded > padding) return nullptr;
  const auto& value_of = strict ? kStrictValues : kLenientValues;
  std::uint32_t group = 0;
  unsigned wrong = 0;
  const auto put = [&](unsigned shift) { *out++ = static_cast<std::uint8_t>(group >> shift); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t value = value_of[static_cast<unsigned char>(text[i])];
    wrong |= value;
    group = group << 6 | value;
    if (i % 4 != 3) continue;
    put(16);
    put(8);
    put(0);
  }
  // The bits that stand for no byte must be zero.
  if (padding == 1) {
    wrong |= strict && (group & 3) != 0 ? kNoDigit : 0;
    put(10);
    put(2);
  } else if (padding == 2) {
    wrong |= strict && (group & 15) != 0 ? kNoDigit : 0;
    put(4);
  }
  return (wrong & kNoDigit) == 0 ? out : nullptr;
}

}  // namespace virtufin::inline v0
