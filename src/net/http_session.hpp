// HttpSession: one HTTP connection as a state machine. Shows Boost, through server_impl.hpp.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/request_parser.hpp"
#include "net/server_impl.hpp"

namespace virtufin::inline v0::net::detail {

class HttpSession;

// An answer of the server itself: one sentence.
HttpAnswer PlainText(int status, std::string_view text);

// What a streamed answer has not sent yet, between its writer's thread and the loop.
struct StreamBuffer {
  std::shared_ptr<Loop> loop;
  std::weak_ptr<HttpSession> session;
  std::shared_ptr<Counters> counters;
  std::size_t max_bytes = 0;
  bool chunked = true;

  std::atomic<std::size_t> unsent{0};
  std::mutex mutex;  // guards what follows
  std::string pending;
  bool scheduled = false;
  bool ended = false;  // by its writer
  bool aborted = false;
  bool closed = false;  // nothing will be sent any more
  std::size_t writable_at = 0;
  std::function<void()> on_writable;
  std::function<void()> on_closed;

  void Append(std::string_view piece);  // with the mutex held
  void Schedule();                      // with the mutex held: the session looks at it
  void Abort();                         // with the mutex held
  void Close();                         // on the loop: no more, and tells it
  void Sent(std::size_t bytes);         // on the loop
};

class HttpSession final : public Session {
 public:
  HttpSession(Server& server, AnyStream stream, std::string peer);
  ~HttpSession() override;

  void Start() override;
  void Sweep(SteadyClock::time_point now) override;
  void BeginStop() override;
  bool Kill() override;
  std::string Describe() const override;

  // What a responder of the request `number` asks for; ignored when it is not the current one.
  void Answer(std::uint64_t number, HttpAnswer answer);
  void StartStream(std::uint64_t number, const HttpAnswer& answer,
                   std::shared_ptr<StreamBuffer> stream);
  void Upgrade(std::uint64_t number, std::shared_ptr<SocketEvents> events, std::string protocol);
  void Abort(std::uint64_t number);
  void Stall(std::uint64_t number);
  void FlushStream();

 private:
  enum class State {
    kHandshake,
    kHeader,     // reads a header, or waits for one
    kBody,       // reads a body
    kHandling,   // the handler has the request
    kAnswering,  // a whole answer is on its way
    kStreaming,  // a streamed answer is on its way
    kLinger,     // the last answer is out: waits until the client has seen it
    kStalled,
    kDone,
  };
  struct Out {
    std::string head;
    std::string body;
  };

  std::shared_ptr<HttpSession> Self() {
    return std::static_pointer_cast<HttpSession>(shared_from_this());
  }
  bool Current(std::uint64_t number) const noexcept {
    return number == number_ && state_ == State::kHandling;
  }
  void SetDeadline(std::int64_t ms) {
    deadline_ = SteadyClock::now() + std::chrono::milliseconds(ms);
  }
  void ClearDeadline() noexcept { deadline_ = SteadyClock::time_point::max(); }

  void ReadMore();
  void OnRead(const error_code& error, std::size_t bytes);
  void Process();
  bool OnHeader();   // false: answered
  bool CountBody();  // false: answered
  bool MayHandle();  // false: answered
  void ForgetBody();
  void Dispatch();
  void SendAnswer(HttpAnswer answer, bool close);
  bool CountAnswer(std::size_t bytes);  // false: no room for it
  void ForgetAnswer();
  void Refuse(int status, std::string_view reason);
  void Write(Out out);
  void WriteSome();
  void OnWritten(const error_code& error, std::size_t bytes);
  void OnFlushed();
  void AnswerDone();
  void HandOver();
  void Linger();
  void Finish(bool reset);

  Server& server_;
  AnyStream stream_;
  std::string peer_;
  RequestParser parser_;
  State state_ = State::kHandshake;
  SteadyClock::time_point deadline_ = SteadyClock::time_point::max();

  std::vector<char> buffer_;  // read and not parsed: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool reading_ = false;
  bool eof_ = false;
  bool started_ = false;  // bytes of the current header have come
  std::size_t counted_ = 0;
  std::size_t lingered_ = 0;  // bytes dropped

  std::uint64_t number_ = 0;  // of the current request
  bool head_ = false;         // it is a HEAD
  bool safe_ = false;         // its method changes nothing (RFC 9110, 9.2.1)
  bool http10_ = false;
  bool keep_alive_ = false;
  bool close_after_ = false;
  std::optional<IncomingRequest> upgrade_;
  std::shared_ptr<SocketEvents> upgrade_events_;
  std::string upgrade_protocol_;

  std::deque<Out> out_;
  std::size_t out_at_ = 0;
  bool writing_ = false;
  std::size_t taken_ = 0;   // by the client since the deadline was set
  std::size_t unsent_ = 0;  // of the whole answer, as counted
  std::shared_ptr<StreamBuffer> answer_stream_;
};

}  // namespace virtufin::inline v0::net::detail
