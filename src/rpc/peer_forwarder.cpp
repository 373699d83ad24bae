// PeerForwarder over gRPC: one channel per peer, kept.
#include "virtufin/rpc/peer_forwarder.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "rpc/messages.hpp"
#include "rpc/metadata.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0 {
namespace {

using Done = std::function<void(Status)>;

template <class Request>
std::string BytesOf(const std::string& id, Request request = {}) {
  request.set_id(id);
  return request.SerializeAsString();
}

// The method and the bytes of its request.
Result<std::pair<const char*, std::string>> RequestOf(PeerCall& call) {
  using Pair = std::pair<const char*, std::string>;
  const std::string& id = call.worker_id;
  switch (call.kind) {
    case PeerCall::Kind::kStart:
      return Pair("StartWorker", BytesOf<lite::StartWorkerRequest>(id));
    case PeerCall::Kind::kStop:
      return Pair("StopWorker", BytesOf<lite::StopWorkerRequest>(id));
    case PeerCall::Kind::kDelete:
      return Pair("DeleteWorker", BytesOf<lite::DeleteWorkerRequest>(id));
    case PeerCall::Kind::kLoadCode: {
      lite::LoadCodeRequest request;
      const Status filled = detail::Fill(std::move(call.code), *request.mutable_code_source());
      if (!filled.ok()) return filled;
      return Pair("LoadCode", BytesOf(id, std::move(request)));
    }
    case PeerCall::Kind::kSetTag: {
      lite::SetTagRequest request;
      if (call.tags.size() != 1) break;
      request.set_key(call.tags.begin()->first);
      request.set_value(call.tags.begin()->second);
      return Pair("SetTag", BytesOf(id, std::move(request)));
    }
    case PeerCall::Kind::kSetTags: {
      lite::SetTagsRequest request;
      request.mutable_tags()->insert(call.tags.begin(), call.tags.end());
      return Pair("SetTags", BytesOf(id, std::move(request)));
    }
  }
  return Status(StatusCode::kInternal, "rpc", "a call for another instance: expected one of six");
}

Status FromGrpc(const grpc::Status& status, const Peer& peer) {
  if (status.ok()) return {};
  std::string message = status.error_message();
  const auto code = static_cast<StatusCode>(status.error_code());
  if (code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded) {
    message = "instance " + peer.instance_id + " at " + peer.address + ": " + message;
  }
  return Status(code, "rpc", std::move(message));
}

class Forwarder final : public PeerForwarder {
 public:
  explicit Forwarder(const PeerForwarderOptions& options) : options_(options) {}
  // Channels go here, on the caller's thread: one of gRPC would wait for itself.
  ~Forwarder() override {
    std::unique_lock lock(mutex_);
    for (Call* call : open_) call->context.TryCancel();
    ended_.wait(lock, [this] { return running_ == 0; });
  }

  void Forward(const Peer& peer, PeerCall given, Done done) override {
    auto request = RequestOf(given);
    if (!request.ok()) return done(request.status());
    auto call = std::make_unique<Call>();
    call->peer = peer;
    call->done = std::move(done);
    call->request = Buffer(request->second);
    call->context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::milliseconds(options_.timeout_ms));
    call->context.AddMetadata(detail::kForwardedFor, detail::ToMetadata(given.by.who));
    if (!options_.key.empty()) call->context.AddMetadata("x-api-key", options_.key);
    grpc::GenericStub* stub = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (running_ < options_.max_calls) {
        ++running_;
        open_.insert(call.get());
        stub = StubOf(peer.address);
      }
    }
    if (stub == nullptr) {
      return call->done(Status(StatusCode::kResourceExhausted, "rpc",
                               "expected at most " + std::to_string(options_.max_calls) +
                                   " calls of other instances in flight"));
    }
    Call* const open = call.release();  // until End
    stub->UnaryCall(&open->context, std::string("/virtufin.WorkManager/") + request->first, {},
                    &open->request, &open->response,
                    [this, open](const grpc::Status& status) { End(open, status); });
  }

 private:
  struct Call {
    Peer peer;
    Done done;
    grpc::ClientContext context;
    grpc::ByteBuffer request, response;
  };

  static grpc::ByteBuffer Buffer(const std::string& bytes) {
    const grpc::Slice slice(bytes);  // an empty message is one empty slice
    return grpc::ByteBuffer(&slice, 1);
  }

  // With the mutex held.
  grpc::GenericStub* StubOf(const std::string& address) {
    std::unique_ptr<grpc::GenericStub>& stub = stubs_[address];
    if (stub) return stub.get();
    auto credentials = grpc::InsecureChannelCredentials();
    if (!options_.tls_roots_pem.empty()) {
      credentials = grpc::SslCredentials(
          {options_.tls_roots_pem, options_.tls_key_pem, options_.tls_certificate_pem});
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // the environment is the application's
    stub = std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel(address, credentials, arguments));
    return stub.get();
  }

  void End(Call* open, const grpc::Status& status) {
    const ThreadMark mark(ThreadKind::kCallback);
    {
      const std::lock_guard lock(mutex_);
      open_.erase(open);
    }
    open->done(FromGrpc(status, open->peer));
    delete open;
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  }

  const PeerForwarderOptions options_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, std::unique_ptr<grpc::GenericStub>> stubs_;
  std::set<Call*> open_;     // what may be cancelled
  std::size_t running_ = 0;  // those, and what has not been freed
};

}  // namespace

Result<std::unique_ptr<PeerForwarder>> MakePeerForwarder(const PeerForwarderOptions& options) {
  const auto invalid = [](const char* what) {
    return Status(StatusCode::kInvalidArgument, "rpc", what);
  };
  if (!detail::IsMetadata(options.key)) return invalid("key: expected printable ASCII");
  if (options.timeout_ms <= 0) return invalid("timeout_ms: expected more than 0");
  if (options.tls_certificate_pem.empty() != options.tls_key_pem.empty()) {
    return invalid("tls: expected a certificate and its key, found one of them");
  }
  if (!options.tls_certificate_pem.empty() && options.tls_roots_pem.empty()) {
    return invalid("tls_roots_pem: expected who signs the peers' certificates, found none");
  }
  return std::unique_ptr<PeerForwarder>(std::make_unique<Forwarder>(options));
}

}  // namespace virtufin::inline v0
