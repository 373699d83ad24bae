// CRC-32 as zlib and PNG have it (polynomial 0xedb88320, reflected).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace virtufin::inline v0::detail {

/// Four tables: four bytes a step.
inline constexpr auto kCrc32Tables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0u);
    tables[0][i] = value;
  }
  for (std::size_t t = 1; t < 4; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

/// `crc` continues an earlier one.
inline std::uint32_t Crc32(std::string_view bytes, std::uint32_t crc = 0) noexcept {
  const auto& t = kCrc32Tables;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  crc = ~crc;
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    crc ^= static_cast<std::uint32_t>(at(i)) | static_cast<std::uint32_t>(at(i + 1)) << 8 |
           static_cast<std::uint32_t>(at(i + 2)) << 16 |
           static_cast<std::uint32_t>(at(i + 3)) << 24;
    crc = t[3][crc & 0xff] ^ t[2][(crc >> 8) & 0xff] ^ t[1][(crc >> 16) & 0xff] ^ t[0][crc >> 24];
  }
  for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ t[0][(crc ^ at(i)) & 0xff];
  return ~crc;
}

}  // namespace virtufin::inline v0::detail
