// How one HTTP connection reads requests, one at a time, and how it ends.
#include "net/http_session.hpp"

#include <algorithm>

namespace virtufin::inline v0::net::detail {
namespace {

constexpr std::size_t kReadBytes = std::size_t{4} * 1024;
constexpr std::size_t kReadBodyBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxAhead = std::size_t{64} * 1024;  // pipelined behind a running request

}  // namespace

HttpSession::HttpSession(Server& server, AnyStream stream, std::string peer)
    : server_(server),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      parser_(RequestLimits{server.options.max_header_bytes, server.options.max_fields,
                            server.options.max_body_bytes}) {}

HttpSession::~HttpSession() {
  ForgetBody();
  ForgetAnswer();
}

void HttpSession::Start() {
  SetDeadline(server_.options.header_timeout_ms);
  if (!stream_.secure()) {
    state_ = State::kHeader;
    ReadMore();
    return;
  }
  stream_.Tls().async_handshake(asio::ssl::stream_base::server,
                                [self = Self()](const error_code& error) {
                                  if (self->state_ != State::kHandshake) return;
                                  if (error) return self->Finish(false);
                                  self->state_ = State::kHeader;
                                  self->server_.Guard(*self, [&] { self->ReadMore(); });
                                });
}

void HttpSession::Sweep(SteadyClock::time_point now) {
  if (now < deadline_) return;
  const bool idle = state_ == State::kHeader && !started_;
  if (state_ != State::kLinger && !idle) {
    server_.counters->timeouts.fetch_add(1, std::memory_order_relaxed);
  }
  if ((state_ == State::kHeader && started_) || state_ == State::kBody) {
    if (!writing_) return Refuse(408, "the request took too long");
  }
  Finish(writing_);
}

void HttpSession::BeginStop() {
  keep_alive_ = false;
  if (state_ == State::kHandshake || state_ == State::kHeader || state_ == State::kStalled) {
    Finish(false);
  }
}

bool HttpSession::Kill() {
  const bool answered = state_ == State::kLinger;
  Finish(!answered);
  return !answered;
}

// --- reading

void HttpSession::ReadMore() {
  if (reading_ || eof_ || state_ == State::kDone || state_ == State::kStalled) return;
  const bool parsing = state_ == State::kHeader || state_ == State::kBody;
  if (state_ == State::kLinger) {
    lingered_ += end_;
    begin_ = end_ = 0;
    if (lingered_ > kLingerBytes) return Finish(false);
  }
  if (!parsing && end_ - begin_ >= kMaxAhead) return;
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  const bool large = state_ == State::kBody || state_ == State::kLinger;
  const std::size_t room = large ? kReadBodyBytes : kReadBytes;
  if (end_ == 0 && buffer_.size() > room) std::vector<char>(room).swap(buffer_);
  if (buffer_.size() < end_ + room) buffer_.resize(end_ + room);
  reading_ = true;
  stream_.async_read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                          [self = Self()](const error_code& error, std::size_t bytes) {
                            self->server_.Guard(*self, [&] { self->OnRead(error, bytes); });
                          });
}

void HttpSession::OnRead(const error_code& error, std::size_t bytes) {
  reading_ = false;
  if (state_ == State::kDone || state_ == State::kStalled) return;
  end_ += bytes;
  if (upgrade_events_ != nullptr) return HandOver();
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    eof_ = true;
    if (state_ == State::kLinger) return Finish(false);
  } else if (error) {
    return Finish(false);
  }
  if (state_ == State::kHeader || state_ == State::kBody) return Process();
  ReadMore();
}

void HttpSession::Process() {
  while (state_ == State::kHeader || state_ == State::kBody) {
    const std::string_view bytes(buffer_.data() + begin_, end_ - begin_);
    std::size_t used = 0;
    const RequestParser::Step step = parser_.Put(bytes, used);
    begin_ += used;
    if (state_ == State::kHeader && !started_ && end_ > begin_) {
      started_ = true;
      SetDeadline(server_.options.header_timeout_ms);
    }
    if (step == RequestParser::Step::kBad) return Refuse(parser_.status(), parser_.reason());
    if (step == RequestParser::Step::kHeader) {
      if (!OnHeader()) return;
    } else if (step == RequestParser::Step::kBody) {
      if (!CountBody() || !MayHandle()) return;
      return Dispatch();
    } else {
      if (!CountBody()) return;
      if (!eof_) return ReadMore();
      if (state_ == State::kBody) return Refuse(400, "the body ended early");
      return Finish(false);
    }
  }
}

