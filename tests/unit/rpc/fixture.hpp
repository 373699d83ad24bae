// A server of virtufin.WorkManager over a manager with scripted workers, and a client of it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "proto/lite/work_manager.pb.h"
#include "support/grpc_client.hpp"
#include "unit/workmanager/fixture.hpp"
#include "virtufin/rpc/rpc_server.hpp"

namespace virtufin::test {

inline constexpr int kOkCode = 0;

inline int Number(StatusCode code) { return static_cast<int>(code); }

struct RpcFixture {
  explicit RpcFixture(RpcServerOptions options = {}, std::int64_t stop_timeout_ms = 30'000,
                      const Extras& extras = {})
      : workers(2, stop_timeout_ms, nullptr, 30'000, extras) {
    auto made = RpcServer::Create(std::move(options), {workers.manager.get()}, workers.runtime);
    REQUIRE(made.ok());
    server = std::move(*made);
    const Status started = server->Start();
    REQUIRE_MESSAGE(started.ok(), started.message());
    client = std::make_unique<GrpcClient>(Target());
  }
  ~RpcFixture() {
    client.reset();
    server.reset();
  }
  std::string Target() const { return "127.0.0.1:" + std::to_string(server->port()); }

  template <class Response, class Request>
  GrpcReply Call(const char* method, const Request& request, Response& response) {
    GrpcReply reply =
        client->Unary(std::string("/virtufin.WorkManager/") + method, request.SerializeAsString());
    if (reply.code == kOkCode) REQUIRE(response.ParseFromString(reply.body));
    return reply;
  }
  /// Of a method whose request has an id only.
  GrpcReply CallOf(const std::string& method, const std::string& id) {
    lite::StartWorkerRequest request;
    request.set_id(id);
    return client->Unary("/virtufin.WorkManager/" + method, request.SerializeAsString());
  }
  static lite::CreateWorkerRequest Creation(const std::string& script) {
    lite::CreateWorkerRequest request;
    request.mutable_code_source()->set_content(script);
    request.set_mime_type("application/x-scripted");
    request.add_topics("in");
    return request;
  }
  std::string Create(const std::string& script) {
    lite::CreateWorkerResponse response;
    const GrpcReply reply = Call("CreateWorker", Creation(script), response);
    REQUIRE_MESSAGE(reply.code == kOkCode, reply.message);
    return response.id();
  }
  void ScriptNothing(const std::string& name) {
    workers.Script(
        name, [](const Message&, const ExtensionOverlay*, WorkerHost&, Done done) { done({}); });
  }

  ManagerFixture workers;
  std::unique_ptr<RpcServer> server;
  std::unique_ptr<GrpcClient> client;
};

}  // namespace virtufin::test
