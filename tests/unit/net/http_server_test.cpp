// What well-behaved clients see: keep-alive, pipelining, bodies both ways, streams, stop.
#include <atomic>
#include <string>

#include "support/gate.hpp"
#include "support/raw_client.hpp"
#include "unit/net/server_fixture.hpp"
#include "virtufin/core/executor.hpp"

using namespace virtufin;
using std::chrono::milliseconds;

namespace {

const std::string kHost = "Host: a\r\n";

std::string Get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\n" + kHost + more + "\r\n";
}

std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\n" + kHost +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("one connection serves request after request") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  for (int i = 0; i < 50; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 1000, 'b');
    REQUIRE(client.Send(Post(i % 2 == 0 ? "/echo" : "/later", body)));
    const RawAnswer answer = client.Answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == body);
    CHECK(answer.Has("X-Method: POST"));
    CHECK(!answer.Has("Connection: close"));
  }
  CHECK(server->counters().accepted == 1);
}

TEST_CASE("pipelined requests are answered in their order") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += Post(i % 3 == 0 ? "/later" : "/echo", "number " + std::to_string(i));
  }
  REQUIRE(client.Send(all));
  for (int i = 0; i < 200; ++i) CHECK(client.Answer().body == "number " + std::to_string(i));
}

TEST_CASE("HEAD, HTTP/1.0 and Connection: close are obeyed") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  {
    RawClient client(server->port());
    client.Send("HEAD /none HTTP/1.1\r\n" + kHost + "\r\n" + Get("/echo"));
    const RawAnswer head = client.Answer(true);
    CHECK(head.status == 404);
    CHECK(head.Has("Content-Length: 0"));
    CHECK(client.Answer().status == 200);
  }
  {
    RawClient client(server->port());
    client.Send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(client.Answer().Has("Connection: close"));
    CHECK(client.AtEnd());
  }
  {
    RawClient client(server->port());
    client.Send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" +
                Get("/echo", "Connection: close\r\n"));
    CHECK(client.Answer().Has("Connection: keep-alive"));
    CHECK(client.Answer().Has("Connection: close"));
    CHECK(client.AtEnd());
  }
}

TEST_CASE("a chunked upload is taken in any pieces, with extensions and trailers") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  const std::string upload = "POST /echo HTTP/1.1\r\n" + kHost +
                             "Transfer-Encoding: chunked\r\n\r\n"
                             "5\r\nhello\r\n1;a=b\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\n";
  RawClient bytewise(server->port());
  REQUIRE(bytewise.SendBytewise(upload + upload));
  CHECK(bytewise.Answer().body == "hello world");
  CHECK(bytewise.Answer().body == "hello world");

  RawClient large(server->port());
  const std::string body(3'000'000, 'z');
  std::string chunks = "POST /echo HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 30'000) {
    chunks += "7530\r\n" + body.substr(at, 30'000) + "\r\n";
  }
  std::thread sender([&] { large.Send(chunks + "0\r\n\r\n"); });
  CHECK(large.Answer().body == body);
  sender.join();
  CHECK(server->counters().unfinished_bytes == 0);
}

TEST_CASE("100-continue is sent when the body is wanted, and not when it is refused") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = StartServer(handler, options);
  const std::string expect = kHost + "Expect: 100-continue\r\n";
  RawClient wanted(server->port());
  wanted.Send("POST /echo HTTP/1.1\r\n" + expect + "Content-Length: 4\r\n\r\n");
  CHECK(wanted.Answer().status == 100);
  wanted.Send("body");
  CHECK(wanted.Answer().body == "body");
  wanted.Send("POST /echo HTTP/1.1\r\n" + expect + "Transfer-Encoding: chunked\r\n\r\n");
  CHECK(wanted.Answer().status == 100);
  wanted.Send("1\r\nx\r\n0\r\n\r\n");
  CHECK(wanted.Answer().body == "x");

  RawClient refused(server->port());
  refused.Send("POST /refuse HTTP/1.1\r\n" + expect + "Content-Length: 4\r\n\r\n");
  const RawAnswer no = refused.Answer();
  CHECK(no.status == 403);
  CHECK(no.body == "no body here");
  CHECK(refused.AtEnd());

  RawClient large(server->port());
  large.Send("POST /echo HTTP/1.1\r\n" + expect + "Content-Length: 1001\r\n\r\n");
  CHECK(large.Answer().status == 413);
}

