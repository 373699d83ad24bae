// Workers whose code comes from URLs, in a whole platform: a package and a bare library, behind a
// credential, redirects and pins.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support/gate.hpp"
#include "support/scripted_peer.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/platform/platform.hpp"

namespace virtufin::test {
namespace {

std::string Contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string Sha256Text(const std::string& bytes) {
  unsigned char digest[32];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

/// /moved leads to /hello.nupkg, which wants a token; /echo.so is there for all.
class CodeServer {
 public:
  std::string Url(const std::string& target) const { return peer_.Url("http", target); }
  std::string Host() const { return "127.0.0.1:" + std::to_string(peer_.port()); }
  const std::string& package() const { return package_; }
  int requests() const { return requests_; }

 private:
  void Answer(PeerLink& link) {
    const std::string request = link.ReadUntil("\r\n\r\n");
    ++requests_;
    const auto asks = [&](const char* target) {
      return request.starts_with("GET " + std::string(target) + " ");
    };
    if (asks("/moved")) {
      link.Write("HTTP/1.1 302 Found\r\nLocation: hello.nupkg\r\nContent-Length: 0\r\n\r\n");
    } else if (asks("/hello.nupkg") &&
               PeerLink::Header(request, "authorization") != "Bearer hush") {
      link.Write("HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n");
    } else {
      const std::string body = asks("/hello.nupkg") ? package_ : asks("/echo.so") ? echo_ : "none";
      link.Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                 body);
    }
  }

  const std::string package_ = Contents(HELLO_PACKAGE);
  const std::string echo_ = Contents(ECHO_LIBRARY);
  std::atomic<int> requests_{0};
  ScriptedPeer peer_{[this](PeerLink& link, int) { Answer(link); }};
};

CodeSource From(const std::string& url, const std::string& credential = {}) {
  CodeSource source;
  source.mime_type = "application/x-native-dll";
  source.url = url;
  if (!credential.empty()) {
    source.credential = {.kind = SourceCredential::Kind::kNamed, .name = credential};
  }
  return source;
}

std::unique_ptr<Platform> StartedPlatform(const CodeServer& server) {
  PlatformOptions options;
  REQUIRE(options.Set("workmanager.code.allowed_hosts", server.Host()).ok());
  const TemporaryFolder folder;
  std::ofstream(folder / "credentials.json")
      << R"([{"name": "store", "hosts": ["http://)" << server.Host()
      << R"("], "bearer": {"token": "hush"}}])";
  REQUIRE(options.Set("workmanager.code.credentials", folder / "credentials.json").ok());
  auto platform = Platform::Create(std::move(options));
  REQUIRE_MESSAGE(platform.ok(), platform.status().ToString());
  REQUIRE((*platform)->Start().ok());
  return std::move(*platform);
}

}  // namespace

// Pins WM-70, WM-73, WM-74.
TEST_CASE("a worker is created from a URL and takes its next code from another") {
  const CodeServer server;
  const auto platform = StartedPlatform(server);
  Collector<std::string> answers;
  const auto watch =
      platform->bus().Subscribe("answers", {}, [&](const Message& message, const DeliveryInfo&) {
        answers.Add(std::string(message.event().data_text()));
        return Delivery::kSuccess;
      });
  REQUIRE(watch.ok());
  const auto ask = [&](const char* data) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("echo").Extension("replytopic", "answers");
    REQUIRE(platform->bus().Publish(Message("asks", builder.JsonData(data).Build().value())).ok());
  };
  const char* const kAsk = R"({"name":"Ada"})";
  const char* const kGreeting = R"({"message":"Hello, Ada!"})";

  CreateWorkerRequest request;
  request.code = From(server.Url("/moved#sha256:" + Sha256Text(server.package())), "store");
  request.topics = {"asks"};
  const auto worker = platform->workers().Create(std::move(request));
  REQUIRE_MESSAGE(worker.ok(), worker.status().ToString());
  CHECK(server.requests() == 2);
  REQUIRE(platform->workers().Start(*worker).ok());
  ask(kAsk);
  CHECK(answers.WaitFor(1).at(0) == kGreeting);

  const std::string wrong(64, '0');
  const struct {
    CodeSource source;
    StatusCode code;
    std::string said;
  } refused[] = {
      {From(server.Url("/echo.so#sha256:" + wrong)), StatusCode::kInvalidArgument,
       "expected sha256:" + wrong + ", found sha256:"},
      {From(server.Url("/none")), StatusCode::kInvalidArgument, ""},
      {From(server.Url("/hello.nupkg")), StatusCode::kUnavailable, "found 401"},
      {From(server.Url("/echo.so"), "stare"), StatusCode::kInvalidArgument, "found 'stare'"},
      {From("http://127.0.0.1:1/echo.so"), StatusCode::kPermissionDenied, "loopback (RFC 1122)"},
      {From("http://127.0.0.2:" + server.Host().substr(10) + "/echo.so"),
       StatusCode::kPermissionDenied, "loopback (RFC 1122)"},
      {From("http://[::1]/"), StatusCode::kPermissionDenied, "loopback (RFC 4291)"},
  };
  for (const auto& row : refused) {
    CAPTURE(row.source.url);
    const Status status = platform->workers().LoadCode(*worker, row.source);
    CHECK(status.code() == row.code);
    CHECK_MESSAGE(status.message().find(row.said) != std::string_view::npos, status.ToString());
    CHECK(status.message().find("hush") == std::string_view::npos);
  }
  ask(kAsk);
  CHECK(answers.WaitFor(2).at(1) == kGreeting);

  const Status swapped = platform->workers().LoadCode(*worker, From(server.Url("/echo.so")));
  REQUIRE_MESSAGE(swapped.ok(), swapped.ToString());
  ask(kAsk);
  CHECK(answers.WaitFor(3).at(2) == kAsk);
  CHECK(platform->workers().Delete(*worker).ok());
  CHECK(platform->Stop(std::chrono::seconds(30)).ok());
}

// Pins WM-71.
TEST_CASE("no worker is created from a URL that leads inside") {
  const CodeServer server;
  auto platform = Platform::Create({});
  REQUIRE(platform.ok());
  CreateWorkerRequest request;
  request.code = From(server.Url("/echo.so"));
  request.topics = {"asks"};
  const Status status = (*platform)->workers().Create(std::move(request)).status();
  CHECK(status.code() == StatusCode::kPermissionDenied);
  CHECK((*platform)->workers().List().empty());
  CHECK(server.requests() == 0);
}

}  // namespace virtufin::test
