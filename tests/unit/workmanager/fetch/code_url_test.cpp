// Addresses of code: what redirects and lists of hosts make of them.
#include "workmanager/fetch/code_url.hpp"

#include <doctest/doctest.h>

namespace virtufin::test {

using detail::CodeUrl;
using detail::FollowLocation;
using detail::HostList;
using detail::ParseCodeUrl;

TEST_CASE("an address of code is asked for in one form, whatever form it was given in") {
  CHECK(ParseCodeUrl("HTTP://Code.Example.:80?x=1")->Text() == "http://code.example/?x=1");
  CHECK(ParseCodeUrl("https://[2001:DB8:0::1]:8443/a")->Text() == "https://[2001:db8::1]:8443/a");
  CHECK(ParseCodeUrl("https://h/a?token=t")->Shown() == "https://h/a?...");
  const std::string digits(64, 'A');
  const Result<CodeUrl> pinned = ParseCodeUrl("https://h/a#sha256:" + digits);
  CHECK(pinned->pin == std::string(64, 'a'));
  CHECK(pinned->Text() == "https://h/a");
  for (const std::string fragment : {"", "part", "sha256:", "sha-256:00", "sha512:00"}) {
    CAPTURE(fragment);
    CHECK(ParseCodeUrl("https://h/a#" + fragment).status().code() == StatusCode::kInvalidArgument);
  }
  CHECK_FALSE(ParseCodeUrl("https://h/a#sha256:" + std::string(63, '0')).ok());
  CHECK_FALSE(ParseCodeUrl("https://h/a#sha256:" + std::string(63, '0') + "g").ok());
}

TEST_CASE("a redirect leads where RFC 3986 says") {
  const CodeUrl base = ParseCodeUrl("https://h:8443/a/b?q#sha256:" + std::string(64, '0')).value();
  const struct {
    const char* location;
    const char* target;
  } rows[] = {
      {"http://Other.test/x#part", "http://other.test/x"},
      {"//other.test:81/x", "https://other.test:81/x"},
      {"/x?y", "https://h:8443/x?y"},
      {"x", "https://h:8443/a/x"},
      {"./x/../y", "https://h:8443/a/./x/../y"},
      {"?y=1", "https://h:8443/a/b?y=1"},
      {"#part", "https://h:8443/a/b?q"},
      {"/\\other.test/", "https://h:8443/\\other.test/"},
      {"x:8080", ""},  // a scheme
      {"1:2", "https://h:8443/a/1:2"},
      {"file:///etc/passwd", ""},
      {"javascript:x", ""},
      {"http:other.test", ""},
      {"http://me:pw@other.test/", ""},
      {"//0x7f.1/", ""},
      {"///x", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.location);
    const Result<CodeUrl> next = FollowLocation(base, row.location);
    CHECK((next.ok() ? next->Text() : "") == row.target);
  }
  CHECK(FollowLocation(base, "x")->pin.empty());
}

TEST_CASE("a list of hosts holds them with all ports or one, as URLs write them") {
  const HostList list = HostList::Parse({"Code.Example.", "ports.example:8443", "eighty.example:80",
                                         "10.0.0.7", "[FD00::7]:81", "fd00::80"})
                            .value();
  const auto has = [&](const char* text) { return list.Contains(ParseCodeUrl(text)->url); };
  for (const char* url :
       {"http://code.example/", "https://CODE.example.:9/", "https://ports.example:8443/",
        "http://eighty.example/", "https://eighty.example:80/", "http://10.0.0.7:8080/",
        "http://[fd00:0::7]:81/", "http://[fd00::80]/", "https://[fd00::80]:9/"}) {
    CAPTURE(url);
    CHECK(has(url));
  }
  for (const char* url : {"http://a.code.example/", "http://xcode.example/",
                          "http://ports.example/", "https://eighty.example/", "http://10.0.0.8/",
                          "http://[::ffff:10.0.0.7]/", "http://[fd00::7]/"}) {
    CAPTURE(url);
    CHECK_FALSE(has(url));
  }
  for (const char* entry : {"", "a b", "http://h", "h/", "h/x", "u@h", "h:0", "h:x", "*.example",
                            "0x7f.1", "10.0.0.0/8", "h#", "h?"}) {
    CAPTURE(entry);
    const Status status = HostList::Parse({"good", entry}).status();
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().find("host '" + std::string(entry) + "'") == 0);
  }
}

}  // namespace virtufin::test
