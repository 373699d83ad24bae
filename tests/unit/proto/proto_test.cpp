// The embedded descriptors and our lite messages beside an application's own code for the same
// protos, in one process.
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <random>
#include <string>

#include "google/api/annotations.pb.h"
#include "proto/lite/health.pb.h"
#include "proto/lite/reflection.pb.h"
#include "proto/lite/work_manager.pb.h"
#include "virtufin/proto/descriptor_set.hpp"
#include "virtufin/work_manager.pb.h"

namespace pb = google::protobuf;

namespace {

pb::FileDescriptorSet Embedded() {
  const virtufin::ByteView bytes = virtufin::ServiceDescriptorSet();
  pb::FileDescriptorSet set;
  REQUIRE(set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return set;
}

// A pool of our own over the embedded set; imports come before what imports them.
void Fill(pb::DescriptorPool& pool) {
  const pb::FileDescriptorSet set = Embedded();
  for (const auto& file : set.file()) REQUIRE(pool.BuildFile(file) != nullptr);
}

// Every field has a value; lists have two.
void Randomize(pb::Message& message, std::mt19937& random, int depth = 0) {
  const pb::Reflection& reflection = *message.GetReflection();
  const pb::Descriptor& type = *message.GetDescriptor();
  const auto text = [&] { return "v" + std::to_string(random()) + "\xc3\xa9"; };
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor* field = type.field(i);
    for (int n = 0; n < (field->is_repeated() ? 2 : 1); ++n) {
      switch (field->cpp_type()) {
        case pb::FieldDescriptor::CPPTYPE_STRING:
          if (field->is_repeated()) {
            reflection.AddString(&message, field, text());
          } else {
            reflection.SetString(&message, field, text());
          }
          break;
        case pb::FieldDescriptor::CPPTYPE_INT32:
          if (field->is_repeated()) {
            reflection.AddInt32(&message, field, static_cast<int>(random()));
          } else {
            reflection.SetInt32(&message, field, static_cast<int>(random()));
          }
          break;
        case pb::FieldDescriptor::CPPTYPE_BOOL:
          reflection.SetBool(&message, field, true);
          break;
        case pb::FieldDescriptor::CPPTYPE_ENUM:
          reflection.SetEnumValue(&message, field, 1 + static_cast<int>(random() % 2));
          break;
        case pb::FieldDescriptor::CPPTYPE_MESSAGE:
          if (depth < 4) {
            Randomize(field->is_repeated() ? *reflection.AddMessage(&message, field)
                                           : *reflection.MutableMessage(&message, field),
                      random, depth + 1);
          }
          break;
        default:
          FAIL("no proto of ours has a field like " << field->full_name());
      }
    }
  }
}

// What the application wrote, read and written again by our lite code, is what it wrote.
template <class Whole, class Lite>
void CheckSameWire(std::mt19937& random) {
  Whole sent;
  Randomize(sent, random);
  Lite lite;
  REQUIRE(lite.ParseFromString(sent.SerializeAsString()));
  Whole received;
  REQUIRE(received.ParseFromString(lite.SerializeAsString()));
  // By fields: a map's order is anybody's.
  CHECK_MESSAGE(received.DebugString() == sent.DebugString(), sent.GetTypeName());
}

}  // namespace

