// One WebSocket of a server, on Beast.
#include <utility>  // before Beast under g++ 12

#include <memory>
#include <mutex>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "net/socket_buffer.hpp"
#include "net/tcp_progress.hpp"

namespace virtufin::inline v0::net::detail {

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

namespace {

constexpr std::int64_t kCloseTimeoutMs = 5000;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;      // at once, of one message
constexpr std::size_t kKeepReadBytes = std::size_t{64} * 1024;  // between two messages
constexpr auto kNever = SteadyClock::time_point::max();

class BeastSocket final : public SocketSession {
 public:
  BeastSocket(Server& server, AnyStream stream, const IncomingRequest& request,
              std::shared_ptr<SocketEvents> events);
  ~BeastSocket() override;

  void Accept(std::string protocol);
  void Start() override {}
  void Sweep(SteadyClock::time_point now) override;
  void BeginStop() override;
  bool Kill() override;
  std::string Describe() const override { return peer_ + " (WebSocket)"; }
  void Flush() override;
  void StopReading() override { paused_ = true; }
  void ResumeReading() override;
  void Stall() override;
  void Hush() override;

 private:
  enum class How { kReset, kClose, kLinger };

  std::shared_ptr<BeastSocket> Self() {
    return std::static_pointer_cast<BeastSocket>(shared_from_this());
  }
  template <class F>
  void Tell(const char* what, F call);
  void OnAccepted(const error_code& error);
  void Read();
  void OnRead(const error_code& error);
  void OnPart();
  void ForgetParts();
  void OnControl(websocket::frame_type kind, std::string_view payload);
  void SendClose();
  void OnWritten(const error_code& error, std::size_t cost);
  void OnEnd(const error_code& error);
  bool TookBytes();
  void AskIfAlive(SteadyClock::time_point now);
  void Finish(std::uint16_t code, std::string_view reason, How how);
  // A peer that has sent its close frame has no more to say, unless there is more already.
  How AfterCloseFrames() {
    error_code ignored;
    return socket_.next_layer().Socket().available(ignored) > 0 ? How::kLinger : How::kClose;
  }
  void Drop();
  void Leave();
  void SetDeadline(std::int64_t ms) {
    deadline_ = SteadyClock::now() + std::chrono::milliseconds(ms);
  }

