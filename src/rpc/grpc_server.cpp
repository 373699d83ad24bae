// RpcServer over gRPC: the port, its limits, its end.
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "proto/lite/health.pb.h"
#include "rpc/metadata.hpp"
#include "rpc/reactors.hpp"
#include "rpc/work_manager_service.hpp"
#include "virtufin/proto/descriptor_set.hpp"
#include "virtufin/rpc/rpc_server.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::UnaryCall;

Status Invalid(const std::string& what) {
  return Status(StatusCode::kInvalidArgument, "rpc", what);
}

Status Check(const RpcServerOptions& options) {
  if (options.address.empty()) return Invalid("address: expected one, found none");
  if (options.tls_certificate_pem.empty() != options.tls_key_pem.empty()) {
    return Invalid("tls: expected a certificate and its key, found one of them");
  }
  if (!options.tls_client_ca_pem.empty() && options.tls_certificate_pem.empty()) {
    return Invalid("tls_client_ca_pem: expected a certificate of the server, too");
  }
  for (const RpcKey& key : options.keys) {
    if (key.key.empty() || !detail::IsMetadata(key.key)) {
      return Invalid("keys: expected printable ASCII as the key of '" + key.name + "'");
    }
  }
  const auto limit = static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (options.max_receive_bytes > limit || options.max_send_bytes > limit) {
    return Invalid("max_receive_bytes, max_send_bytes: expected less than 2 GiB");
  }
  return {};
}

constexpr std::size_t kMaxProbes = 64;  // calls of health, which need no key
constexpr std::size_t kMaxProbeBytes = std::size_t{1} << 20;

// What gRPC may hold besides the requests in flight: one that is read, answers, its own.
std::size_t QuotaBytes(const RpcServerOptions& options) {
  constexpr std::size_t kOwn = std::size_t{64} << 20;
  std::size_t bytes = kOwn;
  for (const std::size_t more :
       {options.max_calls_bytes, options.max_receive_bytes, options.max_send_bytes}) {
    bytes += std::min(more, std::numeric_limits<std::size_t>::max() / 8);
  }
  return bytes;
}