// Pins WM-60.
TEST_CASE("the embedded descriptors are those of the protos that applications compile") {
  pb::DescriptorPool pool;
  Fill(pool);
  for (const char* name : {"virtufin/common.proto", "virtufin/work_manager.proto"}) {
    const pb::FileDescriptor* ours = pool.FindFileByName(name);
    const pb::FileDescriptor* theirs = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    REQUIRE(ours != nullptr);
    REQUIRE(theirs != nullptr);
    pb::FileDescriptorProto a, b;
    ours->CopyTo(&a);
    theirs->CopyTo(&b);
    theirs->CopyJsonNameTo(&b);  // which protoc leaves out of code
    CHECK(a.SerializeAsString() == b.SerializeAsString());
  }
  for (const char* service :
       {"virtufin.WorkManager", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"}) {
    CHECK_MESSAGE(pool.FindServiceByName(service) != nullptr, service);
  }
}

// Pins WM-60.
TEST_CASE("every method of the service has the route of the contract") {
  const pb::ServiceDescriptor* service =
      pb::DescriptorPool::generated_pool()->FindServiceByName("virtufin.WorkManager");
  REQUIRE(service != nullptr);
  const std::map<std::string, std::string> expected = {
      {"CreateWorker", "POST /v1/workers *"},
      {"StartWorker", "POST /v1/workers/{id}/start *"},
      {"StopWorker", "POST /v1/workers/{id}/stop *"},
      {"DeleteWorker", "DELETE /v1/workers/{id} "},
      {"LoadCode", "POST /v1/workers/{id}/code *"},
      {"ListWorkers", "GET /v1/workers "},
      {"GetWorkerHistory", "GET /v1/workers/{id}/history "},
      {"GetTag", "GET /v1/workers/{id}/tags/{key} "},
      {"SetTag", "PUT /v1/workers/{id}/tags/{key} *"},
      {"GetTags", "GET /v1/workers/{id}/tags "},
      {"SetTags", "PUT /v1/workers/{id}/tags *"},
      {"RecoverWorkers", "POST /v1/workers:recover *"},
      {"ListEngines", "GET /v1/engines "}};
  CHECK(service->method_count() == static_cast<int>(expected.size()));
  for (const auto& [name, route] : expected) {
    const pb::MethodDescriptor* method = service->FindMethodByName(name);
    REQUIRE(method != nullptr);
    CHECK(method->input_type()->name() == name + "Request");
    CHECK(method->output_type()->name() == name + "Response");
    CHECK_FALSE(method->client_streaming());
    CHECK_FALSE(method->server_streaming());
    const google::api::HttpRule& rule = method->options().GetExtension(google::api::http);
    const std::string found = !rule.get().empty()    ? "GET " + rule.get()
                              : !rule.put().empty()  ? "PUT " + rule.put()
                              : !rule.post().empty() ? "POST " + rule.post()
                                                     : "DELETE " + rule.delete_();
    CHECK(found + " " + rule.body() == route);
  }
}

// Pins WM-60.
TEST_CASE("our lite messages and an application's own write and read the same bytes") {
  std::mt19937 random(17);
  for (int i = 0; i < 20; ++i) {
    CheckSameWire<virtufin::CreateWorkerRequest, virtufin::lite::CreateWorkerRequest>(random);
    CheckSameWire<virtufin::CreateWorkerResponse, virtufin::lite::CreateWorkerResponse>(random);
    CheckSameWire<virtufin::LoadCodeRequest, virtufin::lite::LoadCodeRequest>(random);
    CheckSameWire<virtufin::ListWorkersRequest, virtufin::lite::ListWorkersRequest>(random);
    CheckSameWire<virtufin::ListWorkersResponse, virtufin::lite::ListWorkersResponse>(random);
    CheckSameWire<virtufin::GetWorkerHistoryResponse, virtufin::lite::GetWorkerHistoryResponse>(
        random);
    CheckSameWire<virtufin::SetTagRequest, virtufin::lite::SetTagRequest>(random);
    CheckSameWire<virtufin::SetTagsRequest, virtufin::lite::SetTagsRequest>(random);
    CheckSameWire<virtufin::GetTagsResponse, virtufin::lite::GetTagsResponse>(random);
    CheckSameWire<virtufin::RecoverWorkersResponse, virtufin::lite::RecoverWorkersResponse>(random);
    CheckSameWire<virtufin::ListEnginesResponse, virtufin::lite::ListEnginesResponse>(random);
  }
  CHECK(virtufin::lite::CreateWorkerRequest().GetTypeName() == "virtufin.lite.CreateWorkerRequest");
}

// Pins WM-60.
TEST_CASE("our lite forms of gRPC's own messages have the wire of their protos") {
  std::mt19937 random(23);
  pb::DescriptorPool pool;
  Fill(pool);
  pb::DynamicMessageFactory factory(&pool);
  const auto check = [&](const char* type, pb::MessageLite&& lite) {
    const pb::Descriptor* descriptor = pool.FindMessageTypeByName(type);
    REQUIRE_MESSAGE(descriptor != nullptr, type);
    std::unique_ptr<pb::Message> sent(factory.GetPrototype(descriptor)->New());
    Randomize(*sent, random);
    REQUIRE(lite.ParseFromString(sent->SerializeAsString()));
    CHECK_MESSAGE(lite.SerializeAsString() == sent->SerializeAsString(), type);
  };
  check("grpc.health.v1.HealthCheckRequest", virtufin::lite::health::HealthCheckRequest());
  check("grpc.health.v1.HealthCheckResponse", virtufin::lite::health::HealthCheckResponse());
  for (const std::string version : {"v1", "v1alpha"}) {
    const std::string package = "grpc.reflection." + version;
    check((package + ".ServerReflectionRequest").c_str(),
          virtufin::lite::reflection::ServerReflectionRequest());
    check((package + ".ServerReflectionResponse").c_str(),
          virtufin::lite::reflection::ServerReflectionResponse());
  }
}
