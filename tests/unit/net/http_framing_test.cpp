// Requests that two readers could cut differently, and too large, slow or broken ones.
#include <malloc.h>

#include <cstdio>
#include <string>
#include <vector>

#include "support/raw_client.hpp"
#include "unit/net/server_fixture.hpp"

using namespace virtufin;

namespace {

struct Case {
  const char* what;
  std::string bytes;
  int status;
};

const std::string kHost = "Host: a\r\n";

std::vector<Case> BadRequests() {
  std::string many = "GET /echo HTTP/1.1\r\n" + kHost;
  for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  std::string hundred = "GET /echo HTTP/1.1\r\n" + kHost;
  for (int i = 0; i < 100; ++i) hundred += "X: 1\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\n" + kHost;
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  return {
      {"10 000 fields", many + "\r\n", 431},
      {"101 fields", hundred + "\r\n", 431},
      {"one endless field", "GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x'), 431},
      {"an endless target", "GET /" + std::string(40'000, 'x'), 414},
      {"a length with a coding",
       post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400},
      {"a coding with a length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"the same length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"a negative length", post + "Content-Length: -3\r\n\r\nabc", 400},
      {"a signed length", post + "Content-Length: +3\r\n\r\nabc", 400},
      {"a hexadecimal length", post + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"an empty length", post + "Content-Length: \r\n\r\nabc", 400},
      {"a length beyond 64 bits", post + "Content-Length: 18446744073709551616\r\n\r\n", 400},
      {"a length beyond the limit", post + "Content-Length: 1048577\r\n\r\n", 413},
      {"two codings",
       post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a coding that is not chunked", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"chunked not last", post + "Transfer-Encoding: chunked, gzip\r\n\r\n", 501},
      {"a coding in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a chunk size that is no number", chunked + "x\r\nabc\r\n", 400},
      {"a negative chunk size", chunked + "-3\r\nabc\r\n", 400},
      {"a chunk longer than its size", chunked + "2\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk size beyond 64 bits", chunked + "10000000000000001\r\na\r\n0\r\n\r\n", 400},
      {"a chunk beyond the limit", chunked + "100001\r\n", 413},
      {"an endless chunk extension", chunked + "1;" + std::string(20'000, 'x'), 400},
      {"a folded line", "GET /echo HTTP/1.1\r\n" + kHost + "X: 1\r\n 2\r\n\r\n", 400},
      {"a folded line after the request line", "GET /echo HTTP/1.1\r\n " + kHost + "\r\n", 400},
      {"a NUL", "GET /echo HTTP/1.1\r\n" + kHost + "X: a" + std::string(1, '\0') + "b\r\n\r\n",
       400},
      {"white space before a colon", "GET /echo HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"a field without a colon", "GET /echo HTTP/1.1\r\n" + kHost + "X\r\n\r\n", 400},
      {"a field without a name", "GET /echo HTTP/1.1\r\n" + kHost + ": 1\r\n\r\n", 400},
      {"bare line feeds", "GET /echo HTTP/1.1\nHost: a\n\n", 400},
      {"a bare return", "GET /echo HTTP/1.1\r\n" + kHost + "X: a\rb\r\n\r\n", 400},
      {"no host", "GET /echo HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /echo HTTP/1.1\r\n" + kHost + kHost + "\r\n", 400},
      {"no target", "GET HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"two spaces", "GET  /echo HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"an unknown version", "GET /echo HTTP/2.0\r\n" + kHost + "\r\n", 505},
      {"another protocol", "\x16\x03\x01\x02\x00\x01", 400},
      {"an unknown expectation", post + "Expect: tea\r\nContent-Length: 1\r\n\r\na", 417},
  };
}

long ResidentKb() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  REQUIRE(file != nullptr);
  long total = 0, resident = 0;
  REQUIRE(std::fscanf(file, "%ld %ld", &total, &resident) == 2);
  std::fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

net::HttpServerOptions OneMegabyte() {
  net::HttpServerOptions options;
  options.max_body_bytes = std::size_t{1} << 20;
  return options;
}

}  // namespace

TEST_CASE("a request with broken framing is refused with its status and the connection closed") {
  PathsHandler handler;
  const auto server = StartServer(handler, OneMegabyte());
  const auto bad = BadRequests();
  for (const Case& a : bad) {
    CAPTURE(a.what);
    RawClient client(server->port());
    client.Send(a.bytes);
    const RawAnswer answer = client.Answer();
    CHECK(answer.status == a.status);
    CHECK(answer.complete);
    CHECK(answer.Has("Connection: close"));
    CHECK(client.AtEnd());
  }
  CHECK(server->counters().requests == 0);
  CHECK(server->counters().bad_requests == bad.size());
}

TEST_CASE("broken framing is refused the same when it comes byte by byte") {
  PathsHandler handler;
  const auto server = StartServer(handler, OneMegabyte());
  for (const Case& a : BadRequests()) {
    if (a.bytes.size() > 1000) continue;
    CAPTURE(a.what);
    RawClient client(server->port());
    client.SendBytewise(a.bytes);
    CHECK(client.Answer().status == a.status);
  }
}

TEST_CASE("a body that follows a refused header is not taken for a request") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send("POST /echo HTTP/1.1\r\n" + kHost +
              "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
              "GET /echo HTTP/1.1\r\n" +
              kHost + "\r\n");
  CHECK(client.Answer().status == 400);
  CHECK(client.AtEnd());
  CHECK(server->counters().requests == 0);
}

TEST_CASE("slow clients are answered 408 and closed, idle ones closed without a word") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.header_timeout_ms = 100;
  options.body_timeout_ms = 100;
  options.idle_timeout_ms = 100;
  const auto server = StartServer(handler, options);
  RawClient header(server->port());
  header.Send("GET /echo HT");
  RawClient body(server->port());
  body.Send("POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nab");
  RawClient silent(server->port());
  RawClient idle(server->port());
  idle.Send("GET /echo HTTP/1.1\r\n" + kHost + "\r\n");
  CHECK(idle.Answer().status == 200);
  CHECK(header.Answer().status == 408);
  CHECK(header.AtEnd());
  CHECK(body.Answer().status == 408);
  CHECK(body.AtEnd());
  CHECK(silent.AtEnd());
  CHECK(idle.AtEnd());
  CHECK(server->counters().timeouts == 2);
}

TEST_CASE("2000 bad connections leave nothing behind") {
  PathsHandler handler;
  const auto server = StartServer(handler, OneMegabyte());
  const auto bad = BadRequests();
  const auto storm = [&](std::size_t connections) {
    for (std::size_t i = 0; i < connections; ++i) {
      RawClient client(server->port());
      client.Send(bad[i % bad.size()].bytes);
      switch (i % 4) {
        case 0:
          client.Answer();
          break;
        case 1:
          client.HalfClose();
          break;
        case 2:
          client.Reset();
          break;
        default:
          break;  // closes with the answer unread
      }
    }
    Eventually([&] { return server->counters().connections == 0; });
  };
  storm(500);  // what is kept once (arenas, tables) is there now
  malloc_trim(0);
  const long before = ResidentKb();
  storm(2000);
  malloc_trim(0);
  const long grown = ResidentKb() - before;
#ifdef NET_TEST_MEASURES_MEMORY
  CHECK(grown < 4096);
#else
  static_cast<void>(grown);
#endif
  CHECK(server->counters().unfinished_bytes == 0);
  CHECK(server->counters().requests == 0);
  RawClient client(server->port());
  client.Send("GET /echo HTTP/1.1\r\n" + kHost + "\r\n");
  CHECK(client.Answer().status == 200);
}
