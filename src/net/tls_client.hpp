// What a client trusts, and the OpenSSL context made of it.
#pragma once

#include <memory>
#include <string>

#include "virtufin/core/result.hpp"

extern "C" {
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
}

namespace virtufin::inline v0::net {

/// The peer's certificate and host name are always verified. With neither field the system's
/// certificates are trusted; with one or both, these only.
struct TlsOptions {
  std::string ca_file;  // PEM, any number of certificates
  std::string ca_pem;   // the same as text

  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

struct SslCtxDeleter {
  void operator()(SSL_CTX* context) const noexcept;
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, SslCtxDeleter>;

/// Reads no environment variable.
/// Errors: INVALID_ARGUMENT naming the file or the text that holds no certificate. [any]
Result<SslCtxPtr> MakeClientContext(const TlsOptions& options);

/// Why the handshake of `ssl`, which is of such a context, failed; empty when it has not. [any]
std::string HandshakeError(const SSL* ssl);

}  // namespace virtufin::inline v0::net
