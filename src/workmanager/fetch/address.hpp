// IpAddress: an IPv4 or IPv6 address as a number, and whether code may be fetched from there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtufin::inline v0::detail {

struct IpAddress {
  bool v6 = false;
  std::uint64_t high = 0;  // 0 for IPv4
  std::uint64_t low = 0;   // all of an IPv4 address

  /// As inet_ntop writes it.
  std::string Text() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Takes the forms of inet_pton: four decimal numbers without leading zeros, or RFC 4291 without a
/// zone.
std::optional<IpAddress> ParseAddress(std::string_view text);

/// What a host whose last label is a number is taken for by inet_aton and browsers: "0x7f.1",
/// "2130706433" and "0177.0.0.1" are 127.0.0.1.
struct NumericHost {
  bool numeric = false;              // its last label is one: no resolver should see it
  std::optional<IpAddress> address;  // none: the numbers are no address
};
NumericHost ParseNumericHost(std::string_view host);

/// A range of addresses that nothing outside should send us to.
struct AddressRange {
  IpAddress first;
  int bits;                // of `first` that count
  std::string_view name;   // "private"
  std::string_view where;  // what defines it: "RFC 1918"
};

/// The range that `address` is refused for; null: a public unicast address. An IPv4 address inside
/// an IPv6 one (mapped, NAT64) is judged as itself.
const AddressRange* InsideRange(const IpAddress& address);

}  // namespace virtufin::inline v0::detail
