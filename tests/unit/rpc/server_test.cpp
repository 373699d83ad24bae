// What a server does besides its services: reflection, health, TLS, its port.
#include <set>

#include "proto/lite/descriptor_index.pb.h"
#include "proto/lite/health.pb.h"
#include "proto/lite/reflection.pb.h"
#include "support/certificates.hpp"
#include "unit/rpc/fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

namespace ref = virtufin::lite::reflection;
namespace health = virtufin::lite::health;

// One stream of reflection.
class Asking {
 public:
  Asking(RpcFixture& fixture, const std::string& version)
      : stream_(fixture.client->Open("/grpc.reflection." + version +
                                     ".ServerReflection/ServerReflectionInfo")) {}
  template <class Set>
  ref::ServerReflectionResponse operator()(Set set) {
    ref::ServerReflectionRequest request;
    request.set_host("here");
    set(request);
    REQUIRE(stream_->Write(request.SerializeAsString()));
    std::string bytes;
    REQUIRE(stream_->Read(bytes));
    ref::ServerReflectionResponse response;
    REQUIRE(response.ParseFromString(bytes));
    CHECK(response.valid_host() == "here");
    CHECK(response.original_request().SerializeAsString() == request.SerializeAsString());
    return response;
  }
  std::vector<std::string> Files(const std::string& symbol) {
    const auto response = (*this)([&](auto& r) { r.set_file_containing_symbol(symbol); });
    std::vector<std::string> names;
    for (const auto& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      virtufin::lite::index::File file;
      REQUIRE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }
  GrpcReply End() {
    stream_->WritesDone();
    std::string bytes;
    CHECK_FALSE(stream_->Read(bytes));
    return stream_->Finish();
  }

 private:
  std::unique_ptr<GrpcClient::Stream> stream_;
};

std::string CheckRequest(const std::string& service) {
  health::HealthCheckRequest request;
  request.set_service(service);
  return request.SerializeAsString();
}

health::HealthCheckResponse::ServingStatus StatusOf(const std::string& bytes) {
  health::HealthCheckResponse response;
  REQUIRE(response.ParseFromString(bytes));
  return response.status();
}

}  // namespace

// Pins WM-65.
TEST_CASE("reflection describes what is served, alike in v1 and v1alpha") {
  RpcFixture fixture;
  for (const std::string version : {"v1", "v1alpha"}) {
    CAPTURE(version);
    Asking ask(fixture, version);
    const auto list = ask([](auto& r) { r.set_list_services("*"); });
    std::set<std::string> services;
    for (const auto& service : list.list_services_response().service()) {
      services.insert(service.name());
    }
    CHECK(services == std::set<std::string>{"virtufin.WorkManager", "grpc.health.v1.Health",
                                            "grpc.reflection.v1.ServerReflection",
                                            "grpc.reflection.v1alpha.ServerReflection"});
    // With all imports the first time, alone the second.
    const std::vector<std::string> files = ask.Files("virtufin.WorkManager");
    REQUIRE(!files.empty());
    CHECK(files[0] == "virtufin/work_manager.proto");
    CHECK(std::set<std::string>(files.begin(), files.end()) ==
          std::set<std::string>{"virtufin/work_manager.proto", "virtufin/common.proto",
                                "google/api/annotations.proto", "google/api/http.proto",
                                "google/protobuf/descriptor.proto"});
    CHECK(files.size() == 5);
    const std::vector<std::string> again = {"virtufin/work_manager.proto"};
    for (const char* symbol : {"virtufin.WorkManager.CreateWorker", ".virtufin.WorkerInfo",
                               "virtufin.WorkerInfo.tags", "virtufin.WORKER_STATUS_RUNNING",
                               "virtufin.CodeSource.source", "virtufin.WorkerInfo.TagsEntry"}) {
      CHECK_MESSAGE(ask.Files(symbol) == again, symbol);
    }
    CHECK(ask.Files("google.api.http") == std::vector<std::string>{"google/api/annotations.proto"});
    const auto by_name = ask([](auto& r) { r.set_file_by_filename("virtufin/common.proto"); });
    CHECK(by_name.file_descriptor_response().file_descriptor_proto_size() == 1);
    const auto extension = ask([](auto& r) {
      r.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
      r.mutable_file_containing_extension()->set_extension_number(72295728);
    });
    CHECK(extension.file_descriptor_response().file_descriptor_proto_size() == 1);
    const auto numbers =
        ask([](auto& r) { r.set_all_extension_numbers_of_type("google.protobuf.MethodOptions"); });
    REQUIRE(numbers.all_extension_numbers_response().extension_number_size() == 1);
    CHECK(numbers.all_extension_numbers_response().extension_number(0) == 72295728);
    const auto none =
        ask([](auto& r) { r.set_all_extension_numbers_of_type("virtufin.TagFilter"); });
    CHECK(none.all_extension_numbers_response().base_type_name() == "virtufin.TagFilter");
    CHECK(none.all_extension_numbers_response().extension_number_size() == 0);
    CHECK(ask.End().code == kOkCode);
  }
}

