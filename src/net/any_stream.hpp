// AnyStream: a plain or a TLS connection under one type, so that what stands on it is compiled
// once. Shows Boost.
#pragma once

#include <utility>  // before Boost under g++ 12

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace virtufin::inline v0::net::detail {

namespace asio = boost::asio;
using boost::system::error_code;
using LoopExecutor = asio::io_context::executor_type;
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, LoopExecutor>;
using TlsSocket = asio::ssl::stream<TcpSocket>;

class AnyStream {
 public:
  using executor_type = LoopExecutor;

  AnyStream(TcpSocket socket, asio::ssl::context* tls) {
    if (tls == nullptr) {
      tcp_.emplace(std::move(socket));
    } else {
      tls_ = std::make_unique<TlsSocket>(std::move(socket), *tls);
    }
  }

  executor_type get_executor() noexcept { return Socket().get_executor(); }
  bool secure() const noexcept { return tls_ != nullptr; }
  TlsSocket& Tls() noexcept { return *tls_; }
  TcpSocket& Socket() noexcept { return tls_ ? tls_->next_layer() : *tcp_; }
  // Bytes that were read already and come first.
  void PutBack(std::string bytes) { before_ = std::move(bytes); }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (!before_.empty()) {
      const std::size_t n = asio::buffer_copy(buffers, asio::buffer(before_));
      before_.erase(0, n);
      asio::post(get_executor(), [n, handler = std::forward<Handler>(handler)]() mutable {
        handler(error_code{}, n);
      });
    } else if (tls_) {
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_->async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  // From now on what is written is taken and dropped.
  void Hush() noexcept { hushed_ = true; }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (hushed_) {
      const std::size_t n = asio::buffer_size(buffers);
      asio::post(get_executor(), [n, handler = std::forward<Handler>(handler)]() mutable {
        handler(error_code{}, n);
      });
    } else if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_->async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

  void Cancel() {
    error_code ignored;
    Socket().cancel(ignored);
  }
  void ShutdownSend() {
    error_code ignored;
    Socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void Close() {
    error_code ignored;
    Socket().close(ignored);
  }
  // The peer sees a reset.
  void Abort() {
    error_code ignored;
    Socket().set_option(asio::socket_base::linger(true, 0), ignored);
    Socket().close(ignored);
  }

 private:
  std::optional<TcpSocket> tcp_;
  std::unique_ptr<TlsSocket> tls_;
  std::string before_;
  bool hushed_ = false;
};

}  // namespace virtufin::inline v0::net::detail
