// A gRPC client of bytes, for tests; gRPC's headers stay in its source.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace virtufin::test {

struct GrpcReply {
  int code = -1;  // the canonical one
  std::string message;
  std::string body;
};

struct GrpcClientOptions {
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::string tls_roots_pem = {};  // empty: no TLS
  std::string tls_certificate_pem = {};
  std::string tls_key_pem = {};
  bool gzip = false;  // requests are sent packed
};

class GrpcClient {
 public:
  explicit GrpcClient(const std::string& target, const GrpcClientOptions& options = {});
  ~GrpcClient();

  /// A call that runs; ends within a minute. The last reference cancels it.
  class Call {
   public:
    virtual ~Call() = default;
    virtual void Cancel() = 0;
    virtual GrpcReply Wait() = 0;
  };
  std::shared_ptr<Call> Start(const std::string& path, std::string body);
  GrpcReply Unary(const std::string& path, std::string body) {
    return Start(path, std::move(body))->Wait();
  }

  /// A stream, for one thread.
  class Stream {
   public:
    virtual ~Stream() = default;  // cancels it
    virtual bool Write(std::string body) = 0;
    virtual bool Read(std::string& body) = 0;  // false: it has ended
    virtual void WritesDone() = 0;
    virtual GrpcReply Finish() = 0;  // after Read said false
  };
  std::unique_ptr<Stream> Open(const std::string& path);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace virtufin::test
