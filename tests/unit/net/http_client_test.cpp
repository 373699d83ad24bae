// The HTTP client against a peer of raw bytes: whole and broken answers, limits, TLS, the end.
#include <doctest/doctest.h>
#include <zlib.h>

#include "net/http_client.hpp"
#include "support/gate.hpp"
#include "support/scripted_peer.hpp"

namespace virtufin::test {
namespace {

using net::HttpClient;
using net::HttpRequest;
using net::HttpResponse;

std::unique_ptr<HttpClient> StartedClient(net::HttpClientOptions options = {}) {
  auto client = HttpClient::Create(std::move(options)).value();
  REQUIRE(client->Start().ok());
  return client;
}

HttpResponse Fetch(HttpClient& client, HttpRequest request) {
  Collector<HttpResponse> answers;
  client.Send(std::move(request), [&](HttpResponse r) { answers.Add(std::move(r)); });
  std::vector<HttpResponse> all = answers.WaitFor(1);
  REQUIRE(all.size() == 1);
  return all[0];
}

/// One answer of raw bytes to a GET, then the end of the connection.
HttpResponse Answered(const std::string& bytes, HttpRequest request = {}, bool reset = false) {
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write(bytes);
    if (reset) link.Reset();
  });
  const auto client = StartedClient();
  request.url = peer.Url("http", "/v3/depth?symbol=BTCUSDT&key=hidden");
  return Fetch(*client, request);
}

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

std::string WithLength(const std::string& body, const std::string& headers = {}) {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("an answer comes with its status, headers in lower case and body") {
  std::string request;
  ScriptedPeer peer([&](PeerLink& link, int) {
    request = link.ReadUntil("\r\n\r\n");
    link.Write(
        "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nX-MBX-USED-WEIGHT-1M:  12 \r\n"
        "Content-Length: 3\r\n\r\n{}\n");
  });
  const auto client = StartedClient();
  HttpRequest asked;
  asked.url = peer.Url("http", "/a?b=c");
  asked.headers = {{"X-MBX-APIKEY", "k"}};
  const HttpResponse answer = Fetch(*client, asked);
  CHECK(answer.error.ok());
  CHECK(answer.status == 429);
  CHECK(answer.body == "{}\n");
  CHECK(answer.Header("retry-after") == "7");
  CHECK(answer.Header("x-mbx-used-weight-1m") == "12");
  CHECK(request.starts_with("GET /a?b=c HTTP/1.1\r\n"));
  CHECK(PeerLink::Header(request, "accept-encoding") == "gzip");
  CHECK(PeerLink::Header(request, "x-mbx-apikey") == "k");
}

TEST_CASE("chunked and packed answers are put together and unpacked") {
  const std::string text(100'000, 't');
  CHECK(Answered(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            .body == "abcde");
  CHECK(Answered(WithLength(Gzip(text), "Content-Encoding: gzip\r\n")).body == text);
}

TEST_CASE("an answer that is cut is an error, not a short body") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& bytes :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), chunked + "5\r\nabc",
        chunked + "3\r\nabc\r\n", std::string("HTTP/1.1 200 OK\r\nContent-Le"), std::string(),
        WithLength(Gzip(std::string(10'000, 'z')).substr(0, 20), "Content-Encoding: gzip\r\n"),
        std::string("this is no HTTP\r\n\r\n")}) {
    const HttpResponse answer = Answered(bytes);
    CAPTURE(bytes);
    CHECK_FALSE(answer.error.ok());
    CHECK(answer.status == 0);
    CHECK(answer.body.empty());
    const bool expected = answer.error.code() == StatusCode::kDataLoss ||
                          answer.error.code() == StatusCode::kUnavailable;
    CHECK_MESSAGE(expected, answer.error.ToString());
    CHECK(answer.error.message().find("hidden") == std::string_view::npos);
  }
}

TEST_CASE("a connection that is reset or refused is unavailable") {
  CHECK(Answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", {}, true).error.code() !=
        StatusCode::kOk);
  int port = 0;
  {
    ScriptedPeer gone([](PeerLink&, int) {});
    port = gone.port();
  }
  const auto client = StartedClient();
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/?secret=hidden";
  const HttpResponse answer = Fetch(*client, request);
  CHECK(answer.error.code() == StatusCode::kUnavailable);
  CHECK(answer.error.message().find("hidden") == std::string_view::npos);
  CHECK(answer.error.message().find("127.0.0.1") != std::string_view::npos);
}

TEST_CASE("an answer that does not come in time is a deadline") {
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    link.ReadAll();
  });
  const auto client = StartedClient();
  HttpRequest request;
  request.url = peer.Url("http");
  request.timeout_ms = 100;
  CHECK(Fetch(*client, request).error.code() == StatusCode::kDeadlineExceeded);
}

