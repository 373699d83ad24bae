// A unary call as a service sees it; nothing here shows gRPC.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// Port: the end of a call that waits for its answer.
class CallEnd {
 public:
  virtual ~CallEnd() = default;
  /// The first answer counts, and none once the client has gone. [any]
  virtual void End(const Status& status, std::string response) = 0;
  virtual bool Ended() const = 0;  // [any]
};

/// Answers a call once; dropped without an answer it says UNAVAILABLE. Not copyable. [owner]
class Responder {
 public:
  /// `ticket` is the place of the call, kept until nobody works for it any more: its client may
  /// have gone long before.
  Responder(std::shared_ptr<CallEnd> end, std::shared_ptr<void> ticket) noexcept
      : ticket_(std::move(ticket)), end_(std::move(end)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  ~Responder() {
    if (end_) {
      Answer(Status(StatusCode::kUnavailable, "rpc",
                    "the process is stopping: the call was not made"));
    }
  }

  void Answer(const Status& status, std::string response = {}) {
    if (const auto end = std::exchange(end_, nullptr)) end->End(status, std::move(response));
  }
  /// False when nobody waits for the answer any more.
  bool Wanted() const { return end_ && !end_->Ended(); }

 private:
  std::shared_ptr<void> ticket_;
  std::shared_ptr<CallEnd> end_;
};

struct UnaryCall {
  std::string who;         // the name of the caller's key, else its address
  bool forwarded = false;  // another instance passed it on
  std::string request;     // the message's bytes
  Responder responder;
};

inline Status BadRequest(const char* type) {
  return Status(StatusCode::kInvalidArgument, "rpc",
                std::string("expected a ") + type + ", found other bytes");
}

/// Runs on a thread of gRPC: hands over and returns.
using UnaryMethod = std::function<void(UnaryCall call)>;
/// By path: "/virtufin.WorkManager/CreateWorker".
using UnaryMethods = std::map<std::string, UnaryMethod, std::less<>>;

}  // namespace virtufin::inline v0::detail
