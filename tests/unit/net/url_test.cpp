// Addresses: parts, refusals, and what may be printed of them.
#include "net/url.hpp"

#include <doctest/doctest.h>

#include "net/resolver.hpp"

namespace virtufin::test {

using net::ParseUrl;
using net::Redact;

TEST_CASE("an address is split into its parts") {
  const net::Url url = ParseUrl("WSS://Me:P%40ss@Stream.Example.com:9443/ws/a?b=c#d").value();
  CHECK(url.scheme == "wss");
  CHECK(url.userinfo == "Me:P%40ss");
  CHECK(url.host == "stream.example.com");
  CHECK(url.port == 9443);
  CHECK(url.target == "/ws/a?b=c");
  CHECK(url.tls);
  CHECK(url.Authority() == "stream.example.com:9443");
  CHECK(ParseUrl("http://h")->target == "/");
  CHECK(ParseUrl("http://h?x=y")->target == "/?x=y");
  CHECK(ParseUrl("http://h")->port == 80);
  CHECK(ParseUrl("https://h:443/")->Authority() == "h");
  CHECK(ParseUrl("ws://[2001:DB8::1]:81/")->host == "2001:db8::1");
  CHECK(ParseUrl("ws://[::1]:81/")->Authority() == "[::1]:81");
}

TEST_CASE("text that is no address is refused without being repeated") {
  for (const char* text : {"", "ws", "ws:/x", "ftp://h/", "http://", "http:///p", "http://h:0/",
                           "http://h:65536/", "http://h:x/", "http://[::1/", "http://[::1]x/",
                           "http://[h]/", "http://[127.0.0.1]/", "http://a b/", "http://a\r\nb/",
                           "http://h\x7f/", "http://h%00/", "http://user:secret@/", "//h/"}) {
    const Result<net::Url> url = ParseUrl(text);
    CAPTURE(text);
    REQUIRE_FALSE(url.ok());
    CHECK(url.status().code() == StatusCode::kInvalidArgument);
    CHECK(url.status().message().find("secret") == std::string_view::npos);
  }
  CHECK_FALSE(ParseUrl("http://h/" + std::string(20'000, 'x')).ok());
}

TEST_CASE("what is printed of an address holds no secret") {
  CHECK(Redact("https://me:pw@api.example.com/v3/depth?symbol=A&signature=ff#x") ==
        "https://api.example.com/v3/depth?...");
  CHECK(Redact("wss://h:9443/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65/x") ==
        "wss://h:9443/ws/.../x");
  CHECK(Redact("not an address: secret") == "(not an address)");
}

TEST_CASE("address literals need no lookup") {
  CHECK(net::IsAddressLiteral("127.0.0.1"));
  CHECK(net::IsAddressLiteral("::1"));
  CHECK_FALSE(net::IsAddressLiteral("localhost"));
  CHECK_FALSE(net::IsAddressLiteral("1.2.3"));
  CHECK_FALSE(net::IsAddressLiteral(""));
}

}  // namespace virtufin::test
