// The server behind TLS, with and without certificates of clients.
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "support/certificate.hpp"
#include "support/raw_client.hpp"
#include "unit/net/server_fixture.hpp"

using namespace virtufin;

namespace {

struct FreeSsl {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
};

// A client's TLS session over a RawClient's socket; verifies the server against `authority`.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const test::Certificate& authority,
            const test::Certificate* own = nullptr)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    const test::detail::Owned<BIO> bio(BIO_new_mem_buf(authority.pem.data(), -1));
    const test::detail::Owned<X509> trusted(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), trusted.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (own != nullptr) {
      const test::detail::Owned<BIO> pem(BIO_new_mem_buf(own->pem.data(), -1));
      const test::detail::Owned<BIO> key(BIO_new_mem_buf(own->key_pem.data(), -1));
      const test::detail::Owned<X509> x(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
      const test::detail::Owned<EVP_PKEY> k(
          PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
      REQUIRE(SSL_CTX_use_certificate(context_.get(), x.get()) == 1);
      REQUIRE(SSL_CTX_use_PrivateKey(context_.get(), k.get()) == 1);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), raw_.fd());
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), "127.0.0.1");
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool connected() const { return connected_; }
  bool Send(const std::string& bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  // Until the server closes; `orderly` when with a close_notify.
  std::string TakeAll(bool& orderly) {
    std::string all;
    char piece[16384];
    int n;
    while ((n = SSL_read(ssl_.get(), piece, sizeof piece)) > 0) {
      all.append(piece, static_cast<std::size_t>(n));
    }
    orderly = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
    return all;
  }

 private:
  RawClient raw_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool connected_ = false;
};

test::Certificate Authority() {
  test::CertificateOptions options;
  options.authority = true;
  return test::MakeCertificate(options);
}

test::Certificate SignedBy(const test::Certificate& authority) {
  test::CertificateOptions options;
  options.issuer = &authority;
  return test::MakeCertificate(options);
}

}  // namespace

TEST_CASE("requests and large answers go over TLS, which ends in order") {
  PathsHandler handler;
  const test::Certificate authority = Authority();
  const test::Certificate own = SignedBy(authority);
  net::HttpServerOptions options;
  options.tls_certificate_pem = own.pem;
  options.tls_key_pem = own.key_pem;
  const auto server = StartServer(handler, options);
  TlsClient client(server->port(), authority);
  REQUIRE(client.connected());
  const std::string body(200'000, 't');
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n";
  CHECK(client.Send(head + "\r\n" + body));
  CHECK(client.Send(head + "Connection: close\r\n\r\n" + body));
  bool orderly = false;
  const std::string all = client.TakeAll(orderly);
  CHECK(orderly);
  CHECK(all.size() > 400'000);
  CHECK(all.substr(all.size() - body.size()) == body);
  CHECK(all.compare(0, 15, "HTTP/1.1 200 OK") == 0);
}

TEST_CASE("a client that speaks no TLS is closed, and a silent one after the header timeout") {
  PathsHandler handler;
  const test::Certificate own = test::MakeCertificate();
  net::HttpServerOptions options;
  options.tls_certificate_pem = own.pem;
  options.tls_key_pem = own.key_pem;
  options.header_timeout_ms = 50;
  const auto server = StartServer(handler, options);
  RawClient plain(server->port());
  plain.Send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(plain.TakeAll().find("HTTP/1.1") == std::string::npos);
  RawClient silent(server->port());
  silent.TakeAll();
  Eventually([&] { return server->counters().connections == 0; });
  CHECK(server->counters().requests == 0);
  CHECK(server->counters().timeouts == 1);
}

TEST_CASE("with tls_client_ca_pem only clients with a certificate of it are served") {
  PathsHandler handler;
  const test::Certificate authority = Authority();
  const test::Certificate own = SignedBy(authority);
  net::HttpServerOptions options;
  options.tls_certificate_pem = own.pem;
  options.tls_key_pem = own.key_pem;
  options.tls_client_ca_pem = authority.pem;
  const auto server = StartServer(handler, options);
  const std::string request = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const test::Certificate client_own = SignedBy(authority);
  TlsClient known(server->port(), authority, &client_own);
  bool orderly = false;
  REQUIRE(known.connected());
  known.Send(request);
  CHECK(known.TakeAll(orderly).compare(0, 15, "HTTP/1.1 200 OK") == 0);
  TlsClient nobody(server->port(), authority);
  nobody.Send(request);
  CHECK(nobody.TakeAll(orderly).empty());
  const test::Certificate stranger = SignedBy(Authority());
  TlsClient other(server->port(), authority, &stranger);
  other.Send(request);
  CHECK(other.TakeAll(orderly).empty());
  CHECK(server->counters().requests == 1);
}