// Pins WM-65.
TEST_CASE("what reflection does not know is told, and the stream goes on") {
  RpcFixture fixture;
  Asking ask(fixture, "v1");
  const auto failed = [](const ref::ServerReflectionResponse& response, StatusCode code) {
    CHECK(response.message_response_case() == ref::ServerReflectionResponse::kErrorResponse);
    CHECK(response.error_response().error_code() == Number(code));
  };
  const auto not_found = StatusCode::kNotFound;
  for (const char* symbol :
       {"", "virtufin", "virtufin.WorkManager.Nothing", "virtufin.lite.TagFilter"}) {
    failed(ask([&](auto& r) { r.set_file_containing_symbol(symbol); }), not_found);
  }
  failed(ask([](auto& r) { r.set_file_by_filename("../virtufin/common.proto"); }), not_found);
  failed(ask([](auto& r) { r.set_all_extension_numbers_of_type("x"); }), not_found);
  failed(ask([](auto& r) {
           r.mutable_file_containing_extension()->set_containing_type("virtufin.TagFilter");
         }),
         not_found);
  failed(ask([](auto&) {}), StatusCode::kInvalidArgument);
  CHECK(ask([](auto& r) { r.set_list_services(""); }).has_list_services_response());
  CHECK(ask.End().code == kOkCode);

  for (const std::string& bytes : {std::string("\xff\xff"), std::string(20'000, '\x0a')}) {
    auto stream = fixture.client->Open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    REQUIRE(stream->Write(bytes));
    std::string response;
    CHECK_FALSE(stream->Read(response));
    CHECK(stream->Finish().code == Number(StatusCode::kInvalidArgument));
  }
}

// Pins WM-66.
TEST_CASE("health says when the server is ready, to those who ask and to those who watch") {
  using Response = health::HealthCheckResponse;
  RpcFixture fixture;
  const auto check = [&](const std::string& service) {
    return fixture.client->Unary("/grpc.health.v1.Health/Check", CheckRequest(service));
  };
  auto watch = fixture.client->Open("/grpc.health.v1.Health/Watch");
  REQUIRE(watch->Write(CheckRequest("readiness")));
  auto unknown = fixture.client->Open("/grpc.health.v1.Health/Watch");
  REQUIRE(unknown->Write(CheckRequest("virtufin.Nothing")));
  std::string bytes;
  REQUIRE(watch->Read(bytes));
  CHECK(StatusOf(bytes) == Response::NOT_SERVING);
  REQUIRE(unknown->Read(bytes));
  CHECK(StatusOf(bytes) == Response::SERVICE_UNKNOWN);
  CHECK(StatusOf(check("").body) == Response::SERVING);
  for (const char* service : {"readiness", "virtufin.WorkManager"}) {
    CHECK(StatusOf(check(service).body) == Response::NOT_SERVING);
  }
  fixture.server->SetReady(true);
  for (const char* service : {"readiness", "virtufin.WorkManager"}) {
    CHECK(StatusOf(check(service).body) == Response::SERVING);
  }
  CHECK(check("virtufin.Nothing").code == Number(StatusCode::kNotFound));
  REQUIRE(watch->Read(bytes));
  CHECK(StatusOf(bytes) == Response::SERVING);
  fixture.server->SetReady(true);  // nothing new: nothing is told
  fixture.server->SetReady(false);
  REQUIRE(watch->Read(bytes));
  CHECK(StatusOf(bytes) == Response::NOT_SERVING);
  CHECK(fixture.server->Stop(std::chrono::seconds(30)).ok());
  CHECK_FALSE(watch->Read(bytes));
  CHECK(watch->Finish().code == Number(StatusCode::kUnavailable));
}

// Pins WM-67.
TEST_CASE("options that cannot be are refused by their name, and a port that is taken too") {
  RpcFixture fixture;
  const auto refused = [&](RpcServerOptions options, std::string_view words) {
    const auto made = RpcServer::Create(std::move(options), {fixture.workers.manager.get()},
                                        fixture.workers.runtime);
    REQUIRE_FALSE(made.ok());
    CHECK(made.status().code() == StatusCode::kInvalidArgument);
    CHECK(made.status().message().find(words) != std::string_view::npos);
  };
  RpcServerOptions options;
  options.address = "";
  refused(options, "address");
  options = {};
  options.tls_key_pem = "x";
  refused(options, "certificate and its key");
  options = {};
  options.tls_client_ca_pem = "x";
  refused(options, "tls_client_ca_pem");
  options = {};
  options.keys = {{"empty", ""}};
  refused(options, "'empty'");

  options = {};
  options.port = fixture.server->port();
  auto second = RpcServer::Create(options, {}, fixture.workers.runtime);
  REQUIRE(second.ok());
  const Status taken = (*second)->Start();
  CHECK(taken.code() == StatusCode::kUnavailable);
  CHECK(taken.message().find("127.0.0.1:" + std::to_string(options.port)) !=
        std::string_view::npos);
  CHECK((*second)->Start().code() == StatusCode::kFailedPrecondition);
}

// Pins WM-67.
TEST_CASE("with TLS the server shows its certificate and asks for the client's") {
  const TestCertificate authority({.authority = true, .subject = "authority"});
  const CertificateText server = TestCertificate({.subject = "server"}, &authority).Text();
  const CertificateText shown = TestCertificate({.subject = "client"}, &authority).Text();
  RpcServerOptions options;
  options.tls_certificate_pem = server.certificate_pem;
  options.tls_key_pem = server.key_pem;
  options.tls_client_ca_pem = authority.Text().certificate_pem;
  RpcFixture fixture(options);
  const std::string target = fixture.Target();
  const auto call = [&](const GrpcClientOptions& client) {
    return GrpcClient(target, client).Unary("/grpc.health.v1.Health/Check", "").code;
  };
  GrpcClientOptions client;
  CHECK(call(client) == Number(StatusCode::kUnavailable));
  client.tls_roots_pem = options.tls_client_ca_pem;
  CHECK(call(client) == Number(StatusCode::kUnavailable));
  client.tls_certificate_pem = shown.certificate_pem;
  client.tls_key_pem = shown.key_pem;
  CHECK(call(client) == kOkCode);
}