TEST_CASE("all bodies together are bounded") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_unfinished_bytes = 100'000;
  const auto server = StartServer(handler, options);
  const std::string head = "POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 100000\r\n\r\n";
  RawClient first(server->port());
  first.Send(head + std::string(90'000, 'a'));
  Eventually([&] { return server->counters().unfinished_bytes == 90'000; });
  RawClient second(server->port());
  second.Send(head + std::string(90'000, 'a'));
  CHECK(second.Answer().status == 503);
  first.Send(std::string(10'000, 'a'));
  CHECK(first.Answer().status == 200);
  CHECK(server->counters().unfinished_bytes == 0);
}

TEST_CASE("a half-closed client still gets its answers") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Post("/later", "one") + Post("/kept", "two") + Post("/echo", "three"));
  client.HalfClose();
  CHECK(client.Answer().body == "one");
  handler.Kept().Send({200, {}, "two", std::nullopt, false});
  CHECK(client.Answer().body == "two");
  CHECK(client.Answer().body == "three");
  CHECK(client.AtEnd());

  RawClient early(server->port());
  early.Send("POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nab");
  early.HalfClose();
  CHECK(early.Answer().status == 400);
  CHECK(early.AtEnd());
}

TEST_CASE("a request that nobody answers is a 500, and a header cannot be injected") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/drop") + Get("/throw") + Get("/inject") + Get("/echo"));
  CHECK(client.Answer().status == 500);
  CHECK(client.Answer().status == 500);
  const RawAnswer injected = client.Answer();
  CHECK(injected.status == 500);
  CHECK(!injected.Has("X-Other: b"));
  CHECK(client.Answer().status == 200);

  RawClient refused(server->port());
  refused.Send(Post("/refuse-badly", "body"));
  const RawAnswer refusal = refused.Answer();
  CHECK(refusal.status == 500);
  CHECK(!refusal.Has("X-Other: b"));
}

TEST_CASE("a stream forgets the request's body; one without a body is not framed") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Post("/stream", std::string(100'000, 'x')));
  net::HttpStream stream = handler.Stream();
  Eventually([&] { return server->counters().unfinished_bytes == 0; });
  stream.End();
  CHECK(client.Answer().status == 200);
  client.Send(Get("/nothing") + Post("/echo", "after"));
  const RawAnswer nothing = client.Answer();
  CHECK(nothing.status == 204);
  CHECK(!nothing.Has("Transfer-Encoding: chunked"));
  CHECK(!handler.Stream().open());
  CHECK(client.Answer().body == "after");
}

TEST_CASE("faults are real: a length that lies, a reset, a stall") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient lied(server->port());
  lied.Send(Post("/lie", "short"));
  const RawAnswer cut = lied.Answer();
  CHECK(cut.status == 200);
  CHECK(cut.Has("Content-Length: 15"));
  CHECK(cut.body == "short");
  CHECK(!cut.complete);

  RawClient reset(server->port());
  reset.Send(Get("/abort"));
  char byte;
  CHECK(::recv(reset.fd(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);

  RawClient stalled(server->port());
  stalled.Send(Get("/stall"));
  Eventually([&] { return server->counters().requests == 3; });
  CHECK(server->Stop(milliseconds(1000)).ok());
  CHECK(stalled.Answer().status == 0);
}

TEST_CASE("a stream is chunked, also when it is written before its header went out") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/stream") + Get("/echo"));
  net::HttpStream stream = handler.Stream();
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece = "piece " + std::to_string(i) + "\n";
    REQUIRE(stream.Write(piece).ok());
    expected += piece;
  }
  stream.End();
  CHECK(!stream.Write("more").ok());
  const RawAnswer answer = client.Answer();
  CHECK(answer.complete);
  CHECK(answer.body == expected);
  CHECK(client.Answer().status == 200);

  RawClient old(server->port());
  old.Send("GET /stream HTTP/1.0\r\n\r\n");
  handler.Stream().Write("until the end").ok();  // and cut: its last copy goes
  CHECK(old.TakeAll().find("chunked") == std::string::npos);
  RawClient ended(server->port());
  ended.Send("GET /stream HTTP/1.0\r\n\r\n");
  net::HttpStream to_end = handler.Stream();
  CHECK(to_end.Write("until the end").ok());
  to_end.End();
  CHECK(ended.Answer().body == "until the end");
}

TEST_CASE("a client that never reads stops the writer at the bound, and reading frees it") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_stream_bytes = 200'000;
  const auto server = StartServer(handler, options);
  RawClient client(server->port(), 4096);
  client.Send(Get("/stream"));
  net::HttpStream stream = handler.Stream();
  const std::string piece(10'000, 'p');
  std::size_t taken = 0;
  Status status;
  while ((status = stream.Write(piece)).ok()) {
    ++taken;
    CHECK(stream.unsent_bytes() <= 220'000);
  }
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(server->counters().refused_pieces == 1);
  std::atomic<bool> writable{false};
  stream.OnWritable([&] { writable = true; });
  std::string body;
  std::thread reader([&] { body = client.Answer().body; });
  Eventually([&] { return writable.load(); });
  CHECK(stream.unsent_bytes() <= 120'000);
  REQUIRE(stream.Write(piece).ok());
  stream.End();
  reader.join();
  CHECK(body.size() == (taken + 1) * piece.size());
}

TEST_CASE("a client that takes nothing is cut at the write timeout and the stream told") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.write_timeout_ms = 50;
  const auto server = StartServer(handler, options);
  RawClient client(server->port(), 4096);
  client.Send(Get("/stream"));
  net::HttpStream stream = handler.Stream();
  std::atomic<bool> closed{false};
  stream.OnClosed([&] { closed = true; });
  Eventually([&] {  // the system's own buffers take some megabytes first
    static_cast<void>(stream.Write(std::string(100'000, 'p')));
    return closed.load();
  });
  CHECK(!stream.open());
  CHECK(stream.Write("x").code() == StatusCode::kUnavailable);
  Eventually([&] { return server->counters().connections == 0; });
}

TEST_CASE("whole answers of all connections share one bound") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_unsent_bytes = 10'000'000;
  const auto server = StartServer(handler, options);
  RawClient slow(server->port(), 4096);
  slow.Send(Get("/kept"));
  net::HttpAnswer large;
  large.body.assign(10'000'000, 'b');
  handler.Kept().Send(large);
  Eventually([&] { return server->counters().unsent_bytes == 10'000'000; });
  RawClient other(server->port());
  net::HttpAnswer small;
  small.body = "always";
  other.Send(Get("/kept"));
  handler.Kept().Send(small);
  CHECK(other.Answer().status == 200);
  small.body.assign(5'000, 's');
  other.Send(Get("/kept"));
  handler.Kept().Send(small);
  CHECK(other.Answer().status == 503);
  CHECK(server->counters().bad_requests == 1);
  other.Send("HEAD /kept HTTP/1.1\r\nHost: a\r\n\r\n");  // its body is not sent
  handler.Kept().Send(small);
  CHECK(other.TakeUntil("\r\n\r\n").compare(0, 12, "HTTP/1.1 200") == 0);
  const RawAnswer answer = slow.Answer();
  CHECK(answer.status == 200);
  CHECK(answer.body.size() == 10'000'000);
  Eventually([&] { return server->counters().unsent_bytes == 0; });
  other.Send(Get("/kept"));
  handler.Kept().Send(small);
  CHECK(other.Answer().status == 200);
  slow.Send(Get("/kept"));
  handler.Kept().Send(large);
  slow.Reset();
  Eventually([&] { return server->counters().connections == 1; });
  CHECK(server->counters().unsent_bytes == 0);
}

TEST_CASE("a request that may change something is refused for want of room before it is handled") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_unsent_bytes = 10'000'000;
  const auto server = StartServer(handler, options);
  const std::string post = "POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  RawClient before(server->port());
  before.Send(post);
  net::HttpResponder late = handler.Kept();
  RawClient slow(server->port(), 4096);
  slow.Send(Get("/kept"));
  net::HttpAnswer answer;
  answer.body.assign(10'000'000, 'b');
  handler.Kept().Send(answer);
  Eventually([&] { return server->counters().unsent_bytes == 10'000'000; });
  RawClient after(server->port());
  after.Send(post);
  CHECK(after.Answer().status == 503);
  CHECK(server->counters().requests == 2);
  answer.body.assign(5'000, 's');
  late.Send(answer);
  const RawAnswer told = before.Answer();
  CHECK(told.status == 500);
  CHECK(told.body == "the request was handled, but there is no room for its answer\n");
  CHECK(slow.Answer().status == 200);
  Eventually([&] { return server->counters().unsent_bytes == 0; });
  before.Send(post);
  handler.Kept().Send(answer);
  CHECK(before.Answer().status == 200);
}

TEST_CASE("a client that goes away ends its stream, and late answers are dropped") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/stream"));
  net::HttpStream stream = handler.Stream();
  std::atomic<bool> closed{false};
  stream.OnClosed([&] { closed = true; });
  RawClient waiting(server->port());
  waiting.Send(Get("/kept"));
  net::HttpResponder responder = handler.Kept();
  client.Reset();
  waiting.Reset();
  Eventually([&] { return closed.load() && server->counters().connections == 0; });
  responder.Send({});
  std::atomic<bool> at_once{false};
  stream.OnClosed([&] { at_once = true; });
  Eventually([&] { return at_once.load(); });
}

TEST_CASE("an aborted stream is cut in the middle of a write that the client does not take") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.write_timeout_ms = 3'600'000;
  const auto server = StartServer(handler, options);
  RawClient client(server->port(), 4096);
  client.Send(Get("/stream"));
  net::HttpStream stream = handler.Stream();
  const std::string piece(100'000, 'p');
  while (server->counters().refused_pieces < 100) static_cast<void>(stream.Write(piece));
  stream.Abort();
  Eventually([&] { return server->counters().connections == 0; });
  CHECK(!client.Answer().complete);
}

TEST_CASE("a stream that another thread starts while its client goes away is told so") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient other(server->port()), client(server->port());
  other.Send(Get("/stream"));
  net::HttpStream held = handler.Stream();  // its callbacks hold the loop
  client.Send(Get("/kept"));
  net::HttpResponder responder = handler.Kept();
  test::Gate in_first, end_first, in_second, end_second;
  held.OnWritable([&] {
    in_first.Open();
    CHECK(end_first.Wait());
  });
  REQUIRE(in_first.Wait());
  held.OnWritable([&] {
    in_second.Open();
    CHECK(end_second.Wait());
  });
  client.Reset();  // the loop finds it behind the second callback, and the stream behind both
  end_first.Open();
  REQUIRE(in_second.Wait());
  net::HttpStream stream = std::move(responder).Stream({});
  std::atomic<bool> closed{false};
  stream.OnClosed([&] { closed = true; });
  end_second.Open();
  Eventually([&] { return closed.load(); });
  CHECK(stream.Write("x").code() == StatusCode::kUnavailable);
}

TEST_CASE("a stream of a server that has stopped is told at once") {
  PathsHandler handler;
  auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/kept"));
  net::HttpResponder responder = handler.Kept();
  client.Reset();
  CHECK(server->Stop(milliseconds(60'000)).ok());
  net::HttpStream stream = std::move(responder).Stream({});
  bool writable = false, closed = false;
  stream.OnWritable([&] { writable = true; });
  stream.OnClosed([&] { closed = true; });
  CHECK(writable);
  CHECK(closed);
}

TEST_CASE("connections beyond the limit are closed at once") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_connections = 2;
  const auto server = StartServer(handler, options);
  RawClient first(server->port()), second(server->port());
  first.Send(Get("/echo"));
  second.Send(Get("/echo"));
  CHECK(first.Answer().status == 200);
  CHECK(second.Answer().status == 200);
  RawClient third(server->port());
  CHECK(third.TakeAll().empty());
  CHECK(server->counters().refused == 1);
  first.Close();
  Eventually([&] { return server->counters().connections == 1; });
  RawClient fourth(server->port());
  fourth.Send(Get("/echo"));
  CHECK(fourth.Answer().status == 200);
}

TEST_CASE("stop closes idle connections, lets answers end and cuts at the deadline") {
  PathsHandler handler;
  auto server = StartServer(handler);
  RawClient idle(server->port()), running(server->port());
  idle.Send(Get("/echo"));
  CHECK(idle.Answer().status == 200);
  running.Send(Get("/kept"));
  net::HttpResponder responder = handler.Kept();
  std::thread answer([&] {
    CHECK(idle.AtEnd());  // the stop has begun
    responder.Send({200, {}, "in time", std::nullopt, false});
  });
  CHECK(server->Stop(milliseconds(60'000)).ok());
  answer.join();
  CHECK(running.Answer().body == "in time");
  CHECK(running.AtEnd());

  server = StartServer(handler);
  RawClient never(server->port());
  never.Send(Get("/kept"));
  net::HttpResponder late = handler.Kept();
  CHECK(server->Stop(milliseconds(20)).code() == StatusCode::kDeadlineExceeded);
  CHECK(never.Answer().status == 0);
  late.Send({});
  net::HttpStream none = [&] {
    server.reset();
    return std::move(late).Stream({});
  }();
  CHECK(none.Write("x").code() == StatusCode::kUnavailable);
}

TEST_CASE("options that cannot work are refused, a taken port too") {
  PathsHandler handler;
  net::HttpServerOptions name;
  name.address = "localhost";
  CHECK(net::HttpServer::Create(name, handler).status().code() == StatusCode::kInvalidArgument);
  net::HttpServerOptions half;
  half.tls_key_pem = "x";
  CHECK(net::HttpServer::Create(half, handler).status().code() == StatusCode::kInvalidArgument);
  half.tls_certificate_pem = "x";
  CHECK(net::HttpServer::Create(half, handler).status().code() == StatusCode::kInvalidArgument);
  net::HttpServerOptions zero;
  zero.idle_timeout_ms = 0;
  CHECK(net::HttpServer::Create(zero, handler).status().code() == StatusCode::kInvalidArgument);
  const auto server = StartServer(handler);
  net::HttpServerOptions taken;
  taken.port = server->port();
  const auto second = net::HttpServer::Create(taken, handler).value();
  CHECK(second->Start().code() == StatusCode::kUnavailable);
}