bool HttpSession::OnHeader() {
  state_ = State::kBody;
  IncomingRequest& request = parser_.request();
  request.peer = peer_;
  head_ = request.method == "HEAD";
  safe_ = head_ || request.method == "GET" || request.method == "OPTIONS";
  http10_ = request.minor_version == 0;
  keep_alive_ = parser_.keep_alive() && !server_.stopping();
  if (!parser_.has_body()) return true;
  SetDeadline(server_.options.body_timeout_ms);
  std::optional<HttpAnswer> refusal;
  const bool asked = server_.loop->Call("HttpHandler::OnHeader", peer_,
                                        [&] { refusal = server_.handler.OnHeader(request); });
  if (!asked) refusal = PlainText(500, "the handler failed");
  if (refusal.has_value()) {
    SendAnswer(*std::move(refusal), true);
    return false;
  }
  if (parser_.expects_continue() && begin_ == end_) {
    Write({"HTTP/1.1 100 Continue\r\n\r\n", {}});
  }
  return true;
}

bool HttpSession::CountBody() {
  const std::size_t now = parser_.body_bytes();
  const std::size_t more = now - counted_;
  counted_ = now;
  const auto before = server_.counters->unfinished_bytes.fetch_add(more, std::memory_order_relaxed);
  if (more == 0 || before + more <= server_.options.max_unfinished_bytes) return true;
  Refuse(503, "too many bodies are being read");
  return false;
}

void HttpSession::ForgetBody() {
  server_.counters->unfinished_bytes.fetch_sub(counted_, std::memory_order_relaxed);
  counted_ = 0;
}

std::string HttpSession::Describe() const {
  const char* what = " (reading a request)";
  if (state_ == State::kHandling) what = " (not answered)";
  if (state_ == State::kAnswering || state_ == State::kStreaming) what = " (being answered)";
  if (state_ == State::kLinger) what = " (answered)";
  if (state_ == State::kStalled) what = " (stalled)";
  return peer_ + what;
}

// --- the handler

void HttpSession::HandOver() {
  stream_.PutBack(std::string(buffer_.data() + begin_, end_ - begin_));
  state_ = State::kDone;
  const auto self = Self();
  try {
    StartSocketSession(server_, *this, std::move(stream_), *upgrade_, std::move(upgrade_protocol_),
                       std::move(upgrade_events_));
  } catch (const std::exception& error) {
    server_.Remove(*this);
    server_.loop->Log(LogLevel::kError, "no WebSocket for " + peer_ + ": " + error.what());
  }
}

void HttpSession::Upgrade(std::uint64_t number, std::shared_ptr<SocketEvents> events,
                          std::string protocol) {
  if (!Current(number) || !upgrade_.has_value()) return;
  upgrade_events_ = std::move(events);
  upgrade_protocol_ = std::move(protocol);
  if (!reading_) return HandOver();
  stream_.Cancel();  // OnRead goes on
}

void HttpSession::Linger() {
  state_ = State::kLinger;
  SetDeadline(kLingerMs);
  if (stream_.secure()) {
    stream_.Tls().async_shutdown([self = Self()](const error_code&) {
      if (self->state_ != State::kLinger) return;
      self->stream_.ShutdownSend();
      if (self->eof_) self->Finish(false);
    });
  } else {
    stream_.ShutdownSend();
    if (eof_) return Finish(false);
  }
  ReadMore();
}

void HttpSession::Finish(bool reset) {
  if (state_ == State::kDone) return;
  state_ = State::kDone;
  ClearDeadline();
  ForgetBody();
  ForgetAnswer();
  const auto self = Self();
  if (reset) {
    stream_.Abort();
  } else {
    stream_.Close();
  }
  if (const auto stream = std::move(answer_stream_)) stream->Close();
  server_.Remove(*this);
}

std::shared_ptr<Session> MakeHttpSession(Server& server, AnyStream stream, std::string peer) {
  return std::make_shared<HttpSession>(server, std::move(stream), std::move(peer));
}

}  // namespace virtufin::inline v0::net::detail