std::string Target(const RpcServerOptions& options) {
  const bool v6 = options.address.find(':') != std::string::npos;
  return (v6 ? "[" + options.address + "]" : options.address) + ":" + std::to_string(options.port);
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const RpcServerOptions& options) {
  if (options.tls_certificate_pem.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(
      options.tls_client_ca_pem.empty()
          ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
          : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_key_cert_pairs.push_back({options.tls_key_pem, options.tls_certificate_pem});
  tls.pem_root_certs = options.tls_client_ca_pem;
  return grpc::SslServerCredentials(tls);
}

}  // namespace

class RpcServer::Impl {
 public:
  Impl(RpcServerOptions options, const Services& services, const Runtime& runtime,
       detail::Reflection reflection)
      : options_(std::move(options)),
        reflection_(std::move(reflection)),
        calls_(std::make_shared<detail::CallTable>(options_.max_calls, options_.max_calls_bytes)),
        probes_(std::make_shared<detail::CallTable>(kMaxProbes, kMaxProbeBytes)),
        dispatcher_(options_, methods_, reflection_, health_, {*calls_, *probes_}) {
    if (services.workers != nullptr) {
      health_.services.emplace_back(detail::kWorkManagerService);
      detail::AddWorkManagerMethods(*services.workers, runtime.executor, options_.max_handlers,
                                    methods_);
    }
    methods_["/grpc.health.v1.Health/Check"] = [this](UnaryCall call) { Check(std::move(call)); };
  }

  Status Start() {
    if (started_) {
      return Status(StatusCode::kFailedPrecondition, "rpc", "expected one Start, found a second");
    }
    started_ = true;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(Target(options_), Credentials(options_), &port);
    // Two servers on one port would each get some of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(
        GRPC_ARG_MAX_CONCURRENT_STREAMS,
        static_cast<int>(std::min<std::size_t>(options_.max_calls, 1 << 20) + kMaxProbes));
    // A request is judged by its size: one that is packed would be unpacked before.
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    // A client that is gone without a word must not keep its calls.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    grpc::ResourceQuota quota("virtufin.rpc");
    quota.Resize(QuotaBytes(options_));
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.max_receive_bytes));
    builder.SetMaxSendMessageSize(static_cast<int>(options_.max_send_bytes));
    builder.RegisterCallbackGenericService(&dispatcher_);
    server_ = builder.BuildAndStart();
    if (!server_ || port <= 0) {
      server_.reset();
      return Status(StatusCode::kUnavailable, "rpc",
                    "cannot listen on " + Target(options_) +
                        ": expected an address of this machine, a free port and, with TLS, a "
                        "certificate with its key");
    }
    port_.store(static_cast<std::uint16_t>(port));
    return {};
  }

  Status Stop(std::chrono::milliseconds deadline) {
    if (CurrentThreadKind() != ThreadKind::kForeign) {
      return Status(StatusCode::kFailedPrecondition, "rpc",
                    "Stop: expected a thread of the application, found a callback");
    }
    if (!server_) return {};
    SetReady(false);
    const auto end = std::chrono::steady_clock::now() +
                     std::clamp<std::chrono::milliseconds>(deadline, std::chrono::milliseconds(0),
                                                           std::chrono::hours(24));
    const Status why(StatusCode::kUnavailable, "rpc", "the server stopped before the call ended");
    (void)probes_->Drain(std::chrono::steady_clock::now(), why);
    const std::size_t cut = calls_->Drain(end, why);
    // All have ended; what the clients have not read yet gets a moment.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
    server_.reset();
    if (cut == 0) return {};
    return Status(StatusCode::kDeadlineExceeded, "rpc",
                  "calls that had not ended and were answered UNAVAILABLE: " + std::to_string(cut));
  }

  void SetReady(bool ready) {
    health_.ready.store(ready);
    probes_->TellReadiness();
  }
  std::uint16_t port() const noexcept { return port_.load(); }
  RpcServerCounters counters() const {
    RpcServerCounters all = calls_->counters();
    const RpcServerCounters probes = probes_->counters();
    all.open += probes.open;
    all.calls += probes.calls;
    all.refused += probes.refused;
    all.cancelled += probes.cancelled;
    return all;
  }

 private:
  void Check(UnaryCall call) const {
    ::virtufin::lite::health::HealthCheckRequest request;
    if (!request.ParseFromString(call.request)) {
      return call.responder.Answer(detail::BadRequest("HealthCheckRequest"));
    }
    bool known = false;
    std::string response = health_.Check(request.service(), known);
    if (known) return call.responder.Answer({}, std::move(response));
    call.responder.Answer(Status(StatusCode::kNotFound, "rpc", "no such service"));
  }

  const RpcServerOptions options_;
  detail::UnaryMethods methods_;
  const detail::Reflection reflection_;
  detail::Health health_;
  const std::shared_ptr<detail::CallTable> calls_;
  const std::shared_ptr<detail::CallTable> probes_;
  detail::Dispatcher dispatcher_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<std::uint16_t> port_{0};
  bool started_ = false;
};

RpcServer::RpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RpcServer::~RpcServer() {
  // On a thread of gRPC the server would wait for itself.
  if (!impl_->Stop(std::chrono::milliseconds(0)).ok() &&
      CurrentThreadKind() != ThreadKind::kForeign) {
    (void)impl_.release();
  }
}

Result<std::unique_ptr<RpcServer>> RpcServer::Create(RpcServerOptions options,
                                                     const Services& services,
                                                     const Runtime& runtime) {
  if (Status status = ::virtufin::Check(options); !status.ok()) return status;
  std::vector<std::string> served = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                     "grpc.reflection.v1alpha.ServerReflection"};
  if (services.workers != nullptr) served.emplace_back(detail::kWorkManagerService);
  Result<detail::Reflection> reflection = detail::Reflection::Make(ServiceDescriptorSet(), served);
  if (!reflection.ok()) return reflection.status();
  return std::unique_ptr<RpcServer>(new RpcServer(
      std::make_unique<Impl>(std::move(options), services, runtime, std::move(*reflection))));
}

Status RpcServer::Start() { return impl_->Start(); }
Status RpcServer::Stop(std::chrono::milliseconds deadline) { return impl_->Stop(deadline); }
void RpcServer::SetReady(bool ready) { impl_->SetReady(ready); }
std::uint16_t RpcServer::port() const noexcept { return impl_->port(); }
RpcServerCounters RpcServer::counters() const { return impl_->counters(); }

}  // namespace virtufin::inline v0
