// The client over gRPC's generic stub and one completion queue per call.
#include "support/grpc_client.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace virtufin::test {
namespace {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string FromBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

void Prepare(grpc::ClientContext& context, const GrpcClientOptions& options) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  for (const auto& [name, value] : options.metadata) context.AddMetadata(name, value);
}

}  // namespace

struct GrpcClient::State {
  GrpcClientOptions options;
  std::unique_ptr<grpc::GenericStub> stub;
};

namespace {

// The channel must not go on a thread of gRPC, which would then wait for itself: what refers to it
// belongs to the test, not to the callback.
class UnaryCall final : public GrpcClient::Call {
 public:
  UnaryCall(std::shared_ptr<GrpcClient::State> client, const std::string& path,
            const std::string& body);
  ~UnaryCall() override {
    Cancel();
    (void)Wait();
  }
  void Cancel() override { context_.TryCancel(); }
  GrpcReply Wait() override {
    std::unique_lock lock(end_->mutex);
    end_->changed.wait(lock, [this] { return end_->done; });
    return end_->reply;
  }

 private:
  struct End {
    std::mutex mutex;
    std::condition_variable changed;
    GrpcReply reply;
    bool done = false;
  };
  const std::shared_ptr<GrpcClient::State> client_;
  const std::shared_ptr<End> end_ = std::make_shared<End>();
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, response_;
};

class BidiStream final : public GrpcClient::Stream {
 public:
  BidiStream(grpc::GenericStub& stub, const GrpcClientOptions& options, const std::string& path) {
    Prepare(context_, options);
    call_ = stub.PrepareCall(&context_, path, &queue_);
    call_->StartCall(this);
    (void)Next();
  }
  ~BidiStream() override {
    context_.TryCancel();
    if (!finished_) (void)Finish();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  bool Write(std::string body) override {
    call_->Write(ToBuffer(body), this);
    return Next();
  }
  bool Read(std::string& body) override {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    if (!Next()) return false;
    body = FromBuffer(buffer);
    return true;
  }
  void WritesDone() override {
    call_->WritesDone(this);
    (void)Next();
  }
  GrpcReply Finish() override {
    grpc::Status status;
    call_->Finish(&status, this);
    (void)Next();
    finished_ = true;
    return {static_cast<int>(status.error_code()), status.error_message(), {}};
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool finished_ = false;
};

UnaryCall::UnaryCall(std::shared_ptr<GrpcClient::State> client, const std::string& path,
                     const std::string& body)
    : client_(std::move(client)) {
  Prepare(context_, client_->options);
  request_ = ToBuffer(body);
  client_->stub->UnaryCall(
      &context_, path, {}, &request_, &response_, [end = end_, this](const grpc::Status& status) {
        const std::lock_guard lock(end->mutex);
        end->reply = {static_cast<int>(status.error_code()), status.error_message(), {}};
        if (status.ok()) end->reply.body = FromBuffer(response_);
        end->done = true;
        end->changed.notify_all();
      });
}

}  // namespace

GrpcClient::GrpcClient(const std::string& target, const GrpcClientOptions& options)
    : state_(std::make_shared<State>()) {
  state_->options = options;
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!options.tls_roots_pem.empty()) {
    credentials = grpc::SslCredentials(
        {options.tls_roots_pem, options.tls_key_pem, options.tls_certificate_pem});
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // A connection of its own, and no proxy of the machine's environment.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (options.gzip) arguments.SetCompressionAlgorithm(GRPC_COMPRESS_GZIP);
  state_->stub = std::make_unique<grpc::GenericStub>(
      grpc::CreateCustomChannel(target, credentials, arguments));
}

GrpcClient::~GrpcClient() = default;

std::shared_ptr<GrpcClient::Call> GrpcClient::Start(const std::string& path, std::string body) {
  return std::make_shared<UnaryCall>(state_, path, body);
}

std::unique_ptr<GrpcClient::Stream> GrpcClient::Open(const std::string& path) {
  return std::make_unique<BidiStream>(*state_->stub, state_->options, path);
}

}  // namespace virtufin::test
