// The handles by which any thread answers a request, and the hand-over of a request to the handler.
#include <charconv>
#include <utility>

#include "net/http_session.hpp"

namespace virtufin::inline v0::net {
namespace detail {

class StreamOnItsWay;

class AnswerSlot {
 public:
  AnswerSlot(std::shared_ptr<Loop> loop, std::weak_ptr<HttpSession> session, std::uint64_t number,
             bool websocket, std::shared_ptr<Counters> counters, std::size_t max_stream_bytes)
      : loop_(std::move(loop)),
        session_(std::move(session)),
        number_(number),
        websocket_(websocket),
        counters_(std::move(counters)),
        max_stream_bytes_(max_stream_bytes) {}

  bool websocket() const noexcept { return websocket_; }

  // Runs `task(session, number)` on the loop, here and now when this is it; never when the session
  // has gone by then: `task` is dropped.
  template <class F>
  void Run(F task) {
    if (loop_->Here()) {
      if (const auto session = session_.lock()) task(*session, number_);
      return;
    }
    loop_->Post([weak = session_, number = number_, task = std::move(task)]() mutable {
      if (const auto session = weak.lock()) task(*session, number);
    });
  }

  HttpStream MakeStream(HttpAnswer answer);

 private:
  std::shared_ptr<Loop> loop_;
  std::weak_ptr<HttpSession> session_;
  std::uint64_t number_;
  bool websocket_;
  std::shared_ptr<Counters> counters_;
  std::size_t max_stream_bytes_;
};

void HttpSession::Dispatch() {
  state_ = State::kHandling;
  ClearDeadline();
  server_.counters->requests.fetch_add(1, std::memory_order_relaxed);
  IncomingRequest request = std::move(parser_.request());
  const bool websocket = request.websocket;
  upgrade_.reset();
  if (websocket) upgrade_ = request;
  HttpResponder responder(std::make_unique<AnswerSlot>(
      server_.loop, std::static_pointer_cast<HttpSession>(shared_from_this()), ++number_, websocket,
      server_.counters, server_.options.max_stream_bytes));
  const auto self = Self();
  server_.loop->Call("HttpHandler::OnRequest", peer_,
                     [&] { server_.handler.OnRequest(std::move(request), std::move(responder)); });
  // Bytes behind a WebSocket request belong to the WebSocket.
  if (!websocket) ReadMore();
}

constexpr const char* kOnWritable = "HttpStream::OnWritable";

void StreamBuffer::Append(std::string_view piece) {
  const std::size_t before = pending.size();
  if (chunked) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16);
    pending.append(digits, end.ptr);
    pending += "\r\n";
  }
  pending += piece;
  if (chunked) pending += "\r\n";
  unsent.fetch_add(pending.size() - before);
}

void StreamBuffer::Schedule() {
  if (scheduled) return;
  scheduled = true;
  loop->Post([weak = session] {
    if (const auto its = weak.lock()) its->FlushStream();
  });
}

void StreamBuffer::Abort() {
  aborted = true;
  scheduled = false;  // not behind the write that is under way
  Schedule();
}

void StreamBuffer::Close() {
  std::function<void()> writable, gone;
  {
    const std::lock_guard lock(mutex);
    if (closed) return;
    closed = true;
    pending = {};
    unsent.store(0);
    writable = std::move(on_writable);
    gone = std::move(on_closed);
    on_writable = on_closed = nullptr;
  }
  if (writable) loop->Call(kOnWritable, {}, writable);
  if (gone) loop->Call("HttpStream::OnClosed", {}, gone);
}

void StreamBuffer::Sent(std::size_t bytes) {
  std::function<void()> writable;
  {
    const std::lock_guard lock(mutex);
    const std::size_t left = unsent.fetch_sub(bytes) - bytes;
    if (on_writable && left <= writable_at) {
      writable = std::move(on_writable);
      on_writable = nullptr;
    }
  }
  if (writable) loop->Call(kOnWritable, {}, writable);
}

}  // namespace detail

struct HttpStream::Owner {
  explicit Owner(std::shared_ptr<detail::StreamBuffer> its) : buffer(std::move(its)) {}
  ~Owner() {
    const std::lock_guard lock(buffer->mutex);
    if (buffer->ended || buffer->closed) return;
    buffer->Abort();
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  std::shared_ptr<detail::StreamBuffer> buffer;
};

// What is on its way to the loop with a stream: closes it unless a session took it.
class detail::StreamOnItsWay {
 public:
  explicit StreamOnItsWay(std::shared_ptr<StreamBuffer> buffer) : buffer_(std::move(buffer)) {}
  StreamOnItsWay(StreamOnItsWay&&) noexcept = default;
  ~StreamOnItsWay() {
    if (buffer_ != nullptr) buffer_->Close();
  }
  std::shared_ptr<StreamBuffer> Take() noexcept { return std::move(buffer_); }

