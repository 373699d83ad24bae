// One reactor per open call. A reactor may go at any time once its call has ended; others reach it
// through its Link, which outlives it, and only under that one's mutex.
#include "rpc/reactors.hpp"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "proto/lite/health.pb.h"
#include "rpc/metadata.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {
namespace {

namespace health = ::virtufin::lite::health;

// Percent-encoded, a message of this size still fits what gRPC takes as metadata.
constexpr std::size_t kMaxMessageBytes = 2000;
constexpr std::size_t kMaxStreamRequestBytes = 16 * 1024;  // names only

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);  // an empty message is one empty slice: no slice would abort
  return grpc::ByteBuffer(&slice, 1);
}

Status FromBuffer(const grpc::ByteBuffer& buffer, std::string& out) {
  std::vector<grpc::Slice> slices;
  if (const grpc::Status dumped = buffer.Dump(&slices); !dumped.ok()) {
    return Status(StatusCode::kInternal, "rpc",
                  "the request cannot be read: " + dumped.error_message());
  }
  out.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return {};
}

Status NoRequest() {
  return Status(StatusCode::kInternal, "rpc", "expected a request, found none");
}

Status CheckSize(std::size_t bytes) {
  if (bytes <= kMaxStreamRequestBytes) return {};
  return Status(StatusCode::kInvalidArgument, "rpc",
                "expected at most " + std::to_string(kMaxStreamRequestBytes) + " bytes, found " +
                    std::to_string(bytes));
}

Status Cancelled() { return Status(StatusCode::kCancelled, "rpc", "cancelled by the client"); }

class Reactor;

// The way to a reactor for those who may come after it has gone.
class Link final : public CallEnd, public OpenCall {
 public:
  Link(Reactor* reactor, bool stream) : stream_(stream), reactor_(reactor) {}

  bool Stream() const noexcept { return stream_; }
  bool Cut(const Status& status) override {
    const std::lock_guard lock(mutex_);
    return EndLocked(status, {});
  }
  bool CutIdle(const Status& status) override {
    const std::lock_guard lock(mutex_);
    return idle_ && EndLocked(status, {});
  }
  void ReadinessChanged() override;
  void End(const Status& status, std::string response) override;
  bool Ended() const override {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  /// Runs `use(reactor)` unless the call has ended.
  template <class F>
  void With(F&& use) {
    const std::lock_guard lock(mutex_);
    if (!ended_) use(*reactor_);
  }
  void Works() { idle_ = stream_; }  // within With
  void Forget() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    reactor_ = nullptr;
  }

 private:
  bool EndLocked(const Status& status, std::string response);

  const bool stream_;
  mutable std::mutex mutex_;
  Reactor* reactor_;
  bool idle_ = true;  // a stream, or nothing was read yet
  bool ended_ = false;
};

