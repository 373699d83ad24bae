// A worker that brings the CloudEvents messages along: it reads the event in its input's data with
// them, marks it and answers with its bytes.
#include <string>

#include "cloudevents.pb.h"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace {

using virtufin::CloudEvent;

class ProtoWorker final : public virtufin::Worker {
 public:
  virtufin::Result<std::optional<CloudEvent>> Process(const CloudEvent& input) override {
    io::cloudevents::v1::CloudEvent message;
    if (!message.ParseFromArray(input.data().data(), static_cast<int>(input.data().size()))) {
      return virtufin::Status(virtufin::StatusCode::kInvalidArgument, "proto_worker",
                              "data: expected a Protobuf CloudEvent");
    }
    (*message.mutable_attributes())["seenby"].set_ce_string(PROTO_WORKER);
    const std::string bytes = message.SerializeAsString();
    auto reply = CloudEvent::Builder()
                     .Source("urn:test:" PROTO_WORKER)
                     .Type("test.replied")
                     .DataContentType("application/cloudevents+protobuf")
                     .BinaryData(virtufin::AsBytes(bytes))
                     .Build();
    if (!reply.ok()) return reply.status();
    return std::optional<CloudEvent>(*std::move(reply));
  }
};

}  // namespace

VIRTUFIN_EXPORT_WORKER(ProtoWorker)
