// Bodies of code: whole ones, and the ways in which they are not.
#include <zlib.h>

#include "fetch_fixture.hpp"

namespace virtufin::test {
namespace {

std::string Gzip(const std::string& text) {
  std::string out(text.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Fetched FetchFrom(const ScriptedPeer::Script& script, const UrlFetcherOptions& options = {},
                  const std::string& fragment = {}) {
  LocalNetwork network;
  network.Name("a.test", {{"93.184.216.34"}});
  ScriptedPeer peer(script);
  return Fetch(*Fetcher(network, options),
               AtPort("http://a.test:{P}/code?k=secret", peer) + fragment);
}

ScriptedPeer::Script Bytes(const std::string& bytes) {
  return [bytes](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write(bytes);
  };
}

}  // namespace

TEST_CASE("a body is taken as it is, unpacked when it was sent as gzip") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(FetchFrom(Bytes(WithLength(all))).text == all);
  CHECK(FetchFrom(Bytes(WithLength(""))).code == StatusCode::kOk);
  CHECK(FetchFrom(Bytes(WithLength(Gzip(all), "200 OK", "Content-Encoding: gzip\r\n"))).text ==
        all);
  CHECK(FetchFrom(Bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"))
            .text == "abcd");
}

TEST_CASE("an answer that is no code says what it is") {
  for (const char* status : {"404 Not Found", "401 Who", "500 Oops", "206 Partial", "204 None"}) {
    CAPTURE(status);
    const Fetched fetched = FetchFrom(Bytes(WithLength("secret", status)));
    CHECK(fetched.code == StatusCode::kUnavailable);
    CHECK(Has(fetched.text, "expected the status 200, found " + std::string(status, 3)));
    CHECK(Has(fetched.text, "cannot fetch code from http://a.test:"));
    CHECK_FALSE(Has(fetched.text, "secret"));
  }
}

// Pins WM-70.
TEST_CASE("a body that ends early or is broken is a failure, not a short body") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string packed = Gzip(std::string(10'000, 'x'));
  const std::string gzip = "Content-Encoding: gzip\r\n";
  for (const std::string& bytes :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), chunked + "5\r\nabc",
        chunked + "3\r\nabc\r\n", std::string("HTTP/1.1 200 OK\r\nContent-Len"), std::string(),
        WithLength(packed.substr(0, 20), "200 OK", gzip), WithLength("no gzip", "200 OK", gzip),
        WithLength("abc", "200 OK", "Content-Encoding: br\r\n"), std::string("no HTTP\r\n\r\n")}) {
    CAPTURE(bytes);
    const Fetched fetched = FetchFrom(Bytes(bytes));
    CHECK(fetched.code == StatusCode::kUnavailable);
    CHECK_FALSE(Has(fetched.text, "secret"));
  }
}

// Pins WM-70.
TEST_CASE("more than the limit is refused, told, endless and packed alike") {
  const UrlFetcherOptions limit{.max_bytes = 1000};
  CHECK(FetchFrom(Bytes(WithLength(std::string(1000, 'x'))), limit).text.size() == 1000);
  const std::string bomb = Gzip(std::string(20'000'000, '\0'));
  const ScriptedPeer::Script endless = [](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write("HTTP/1.1 200 OK\r\n\r\n");
    while (link.Write(std::string(100, 'x'))) {
    }
  };
  const ScriptedPeer::Script endless_header = [](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write("HTTP/1.1 200 OK\r\n");
    while (link.Write("X: " + std::string(100, 'x') + "\r\n")) {
    }
  };
  for (const auto& script : {Bytes(WithLength(std::string(1001, 'x'))), endless,
                             Bytes(WithLength(bomb, "200 OK", "Content-Encoding: gzip\r\n"))}) {
    const Fetched fetched = FetchFrom(script, limit);
    CHECK(fetched.code == StatusCode::kResourceExhausted);
    CHECK(Has(fetched.text, "expected a body of at most 1000 bytes"));
  }
  CHECK(FetchFrom(endless_header).code == StatusCode::kResourceExhausted);
}

// Pins WM-70.
TEST_CASE("a server that is slow or silent ends with the deadline of the whole fetch") {
  const UrlFetcherOptions soon{.timeout_ms = 100};
  const ScriptedPeer::Script silent = [](PeerLink& link, int) { link.ReadAll(); };
  const ScriptedPeer::Script dripping = [](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx");
    link.ReadAll();
  };
  const ScriptedPeer::Script turning = [](PeerLink& link, int) {
    const std::string request = link.ReadUntil("\r\n\r\n");
    link.Write(Redirect("/code"));
  };
  for (const auto& script : {silent, dripping}) {
    const Fetched fetched = FetchFrom(script, soon);
    CHECK(fetched.code == StatusCode::kUnavailable);
    CHECK(Has(fetched.text, "expected it within 100 ms, found no end by then"));
  }
  CHECK(FetchFrom(turning, soon).code == StatusCode::kUnavailable);
}

// Pins WM-74.
TEST_CASE("a pin lets that code pass and no other, and both digests are told") {
  const std::string digest = "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b";
  CHECK(FetchFrom(Bytes(WithLength("code")), {}, "#sha256:" + digest).text == "code");
  const Fetched other = FetchFrom(Bytes(WithLength("Code")), {}, "#sha256:" + digest);
  CHECK(other.code == StatusCode::kInvalidArgument);
  CHECK(Has(other.text, "expected sha256:" + digest + ", found sha256:"));
}

}  // namespace virtufin::test