// What all have in common: one end, one entry in the table. Its functions that begin with On are
// gRPC's; the others run under the link's mutex.
class Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(CallTable& calls, bool stream)
      : calls_(calls), link_(std::make_shared<Link>(this, stream)) {}

  // Errors: those of CallTable::Open; then the call has ended.
  void Begin() {
    begun_.store(true, std::memory_order_release);
    if (const Status opened = calls_.Open(link_, ticket_); !opened.ok()) {
      return End(opened);
    }
    link_->With([&](Reactor&) { StartRead(&incoming_); });
  }
  void OnCancel() override {
    if (!Begun()) return;
    link_->With([this](Reactor&) { cancelled_ = true; });
    End(Cancelled());
  }
  void OnDone() override {
    (void)Begun();
    link_->Forget();
    calls_.Close(link_, answer_bytes_, cancelled_);
    delete this;
  }

  virtual void Readiness() {}
  void Finally(const Status& status, std::string response, bool stream) {
    if (!status.ok()) return Finish(ToGrpc(status));
    if (stream) return Finish(grpc::Status::OK);
    if (const Status fits = calls_.TakeAnswer(response.size()); !fits.ok()) {
      return Finish(ToGrpc(fits));
    }
    answer_bytes_ = response.size();
    outgoing_ = ToBuffer(response);
    StartWriteAndFinish(&outgoing_, grpc::WriteOptions(), grpc::Status::OK);
  }

 protected:
  // What the constructor wrote is seen by gRPC's threads: gRPC orders that, but tells no tool.
  bool Begun() const noexcept { return begun_.load(std::memory_order_acquire); }

  // The request that was read; what is wrong with it ends the call.
  std::optional<std::string> Request() {
    std::string bytes;
    Status status(StatusCode::kCancelled, "rpc", "ended before");
    link_->With([&](Reactor&) {
      const std::size_t size = incoming_.Length();
      status = link_->Stream() ? CheckSize(size) : calls_.TakeBytes(*ticket_, size);
      if (!status.ok()) return;
      link_->Works();
      status = FromBuffer(incoming_, bytes);
      incoming_.Clear();
    });
    if (status.ok()) return bytes;
    End(status);
    return std::nullopt;
  }

  void End(const Status& status) { link_->End(status, {}); }

  CallTable& calls_;
  const std::shared_ptr<Link> link_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::shared_ptr<CallTicket> ticket_;
  std::size_t answer_bytes_ = 0;
  bool cancelled_ = false;

 private:
  std::atomic<bool> begun_{false};
};

void Link::ReadinessChanged() {
  With([](Reactor& reactor) { reactor.Readiness(); });
}

void Link::End(const Status& status, std::string response) {
  const std::lock_guard lock(mutex_);
  (void)EndLocked(status, std::move(response));
}

bool Link::EndLocked(const Status& status, std::string response) {
  if (std::exchange(ended_, true)) return false;
  reactor_->Finally(status, std::move(response), stream_);
  return true;
}

class UnaryReactor final : public Reactor {
 public:
  UnaryReactor(CallTable& calls, const UnaryMethod& method, std::string who, bool forwarded)
      : Reactor(calls, false), method_(method), who_(std::move(who)), forwarded_(forwarded) {}

  void OnReadDone(bool ok) override {
    const ThreadMark mark(ThreadKind::kCallback);
    if (!Begun() || !ok) return End(NoRequest());
    if (auto request = Request())
      method_({std::move(who_), forwarded_, std::move(*request), Responder(link_, ticket_)});
  }

 private:
  const UnaryMethod& method_;
  std::string who_;
  const bool forwarded_;
};

class ReflectionReactor final : public Reactor {
 public:
  ReflectionReactor(CallTable& calls, const Reflection& reflection)
      : Reactor(calls, true), reflection_(reflection) {}

  void OnReadDone(bool ok) override {
    if (!Begun() || !ok) return End({});
    const auto request = Request();
    if (!request) return;
    const Result<std::string> response = reflection_.Answer(*request, sent_);
    if (!response.ok()) return End(response.status());
    link_->With([&](Reactor&) {
      outgoing_ = ToBuffer(*response);
      StartWrite(&outgoing_);
    });
  }
  void OnWriteDone(bool ok) override {
    if (!Begun() || !ok) return End(Cancelled());
    link_->With([this](Reactor&) { StartRead(&incoming_); });
  }

 private:
  const Reflection& reflection_;
  Reflection::Sent sent_;
};

// Tells the status of one service, and again whenever it changes.
class WatchReactor final : public Reactor {
 public:
  WatchReactor(CallTable& calls, const Health& health) : Reactor(calls, true), health_(health) {}

  void OnReadDone(bool ok) override {
    if (!Begun() || !ok) return End(NoRequest());
    const auto bytes = Request();
    if (!bytes) return;
    health::HealthCheckRequest request;
    if (!request.ParseFromString(*bytes)) return End(BadRequest("HealthCheckRequest"));
    link_->With([&](Reactor&) {
      service_ = request.service();
      watching_ = true;
      Readiness();
    });
  }
  void OnWriteDone(bool ok) override {
    if (!Begun() || !ok) return End(Cancelled());
    link_->With([this](Reactor&) {
      writing_ = false;
      Readiness();
    });
  }
  void Readiness() override {
    if (!watching_ || writing_) return;
    bool known = false;
    std::string now = health_.Check(service_, known);
    if (told_ == now) return;
    outgoing_ = ToBuffer(now);
    told_ = std::move(now);
    writing_ = true;
    StartWrite(&outgoing_);
  }

