// Addresses: which are inside, by whose word, and what numbers as a host mean.
#include "workmanager/fetch/address.hpp"

#include <doctest/doctest.h>

namespace virtufin::test {
namespace {

using detail::InsideRange;
using detail::ParseAddress;

std::string Why(std::string_view text) {
  const auto address = ParseAddress(text);
  REQUIRE_MESSAGE(address, text);
  const detail::AddressRange* range = InsideRange(*address);
  return range == nullptr ? "" : std::string(range->name) + ", " + std::string(range->where);
}

}  // namespace

TEST_CASE("addresses that are not public are inside, each by its document") {
  const struct {
    const char* address;
    const char* why;
  } rows[] = {
      {"0.0.0.0", "the unspecified address, RFC 1122"},
      {"0.0.0.1", "this network, RFC 791"},
      {"10.0.0.0", "private, RFC 1918"},
      {"10.255.255.255", "private, RFC 1918"},
      {"100.64.0.0", "shared by a carrier (CGNAT), RFC 6598"},
      {"100.127.255.255", "shared by a carrier (CGNAT), RFC 6598"},
      {"100.100.100.200", "a cloud's metadata, Alibaba Cloud"},
      {"127.0.0.1", "loopback, RFC 1122"},
      {"127.255.255.254", "loopback, RFC 1122"},
      {"168.63.129.16", "a cloud's metadata, Azure"},
      {"169.254.0.0", "link-local, RFC 3927"},
      {"169.254.169.254", "a cloud's metadata, link-local, RFC 3927"},
      {"172.16.0.0", "private, RFC 1918"},
      {"172.31.255.255", "private, RFC 1918"},
      {"192.0.0.8", "for protocols, RFC 6890"},
      {"192.0.0.192", "a cloud's metadata, Oracle Cloud"},
      {"192.0.2.1", "for documentation, RFC 5737"},
      {"192.88.99.1", "a 6to4 relay, RFC 7526"},
      {"192.168.0.0", "private, RFC 1918"},
      {"192.168.255.255", "private, RFC 1918"},
      {"198.18.0.0", "for benchmarks, RFC 2544"},
      {"198.19.255.255", "for benchmarks, RFC 2544"},
      {"198.51.100.7", "for documentation, RFC 5737"},
      {"203.0.113.255", "for documentation, RFC 5737"},
      {"224.0.0.1", "multicast, RFC 5771"},
      {"239.255.255.255", "multicast, RFC 5771"},
      {"240.0.0.0", "reserved, RFC 1112"},
      {"255.255.255.255", "broadcast, RFC 919"},
      {"::", "the unspecified address, RFC 4291"},
      {"::1", "loopback, RFC 4291"},
      {"::2", "IPv4-compatible, RFC 4291"},
      {"::127.0.0.1", "IPv4-compatible, RFC 4291"},
      {"::ffff:127.0.0.1", "loopback, RFC 1122"},
      {"::ffff:a00:1", "private, RFC 1918"},
      {"::ffff:0:10.0.0.1", "IPv4-translated, RFC 2765"},
      {"64:ff9b::10.0.0.1", "private, RFC 1918"},
      {"64:ff9b:1::1", "local NAT64, RFC 8215"},
      {"100::1", "discarded, RFC 6666"},
      {"2001::1", "Teredo, RFC 4380"},
      {"2001:2::1", "for benchmarks, RFC 5180"},
      {"2001:10::1", "ORCHID, RFC 4843"},
      {"2001:20::1", "ORCHIDv2, RFC 7343"},
      {"2001:1ff::1", "for protocols, RFC 2928"},
      {"2001:db8::1", "for documentation, RFC 3849"},
      {"2002:7f00:1::", "6to4, RFC 3056"},
      {"3ffe::1", "6bone, RFC 3701"},
      {"3fff:fff::1", "for documentation, RFC 9637"},
      {"5f00::1", "segment routing, RFC 9602"},
      {"fc00::1", "unique local, RFC 4193"},
      {"fdff::1", "unique local, RFC 4193"},
      {"fd00:ec2::254", "a cloud's metadata, AWS"},
      {"fd20:ce::254", "a cloud's metadata, Google Cloud"},
      {"fe80::1", "link-local, RFC 4291"},
      {"febf::1", "link-local, RFC 4291"},
      {"fec0::1", "site-local, RFC 3879"},
      {"feff::1", "site-local, RFC 3879"},
      {"ff02::1", "multicast, RFC 4291"},
      {"1::1", "not global unicast, RFC 4291"},
      {"4000::1", "not global unicast, RFC 4291"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address);
    CHECK(Why(row.address) == row.why);
  }
}

TEST_CASE("the neighbours of the ranges inside are public") {
  for (const char* address :
       {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",       "100.63.255.255",   "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "168.63.129.17",  "169.253.255.255",  "169.255.0.0",
        "172.15.255.255",  "172.32.0.0",      "192.0.1.0",      "192.0.3.0",        "192.88.98.255",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",       "198.51.99.255",
        "203.0.114.0",     "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1",
        "2001:db7:ffff::", "2001:db9::",      "2003::1",        "2606:4700::1111",  "3ffd::1",
        "3fff:1000::1"}) {
    CAPTURE(address);
    CHECK(Why(address) == "");
  }
}

TEST_CASE("addresses are read in their usual forms only, and written in one") {
  CHECK(ParseAddress("2001:DB8:0::0:1")->Text() == "2001:db8::1");
  CHECK(ParseAddress("::FFFF:1.2.3.4")->Text() == "::ffff:1.2.3.4");
  CHECK(ParseAddress("1.2.3.4")->Text() == "1.2.3.4");
  for (const char* text :
       {"", "1.2.3", "01.2.3.4", "1.2.3.4.", "1.2.3.4 ", "0x1.2.3.4", "256.1.1.1", "fe80::1%eth0",
        "fe80::1%1", "[::1]", "1::2::3", ":::", "12345::", "localhost"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseAddress(text));
  }
  CHECK_FALSE(ParseAddress(std::string("127.0.0.1\0", 10)));
}

TEST_CASE("a host whose last label is a number is the address that inet_aton makes of it") {
  const struct {
    const char* host;
    const char* address;  // "": none
  } rows[] = {
      {"2130706433", "127.0.0.1"},
      {"0x7f000001", "127.0.0.1"},
      {"0X7F.1", "127.0.0.1"},
      {"017700000001", "127.0.0.1"},
      {"0177.0.0.1", "127.0.0.1"},
      {"127.1", "127.0.0.1"},
      {"127.0.1", "127.0.0.1"},
      {"127.0.0.01", "127.0.0.1"},
      {"127.1.", "127.0.0.1"},
      {"0", "0.0.0.0"},
      {"0x", "0.0.0.0"},
      {"10.65535", "10.0.255.255"},
      {"4294967295", "255.255.255.255"},
      {"4294967296", ""},
      {"1.16777216", ""},
      {"1.2.3.256", ""},
      {"256.1", ""},
      {"1.2.3.4.5", ""},
      {"08", ""},
      {"1..2", ""},
      {"a.1", ""},
      {"18446744073709551616", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.host);
    const detail::NumericHost host = detail::ParseNumericHost(row.host);
    CHECK(host.numeric);
    CHECK((host.address ? host.address->Text() : "") == row.address);
  }
  for (const char* name : {"", ".", "a", "1.a", "1a", "0xg", "1.2.3.4.example", "x0x1"}) {
    CAPTURE(name);
    CHECK_FALSE(detail::ParseNumericHost(name).numeric);
  }
}

}  // namespace virtufin::test
