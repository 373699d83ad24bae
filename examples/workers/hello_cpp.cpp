// hello_cpp: greets whoever an event names. The smallest worker in C++.
//
// Input: any event. Reply: {"message":"Hello, <name>!"}, where name is the string member "name" of
// a JSON object in the data, else "world".
#include <string>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/json.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace hello {

using virtufin::CloudEvent;
using virtufin::Json;
using virtufin::Result;

inline std::string NameIn(const CloudEvent& event) {
  const Result<Json> data = virtufin::JsonCodec().DecodePayload(event);
  if (!data.ok()) return "world";
  const auto name = data->find("name");
  return name != data->end() && name->is_string() ? name->get<std::string>() : "world";
}

class Hello final : public virtufin::Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const Json answer = {{"message", "Hello, " + NameIn(event) + "!"}};
    CloudEvent::Builder builder;
    builder.Source("urn:com.example.hello")
        .Type("com.example.hello.response")
        .DataContentType("application/json")
        .JsonData(answer.dump());
    if (const auto correlation = event.FindExtension("correlationid")) {
      builder.Extension("correlationid", *correlation);
    }
    Result<CloudEvent> reply = builder.Build();
    if (!reply.ok()) return reply.status();
    return std::optional<CloudEvent>(*std::move(reply));
  }
};

}  // namespace hello

VIRTUFIN_EXPORT_WORKER(hello::Hello)
