// Reads base64 text (RFC 4648, padded).
#include "event/json/base64.hpp"

#include <array>
#include <cstddef>

namespace virtufin::inline v0::detail {

namespace {

constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> MakeDigits() {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> digits{};
  for (auto& digit : digits) digit = kNoDigit;
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    digits[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr auto kDigitOf = MakeDigits();

}  // namespace

bool ReadBase64(std::string_view text, std::vector<std::uint8_t>& out) {
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  out.reserve(out.size() + text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  std::uint8_t wrong = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t digit = kDigitOf[static_cast<unsigned char>(text[i])];
    wrong |= digit;
    group = group << 6 | digit;
    if (i % 4 == 3) {
      out.push_back(static_cast<std::uint8_t>(group >> 16));
      out.push_back(static_cast<std::uint8_t>(group >> 8));
      out.push_back(static_cast<std::uint8_t>(group));
    }
  }
  if ((wrong & kNoDigit) != 0) return false;
  // The bits that stand for no byte must be zero.
  if (padding == 1) {
    out.push_back(static_cast<std::uint8_t>(group >> 10));
    out.push_back(static_cast<std::uint8_t>(group >> 2));
    return (group & 3) == 0;
  }
  if (padding == 2) {
    out.push_back(static_cast<std::uint8_t>(group >> 4));
    return (group & 15) == 0;
  }
  return true;
}

}  // namespace virtufin::inline v0::detail
