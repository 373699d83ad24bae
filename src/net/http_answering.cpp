// How one HTTP connection writes answers, whole ones and streamed ones.
#include <algorithm>
#include <array>
#include <utility>

#include "net/http_session.hpp"

namespace virtufin::inline v0::net::detail {
namespace {

constexpr std::size_t kLeastTaken = std::size_t{16} * 1024;
constexpr std::size_t kSmallAnswer = std::size_t{4} * 1024;  // always has room
constexpr std::string_view kNoRoom = "too many answers wait for their clients";

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

HttpAnswer PlainText(int status, std::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  answer.body = text;
  answer.body += '\n';
  return answer;
}

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

bool HttpSession::CountAnswer(std::size_t bytes) {
  auto& unsent = server_.counters->unsent_bytes;
  const auto before = unsent.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes > server_.options.max_unsent_bytes && bytes > kSmallAnswer) {
    unsent.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  unsent_ += bytes;
  return true;
}

/// Who is told 503 asks again: what would be done twice is refused before it is done.
bool HttpSession::MayHandle() {
  const auto unsent = server_.counters->unsent_bytes.load(std::memory_order_relaxed);
  if (safe_ || unsent == 0) return true;
  if (unsent + kSmallAnswer < server_.options.max_unsent_bytes) return true;
  Refuse(503, kNoRoom);
  return false;
}

void HttpSession::ForgetAnswer() {
  server_.counters->unsent_bytes.fetch_sub(std::exchange(unsent_, 0), std::memory_order_relaxed);
}

void HttpSession::SendAnswer(HttpAnswer answer, bool close) {
  if (!Sendable(answer)) answer = PlainText(500, "the answer cannot be sent");
  if (!head_ && !CountAnswer(answer.body.size())) {
    server_.counters->bad_requests.fetch_add(1, std::memory_order_relaxed);
    const bool done = state_ == State::kHandling && !safe_;
    answer = done ? PlainText(500, "the request was handled, but there is no room for its answer")
                  : PlainText(503, kNoRoom);
  }
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
  if (state_ != State::kStreaming) return;
  Out out;
  bool ended = false;
  bool aborted = false;
  {
    const std::lock_guard lock(answer_stream_->mutex);
    aborted = answer_stream_->aborted;
    if (writing_ && !aborted) return;  // OnFlushed comes here again
    answer_stream_->scheduled = false;
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
  // A client that takes a byte now and then would keep an answer for ever.
  if (state_ != State::kBody && (out_at_ == 0 || taken_ >= kLeastTaken)) {
    taken_ = 0;
    SetDeadline(server_.options.write_timeout_ms);
  }
  const Out& out = out_.front();
  const std::size_t head_at = std::min(out_at_, out.head.size());
  const std::size_t body_at = out_at_ - head_at;
  const std::array<asio::const_buffer, 2> buffers{
      asio::buffer(out.head.data() + head_at, out.head.size() - head_at),
      asio::buffer(out.body.data() + body_at, out.body.size() - body_at)};
  stream_.async_write_some(buffers, [self = Self()](const error_code& error, std::size_t bytes) {
    self->server_.Guard(*self, [&] { self->OnWritten(error, bytes); });
  });
}

void HttpSession::OnWritten(const error_code& error, std::size_t bytes) {
  if (state_ == State::kDone || state_ == State::kStalled) return;
  if (error) return Finish(false);
  const Out& out = out_.front();
  const std::size_t before = std::max(out_at_, out.head.size());
  out_at_ += bytes;
  taken_ += bytes;
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
  ForgetAnswer();
  if (close_after_) return Linger();
  if (server_.stopping()) return Linger();
  parser_.Reset();
  state_ = State::kHeader;
  started_ = false;
  SetDeadline(server_.options.idle_timeout_ms);
  Process();
}

}  // namespace virtufin::inline v0::net::detail
