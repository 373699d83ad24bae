// The guard's table: addresses of code as people and attackers write them, each with its verdict.
#include <stdlib.h>

#include "fetch_fixture.hpp"

namespace virtufin::test {
namespace {

constexpr StatusCode kBad = StatusCode::kInvalidArgument;
constexpr StatusCode kRefused = StatusCode::kPermissionDenied;
constexpr StatusCode kFailed = StatusCode::kUnavailable;

struct Row {
  std::string url;                    // {P}: the server's port
  std::vector<std::string> resolves;  // what its host is resolved to; none: to nothing
  std::string said;                   // the Host of the request, or a part of the message
  StatusCode verdict = StatusCode::kOk;
};

void CheckRows(const std::vector<Row>& rows, const UrlFetcherOptions& options = {}) {
  LocalNetwork network;
  ScriptedPeer peer(network.Answering([](const std::string&) { return WithLength("code"); }));
  const auto fetcher = Fetcher(network, options);
  for (const Row& row : rows) {
    CAPTURE(row.url);
    for (const char* name : {"public.test", "public_1.test", "xn--bcher-kva.test", "inside.test",
                             "artifacts.corp", "localhost", "metadata.google.internal"}) {
      if (!row.resolves.empty()) network.Name(name, {row.resolves});
    }
    const Fetched fetched = Fetch(*fetcher, AtPort(row.url, peer));
    CHECK_MESSAGE(fetched.code == row.verdict, fetched.text);
    CHECK_FALSE(Has(fetched.text, "secret"));
    const std::vector<std::string> requests = network.requests();
    const std::vector<std::string> connected = network.connected();
    if (row.verdict == StatusCode::kOk) {
      CHECK(fetched.text == "code");
      REQUIRE(requests.size() == 1);
      CHECK(PeerLink::Header(requests[0], "host") == AtPort(row.said, peer));
      if (!row.resolves.empty()) CHECK(connected == row.resolves);
    } else {
      CHECK_MESSAGE(Has(fetched.text, row.said), fetched.text);
      CHECK(requests.empty());
      CHECK(connected.empty());
    }
    if (row.resolves.empty() && row.verdict != kFailed) CHECK(network.lookups().empty());
    network.lookups();
  }
}

}  // namespace

TEST_CASE("hosts outside are asked, under the name that was checked") {
  CheckRows({
      {"http://public.test:{P}/x", {"93.184.216.34"}, "public.test:{P}"},
      {"HTTP://PUBLIC.Test:{P}", {"93.184.216.34"}, "public.test:{P}"},
      {"http://public.test.:{P}/", {"93.184.216.34"}, "public.test:{P}"},
      {"http://public_1.test:{P}/?a=secret", {"93.184.216.34"}, "public_1.test:{P}"},
      {"http://xn--bcher-kva.test:{P}/", {"93.184.216.34"}, "xn--bcher-kva.test:{P}"},
      {"http://public.test:{P}/\\@inside.test/", {"93.184.216.34"}, "public.test:{P}"},
      {"http://public.test:{P}?@inside.test/", {"93.184.216.34"}, "public.test:{P}"},
      {"http://public.test:{P}/", {"2606:2800:220:1::1"}, "public.test:{P}"},
      {"http://public.test:{P}/", {"2606:2800:220:1::1", "93.184.216.34"}, "public.test:{P}"},
      {"http://public.test:{P}/", {"172.32.0.1"}, "public.test:{P}"},
      {"http://public.test:{P}/", {"64:ff9b::5db8:d822"}, "public.test:{P}"},
      {"http://93.184.216.34:{P}/", {}, "93.184.216.34:{P}"},
      {"http://[2606:2800:0220:1:0::1]:{P}/", {}, "[2606:2800:220:1::1]:{P}"},
      {"http://[::FFFF:93.184.216.34]:{P}/", {}, "[::ffff:93.184.216.34]:{P}"},
  });
}

// Pins WM-71.
TEST_CASE("names that lead inside are refused, and nothing is connected to") {
  std::vector<Row> rows;
  const struct {
    const char* address;
    const char* name;
  } inside[] = {
      {"127.0.0.1", "loopback"},
      {"0.0.0.0", "unspecified"},
      {"10.1.2.3", "private"},
      {"172.20.0.1", "private"},
      {"192.168.1.1", "private"},
      {"100.64.0.1", "CGNAT"},
      {"169.254.7.7", "link-local"},
      {"169.254.169.254", "metadata"},
      {"100.100.100.200", "metadata"},
      {"168.63.129.16", "metadata"},
      {"198.18.0.1", "benchmarks"},
      {"203.0.113.5", "documentation"},
      {"224.0.0.251", "multicast"},
      {"255.255.255.255", "broadcast"},
      {"::", "unspecified"},
      {"::1", "loopback"},
      {"::ffff:127.0.0.1", "loopback"},
      {"::ffff:10.0.0.1", "private"},
      {"::127.0.0.1", "IPv4-compatible"},
      {"64:ff9b::a00:1", "private"},
      {"2002:7f00:1::", "6to4"},
      {"2001:0:7f00:1::", "Teredo"},
      {"fd12:3456::1", "unique local"},
      {"fd00:ec2::254", "metadata"},
      {"fe80::1", "link-local"},
      {"fec0::1", "site-local"},
      {"ff02::1", "multicast"},
      {"fe80::1%eth0", "no address that can be judged"},
      {"not-an-address", "no address that can be judged"},
  };
  for (const auto& [address, name] : inside) {
    rows.push_back({"http://inside.test:{P}/?k=secret", {address}, name, kRefused});
  }
  rows.push_back(
      {"https://inside.test/", {"10.0.0.1"}, "found 10.0.0.1: private (RFC 1918)", kRefused});
  rows.push_back({"http://localhost:{P}/", {"127.0.0.1", "::1"}, "loopback", kRefused});
  rows.push_back({"http://localhost.:{P}/", {"127.0.0.1"}, "loopback", kRefused});
  rows.push_back({"http://metadata.google.internal/", {"169.254.169.254"}, "metadata", kRefused});
  // One address inside is enough, wherever it stands.
  rows.push_back({"http://inside.test:{P}/", {"93.184.216.34", "10.0.0.1"}, "10.0.0.1", kRefused});
  rows.push_back({"http://inside.test:{P}/", {"10.0.0.1", "93.184.216.34"}, "10.0.0.1", kRefused});
  CheckRows(rows);
}

// Pins WM-71.
TEST_CASE("addresses inside are refused in every spelling, without a lookup") {
  std::vector<Row> rows;
  for (const char* host : {"127.0.0.1",
                           "127.0.0.1.",
                           "10.0.0.1",
                           "169.254.169.254",
                           "0.0.0.0",
                           "[::1]",
                           "[::]",
                           "[::ffff:127.0.0.1]",
                           "[::ffff:7f00:1]",
                           "[0:0:0:0:0:ffff:a9fe:a9fe]",
                           "[::127.0.0.1]",
                           "[64:ff9b::7f00:1]",
                           "[2002:a00:1::]",
                           "[fd00:ec2::254]",
                           "[fe80::1]",
                           "[FEC0::1]",
                           "2130706433",
                           "0x7f000001",
                           "0x7f.0.0.1",
                           "0x7F.1",
                           "017700000001",
                           "0177.0.0.1",
                           "127.0.0.01",
                           "127.1",
                           "127.0.1",
                           "0",
                           "0x",
                           "0xA9FEA9FE",
                           "2852039166",
                           "3232235777",
                           "0300.0250.1.1"}) {
    rows.push_back({"http://" + std::string(host) + ":{P}/", {}, "(", kRefused});
  }
  CheckRows(rows);
}

// Pins WM-70.
TEST_CASE("what is no address of code is refused without repeating its secrets") {
  std::vector<Row> rows;
  for (const char* url : {"",
                          "code.so",
                          "public.test/x",
                          "//public.test/",
                          "http:public.test",
                          "http:/public.test/",
                          "http://",
                          "http:///x",
                          "http://:{P}/",
                          "ftp://public.test/",
                          "file:///etc/passwd",
                          "gopher://public.test:70/",
                          "dict://public.test/",
                          "ws://public.test/",
                          "javascript://public.test/%0a",
                          "http://me:secret@public.test:{P}/",
                          "http://secret@public.test/",
                          "http://public.test\\@127.0.0.1/",
                          "http://127.0.0.1\\.public.test/",
                          "http://public.test%00.inside.test/",
                          "http://%31%32%37.0.0.1/",
                          "http://public%2etest/",
                          "http://b\xc3\xbc"
                          "cher.test/",
                          "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
                          "http://127\xe3\x80\x82"
                          "0.0.1/",
                          "http://[fe80::1%25eth0]/",
                          "http://[fe80::1%eth0]/",
                          "http://[::1",
                          "http://::1/",
                          "http://[public.test]/",
                          "http://[127.0.0.1]/",
                          "http://[1:2:3]/",
                          "http://[]/",
                          "http://public.test:0/",
                          "http://public.test:65536/",
                          "http://public.test:-1/",
                          "http://public.test:+80/",
                          "http://public.test:80:80/",
                          "http://public.test:{P}x/",
                          "http://public test/",
                          "http://public.test/a b",
                          "http://public.test/\r\nX: secret",
                          "http://public.test\t/",
                          "http://pub\x01lic.test/",
                          "http://.public.test/",
                          "http://public..test/",
                          "http://public.test../",
                          "http://./",
                          "http://134744072/",
                          "http://8.8.8.08/",
                          "http://0x8.8.8.8/",
                          "http://256.1.1.1/",
                          "http://1.2.3.4.5/",
                          "http://4294967296/",
                          "http://public.test:{P}/x#secret",
                          "http://public.test/#sha256:12"}) {
    rows.push_back({url, {}, "expected", kBad});
  }
  rows.push_back({"http://" + std::string(64, 'a') + ".test/", {}, "expected", kBad});
  rows.push_back({"http://public.test/" + std::string(20'000, 'x'), {}, "expected", kBad});
  CheckRows(rows);
}

TEST_CASE("a name that is not resolved is a failure") {
  CheckRows({{"http://nowhere.test/", {}, "cannot resolve nowhere.test: no such name", kFailed}});
}

// Pins WM-71.
TEST_CASE("hosts that are allowed may be inside, as they are written and no other") {
  UrlFetcherOptions options;
  options.allowed_hosts = {"artifacts.corp", "10.0.0.7", "[fd00::7]", "localhost:1"};
  CheckRows(
      {
          {"http://artifacts.corp:{P}/", {"10.0.0.7"}, "artifacts.corp:{P}"},
          {"http://ARTIFACTS.corp.:{P}/", {"127.0.0.1"}, "artifacts.corp:{P}"},
          {"http://10.0.0.7:{P}/", {}, "10.0.0.7:{P}"},
          {"http://[fd00:0::7]:{P}/", {}, "[fd00::7]:{P}"},
          {"http://inside.test:{P}/", {"10.0.0.7"}, "private", kRefused},
          {"http://10.0.0.8:{P}/", {}, "private", kRefused},
          {"http://[::ffff:10.0.0.7]:{P}/", {}, "private", kRefused},
          {"http://167772167:{P}/", {}, "private", kRefused},
          {"http://localhost:{P}/", {"127.0.0.1"}, "loopback", kRefused},
      },
      options);
}

TEST_CASE("options that make no sense are refused by name") {
  const auto refused = [](const UrlFetcherOptions& options) {
    const Status status = MakeUrlFetcher(options).status();
    CHECK(status.code() == kBad);
    return std::string(status.message());
  };
  CHECK(MakeUrlFetcher({}).ok());
  CHECK(Has(refused({.allowed_hosts = {"10.0.0.0/8"}}), "allowed_hosts: host '10.0.0.0/8'"));
  CHECK(Has(refused({.timeout_ms = 0}), "timeout_ms from 1 to 86400000, found 0"));
  CHECK(Has(refused({.max_redirects = 21}), "max_redirects from 0 to 20, found 21"));
  CHECK(Has(refused({.ca_file = "/nowhere/ca.pem"}), "/nowhere/ca.pem"));
}

// Pins WM-70.
TEST_CASE("proxies of the environment are not used") {
  REQUIRE(setenv("http_proxy", "http://127.0.0.1:1", 1) == 0);
  REQUIRE(setenv("all_proxy", "http://127.0.0.1:1", 1) == 0);
  CheckRows({{"http://public.test:{P}/", {"93.184.216.34"}, "public.test:{P}"},
             {"http://93.184.216.34:{P}/", {}, "93.184.216.34:{P}"}});
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

}  // namespace virtufin::test
