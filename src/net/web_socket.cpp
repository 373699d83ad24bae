// WebSockets between libwebsockets, which calls back, and their owners, who hold handles.
#include "net/web_socket.hpp"

#include <utility>

#include "net/ws_connection.hpp"

namespace virtufin::inline v0::net {

int WebSocketCallback(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                      std::size_t len) {
  auto* connection =
      wsi == nullptr ? nullptr : static_cast<WsConnection*>(lws_get_opaque_user_data(wsi));
  if (connection == nullptr) {
    // Let go of, or no socket of ours: it goes at the next chance.
    return reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_CLIENT_WRITEABLE ||
                   reason == LWS_CALLBACK_CLIENT_ESTABLISHED
               ? -1
               : 0;
  }
  connection->Attach(wsi);
  switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return connection->OnReceive(static_cast<const char*>(in), len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return connection->OnWritable();
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
      return connection->OnPong(static_cast<const char*>(in), len);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      return connection->AppendHeaders(static_cast<unsigned char**>(in), len);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
      connection->OnUpgraded();
      return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      return connection->OnEstablished();
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      return connection->OnPeerClose(static_cast<const unsigned char*>(in), len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      connection->OnConnectError(
          {static_cast<const char*>(in), in == nullptr ? std::size_t{0} : len});
      return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      lws_set_opaque_user_data(wsi, nullptr);
      connection->OnLost();
      return 0;
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
      connection->OnVerify(user);
      return 0;
    default:
      return 0;
  }
}

WebSocket::WebSocket(std::shared_ptr<WsConnection> connection) noexcept
    : connection_(std::move(connection)) {}
WebSocket::~WebSocket() {
  connection_->DropHandler();
  connection_->Close(1000, {});
}
bool WebSocket::SendText(std::string_view text) {
  return connection_->Send(WsConnection::Frame::kText, text.data(), text.size());
}
bool WebSocket::SendBinary(ByteView bytes) {
  return connection_->Send(WsConnection::Frame::kBinary, bytes.data(), bytes.size());
}
bool WebSocket::Ping(ByteView payload) {
  return payload.size() <= 125 &&
         connection_->Send(WsConnection::Frame::kPing, payload.data(), payload.size());
}
void WebSocket::Close(std::uint16_t code, std::string_view reason) {
  connection_->Close(code, reason);
}
void WebSocket::PauseReading(bool paused) { connection_->PauseReading(paused); }
bool WebSocket::open() const noexcept { return connection_->open(); }
std::size_t WebSocket::unsent_bytes() const noexcept { return connection_->unsent_bytes(); }

}  // namespace virtufin::inline v0::net
