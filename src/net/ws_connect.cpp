// Opens WebSockets: name, addresses in turn, TLS, upgrade.
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "net/http_message.hpp"
#include "net/ws_connection.hpp"

namespace virtufin::inline v0::net {
namespace {

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "net", std::move(message));
}

// libwebsockets 4.1 writes what is longer truncated, or not at all.
constexpr std::size_t kMaxTarget = 2000, kMaxAuthority = 119, kMaxHeaders = 2000;
constexpr std::size_t kMaxProtocols = 200;

/// False: a bad escape, or a control byte.
bool PercentDecode(std::string_view text, std::string& out) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return false;
      const int high = digit(text[i + 1]), low = digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
    out += c;
  }
  return true;
}

Status CheckSizes(const Url& url, const WebSocketOptions& options) {
  std::size_t headers = 0, protocols = 0;
  for (const auto& [name, value] : options.headers) headers += name.size() + value.size() + 4;
  for (const std::string& protocol : options.subprotocols) protocols += protocol.size() + 2;
  const auto over = [](const char* what, std::size_t found, std::size_t most) {
    return Invalid(std::string("expected ") + what + " of at most " + std::to_string(most) +
                   " bytes, found " + std::to_string(found));
  };
  if (url.target.size() > kMaxTarget) {
    return over("a path and query", url.target.size(), kMaxTarget);
  }
  if (url.Authority().size() > kMaxAuthority) {
    return over("a host and port", url.Authority().size(), kMaxAuthority);
  }
  if (headers > kMaxHeaders) return over("headers", headers, kMaxHeaders);
  if (protocols > kMaxProtocols) return over("subprotocols", protocols, kMaxProtocols);
  return Status();
}

Status CheckOptions(const WebSocketOptions& options) {
  for (const auto& [name, value] : options.headers) {
    if (!IsToken(name)) return Invalid("expected header names of letters, digits and '-'");
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Invalid("expected one line as the value of the header " + name);
    }
  }
  for (const std::string& protocol : options.subprotocols) {
    if (!IsToken(protocol)) return Invalid("expected subprotocols that are single words");
  }
  if (options.connect_timeout_ms <= 0) return Invalid("expected a connect_timeout_ms above 0");
  if (options.close_timeout_ms <= 0) return Invalid("expected a close_timeout_ms above 0");
  if (options.max_message_bytes == 0 || options.max_message_bytes > kMaxEventBytes) {
    return Invalid("expected a max_message_bytes from 1 to " + std::to_string(kMaxEventBytes));
  }
  return Status();
}

std::string Base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  return out;
}

// libwebsockets keeps no idle policy of its own on our sockets.
const lws_retry_bo_t kNoIdlePolicy{};

}  // namespace

Result<std::unique_ptr<WebSocket>> WebSocket::Open(NetLoop& loop, std::string_view url,
                                                   const WebSocketOptions& options,
                                                   WebSocketHandler& handler) {
  if (Status s = CheckOptions(options); !s.ok()) return s;
  Result<Url> parsed = ParseUrl(url);
  if (!parsed.ok()) return parsed.status();
  if (parsed->scheme != "ws" && parsed->scheme != "wss") {
    return Invalid("expected a ws:// or wss:// address, found " + parsed->scheme + "://");
  }
  if (loop.impl().Stopping()) {
    return Status(StatusCode::kCancelled, "net", "the net loop was stopped");
  }
  WebSocketOptions used = options;
  if (!parsed->userinfo.empty()) {
    std::string user;
    if (!PercentDecode(parsed->userinfo, user)) {
      return Invalid("expected a user part of escapes like %40 and without control characters");
    }
    for (const auto& [name, value] : options.headers) {
      if (EqualsIgnoreCase(name, "authorization")) {
        return Invalid("expected a user part or the header Authorization, found both");
      }
    }
    used.headers.emplace_back("Authorization", "Basic " + Base64(user));
  }
  if (Status s = CheckSizes(*parsed, used); !s.ok()) return s;
  Result<lws_vhost*> vhost = loop.impl().VhostFor(options.tls);
  if (!vhost.ok()) return vhost.status();
  auto connection = std::make_shared<WsConnection>(loop.impl(), std::move(*parsed), Redact(url),
                                                   used, *vhost, handler);
  loop.impl().Keep(connection);
  connection->Begin();
  return std::unique_ptr<WebSocket>(new WebSocket(std::move(connection)));
}

void WsConnection::Begin() {
  deadline_us_ = lws_now_usecs() + options_.connect_timeout_ms * 1000;
  ScheduleTick(options_.connect_timeout_ms * 1000);
  // The answer may come on another thread, and the handler is not called from inside Open.
  auto answer = [self = shared_from_this(), impl = &impl_](auto addresses) mutable {
    impl->PostAlways([self = std::move(self), addresses = std::move(addresses)]() mutable {
      self->OnAddresses(std::move(addresses));
    });
  };
  impl_.resolver.Resolve(url_.host, std::move(answer));
}

