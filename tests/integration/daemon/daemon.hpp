// A daemon that runs on free ports, and a client of it.
#pragma once

#include <fstream>
#include <iterator>

#include "integration/daemon/process.hpp"
#include "proto/lite/work_manager.pb.h"
#include "support/grpc_client.hpp"
#include "support/raw_client.hpp"

namespace virtufin::test {

inline std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Daemon {
  explicit Daemon(const std::string& directory, std::vector<std::string> more = {},
                  const Process::Environment& environment = {}, const GrpcClientOptions& as = {})
      : process(Arguments(directory, std::move(more)), environment),
        http(static_cast<std::uint16_t>(std::stoi(process.WaitForPort("http")))),
        client("127.0.0.1:" + process.WaitForPort("grpc"), as) {}

  static std::vector<std::string> Arguments(const std::string& directory,
                                            std::vector<std::string> more) {
    for (const char* argument : {"--http-port", "0", "--grpc-port", "0", "--data-directory"}) {
      more.emplace_back(argument);
    }
    more.push_back(directory);
    return more;
  }
  RawAnswer Get(const std::string& path, const std::string& fields = {}) {
    RawClient raw(http);
    REQUIRE(raw.Send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"));
    return raw.Answer();
  }
  GrpcReply Call(const char* method, const std::string& bytes) {
    return client.Unary(std::string("/virtufin.WorkManager/") + method, bytes);
  }
  GrpcReply CallOf(const char* method, const std::string& id) {
    lite::StartWorkerRequest request;
    request.set_id(id);
    return Call(method, request.SerializeAsString());
  }
  std::string Create(const char* library, const char* topic = "in",
                     const std::map<std::string, std::string>& config = {}) {
    lite::CreateWorkerRequest request;
    request.mutable_code_source()->set_content(Contents(library));
    request.set_mime_type("application/x-native-dll");
    request.add_topics(topic);
    request.mutable_config()->insert(config.begin(), config.end());
    const GrpcReply reply = Call("CreateWorker", request.SerializeAsString());
    REQUIRE_MESSAGE(reply.code == 0, reply.message);
    lite::CreateWorkerResponse response;
    REQUIRE(response.ParseFromString(reply.body));
    return response.id();
  }
  int Load(const std::string& id, const std::string& content) {
    lite::LoadCodeRequest request;
    request.set_id(id);
    request.mutable_code_source()->set_content(content);
    return Call("LoadCode", request.SerializeAsString()).code;
  }

  Process process;
  const std::uint16_t http;
  GrpcClient client;
};

}  // namespace virtufin::test