TEST_CASE("headers and bodies beyond their limits are refused, unpacked ones too") {
  HttpRequest request;
  request.max_body_bytes = 1000;
  request.max_header_bytes = 1000;
  CHECK(Answered(WithLength(std::string(1000, 'x')), request).body.size() == 1000);
  for (const std::string& bytes :
       {WithLength(std::string(1001, 'x')), WithLength("", "X: " + std::string(1000, 'h') + "\r\n"),
        WithLength(Gzip(std::string(100'000, 'z')), "Content-Encoding: gzip\r\n")}) {
    CHECK(Answered(bytes, request).error.code() == StatusCode::kResourceExhausted);
  }
  CHECK_FALSE(Answered(WithLength("", "X: " + std::string(2'000'000, 'h') + "\r\n")).error.ok());
}

TEST_CASE("a redirect is an answer unless redirects are asked for") {
  ScriptedPeer peer([](PeerLink& link, int) {
    while (!link.ReadUntil("\r\n\r\n").empty()) {
      link.Write("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const auto client = StartedClient();
  HttpRequest request;
  request.url = peer.Url("http");
  CHECK(Fetch(*client, request).status == 302);
  request.max_redirects = 3;
  CHECK(Fetch(*client, request).error.code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("a redirect to another host is refused: headers may hold keys") {
  std::atomic<int> elsewhere{0};
  ScriptedPeer other([&](PeerLink& link, int) {
    ++elsewhere;
    link.ReadUntil("\r\n\r\n");
    link.Write(WithLength("stolen"));
  });
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    link.Write("HTTP/1.1 302 Found\r\nLocation: " + other.Url("http") +
               "\r\nContent-Length: 0\r\n\r\n");
  });
  const auto client = StartedClient();
  HttpRequest request;
  request.url = peer.Url("http");
  request.max_redirects = 3;
  CHECK(Fetch(*client, request).error.code() == StatusCode::kDataLoss);
  CHECK(elsewhere == 0);
}

TEST_CASE("a POST sends its body under the type it is given, and connections are used again") {
  std::string bodies, types;
  std::atomic<int> connections{0};
  ScriptedPeer peer([&](PeerLink& link, int) {
    ++connections;
    for (;;) {
      const std::string head = link.ReadUntil("\r\n\r\n");
      if (head.empty()) return;
      bodies += link.Read(std::stoul(PeerLink::Header(head, "content-length")));
      types += PeerLink::Header(head, "content-type") + ";";
      link.Write(WithLength("ok"));
    }
  });
  const auto client = StartedClient();
  HttpRequest request;
  request.method = "POST";
  request.url = peer.Url("http");
  for (const char* body : {"one", "two"}) {
    request.body = body;
    CHECK(Fetch(*client, request).body == "ok");
    request.headers = {{"Content-Type", "a/b"}};
  }
  CHECK(client->Stop(std::chrono::seconds(30)).ok());
  CHECK(bodies == "onetwo");
  CHECK(types == ";a/b;");
  CHECK(connections == 1);
}

TEST_CASE("requests that make no sense are refused through the callback") {
  const auto client = StartedClient();
  for (const char* url : {"ftp://x/", "http://", "http://a b/", "nothing"}) {
    HttpRequest request;
    request.url = url;
    CHECK(Fetch(*client, request).error.code() == StatusCode::kInvalidArgument);
  }
  HttpRequest request;
  request.url = "http://127.0.0.1/";
  request.headers = {{"X", "a\r\nY: b"}};
  CHECK(Fetch(*client, request).error.code() == StatusCode::kInvalidArgument);
}

TEST_CASE("cancelled and stopped requests end once, with CANCELLED") {
  Gate asked;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.ReadUntil("\r\n\r\n");
    asked.Open();
    link.ReadAll();
  });
  auto client = StartedClient();
  Collector<StatusCode> codes;
  HttpRequest request;
  request.url = peer.Url("http");
  const auto done = [&](HttpResponse r) { codes.Add(r.error.code()); };
  const net::HttpRequestId first = client->Send(request, done);
  REQUIRE(asked.Wait());
  client->Cancel(first);
  client->Cancel(first);
  CHECK(codes.WaitFor(1) == std::vector{StatusCode::kCancelled});
  client->Send(request, done);
  CHECK(client->Stop(std::chrono::seconds(30)).ok());
  CHECK(codes.Items().size() == 2);
  client->Send(request, done);
  CHECK(codes.Items() == std::vector(3, StatusCode::kCancelled));
}

TEST_CASE("names are resolved by the resolver of the options, and its failures are told") {
  ScriptedPeer peer([](PeerLink& link, int) {
    const std::string request = link.ReadUntil("\r\n\r\n");
    link.Write(WithLength(PeerLink::Header(request, "host")));
  });
  net::HttpClientOptions options;
  options.resolver.lookup = [](const std::string& host) -> Result<std::vector<std::string>> {
    if (host == "venue.test") return std::vector<std::string>{"127.0.0.1"};
    return Status(StatusCode::kUnavailable, "net", "cannot resolve " + host + ": no such name");
  };
  const auto client = StartedClient(options);
  HttpRequest request;
  request.url = "http://venue.test:" + std::to_string(peer.port()) + "/";
  CHECK(Fetch(*client, request).body == "venue.test:" + std::to_string(peer.port()));
  request.url = "http://other.test/";
  const HttpResponse answer = Fetch(*client, request);
  CHECK(answer.error.code() == StatusCode::kUnavailable);
  CHECK(answer.error.message() == "cannot resolve other.test: no such name");
}

TEST_CASE("a request with addresses goes there, asks no resolver and shares no connection") {
  std::atomic<int> connections{0};
  ScriptedPeer peer([&](PeerLink& link, int) {
    ++connections;
    const std::string request = link.ReadUntil("\r\n\r\n");
    link.Write(WithLength(PeerLink::Header(request, "host")));
  });
  std::atomic<int> lookups{0};
  net::HttpClientOptions options;
  options.proxy = "http://127.0.0.1:1";
  options.resolver.lookup = [&](const std::string&) -> Result<std::vector<std::string>> {
    ++lookups;
    return std::vector<std::string>{"127.0.0.1"};
  };
  const auto client = StartedClient(options);
  HttpRequest request;
  request.addresses = {"127.0.0.1"};
  const std::string port = ":" + std::to_string(peer.port());
  for (const char* host : {"venue.test", "venue.test", "192.0.2.1", "[2001:db8::1]"}) {
    request.url = "http://" + (host + port) + "/";
    CHECK(Fetch(*client, request).body == host + port);
  }
  CHECK(connections == 4);
  CHECK(lookups == 0);
  request.addresses = {"venue.test"};
  CHECK(Fetch(*client, request).error.code() == StatusCode::kInvalidArgument);
  request.addresses = {"127.0.0.1"};
  request.max_redirects = 1;
  CHECK(Fetch(*client, request).error.code() == StatusCode::kInvalidArgument);
}

TEST_CASE(
    "a name that is never resolved ends with the request's deadline, and Stop does not wait") {
  Gate never;
  net::HttpClientOptions options;
  options.resolver.lookup =
      [never](const std::string&) mutable -> Result<std::vector<std::string>> {
    static_cast<void>(never.Wait());
    return std::vector<std::string>{"127.0.0.1"};
  };
  auto client = StartedClient(options);
  HttpRequest request;
  request.url = "http://slow.test/";
  request.timeout_ms = 50;
  CHECK(Fetch(*client, request).error.code() == StatusCode::kDeadlineExceeded);
  client.reset();
  never.Open();
}

TEST_CASE("TLS peers that are not who they should be are refused with the reason") {
  const TestCertificate authority({.authority = true, .subject = "authority"});
  const TestCertificate other({.authority = true, .subject = "somebody"});
  net::HttpClientOptions options;
  options.tls.ca_pem = authority.Text().certificate_pem;
  const auto client = StartedClient(options);
  const auto fetch = [&](const CertificateText* tls) {
    ScriptedPeer peer(
        [&](PeerLink& link, int) {
          if (tls != nullptr) link.ReadUntil("\r\n\r\n");
          link.Write(WithLength("safe"));
        },
        tls);
    HttpRequest request;
    request.url = peer.Url("https");
    return Fetch(*client, request);
  };
  const auto reason = [&](const TestCertificate& certificate) {
    const CertificateText text = certificate.Text();
    const HttpResponse answer = fetch(&text);
    CHECK(answer.error.code() == StatusCode::kUnauthenticated);
    return std::string(answer.error.message());
  };
  const CertificateText good = TestCertificate({}, &authority).Text();
  CHECK(fetch(&good).body == "safe");
  CHECK(reason(TestCertificate({.valid_from_s = -7200, .valid_until_s = -3600}, &authority))
            .find("certificate has expired") != std::string::npos);
  CHECK(reason(TestCertificate({.names = "DNS:elsewhere.test"}, &authority))
            .find("no alternative certificate subject name matches") != std::string::npos);
  CHECK(reason(TestCertificate({})).find("self-signed certificate") != std::string::npos);
  CHECK(reason(TestCertificate({}, &other)).find("unable to get local issuer certificate") !=
        std::string::npos);
  const HttpResponse plain = fetch(nullptr);
  CHECK_FALSE(plain.error.ok());
  CHECK(plain.error.message().find("wrong version number") != std::string_view::npos);
}

}  // namespace virtufin::test