void WsConnection::OnAddresses(Result<std::vector<std::string>> addresses) {
  if (state_ != State::kResolving) return;
  if (!addresses.ok()) {
    End(addresses.status().code(), addresses.status().message());
    return;
  }
  addresses_ = std::move(*addresses);
  state_ = State::kConnecting;
  ConnectNext();
}

void WsConnection::ConnectNext() {
  const std::string address = addresses_[next_address_++];
  const std::int64_t now = lws_now_usecs();
  const auto left = static_cast<std::int64_t>(addresses_.size() - next_address_);
  // The time that is left is shared by the addresses that are left.
  attempt_deadline_us_ = now + (deadline_us_ - now) / (left + 1);
  ScheduleTick(attempt_deadline_us_ - now);

  std::string protocols;
  for (const std::string& protocol : options_.subprotocols) {
    if (!protocols.empty()) protocols += ", ";
    protocols += protocol;
  }
  const std::string host = url_.Authority();
  lws_client_connect_info info{};
  info.context = impl_.context;
  info.vhost = vhost_;
  info.address = address.c_str();
  info.port = url_.port;
  info.ssl_connection = (url_.tls ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  info.path = url_.target.c_str();
  info.host = host.c_str();
  info.protocol = protocols.empty() ? nullptr : protocols.c_str();
  info.local_protocol_name = "virtufin-ws";
  info.alpn = "http/1.1";
  info.ietf_version_or_minus_one = -1;
  info.opaque_user_data = this;
  info.retry_and_idle_policy = &kNoIdlePolicy;
  tls_error_.clear();
  TakeLwsLine();
  const std::shared_ptr<WsConnection> self = shared_from_this();
  lws* made = lws_client_connect_via_info(&info);
  if (state_ == State::kEnded) return;  // the handler has heard why
  if (made != nullptr) {
    if (state_ == State::kConnecting && wsi_ == nullptr) wsi_ = made;
  } else if (state_ == State::kConnecting && wsi_ == nullptr &&
             attempt_deadline_us_ != 0) {  // no callback said so
    OnConnectError({});
  }
}

void WsConnection::OnVerify(void* store_context) {
  auto* context = static_cast<X509_STORE_CTX*>(store_context);
  const int error = X509_STORE_CTX_get_error(context);
  if (error == X509_V_OK) return;
  if (error == X509_V_ERR_HOSTNAME_MISMATCH && IsAddressLiteral(url_.host)) {
    // libwebsockets looks for the address among the names; certificates keep addresses apart.
    X509* certificate = X509_STORE_CTX_get_current_cert(context);
    if (certificate != nullptr && X509_check_ip_asc(certificate, url_.host.c_str(), 0) == 1) {
      X509_STORE_CTX_set_error(context, X509_V_OK);
      return;
    }
  }
  tls_error_ = std::string("the certificate was refused: ") + X509_verify_cert_error_string(error);
}

std::string WsConnection::ConnectReason(std::string_view from_lws) const {
  if (!tls_error_.empty()) return tls_error_;
  std::string reason(from_lws);
  if (reason.empty()) reason = TakeLwsLine();
  return reason.empty() ? "the connection could not be made" : reason;
}

void WsConnection::OnConnectError(std::string_view from_lws) {
  std::string handshake;
  if (wsi_ != nullptr) {
    if (const SSL* ssl = lws_get_ssl(wsi_)) handshake = HandshakeError(ssl);
    http_status_ = static_cast<int>(lws_http_client_http_response(wsi_));
    lws_set_opaque_user_data(wsi_, nullptr);
    wsi_ = nullptr;
  }
  attempt_deadline_us_ = 0;
  if (tls_error_.empty() && !handshake.empty()) {
    tls_error_ = "the TLS handshake failed: " + handshake;
  }
  if (state_ == State::kClosing) {
    End(StatusCode::kCancelled, "closed");
    return;
  }
  const std::string reason = ConnectReason(from_lws);
  if (!tls_error_.empty()) {
    End(StatusCode::kUnauthenticated, reason);
  } else if (http_status_ != 0 && http_status_ != 101) {
    End(StatusCode::kFailedPrecondition,
        "expected the answer 101 to the upgrade, found " + std::to_string(http_status_));
  } else if (next_address_ < addresses_.size()) {
    impl_.PostAlways([self = shared_from_this()] {
      if (self->state_ == State::kConnecting && self->wsi_ == nullptr) self->ConnectNext();
    });
  } else {
    End(StatusCode::kUnavailable, reason);
  }
}

int WsConnection::AppendHeaders(unsigned char** out, std::size_t room) {
  std::string lines;
  for (const auto& [name, value] : options_.headers) lines += name + ": " + value + "\r\n";
  if (lines.size() >= room) {
    tls_error_.clear();
    return -1;
  }
  std::memcpy(*out, lines.data(), lines.size());
  *out += lines.size();
  return 0;
}

}  // namespace virtufin::inline v0::net