 private:
  std::shared_ptr<StreamBuffer> buffer_;
};

HttpStream detail::AnswerSlot::MakeStream(HttpAnswer answer) {
  auto buffer = std::make_shared<StreamBuffer>();
  buffer->loop = loop_;
  buffer->session = session_;
  buffer->counters = counters_;
  buffer->max_bytes = max_stream_bytes_;
  buffer->chunked = false;  // until the header is made: kept as it comes
  HttpStream stream;
  stream.owner_ = std::make_shared<HttpStream::Owner>(buffer);
  Run([answer = std::move(answer), taken = StreamOnItsWay(std::move(buffer))](
          HttpSession& session, std::uint64_t number) mutable {
    session.StartStream(number, answer, taken.Take());
  });
  return stream;
}

Status HttpStream::Write(std::string_view piece) {
  if (owner_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no streamed answer");
  detail::StreamBuffer& buffer = *owner_->buffer;
  const std::lock_guard lock(buffer.mutex);
  if (buffer.closed || buffer.ended || buffer.aborted) {
    return Status(StatusCode::kUnavailable, "net", "the streamed answer has ended");
  }
  if (const std::size_t unsent = buffer.unsent.load(); unsent >= buffer.max_bytes) {
    buffer.writable_at = unsent / 2;
    buffer.counters->refused_pieces.fetch_add(1, std::memory_order_relaxed);
    return Status(StatusCode::kResourceExhausted, "net",
                  "expected at most " + std::to_string(buffer.max_bytes) + " unsent bytes, found " +
                      std::to_string(unsent));
  }
  if (piece.empty()) return Status{};  // an empty chunk would end the answer
  buffer.Append(piece);
  buffer.Schedule();
  return Status{};
}

void HttpStream::End() {
  if (owner_ == nullptr) return;
  const std::lock_guard lock(owner_->buffer->mutex);
  if (owner_->buffer->closed || owner_->buffer->aborted) return;
  owner_->buffer->ended = true;
  owner_->buffer->Schedule();
}

void HttpStream::Abort() {
  if (owner_ == nullptr) return;
  const std::lock_guard lock(owner_->buffer->mutex);
  if (owner_->buffer->closed) return;
  owner_->buffer->Abort();
}

std::size_t HttpStream::unsent_bytes() const noexcept {
  return owner_ == nullptr ? 0 : owner_->buffer->unsent.load();
}

bool HttpStream::open() const noexcept {
  if (owner_ == nullptr) return false;
  const std::lock_guard lock(owner_->buffer->mutex);
  return !owner_->buffer->closed && !owner_->buffer->ended && !owner_->buffer->aborted;
}

namespace {

// On the loop; here when that has ended.
void RunSoon(const std::shared_ptr<detail::Loop>& loop, const char* what,
             std::function<void()> callback) {
  if (!loop->Post([loop, what, callback] { loop->Call(what, {}, callback); })) callback();
}

}  // namespace

void HttpStream::OnWritable(std::function<void()> callback) {
  if (owner_ == nullptr || !callback) return;
  detail::StreamBuffer& buffer = *owner_->buffer;
  {
    const std::lock_guard lock(buffer.mutex);
    if (!buffer.closed && buffer.unsent.load() >= buffer.max_bytes) {
      buffer.on_writable = std::move(callback);
      return;
    }
  }
  RunSoon(buffer.loop, detail::kOnWritable, std::move(callback));
}

void HttpStream::OnClosed(std::function<void()> callback) {
  if (owner_ == nullptr || !callback) return;
  detail::StreamBuffer& buffer = *owner_->buffer;
  {
    const std::lock_guard lock(buffer.mutex);
    if (!buffer.closed) {
      buffer.on_closed = std::move(callback);
      return;
    }
  }
  RunSoon(buffer.loop, "HttpStream::OnClosed", std::move(callback));
}

HttpResponder::HttpResponder(std::unique_ptr<detail::AnswerSlot> slot) noexcept
    : slot_(std::move(slot)) {}
HttpResponder::HttpResponder(HttpResponder&&) noexcept = default;
HttpResponder& HttpResponder::operator=(HttpResponder&& other) noexcept {
  if (this != &other) {
    HttpResponder before(std::move(*this));  // answers 500 unless it was used
    slot_ = std::move(other.slot_);
  }
  return *this;
}

HttpResponder::~HttpResponder() {
  if (slot_ == nullptr) return;
  HttpAnswer answer;
  answer.status = 500;
  answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  answer.body = "the request was dropped\n";
  Send(std::move(answer));
}

void HttpResponder::Send(HttpAnswer answer) {
  if (const auto slot = std::move(slot_)) {
    slot->Run(
        [answer = std::move(answer)](detail::HttpSession& session, std::uint64_t number) mutable {
          session.Answer(number, std::move(answer));
        });
  }
}

HttpStream HttpResponder::Stream(HttpAnswer answer) {
  const auto slot = std::move(slot_);
  return slot == nullptr ? HttpStream() : slot->MakeStream(std::move(answer));
}

Status HttpResponder::Accept(std::shared_ptr<SocketEvents> events, std::string_view protocol) {
  if (slot_ == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "net", "the request was answered before");
  }
  if (!slot_->websocket()) {
    return Status(StatusCode::kFailedPrecondition, "net", "the request asks for no WebSocket");
  }
  const auto slot = std::move(slot_);
  slot->Run([events = std::move(events), protocol = std::string(protocol)](
                detail::HttpSession& session, std::uint64_t number) mutable {
    session.Upgrade(number, std::move(events), std::move(protocol));
  });
  return Status{};
}

void HttpResponder::Abort() {
  if (const auto slot = std::move(slot_)) {
    slot->Run([](detail::HttpSession& session, std::uint64_t number) { session.Abort(number); });
  }
}

void HttpResponder::Stall() {
  if (const auto slot = std::move(slot_)) {
    slot->Run([](detail::HttpSession& session, std::uint64_t number) { session.Stall(number); });
  }
}

}  // namespace virtufin::inline v0::net
