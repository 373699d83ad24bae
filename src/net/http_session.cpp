// How one HTTP connection reads requests, one at a time, and writes their answers.
#include "net/http_session.hpp"

#include <algorithm>
#include <array>
#include <exception>

namespace virtufin::inline v0::net::detail {
namespace {

constexpr std::int64_t kLingerMs = 2000;
constexpr std::size_t kReadBytes = std::size_t{4} * 1024;
constexpr std::size_t kReadBodyBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxAhead = std::size_t{64} * 1024;  // pipelined behind a running request

// Fields that the server writes itself.
bool Reserved(std::string_view name) {
  for (const std::string_view own :
       {"content-length", "transfer-encoding", "connection", "date", "keep-alive"}) {
    if (EqualsIgnoreCase(name, own)) return true;
  }
  return false;
}

bool Sendable(const HttpAnswer& answer) {
  if (answer.status < 200 || answer.status > 599) return false;
  return std::all_of(answer.fields.begin(), answer.fields.end(), [](const HttpField& field) {
    return IsToken(field.name) && !Reserved(field.name) && IsFieldValue(field.value);
  });
}

HttpAnswer PlainText(int status, std::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  answer.body = text;
  answer.body += '\n';
  return answer;
}

std::string Head(const HttpAnswer& answer, const std::string& date) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  head += ReasonPhrase(answer.status);
  head += "\r\nDate: " + date + "\r\n";
  for (const HttpField& field : answer.fields) {
    head += field.name;
    head += ": ";
    head += field.value;
    head += "\r\n";
  }
  return head;
}

}  // namespace

HttpSession::HttpSession(Server& server, AnyStream stream, std::string peer)
    : server_(server),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      parser_(RequestLimits{server.options.max_header_bytes, server.options.max_fields,
                            server.options.max_body_bytes}) {}

HttpSession::~HttpSession() { ForgetBody(); }

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
                                  self->ReadMore();
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
  if (state_ == State::kLinger) begin_ = end_ = 0;
  if (!parsing && end_ - begin_ >= kMaxAhead) return;
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t room = state_ == State::kBody ? kReadBodyBytes : kReadBytes;
  if (end_ == 0 && buffer_.size() > room) std::vector<char>(room).swap(buffer_);
  if (buffer_.size() < end_ + room) buffer_.resize(end_ + room);
  reading_ = true;
  stream_.async_read_some(
      asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
      [self = Self()](const error_code& error, std::size_t bytes) { self->OnRead(error, bytes); });
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
      if (!CountBody()) return;
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
  http10_ = request.minor_version == 0;
  keep_alive_ = parser_.keep_alive() && !server_.stopping();
  if (!parser_.has_body()) return true;
  SetDeadline(server_.options.body_timeout_ms);
  std::optional<HttpAnswer> refusal;
  try {
    refusal = server_.handler.OnHeader(request);
  } catch (const std::exception&) {
    refusal = PlainText(500, "the handler failed");
  }
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
  const auto before = server_.counters->bodies_bytes.fetch_add(more, std::memory_order_relaxed);
  if (more == 0 || before + more <= server_.options.max_bodies_bytes) return true;
  Refuse(503, "too many bodies are being read");
  return false;
}

void HttpSession::ForgetBody() {
  server_.counters->bodies_bytes.fetch_sub(counted_, std::memory_order_relaxed);
  counted_ = 0;
}

// --- answering

void HttpSession::Refuse(int status, std::string_view reason) {
  server_.counters->bad_requests.fetch_add(1, std::memory_order_relaxed);
  if (state_ == State::kHeader) head_ = false;  // it was the last request's
  SendAnswer(PlainText(status, reason), true);
}

void HttpSession::Answer(std::uint64_t number, HttpAnswer answer) {
  if (!Current(number)) return;
  const bool close = answer.close || answer.told_length.has_value();
  SendAnswer(std::move(answer), close);
}

void HttpSession::SendAnswer(HttpAnswer answer, bool close) {
  if (!Sendable(answer)) answer = PlainText(500, "the answer cannot be sent");
  ForgetBody();
  close_after_ = close || !keep_alive_;
  Out out;
  out.head = Head(answer, server_.Date());
  if (answer.status == 204 || answer.status == 304) {
    answer.body.clear();
  } else {
    out.head +=
        "Content-Length: " + std::to_string(answer.told_length.value_or(answer.body.size())) +
        "\r\n";
  }
  if (close_after_) {
    out.head += "Connection: close\r\n";
  } else if (http10_) {
    out.head += "Connection: keep-alive\r\n";
  }
  out.head += "\r\n";
  if (!head_) out.body = std::move(answer.body);
  state_ = State::kAnswering;
  Write(std::move(out));
}

