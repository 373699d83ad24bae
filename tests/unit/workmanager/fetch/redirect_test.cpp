// Redirects, names whose answers change, and who is shown a credential.
#include "fetch_fixture.hpp"
#include "support/temporary_folder.hpp"

#include <fstream>

namespace virtufin::test {
namespace {

constexpr StatusCode kRefused = StatusCode::kPermissionDenied;

const std::vector<LocalNetwork::Addresses> kPublic = {{"93.184.216.34"}};

SourceCredential Bearer(const std::string& token) {
  return {.kind = SourceCredential::Kind::kBearer, .token = token};
}
SourceCredential Named(const std::string& name) {
  return {.kind = SourceCredential::Kind::kNamed, .name = name};
}

UrlFetcherOptions AtPort(UrlFetcherOptions options, const ScriptedPeer& peer) {
  for (NamedCredential& credential : options.credentials) {
    for (std::string& host : credential.hosts) host = test::AtPort(host, peer);
  }
  return options;
}

/// A server for all names; /hop/<location> redirects there, all else is code.
class RedirectFixture {
 public:
  explicit RedirectFixture(const UrlFetcherOptions& options = {})
      : peer_(network.Answering([this](const std::string& target) {
          if (target == "/code") return WithLength("code");
          std::lock_guard lock(mutex_);
          return answers_.at(target);
        })),
        fetcher_(Fetcher(network, AtPort(options, peer_))) {
    for (const char* name : {"a.test", "b.test", "c.test"}) network.Name(name, kPublic);
  }
  void Answer(const std::string& target, const std::string& answer) {
    std::lock_guard lock(mutex_);
    answers_[target] = AtPort(answer, peer_);
  }
  Fetched Get(const std::string& url, const SourceCredential& credential = {}) {
    return Fetch(*fetcher_, AtPort(url, peer_), credential);
  }
  /// The header Authorization of each request there was, "-" for none.
  std::string Shown() {
    std::string shown;
    for (const std::string& request : network.requests()) {
      const std::string value = PeerLink::Header(request, "authorization");
      shown += (shown.empty() ? "" : ",") + (value.empty() ? "-" : value);
    }
    return shown;
  }

