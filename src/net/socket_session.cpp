// One WebSocket of a server, on Beast.
#include <utility>  // before Beast under g++ 12

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "net/server_impl.hpp"

namespace virtufin::inline v0::net {
namespace detail {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

// What Beast asks of a transport to end it. The server closes the socket itself.
inline void teardown(beast::role_type, AnyStream& stream, error_code& error) {
  error = {};
  stream.ShutdownSend();
}
template <class Handler>
void async_teardown(beast::role_type, AnyStream& stream, Handler&& handler) {
  stream.ShutdownSend();
  asio::post(stream.get_executor(),
             [handler = std::forward<Handler>(handler)]() mutable { handler(error_code{}); });
}
inline void beast_close_socket(AnyStream& stream) { stream.Close(); }

struct SocketItem {
  enum class Kind { kText, kBinary, kPing, kClose };
  Kind kind;
  std::shared_ptr<const std::string> data;
  std::uint16_t code = 0;
};

// What a message costs in the queue beyond its bytes.
constexpr std::size_t kItemBytes = 64;
constexpr std::int64_t kCloseTimeoutMs = 5000;
constexpr std::size_t kKeepReadBytes = std::size_t{64} * 1024;

struct SocketBuffer {
  std::shared_ptr<Loop> loop;
  std::weak_ptr<SocketSession> session;
  std::shared_ptr<Counters> counters;
  std::size_t max_bytes = 0;

  std::atomic<std::size_t> unsent{0};
  std::mutex mutex;  // guards what follows
  std::deque<SocketItem> items;
  bool scheduled = false;
  bool closing = false;  // a close was asked for, or the socket is closed
  bool stalled = false;

  Status Push(SocketItem item);
};

class SocketSession final : public Session {
 public:
  SocketSession(Server& server, AnyStream stream, std::shared_ptr<SocketEvents> events);
  ~SocketSession() override;

  void Accept(const IncomingRequest& request, std::string protocol);
  void Start() override {}
  void Sweep(SteadyClock::time_point now) override;
  void BeginStop() override;
  bool Kill() override {
    Finish(1006, "the connection was cut", true);
    return true;
  }

  void Flush();
  void StopReading() { paused_ = true; }
  void ResumeReading();
  void Stall();

 private:
  std::shared_ptr<SocketSession> Self() {
    return std::static_pointer_cast<SocketSession>(shared_from_this());
  }
  void OnAccepted(const error_code& error);
  void Read();
  void OnRead(const error_code& error);
  void OnControl(websocket::frame_type kind, std::string_view payload);
  void OnWritten(const error_code& error, std::size_t cost);
  void OnEnd(const error_code& error);
  void Finish(std::uint16_t code, std::string_view reason, bool reset);
  void SetDeadline(std::int64_t ms) {
    deadline_ = SteadyClock::now() + std::chrono::milliseconds(ms);
  }

  Server& server_;
  websocket::stream<AnyStream, false> socket_;
  std::shared_ptr<SocketEvents> events_;
  std::shared_ptr<SocketBuffer> buffer_ = std::make_shared<SocketBuffer>();
  http::request<http::empty_body> handshake_;
  beast::flat_buffer incoming_;
  SocketItem current_{SocketItem::Kind::kText, nullptr, 0};
  SteadyClock::time_point deadline_ = SteadyClock::time_point::max();
  bool open_ = false;
  bool reading_ = false;
  bool paused_ = false;
  bool writing_ = false;
  bool closing_ = false;  // the close frame is on its way
  bool stalled_ = false;
  bool done_ = false;
};

Status SocketBuffer::Push(SocketItem item) {
  const std::lock_guard lock(mutex);
  if (closing) return Status(StatusCode::kUnavailable, "net", "the WebSocket is closed or closing");
  if (stalled) return Status{};
  if (const std::size_t now = unsent.load(); now >= max_bytes) {
    counters->refused_messages.fetch_add(1, std::memory_order_relaxed);
    return Status(StatusCode::kResourceExhausted, "net",
                  "expected at most " + std::to_string(max_bytes) + " unsent bytes, found " +
                      std::to_string(now));
  }
  closing = item.kind == SocketItem::Kind::kClose;
  unsent.fetch_add(item.data->size() + kItemBytes);
  items.push_back(std::move(item));
  if (scheduled) return Status{};
  scheduled = true;
  loop->Post([weak = session] {
    if (const auto its = weak.lock()) its->Flush();
  });
  return Status{};
}

SocketSession::SocketSession(Server& server, AnyStream stream, std::shared_ptr<SocketEvents> events)
    : server_(server), socket_(std::move(stream)), events_(std::move(events)) {
  buffer_->loop = server.loop;
  buffer_->counters = server.counters;
  buffer_->max_bytes = server.options.max_send_queue_bytes;
  server.counters->sockets.fetch_add(1, std::memory_order_relaxed);
}

SocketSession::~SocketSession() {
  server_.counters->sockets.fetch_sub(1, std::memory_order_relaxed);
}

void SocketSession::Accept(const IncomingRequest& request, std::string protocol) {
  buffer_->session = Self();
  handshake_.method(http::verb::get);
  handshake_.target(request.target);
  handshake_.version(11);
  for (const HttpField& field : request.fields) handshake_.insert(field.name, field.value);
  websocket::stream_base::timeout timeout{};
  timeout.handshake_timeout = std::chrono::milliseconds(server_.options.header_timeout_ms);
  timeout.idle_timeout = websocket::stream_base::none();
  timeout.keep_alive_pings = false;
  socket_.set_option(timeout);
  socket_.read_message_max(server_.options.max_message_bytes);
  socket_.auto_fragment(false);
  if (!protocol.empty()) {
    socket_.set_option(websocket::stream_base::decorator(
        [protocol = std::move(protocol)](websocket::response_type& response) {
          response.set(http::field::sec_websocket_protocol, protocol);
        }));
  }
  socket_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
    OnControl(kind, {payload.data(), payload.size()});
  });
  SetDeadline(server_.options.header_timeout_ms);
  socket_.async_accept(handshake_,
                       [self = Self()](const error_code& error) { self->OnAccepted(error); });
}