  Server& server_;
  const std::string peer_;
  websocket::stream<AnyStream, false> socket_;
  std::shared_ptr<SocketEvents> events_;
  std::shared_ptr<SocketBuffer> buffer_ = std::make_shared<SocketBuffer>();
  http::request<http::empty_body> handshake_;
  beast::flat_buffer incoming_;
  SocketItem current_{SocketItem::Kind::kText, nullptr, 0};
  SteadyClock::time_point deadline_ = kNever;          // of what is being done
  SteadyClock::time_point message_deadline_ = kNever;  // of the message that is being read
  SteadyClock::time_point heard_at_{}, pinged_at_{};
  std::uint64_t acked_ = 0;  // bytes that the peer has taken, at the last sweep
  std::size_t counted_ = 0;  // bytes of the message that is being read
  std::size_t dropped_ = 0;  // bytes, while it lingers
  bool heard_ = true;        // since the last sweep
  bool pinged_ = false;      // and nothing came since
  bool open_ = false;
  bool reading_ = false;
  bool paused_ = false;
  bool writing_ = false;
  bool failed_ = false;   // no message is told any more
  bool closing_ = false;  // the close frame is on its way
  bool stalled_ = false;
  bool hushed_ = false;
  bool done_ = false;  // OnClosed was told
  bool left_ = false;  // the server has forgotten it
};

BeastSocket::BeastSocket(Server& server, AnyStream stream, const IncomingRequest& request,
                         std::shared_ptr<SocketEvents> events)
    : server_(server), peer_(request.peer), socket_(std::move(stream)), events_(std::move(events)) {
  buffer_->loop = server.loop;
  buffer_->counters = server.counters;
  buffer_->max_bytes = server.options.max_send_queue_bytes;
  handshake_.method(http::verb::get);
  handshake_.target(request.target);
  handshake_.version(11);
  for (const HttpField& field : request.fields) handshake_.insert(field.name, field.value);
  server.counters->sockets.fetch_add(1, std::memory_order_relaxed);
}

BeastSocket::~BeastSocket() {
  ForgetParts();
  server_.counters->sockets.fetch_sub(1, std::memory_order_relaxed);
}

// What the application throws ends its own socket.
template <class F>
void BeastSocket::Tell(const char* what, F call) {
  if (failed_ || server_.loop->Call(what, peer_, call)) return;
  failed_ = true;
  buffer_->Close(1011, "the handler failed", false);
}

void BeastSocket::Accept(std::string protocol) {
  buffer_->session = Self();
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
  socket_.async_accept(handshake_, [self = Self()](const error_code& error) {
    self->server_.Guard(*self, [&] { self->OnAccepted(error); });
  });
}

void BeastSocket::OnAccepted(const error_code& error) {
  if (done_) return;
  if (error) return Finish(1006, error.message(), How::kClose);
  handshake_ = {};
  deadline_ = kNever;
  open_ = true;
  Tell("SocketEvents::OnOpen", [this] { events_->OnOpen(Handle(buffer_)); });
  if (server_.stopping()) BeginStop();
  Flush();
  Read();
}

// ---- reading

void BeastSocket::Read() {
  if (reading_ || stalled_ || done_ || !open_ || (paused_ && counted_ == 0)) return;
  reading_ = true;
  socket_.async_read_some(incoming_, kReadBytes,
                          [self = Self()](const error_code& error, std::size_t) {
                            self->reading_ = false;
                            self->server_.Guard(*self, [&] { self->OnRead(error); });
                          });
}

void BeastSocket::OnRead(const error_code& error) {
  if (done_ || stalled_) return;
  if (error) return OnEnd(error);
  heard_ = true;
  if (closing_ || failed_) {
    ForgetParts();
    incoming_.consume(incoming_.size());
    return Read();
  }
  if (!socket_.is_message_done()) return OnPart();
  ForgetParts();
  const auto data = incoming_.data();
  const std::string_view message(static_cast<const char*>(data.data()), data.size());
  if (socket_.got_text()) {
    Tell("SocketEvents::OnText", [&] { events_->OnText(message); });
  } else {
    Tell("SocketEvents::OnBinary", [&] { events_->OnBinary(message); });
  }
  incoming_.consume(incoming_.size());
  if (incoming_.capacity() > kKeepReadBytes) incoming_ = beast::flat_buffer();
  Read();
}

// Messages that never end would fill the memory or hold their connections for ever.
void BeastSocket::OnPart() {
  if (counted_ == 0) {
    message_deadline_ =
        SteadyClock::now() + std::chrono::milliseconds(server_.options.message_timeout_ms);
  }
  const std::size_t more = incoming_.size() - counted_;
  counted_ += more;
  const auto before = server_.counters->unfinished_bytes.fetch_add(more, std::memory_order_relaxed);
  if (before + more > server_.options.max_unfinished_bytes) {
    failed_ = true;
    ForgetParts();
    buffer_->Close(1013, "too many messages are being read", true);
  }
  Read();
}

void BeastSocket::ForgetParts() {
  if (counted_ == 0) return;
  server_.counters->unfinished_bytes.fetch_sub(std::exchange(counted_, 0),
                                               std::memory_order_relaxed);
  message_deadline_ = kNever;
}

void BeastSocket::OnControl(websocket::frame_type kind, std::string_view payload) {
  if (done_ || stalled_ || closing_) return;
  heard_ = true;
  if (kind == websocket::frame_type::ping) {
    Tell("SocketEvents::OnPing", [&] { events_->OnPing(payload); });
  } else if (kind == websocket::frame_type::pong) {
    Tell("SocketEvents::OnPong", [&] { events_->OnPong(payload); });
  }
}

void BeastSocket::ResumeReading() {
  paused_ = false;
  Read();
}

// ---- writing

void BeastSocket::Flush() {
  if (writing_ || closing_ || stalled_ || done_ || !open_) return;
  {
    const std::lock_guard lock(buffer_->mutex);
    buffer_->scheduled = false;
    if (buffer_->items.empty()) return;
    if (buffer_->hushed) Hush();  // what was queued since would overtake its task
    current_ = std::move(buffer_->items.front());
    buffer_->items.pop_front();
    buffer_->scheduled = true;  // OnWritten goes on
  }
  const std::size_t cost = current_.data->size() + kItemBytes;
  if (current_.kind == SocketItem::Kind::kClose) return SendClose();
  writing_ = true;
  SetDeadline(server_.options.write_timeout_ms);
  auto done = [self = Self(), cost](const error_code& error, std::size_t = 0) {
    self->server_.Guard(*self, [&] { self->OnWritten(error, cost); });
  };
  if (current_.kind == SocketItem::Kind::kPing) {
    return socket_.async_ping(websocket::ping_data(current_.data->data(), current_.data->size()),
                              std::move(done));
  }
  socket_.text(current_.kind == SocketItem::Kind::kText);
  socket_.async_write(asio::buffer(*current_.data), std::move(done));
}

void BeastSocket::SendClose() {
  closing_ = true;
  SetDeadline(kCloseTimeoutMs);
  websocket::close_reason reason(static_cast<websocket::close_code>(current_.code));
  reason.reason.assign(current_.data->data(), current_.data->size());
  socket_.async_close(reason, [self = Self()](const error_code& error) {
    if (self->done_) return;
    const auto& theirs = self->socket_.reason();
    const bool answered = theirs.code != websocket::close_code::none;
    self->Finish(answered ? theirs.code : self->current_.code,
                 error ? error.message() : *self->current_.data, self->AfterCloseFrames());
  });
}

void BeastSocket::OnWritten(const error_code& error, std::size_t cost) {
  writing_ = false;
  if (stalled_) return;
  buffer_->unsent.fetch_sub(cost);
  if (done_) return;
  deadline_ = kNever;
  if (error) {
    // A read that is under way tells why; without one nobody would.
    if (!reading_) OnEnd(error);
    return;
  }
  Flush();
}

// ---- ending

void BeastSocket::OnEnd(const error_code& error) {
  if (error == websocket::error::closed) {
    const auto& reason = socket_.reason();
    return Finish(reason.code == websocket::close_code::none ? std::uint16_t{1005} : reason.code,
                  {reason.reason.data(), reason.reason.size()}, AfterCloseFrames());
  }
  std::uint16_t code = 1006;
  if (error == websocket::condition::protocol_violation) code = 1002;
  if (error == websocket::error::message_too_big) code = 1009;
  if (error == websocket::error::bad_frame_payload) code = 1007;
  // Beast has sent a close frame and shut down its side when the peer broke the protocol.
  Finish(code, error.message(), code == 1006 ? How::kClose : How::kLinger);
}

// Since the last sweep that asked.
bool BeastSocket::TookBytes() {
  const std::uint64_t acked = AckedBytes(socket_.next_layer().Socket().native_handle());
  return std::exchange(acked_, acked) != acked;
}

void BeastSocket::Sweep(SteadyClock::time_point now) {
  const bool took = (writing_ || pinged_) && !done_ && !stalled_ && TookBytes();
  if (took && writing_) SetDeadline(server_.options.write_timeout_ms);
  // What goes out before the ping may take long; while it does, the deadline of writing holds.
  if (pinged_ && (took || writing_)) pinged_at_ = now;
  if (now >= deadline_) {
    if (done_) return Leave();
    server_.counters->timeouts.fetch_add(1, std::memory_order_relaxed);
    return Finish(1006, "the peer took too long", How::kReset);
  }
  if (!open_ || stalled_ || done_ || closing_) return;
  if (now >= message_deadline_) {
    server_.counters->timeouts.fetch_add(1, std::memory_order_relaxed);
    failed_ = true;
    ForgetParts();
    return buffer_->Close(1008, "the message took too long", true);
  }
  if (server_.options.ping_interval_ms > 0) AskIfAlive(now);
}

void BeastSocket::AskIfAlive(SteadyClock::time_point now) {
  if (heard_ || (paused_ && counted_ == 0)) {  // what is not read does not count
    heard_ = pinged_ = false;
    heard_at_ = now;
  } else if (pinged_) {
    if (now - pinged_at_ < std::chrono::milliseconds(server_.options.pong_timeout_ms)) return;
    server_.counters->timeouts.fetch_add(1, std::memory_order_relaxed);
    Finish(1006, "the peer did not answer a ping", How::kReset);
  } else if (now - heard_at_ >= std::chrono::milliseconds(server_.options.ping_interval_ms)) {
    // A full queue takes no ping: the write timeout watches over that.
    pinged_ =
        buffer_->Push({SocketItem::Kind::kPing, std::make_shared<const std::string>(), 0}).ok();
    pinged_at_ = now;
  }
}

void BeastSocket::BeginStop() {
  if (stalled_ || hushed_) return Finish(1006, "the server stops", How::kReset);
  if (!open_) return;  // OnAccepted comes here again
  buffer_->Close(1001, "the server stops", false);
}

bool BeastSocket::Kill() {
  if (done_) {
    Leave();
    return false;
  }
  Finish(1006, "the connection was cut", How::kReset);
  return true;
}

void BeastSocket::Stall() {
  if (done_) return;
  stalled_ = true;
  deadline_ = kNever;
  ForgetParts();
  const std::lock_guard lock(buffer_->mutex);
  buffer_->stalled = true;
  buffer_->items.clear();
  buffer_->unsent.store(0);
  socket_.next_layer().Cancel();
}

void BeastSocket::Hush() {
  hushed_ = true;
  socket_.next_layer().Hush();
}

// Tells the application that it is over; the connection may stay a while.
void BeastSocket::Finish(std::uint16_t code, std::string_view reason, How how) {
  if (done_) return;
  done_ = true;
  deadline_ = kNever;
  ForgetParts();
  const auto self = Self();
  {
    const std::lock_guard lock(buffer_->mutex);
    buffer_->closing = true;
    buffer_->Clear();
  }
  const std::string why(reason);
  if (how == How::kReset) socket_.next_layer().Abort();
  if (how == How::kLinger) {
    socket_.next_layer().ShutdownSend();
    SetDeadline(kLingerMs);
    Drop();
  } else {
    Leave();
  }
  if (const auto events = std::move(events_); events != nullptr && open_) {
    server_.loop->Call("SocketEvents::OnClosed", peer_, [&] { events->OnClosed(code, why); });
  }
}

void BeastSocket::Drop() {
  socket_.next_layer().Socket().async_read_some(
      asio::buffer(server_.dropped), [self = Self()](const error_code& error, std::size_t bytes) {
        if (self->left_) return;
        self->dropped_ += bytes;
        if (error || self->dropped_ > kLingerBytes) return self->Leave();
        self->Drop();
      });
}

void BeastSocket::Leave() {
  if (std::exchange(left_, true)) return;
  const auto self = Self();
  deadline_ = kNever;
  socket_.next_layer().Close();
  server_.Remove(*this);
}

}  // namespace

void StartSocketSession(Server& server, Session& old, AnyStream stream,
                        const IncomingRequest& request, std::string protocol,
                        std::shared_ptr<SocketEvents> events) {
  auto session =
      std::make_shared<BeastSocket>(server, std::move(stream), request, std::move(events));
  server.Replace(old, session);  // nothing is thrown from here on
  server.Guard(*session, [&] { session->Accept(std::move(protocol)); });
}

}  // namespace virtufin::inline v0::net::detail