  LocalNetwork network;

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  ScriptedPeer peer_;
  std::unique_ptr<detail::UrlFetcher> fetcher_;
};

}  // namespace

TEST_CASE("redirects of each kind are followed to where they lead") {
  RedirectFixture web;
  for (const char* status : {"301 Moved", "302 Found", "303 Other", "307 Again", "308 Moved"}) {
    for (const char* location : {"http://b.test:{P}/code", "//b.test:{P}/code", "/code", "code",
                                 "./x/../code", "http://93.184.216.35:{P}/code"}) {
      CAPTURE(location);
      web.Answer("/hop", Redirect(location, status));
      CHECK(web.Get("http://a.test:{P}/hop").text == "code");
    }
  }
}

// Pins WM-72.
TEST_CASE("a redirect inside is refused as an address inside is, on every hop") {
  RedirectFixture web;
  web.network.Name("inside.test", {{"192.168.0.1"}});
  for (const char* location :
       {"http://inside.test:{P}/code", "http://127.0.0.1:{P}/code", "http://[::1]:{P}/code",
        "http://0x7f.1:{P}/code", "http://2130706433:{P}/", "http://169.254.169.254/latest/",
        "http://[::ffff:10.0.0.1]/", "file:///etc/passwd", "gopher://b.test/",
        "javascript:alert(1)", "http://me:secret@b.test:{P}/code", "http://b.test:0/",
        "http://[fe80::1%25lo]/"}) {
    CAPTURE(location);
    web.Answer("/first", Redirect("http://b.test:{P}/second"));
    web.Answer("/second", Redirect(location));
    const Fetched fetched = web.Get("http://a.test:{P}/first");
    CHECK(fetched.code == kRefused);
    CHECK(Has(fetched.text, "expected"));
    CHECK_FALSE(Has(fetched.text, "secret"));
    CHECK(web.network.requests().size() == 2);
  }
}

TEST_CASE("redirects end: at a limit, and where they lead nowhere") {
  RedirectFixture web({.max_redirects = 3});
  web.Answer("/loop", Redirect("/loop"));
  Fetched fetched = web.Get("http://a.test:{P}/loop");
  CHECK(fetched.code == StatusCode::kUnavailable);
  CHECK(Has(fetched.text, "expected at most 3 redirects, found another"));
  CHECK(web.network.requests().size() == 4);
  web.Answer("/none", WithLength("", "302 Found"));
  fetched = web.Get("http://a.test:{P}/none");
  CHECK(fetched.code == StatusCode::kUnavailable);
  CHECK(Has(fetched.text, "expected a Location with the status 302, found none"));
  web.Answer("/choice", WithLength("", "300 Choices", "Location: /code\r\n"));
  CHECK(Has(web.Get("http://a.test:{P}/choice").text, "expected the status 200, found 300"));
  RedirectFixture none({.max_redirects = 0});
  none.Answer("/hop", Redirect("/code"));
  CHECK(none.Get("http://a.test:{P}/hop").code == StatusCode::kUnavailable);
}

// Pins WM-71.
TEST_CASE("a name that turns inside after it was checked wins nothing") {
  RedirectFixture web;
  // Resolved once, and connected to what was checked.
  web.network.Name("rebinds.test", {{"93.184.216.34"}, {"127.0.0.1"}});
  CHECK(web.Get("http://rebinds.test:{P}/code").text == "code");
  CHECK(web.network.lookups() == std::vector<std::string>{"rebinds.test"});
  CHECK(web.network.connected() == std::vector<std::string>{"93.184.216.34"});
  // The next request is checked as the first one was: of another fetch, and of a redirect.
  Fetched fetched = web.Get("http://rebinds.test:{P}/code");
  CHECK(fetched.code == kRefused);
  CHECK(Has(fetched.text, "found 127.0.0.1: loopback"));
  web.network.Name("rebinds.test", {{"93.184.216.34"}, {"127.0.0.1"}});
  web.Answer("/hop", Redirect("/code"));
  fetched = web.Get("http://rebinds.test:{P}/hop");
  CHECK(fetched.code == kRefused);
  CHECK(Has(fetched.text, "from http://rebinds.test:"));
  CHECK(Has(fetched.text, "redirected to http://rebinds.test:"));
  CHECK(web.network.requests().size() == 2);
}

// Pins WM-73.
TEST_CASE("a credential is shown to the first host only, and never again after a redirect") {
  RedirectFixture web;
  web.Answer("/same", Redirect("/code"));
  CHECK(web.Get("http://a.test:{P}/same", Bearer("secret")).text == "code");
  CHECK(web.Shown() == "Bearer secret,Bearer secret");
  web.Answer("/other", Redirect("http://b.test:{P}/code"));
  CHECK(web.Get("http://a.test:{P}/other", Bearer("secret")).text == "code");
  CHECK(web.Shown() == "Bearer secret,-");
  web.Answer("/there", Redirect("http://b.test:{P}/back"));
  web.Answer("/back", Redirect("http://a.test:{P}/code"));
  CHECK(web.Get("http://a.test:{P}/there", Bearer("secret")).text == "code");
  CHECK(web.Shown() == "Bearer secret,-,-");
}

// Pins WM-73.
TEST_CASE("credentials by name go to their hosts; unknown or misplaced ones fetch nothing") {
  const SourceCredential basic = {
      .kind = SourceCredential::Kind::kBasic, .username = "me", .token = "secret"};
  RedirectFixture web(
      {.credentials = {{.name = "store", .hosts = {"http://a.test:{P}"}, .secret = basic},
                       {.name = "strict", .hosts = {"a.test"}, .secret = basic},
                       {.name = "tls", .hosts = {"a.test:{P}"}, .secret = basic},
                       {.name = "http", .hosts = {"http://a.test"}, .secret = basic},
                       {.name = "ported",
                        .hosts = {"http://a.test:1", "http://10.0.0.1:{P}"},
                        .secret = Bearer("secret")}}});
  CHECK(web.Get("http://a.test:{P}/code", Named("store")).text == "code");
  CHECK(web.Shown() == "Basic bWU6c2VjcmV0");
  CHECK(web.Get("http://a.test:{P}/code", basic).text == "code");
  CHECK(web.Shown() == "Basic bWU6c2VjcmV0");
  CHECK(web.Get("http://a.test:{P}/code").text == "code");
  CHECK(web.Shown() == "-");
  const struct {
    std::string url;
    SourceCredential credential;
    StatusCode code;
    const char* said;
  } rows[] = {
      {"http://a.test:{P}/code", Named("stor"), StatusCode::kInvalidArgument, "found 'stor'"},
      {"http://a.test:{P}/code", Named(""), StatusCode::kInvalidArgument, "found ''"},
      {"http://b.test:{P}/code", Named("store"), kRefused, "the credential 'store' is for"},
      {"http://xa.test:{P}/code", Named("store"), kRefused, "found http://xa.test:"},
      {"http://a.test:{P}/code", Named("ported"), kRefused, "found http://a.test:"},
      {"http://a.test/code", Named("strict"), kRefused, "found http://a.test"},
      {"https://a.test:{P}/code", Named("strict"), kRefused, "found https://a.test:"},
      {"http://a.test:{P}/code", Named("tls"), kRefused, "with https"},
      {"http://a.test:{P}/code", Named("http"), kRefused, "found http://a.test:"},
      {"http://10.0.0.1:{P}/code", Named("ported"), kRefused, "private"},
      {"http://a.test:{P}/code", Bearer("secret\r\nX: y"), StatusCode::kInvalidArgument, "token"},
      {"http://a.test:{P}/code", Bearer(""), StatusCode::kInvalidArgument, "token"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.said);
    const Fetched fetched = web.Get(row.url, row.credential);
    CHECK(fetched.code == row.code);
    CHECK_MESSAGE(Has(fetched.text, row.said), fetched.text);
    CHECK_FALSE(Has(fetched.text, "secret"));
  }
  CHECK(web.network.requests().empty());
}

TEST_CASE("credentials that cannot be used are refused when they are set up, by name") {
  const auto refused = [](NamedCredential credential, int times = 1) {
    const Status status =
        MakeUrlFetcher({.credentials = std::vector<NamedCredential>(times, credential)}).status();
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_FALSE(Has(std::string(status.message()), "hush"));
    return std::string(status.message());
  };
  const SourceCredential good = Bearer("hush");
  CHECK(Has(refused({"", {"a.test"}, good}), "expected a name"));
  CHECK(Has(refused({"x", {}, good}), "credential 'x': expected a host"));
  CHECK(Has(refused({"x", {"*"}, good}), "credential 'x': host '*'"));
  CHECK(Has(refused({"x", {"a.test"}, {}}), "kind basic or bearer"));
  CHECK(Has(refused({"x", {"a.test"}, Named("y")}), "kind basic or bearer"));
  CHECK(Has(refused({"x", {"a.test"}, Bearer("hush\n")}), "visible ASCII"));
  CHECK(Has(refused({"x",
                     {"a.test"},
                     {.kind = SourceCredential::Kind::kBasic, .username = "a:b", .token = "hush"}}),
            "user name"));
  CHECK(Has(refused({"x", {"a.test"}, good}, 2), "expected once, found twice"));
}

// Pins WM-72.
TEST_CASE("TLS: the certificate is that of the host, and no redirect leads to plain text") {
  const TestCertificate authority({.authority = true, .subject = "authority"});
  const CertificateText signed_text = TestCertificate({.names = "DNS:a.test"}, &authority).Text();
  const TemporaryFolder folder;
  std::ofstream(folder / "ca.pem") << authority.Text().certificate_pem;
  LocalNetwork network;
  for (const char* name : {"a.test", "b.test"}) network.Name(name, kPublic);
  ScriptedPeer plain(network.Answering([](const std::string&) { return WithLength("plain"); }));
  ScriptedPeer tls(network.Answering([&](const std::string& target) {
    if (target == "/code") return WithLength("code");
    return Redirect(AtPort("http://a.test:{P}/code", plain));
  }),
                   &signed_text);
  const auto fetcher = Fetcher(network, {.ca_file = folder / "ca.pem"});
  CHECK(Fetch(*fetcher, AtPort("https://a.test:{P}/code", tls)).text == "code");
  CHECK(Fetch(*fetcher, AtPort("https://a.test.:{P}/code", tls)).text == "code");
  CHECK(network.requests().size() == 2);
  for (const char* url : {"https://b.test:{P}/code", "https://93.184.216.34:{P}/code"}) {
    const Fetched fetched = Fetch(*fetcher, AtPort(url, tls));
    CHECK(fetched.code == StatusCode::kUnavailable);
    CHECK_MESSAGE(Has(fetched.text, "subject name"), fetched.text);
  }
  const Fetched unknown = Fetch(*Fetcher(network), AtPort("https://a.test:{P}/code", tls));
  CHECK(unknown.code == StatusCode::kUnavailable);
  CHECK(Has(unknown.text, "certificate"));
  CHECK(network.requests().empty());
  const Fetched down = Fetch(*fetcher, AtPort("https://a.test:{P}/down", tls), Bearer("secret"));
  CHECK(down.code == kRefused);
  CHECK(Has(down.text, "expected a redirect to https, found one to http://a.test:"));
  CHECK(network.requests().size() == 1);
}

}  // namespace virtufin::test