void SocketSession::OnAccepted(const error_code& error) {
  if (done_) return;
  if (error) return Finish(1006, error.message(), false);
  handshake_ = {};
  deadline_ = SteadyClock::time_point::max();
  open_ = true;
  ServerSocket handle;
  handle.buffer_ = buffer_;
  events_->OnOpen(handle);
  if (server_.stopping()) BeginStop();
  Flush();
  Read();
}

void SocketSession::Read() {
  if (reading_ || paused_ || stalled_ || done_ || !open_) return;
  reading_ = true;
  socket_.async_read(incoming_, [self = Self()](const error_code& error, std::size_t) {
    self->reading_ = false;
    self->OnRead(error);
  });
}

void SocketSession::OnRead(const error_code& error) {
  if (done_ || stalled_) return;
  if (error) return OnEnd(error);
  if (!closing_) {
    const auto data = incoming_.data();
    const std::string_view message(static_cast<const char*>(data.data()), data.size());
    if (socket_.got_text()) {
      events_->OnText(message);
    } else {
      events_->OnBinary(message);
    }
  }
  incoming_.consume(incoming_.size());
  if (incoming_.capacity() > kKeepReadBytes) incoming_ = beast::flat_buffer();
  Read();
}

void SocketSession::OnControl(websocket::frame_type kind, std::string_view payload) {
  if (done_ || stalled_ || closing_) return;
  if (kind == websocket::frame_type::ping) events_->OnPing(payload);
  if (kind == websocket::frame_type::pong) events_->OnPong(payload);
}

void SocketSession::OnEnd(const error_code& error) {
  std::uint16_t code = 1006;
  if (error == websocket::error::closed) {
    const auto& reason = socket_.reason();
    return Finish(reason.code == websocket::close_code::none ? std::uint16_t{1005} : reason.code,
                  {reason.reason.data(), reason.reason.size()}, false);
  }
  if (error == websocket::error::message_too_big) code = 1009;
  if (error == websocket::error::bad_frame_payload) code = 1007;
  if (error == websocket::condition::protocol_violation && code == 1006) code = 1002;
  // Beast has sent a close frame and shut down its side when the peer broke the protocol.
  Finish(code, error.message(), false);
}

void SocketSession::Flush() {
  if (writing_ || closing_ || stalled_ || done_ || !open_) return;
  {
    const std::lock_guard lock(buffer_->mutex);
    buffer_->scheduled = false;
    if (buffer_->items.empty()) return;
    current_ = std::move(buffer_->items.front());
    buffer_->items.pop_front();
    buffer_->scheduled = !buffer_->items.empty();  // OnWritten goes on
  }
  writing_ = true;
  const std::size_t cost = current_.data->size() + kItemBytes;
  SetDeadline(server_.options.write_timeout_ms);
  auto done = [self = Self(), cost](const error_code& error, std::size_t = 0) {
    self->OnWritten(error, cost);
  };
  switch (current_.kind) {
    case SocketItem::Kind::kText:
    case SocketItem::Kind::kBinary:
      socket_.text(current_.kind == SocketItem::Kind::kText);
      return socket_.async_write(asio::buffer(*current_.data), std::move(done));
    case SocketItem::Kind::kPing:
      return socket_.async_ping(websocket::ping_data(current_.data->data(), current_.data->size()),
                                std::move(done));
    case SocketItem::Kind::kClose:
      break;
  }
  closing_ = true;
  SetDeadline(kCloseTimeoutMs);
  websocket::close_reason reason(static_cast<websocket::close_code>(current_.code));
  reason.reason.assign(current_.data->data(), current_.data->size());
  socket_.async_close(reason, [self = Self()](const error_code& error) {
    if (self->done_) return;
    const auto& theirs = self->socket_.reason();
    const bool answered = theirs.code != websocket::close_code::none;
    self->Finish(answered ? theirs.code : self->current_.code,
                 error ? error.message() : *self->current_.data, false);
  });
}