 private:
  const Health& health_;
  std::string service_;
  std::optional<std::string> told_;
  bool watching_ = false;
  bool writing_ = false;
};

// A call that ends before anything is read.
class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

template <class R, class... Args>
grpc::ServerGenericBidiReactor* Begun(CallTable& calls, Args&&... args) {
  R* const reactor = new R(calls, std::forward<Args>(args)...);  // OnDone deletes it
  reactor->Begin();
  return reactor;
}

constexpr std::string_view kPeerKey = "peer";  // the name of the key that instances share
constexpr std::size_t kMaxClaimBytes = 128;
constexpr std::string_view kWatch = "/grpc.health.v1.Health/Watch";

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(CutUtf8(status.message(), kMaxMessageBytes));
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::move(message));
}

std::string Health::Check(const std::string& service, bool& known) const {
  known = service.empty() || service == "readiness" ||
          std::find(services.begin(), services.end(), service) != services.end();
  health::HealthCheckResponse response;
  response.set_status(!known ? health::HealthCheckResponse::SERVICE_UNKNOWN
                      // The whole server: it is alive.
                      : service.empty() || ready.load() ? health::HealthCheckResponse::SERVING
                                                        : health::HealthCheckResponse::NOT_SERVING);
  return response.SerializeAsString();
}

grpc::ServerGenericBidiReactor* Dispatcher::MakeReactor(grpc::GenericCallbackServerContext& call) {
  const std::string& path = call.method();
  std::string who = AddressOf(call.peer());
  const bool probe = path.starts_with("/grpc.health.v1.Health/");
  CallTable& table = probe ? tables_.probes : tables_.calls;
  // Who may say for whom a call is made: instances, known by their key or, without keys, by the
  // certificate that all show.
  bool peer = options_.keys.empty() && !options_.tls_client_ca_pem.empty();
  if (!options_.keys.empty() && !probe) {
    const auto [first, last] = call.client_metadata().equal_range("x-api-key");
    const bool one = first != last && std::next(first) == last;
    const auto name =
        one ? NameOfKey(options_.keys, {first->second.data(), first->second.size()}) : std::nullopt;
    if (!name) {
      tables_.calls.CountRefusedKey();
      return new Refusal(Status(StatusCode::kUnauthenticated, "rpc",
                                first == last ? "expected a key as x-api-key, found none"
                                              : "expected a known key as x-api-key"));
    }
    who = *name;
    peer = who == kPeerKey;
  }
  if (path == kWatch) return Begun<WatchReactor>(table, health_);
  if (path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
      path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") {
    return Begun<ReflectionReactor>(table, reflection_);
  }
  const auto method = methods_.find(path);
  if (method == methods_.end()) {
    return new Refusal(Status(StatusCode::kUnimplemented, "rpc", "no method '" + path + "'"));
  }
  const auto behind = call.client_metadata().find(kForwardedFor);
  const bool forwarded = behind != call.client_metadata().end();
  if (forwarded && peer) {
    const std::string_view claimed(behind->second.data(), behind->second.size());
    who += " for " + FromMetadata(claimed).substr(0, kMaxClaimBytes);
  }
  return Begun<UnaryReactor>(table, method->second, std::move(who), forwarded);
}

grpc::ServerGenericBidiReactor* Dispatcher::CreateReactor(
    grpc::GenericCallbackServerContext* call) {
  try {
    return MakeReactor(*call);
  } catch (const std::exception& error) {
    return new Refusal(Status(StatusCode::kResourceExhausted, "rpc", error.what()));
  }
}

}  // namespace virtufin::inline v0::detail