void HttpSession::StartStream(std::uint64_t number, const HttpAnswer& answer,
                              std::shared_ptr<StreamBuffer> stream) {
  if (!Current(number)) return stream->Close();
  if (!Sendable(answer)) {
    stream->Close();
    return SendAnswer(PlainText(500, "the answer cannot be sent"), false);
  }
  if (answer.status == 204 || answer.status == 304) {  // without a body, and without its framing
    stream->Close();
    return SendAnswer(HttpAnswer(answer), answer.close);
  }
  ForgetBody();
  close_after_ = answer.close || !keep_alive_ || http10_;
  Out out;
  out.head = Head(answer, server_.Date());
  if (!http10_) out.head += "Transfer-Encoding: chunked\r\n";
  if (close_after_) out.head += "Connection: close\r\n";
  out.head += "\r\n";
  if (head_) {
    stream->Close();
    state_ = State::kAnswering;
    return Write(std::move(out));
  }
  {
    const std::lock_guard lock(stream->mutex);
    stream->chunked = !http10_;
    // What was written before is framed now that the client's version is known.
    std::string raw = std::move(stream->pending);
    stream->pending.clear();
    stream->unsent.store(0);
    if (!answer.body.empty()) stream->Append(answer.body);
    if (!raw.empty()) stream->Append(raw);
  }
  answer_stream_ = std::move(stream);
  state_ = State::kStreaming;
  Write(std::move(out));
}

void HttpSession::FlushStream() {
  if (state_ != State::kStreaming || writing_) return;
  Out out;
  bool ended = false;
  bool aborted = false;
  {
    const std::lock_guard lock(answer_stream_->mutex);
    answer_stream_->scheduled = false;
    aborted = answer_stream_->aborted;
    out.body = std::move(answer_stream_->pending);
    answer_stream_->pending.clear();
    if (out.body.empty() && answer_stream_->ended) ended = true;
  }
  if (aborted) return Finish(true);
  if (!out.body.empty()) return Write(std::move(out));
  if (!ended) return ClearDeadline();
  const bool chunked = answer_stream_->chunked;
  std::shared_ptr<StreamBuffer> stream = std::move(answer_stream_);
  state_ = State::kAnswering;
  if (chunked) {
    Write({"0\r\n\r\n", {}});
  } else {
    AnswerDone();
  }
  stream->Close();
}

void HttpSession::Abort(std::uint64_t number) {
  if (Current(number)) Finish(true);
}

void HttpSession::Stall(std::uint64_t number) {
  if (!Current(number)) return;
  state_ = State::kStalled;
  ClearDeadline();
  stream_.Cancel();
}

void HttpSession::Write(Out out) {
  out_.push_back(std::move(out));
  if (writing_) return;
  writing_ = true;
  out_at_ = 0;
  WriteSome();
}

void HttpSession::WriteSome() {
  if (state_ != State::kBody) SetDeadline(server_.options.write_timeout_ms);
  const Out& out = out_.front();
  const std::size_t head_at = std::min(out_at_, out.head.size());
  const std::size_t body_at = out_at_ - head_at;
  const std::array<asio::const_buffer, 2> buffers{
      asio::buffer(out.head.data() + head_at, out.head.size() - head_at),
      asio::buffer(out.body.data() + body_at, out.body.size() - body_at)};
  stream_.async_write_some(buffers, [self = Self()](const error_code& error, std::size_t bytes) {
    self->OnWritten(error, bytes);
  });
}

void HttpSession::OnWritten(const error_code& error, std::size_t bytes) {
  if (state_ == State::kDone || state_ == State::kStalled) return;
  if (error) return Finish(false);
  const Out& out = out_.front();
  const std::size_t before = std::max(out_at_, out.head.size());
  out_at_ += bytes;
  if (answer_stream_ != nullptr && out_at_ > before) answer_stream_->Sent(out_at_ - before);
  if (state_ == State::kDone) return;
  if (out_at_ < out.head.size() + out.body.size()) return WriteSome();
  out_.pop_front();
  out_at_ = 0;
  if (!out_.empty()) return WriteSome();
  writing_ = false;
  OnFlushed();
}

void HttpSession::OnFlushed() {
  if (state_ == State::kAnswering) {
    AnswerDone();
  } else if (state_ == State::kStreaming) {
    FlushStream();
  }
}

void HttpSession::AnswerDone() {
  if (close_after_) return Linger();
  if (server_.stopping()) return Linger();
  parser_.Reset();
  state_ = State::kHeader;
  started_ = false;
  SetDeadline(server_.options.idle_timeout_ms);
  Process();
}

// --- the handler

void HttpSession::HandOver() {
  stream_.PutBack(std::string(buffer_.data() + begin_, end_ - begin_));
  state_ = State::kDone;
  StartSocketSession(server_, *this, std::move(stream_), *upgrade_, std::move(upgrade_protocol_),
                     std::move(upgrade_events_));
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
