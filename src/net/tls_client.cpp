// Makes OpenSSL contexts that verify.
#include "net/tls_client.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/resolver.hpp"

namespace virtufin::inline v0::net {
namespace {

Status Failed(const std::string& what) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  Status status(StatusCode::kInvalidArgument, "net",
                what + (reason == nullptr ? "" : std::string(": ") + reason));
  ERR_clear_error();
  return status;
}

Status AddPem(SSL_CTX* context, const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  if (bio == nullptr) return Failed("cannot read the certificates to trust");
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int added = 0;
  // An empty passphrase: nobody is asked for one.
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, const_cast<char*>(""))) {
    if (X509_STORE_add_cert(store, certificate) == 1) ++added;
    X509_free(certificate);
  }
  BIO_free(bio);
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) {
    return Failed("expected PEM certificates in the text of the CA, found a bad one after " +
                  std::to_string(added));
  }
  if (added == 0) return Failed("expected PEM certificates in the text of the CA, found none");
  ERR_clear_error();  // the end of the text is an error to the reader
  return Status();
}

/// Where an SSL keeps why its handshake failed.
int ErrorIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// What uses the context may clear OpenSSL's list of errors before it reports.
void OnInfo(const SSL* ssl, int where, int result) {
  if ((where & SSL_CB_HANDSHAKE_START) != 0) {
    // Addresses are no server names (RFC 6066); libwebsockets cuts "[::1]" to "[".
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr && (name[0] == '[' || IsAddressLiteral(name))) {
      SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), nullptr);
    }
    return;
  }
  if ((where & SSL_CB_EXIT) == 0 || result > 0 || SSL_in_init(ssl) == 0) return;
  const unsigned long error = ERR_peek_error();
  // A connection that ends says nothing about who the peer is.
  if (error == 0 || ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return;
  SSL_set_ex_data(const_cast<SSL*>(ssl), ErrorIndex(), reinterpret_cast<void*>(error));
}

}  // namespace

std::string HandshakeError(const SSL* ssl) {
  const auto error = reinterpret_cast<unsigned long>(SSL_get_ex_data(ssl, ErrorIndex()));
  if (error == 0) return {};
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "error " + std::to_string(error) : reason;
}

void SslCtxDeleter::operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }

Result<SslCtxPtr> MakeClientContext(const TlsOptions& options) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return Failed("cannot make a TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_info_callback(context.get(), &OnInfo);
  // A partial write is repeated with another buffer of the same bytes; a peer that ends the stream
  // without close_notify is an ended stream, the WebSocket close frame is what counts.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (options.ca_file.empty() && options.ca_pem.empty()) {
    // The default paths by name: SSL_CTX_set_default_verify_paths would read the environment.
    SSL_CTX_load_verify_file(context.get(), X509_get_default_cert_file());
    SSL_CTX_load_verify_dir(context.get(), X509_get_default_cert_dir());
    ERR_clear_error();
    return context;
  }
  if (!options.ca_file.empty() &&
      SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) != 1) {
    return Failed("expected PEM certificates in the CA file " + options.ca_file);
  }
  if (!options.ca_pem.empty()) {
    if (Status s = AddPem(context.get(), options.ca_pem); !s.ok()) return s;
  }
  return context;
}

}  // namespace virtufin::inline v0::net
