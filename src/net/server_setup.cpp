// What a server is set up with: its options, its TLS context, what its sockets are told.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "net/server_impl.hpp"

namespace virtufin::inline v0::net::detail {
namespace {

constexpr std::int64_t kMaxSystemMs = 86'400'000;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "net", std::move(message));
}

Status CheckPositive(std::initializer_list<std::pair<const char*, std::int64_t>> numbers) {
  for (const auto& [name, value] : numbers) {
    if (value <= 0) {
      return Invalid(std::string("expected ") + name + " above 0, found " + std::to_string(value));
    }
  }
  return Status{};
}

}  // namespace

Status CheckOptions(const HttpServerOptions& options) {
  error_code error;
  asio::ip::make_address(options.address, error);
  if (error) return Invalid("expected an IP address as address, found '" + options.address + "'");
  if (options.tls_certificate_pem.empty() != options.tls_key_pem.empty()) {
    return Invalid("expected tls_certificate_pem and tls_key_pem, found one of them");
  }
  if (!options.tls_client_ca_pem.empty() && options.tls_key_pem.empty()) {
    return Invalid("expected a certificate with tls_client_ca_pem, found none");
  }
  if (options.max_header_bytes > (std::size_t{1} << 24)) {
    return Invalid("expected max_header_bytes of at most 16 MiB, found " +
                   std::to_string(options.max_header_bytes));
  }
  for (const auto& [name, value] :
       {std::pair{"ping_interval_ms", options.ping_interval_ms},
        std::pair{"tcp_keepalive_ms", options.tcp_keepalive_ms},
        std::pair{"tcp_user_timeout_ms", options.tcp_user_timeout_ms}}) {
    if (value < 0 || value > kMaxSystemMs) {
      return Invalid(std::string("expected ") + name + " from 0 to one day, found " +
                     std::to_string(value));
    }
  }
  return CheckPositive(
      {{"max_header_bytes", static_cast<std::int64_t>(options.max_header_bytes)},
       {"max_fields", static_cast<std::int64_t>(options.max_fields)},
       {"max_unsent_bytes", static_cast<std::int64_t>(options.max_unsent_bytes)},
       {"max_stream_bytes", static_cast<std::int64_t>(options.max_stream_bytes)},
       {"max_message_bytes", static_cast<std::int64_t>(options.max_message_bytes)},
       {"max_send_queue_bytes", static_cast<std::int64_t>(options.max_send_queue_bytes)},
       {"header_timeout_ms", options.header_timeout_ms},
       {"body_timeout_ms", options.body_timeout_ms},
       {"idle_timeout_ms", options.idle_timeout_ms},
       {"write_timeout_ms", options.write_timeout_ms},
       {"message_timeout_ms", options.message_timeout_ms},
       {"pong_timeout_ms", options.pong_timeout_ms},
       {"max_connections", options.max_connections}});
}

std::chrono::milliseconds SweepInterval(const HttpServerOptions& options) {
  std::int64_t shortest =
      std::min({options.header_timeout_ms, options.body_timeout_ms, options.idle_timeout_ms,
                options.write_timeout_ms, options.message_timeout_ms});
  if (options.ping_interval_ms > 0) {
    shortest = std::min({shortest, options.ping_interval_ms, options.pong_timeout_ms});
  }
  return std::chrono::milliseconds(std::clamp<std::int64_t>(shortest / 4, 5, 1000));
}

void SetSocketOptions(TcpSocket& socket, const HttpServerOptions& options) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto set = [fd = socket.native_handle()](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof(value));
  };
  if (options.tcp_keepalive_ms > 0) {
    const auto idle_s = static_cast<int>((options.tcp_keepalive_ms + 999) / 1000);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle_s / 3));
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  }
  if (options.tcp_user_timeout_ms > 0) {
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.tcp_user_timeout_ms));
  }
}

std::string EndpointText(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = ":" + std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]" + port : host + port;
}

Status Server::SetUpTls() {
  if (options.tls_key_pem.empty()) return Status{};
  tls.emplace(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  // Sessions of clients that showed a certificate are resumed under this name only.
  constexpr unsigned char kName[] = "virtufin";
  SSL_CTX_set_session_id_context(tls->native_handle(), kName, sizeof(kName) - 1);
  error_code error;
  // Nobody is asked for the passphrase of an encrypted key.
  tls->set_password_callback(
      [](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  tls->use_certificate_chain(asio::buffer(options.tls_certificate_pem), error);
  if (error) return Invalid("expected a PEM chain in tls_certificate_pem: " + error.message());
  tls->use_private_key(asio::buffer(options.tls_key_pem), asio::ssl::context::pem, error);
  if (error) return Invalid("expected the certificate's key in tls_key_pem: " + error.message());
  if (!options.tls_client_ca_pem.empty()) {
    tls->add_certificate_authority(asio::buffer(options.tls_client_ca_pem), error);
    if (error) return Invalid("expected PEM certificates in tls_client_ca_pem: " + error.message());
    tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  }
  options.tls_key_pem.assign(options.tls_key_pem.size(), '\0');
  return Status{};
}

}  // namespace virtufin::inline v0::net::detail