void SocketSession::OnWritten(const error_code& error, std::size_t cost) {
  writing_ = false;
  if (stalled_) return;
  buffer_->unsent.fetch_sub(cost);
  if (done_) return;
  deadline_ = SteadyClock::time_point::max();
  if (error) {
    // A read that is under way tells why; without one nobody would.
    if (!reading_) OnEnd(error);
    return;
  }
  Flush();
}

void SocketSession::Sweep(SteadyClock::time_point now) {
  if (now < deadline_) return;
  server_.counters->timeouts.fetch_add(1, std::memory_order_relaxed);
  Finish(1006, "the peer took too long", true);
}

void SocketSession::BeginStop() {
  if (stalled_) return Finish(1006, "the server stops", true);
  if (!open_) return;  // OnAccepted comes here again
  ServerSocket handle;
  handle.buffer_ = buffer_;
  handle.Close(1001, "the server stops");
}

void SocketSession::ResumeReading() {
  paused_ = false;
  Read();
}

void SocketSession::Stall() {
  if (done_) return;
  stalled_ = true;
  deadline_ = SteadyClock::time_point::max();
  const std::lock_guard lock(buffer_->mutex);
  buffer_->stalled = true;
  buffer_->items.clear();
  buffer_->unsent.store(0);
  socket_.next_layer().Cancel();
}

void SocketSession::Finish(std::uint16_t code, std::string_view reason, bool reset) {
  if (done_) return;
  done_ = true;
  deadline_ = SteadyClock::time_point::max();
  const auto self = Self();
  {
    const std::lock_guard lock(buffer_->mutex);
    buffer_->closing = true;
    buffer_->items.clear();
  }
  const std::string why(reason);
  if (reset) {
    socket_.next_layer().Abort();
  } else {
    socket_.next_layer().Close();
  }
  server_.Remove(*this);
  if (const auto events = std::move(events_); events != nullptr && open_) {
    events->OnClosed(code, why);
  }
}

void StartSocketSession(Server& server, Session& old, AnyStream stream,
                        const IncomingRequest& request, std::string protocol,
                        std::shared_ptr<SocketEvents> events) {
  auto session = std::make_shared<SocketSession>(server, std::move(stream), std::move(events));
  server.Replace(old, session);
  session->Accept(request, std::move(protocol));
}

}  // namespace detail

Status ServerSocket::SendText(std::string text) {
  return SendText(std::make_shared<const std::string>(std::move(text)));
}

Status ServerSocket::SendText(std::shared_ptr<const std::string> text) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  return buffer_->Push({detail::SocketItem::Kind::kText, std::move(text), 0});
}

Status ServerSocket::SendBinary(std::string bytes) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  return buffer_->Push({detail::SocketItem::Kind::kBinary,
                        std::make_shared<const std::string>(std::move(bytes)), 0});
}

Status ServerSocket::Ping(std::string payload) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  if (payload.size() > 125) {
    return Status(StatusCode::kInvalidArgument, "net",
                  "expected at most 125 bytes in a ping, found " + std::to_string(payload.size()));
  }
  return buffer_->Push({detail::SocketItem::Kind::kPing,
                        std::make_shared<const std::string>(std::move(payload)), 0});
}

void ServerSocket::Close(std::uint16_t code, std::string_view reason) {
  if (buffer_ == nullptr) return;
  const std::lock_guard lock(buffer_->mutex);
  if (buffer_->closing || buffer_->stalled) return;
  buffer_->closing = true;  // the queue's bound does not hold a close back
  buffer_->unsent.fetch_add(std::min<std::size_t>(reason.size(), 123) + detail::kItemBytes);
  buffer_->items.push_back({detail::SocketItem::Kind::kClose,
                            std::make_shared<const std::string>(reason.substr(0, 123)), code});
  if (buffer_->scheduled) return;
  buffer_->scheduled = true;
  buffer_->loop->Post([weak = buffer_->session] {
    if (const auto its = weak.lock()) its->Flush();
  });
}

void ServerSocket::Abort() {
  if (buffer_ == nullptr) return;
  buffer_->loop->Post([weak = buffer_->session] {
    if (const auto its = weak.lock()) its->Kill();
  });
}

void ServerSocket::StopReading() {
  if (buffer_ == nullptr) return;
  buffer_->loop->Post([weak = buffer_->session] {
    if (const auto its = weak.lock()) its->StopReading();
  });
}

void ServerSocket::ResumeReading() {
  if (buffer_ == nullptr) return;
  buffer_->loop->Post([weak = buffer_->session] {
    if (const auto its = weak.lock()) its->ResumeReading();
  });
}

void ServerSocket::SilentlyStall() {
  if (buffer_ == nullptr) return;
  buffer_->loop->Post([weak = buffer_->session] {
    if (const auto its = weak.lock()) its->Stall();
  });
}

std::size_t ServerSocket::unsent_bytes() const noexcept {
  return buffer_ == nullptr ? 0 : buffer_->unsent.load();
}

bool ServerSocket::open() const noexcept {
  if (buffer_ == nullptr) return false;
  const std::lock_guard lock(buffer_->mutex);
  return !buffer_->closing;
}

}  // namespace virtufin::inline v0::net
