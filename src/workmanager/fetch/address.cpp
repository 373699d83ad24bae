// Reads addresses, and knows the ranges that are not public (the IANA special-purpose registries).
#include "workmanager/fetch/address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

namespace virtufin::inline v0::detail {
namespace {

constexpr AddressRange V4(std::uint64_t first, int bits, std::string_view name,
                          std::string_view where) {
  return {{false, 0, first}, bits, name, where};
}
constexpr AddressRange V6(std::uint64_t high, std::uint64_t low, int bits, std::string_view name,
                          std::string_view where) {
  return {{true, high, low}, bits, name, where};
}

// The first that matches names the refusal, so narrow ranges stand before wide ones.
constexpr AddressRange kInside[] = {
    V4(0x00000000, 32, "the unspecified address", "RFC 1122"),
    V4(0x00000000, 8, "this network", "RFC 791"),
    V4(0x0a000000, 8, "private", "RFC 1918"),
    V4(0x646464c8, 32, "a cloud's metadata", "Alibaba Cloud"),
    V4(0x64400000, 10, "shared by a carrier (CGNAT)", "RFC 6598"),
    V4(0x7f000000, 8, "loopback", "RFC 1122"),
    V4(0xa83f8110, 32, "a cloud's metadata", "Azure"),
    V4(0xa9fea9fe, 32, "a cloud's metadata", "link-local, RFC 3927"),
    V4(0xa9fe0000, 16, "link-local", "RFC 3927"),
    V4(0xac100000, 12, "private", "RFC 1918"),
    V4(0xc00000c0, 32, "a cloud's metadata", "Oracle Cloud"),
    V4(0xc0000000, 24, "for protocols", "RFC 6890"),
    V4(0xc0000200, 24, "for documentation", "RFC 5737"),
    V4(0xc0586300, 24, "a 6to4 relay", "RFC 7526"),
    V4(0xc0a80000, 16, "private", "RFC 1918"),
    V4(0xc6120000, 15, "for benchmarks", "RFC 2544"),
    V4(0xc6336400, 24, "for documentation", "RFC 5737"),
    V4(0xcb007100, 24, "for documentation", "RFC 5737"),
    V4(0xe0000000, 4, "multicast", "RFC 5771"),
    V4(0xffffffff, 32, "broadcast", "RFC 919"),
    V4(0xf0000000, 4, "reserved", "RFC 1112"),

    V6(0, 0, 128, "the unspecified address", "RFC 4291"),
    V6(0, 1, 128, "loopback", "RFC 4291"),
    V6(0, 0, 96, "IPv4-compatible", "RFC 4291"),
    V6(0, 0xffff'0000'0000'0000, 96, "IPv4-translated", "RFC 2765"),
    V6(0x0064'ff9b'0001'0000, 0, 48, "local NAT64", "RFC 8215"),
    V6(0x0100'0000'0000'0000, 0, 64, "discarded", "RFC 6666"),
    V6(0x2001'0000'0000'0000, 0, 32, "Teredo", "RFC 4380"),
    V6(0x2001'0002'0000'0000, 0, 48, "for benchmarks", "RFC 5180"),
    V6(0x2001'0010'0000'0000, 0, 28, "ORCHID", "RFC 4843"),
    V6(0x2001'0020'0000'0000, 0, 28, "ORCHIDv2", "RFC 7343"),
    V6(0x2001'0000'0000'0000, 0, 23, "for protocols", "RFC 2928"),
    V6(0x2001'0db8'0000'0000, 0, 32, "for documentation", "RFC 3849"),
    V6(0x2002'0000'0000'0000, 0, 16, "6to4", "RFC 3056"),
    V6(0x3fff'0000'0000'0000, 0, 20, "for documentation", "RFC 9637"),
    V6(0x3ffe'0000'0000'0000, 0, 16, "6bone", "RFC 3701"),
    V6(0x5f00'0000'0000'0000, 0, 16, "segment routing", "RFC 9602"),
    V6(0xfd00'0ec2'0000'0000, 0x254, 128, "a cloud's metadata", "AWS"),
    V6(0xfd20'00ce'0000'0000, 0x254, 128, "a cloud's metadata", "Google Cloud"),
    V6(0xfc00'0000'0000'0000, 0, 7, "unique local", "RFC 4193"),
    V6(0xfe80'0000'0000'0000, 0, 10, "link-local", "RFC 4291"),
    V6(0xfec0'0000'0000'0000, 0, 10, "site-local", "RFC 3879"),
    V6(0xff00'0000'0000'0000, 0, 8, "multicast", "RFC 4291"),
};

// What is none of these and not in 2000::/3 has no meaning yet.
constexpr AddressRange kNotGlobal = V6(0, 0, 0, "not global unicast", "RFC 4291");
constexpr AddressRange kGlobal = V6(0x2000'0000'0000'0000, 0, 3, "global unicast", "RFC 4291");
constexpr AddressRange kMapped = V6(0, 0x0000'ffff'0000'0000, 96, "IPv4-mapped", "RFC 4291");
constexpr AddressRange kNat64 = V6(0x0064'ff9b'0000'0000, 0, 96, "NAT64", "RFC 6052");

/// The first `bits` of 64.
constexpr std::uint64_t Mask(int bits) {
  return bits <= 0 ? 0 : bits >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - bits);
}

bool IsIn(const IpAddress& address, const AddressRange& range) {
  if (address.v6 != range.first.v6) return false;
  if (!address.v6) return ((address.low ^ range.first.low) & (Mask(range.bits) >> 32)) == 0;
  return ((address.high ^ range.first.high) & Mask(range.bits)) == 0 &&
         ((address.low ^ range.first.low) & Mask(range.bits - 64)) == 0;
}

/// One number of a numeric host: hexadecimal behind 0x, octal behind 0, else decimal.
std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  int base = 10;
  if (text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    text.remove_prefix(2);
    base = 16;
    if (text.empty()) return 0;  // "0x", to browsers
  } else if (text.size() >= 2 && text[0] == '0') {
    text.remove_prefix(1);
    base = 8;
  }
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, base);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

bool LooksNumeric(std::string_view label) {
  if (label.empty()) return false;
  if (label.find_first_not_of("0123456789") == std::string_view::npos) return true;
  return label.size() >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X') &&
         label.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
}

}  // namespace

std::string IpAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = "";
  unsigned char bytes[16];
  if (!v6) {
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<unsigned char>(low >> (24 - 8 * i));
    inet_ntop(AF_INET, bytes, text, sizeof(text));
    return text;
  }
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  }
  inet_ntop(AF_INET6, bytes, text, sizeof(text));
  return text;
}

std::optional<IpAddress> ParseAddress(std::string_view view) {
  std::array<char, 64> text{};
  if (view.size() >= text.size() || view.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(text.data(), view.data(), view.size());
  unsigned char bytes[16];
  IpAddress address;
  if (inet_pton(AF_INET, text.data(), bytes) == 1) {
    for (int i = 0; i < 4; ++i) address.low = address.low << 8 | bytes[i];
    return address;
  }
  if (inet_pton(AF_INET6, text.data(), bytes) != 1) return std::nullopt;
  address.v6 = true;
  for (int i = 0; i < 8; ++i) {
    address.high = address.high << 8 | bytes[i];
    address.low = address.low << 8 | bytes[8 + i];
  }
  return address;
}

NumericHost ParseNumericHost(std::string_view host) {
  NumericHost result;
  if (host.ends_with('.')) host.remove_suffix(1);
  result.numeric = LooksNumeric(host.substr(host.rfind('.') + 1));
  if (!result.numeric) return result;
  std::uint64_t whole = 0;
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = host.find('.');
    const std::optional<std::uint64_t> number = ParseNumber(host.substr(0, dot));
    if (!number) return result;
    if (dot == std::string_view::npos) {
      // The last number fills all that is left.
      const std::uint64_t room = std::uint64_t{1} << (32 - 8 * part);
      if (*number < room) result.address = IpAddress{false, 0, whole | *number};
      return result;
    }
    if (*number > 255) return result;
    whole |= *number << (24 - 8 * part);
    host.remove_prefix(dot + 1);
  }
  return result;
}

const AddressRange* InsideRange(const IpAddress& address) {
  if (IsIn(address, kMapped) || IsIn(address, kNat64)) {
    return InsideRange({false, 0, address.low & 0xffff'ffff});
  }
  for (const AddressRange& range : kInside) {
    if (IsIn(address, range)) return &range;
  }
  return address.v6 && !IsIn(address, kGlobal) ? &kNotGlobal : nullptr;
}

}  // namespace virtufin::inline v0::detail
