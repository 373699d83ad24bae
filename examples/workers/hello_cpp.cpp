// hello_cpp: greets whoever an event names. The smallest worker in C++.
//
// Input: any event. Reply: {"message":"Hello, <name>!"}, where name is the string member "name" of
// a JSON object in the data, else "world".
#include <nlohmann/json.hpp>
#include <string>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace hello {

using virtufin::CloudEvent;
using virtufin::DataKind;
using virtufin::Result;

inline std::string NameIn(const CloudEvent& event) {
  if (event.data_kind() == DataKind::kJson) {
    const auto data = nlohmann::json::parse(event.data_text(), nullptr, false);
    if (data.is_object()) {
      if (const auto name = data.find("name"); name != data.end() && name->is_string())
        return *name;
    }
  }
  return "world";
}

class Hello final : public virtufin::Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const nlohmann::json answer = {{"message", "Hello, " + NameIn(event) + "!"}};
    Result<CloudEvent> reply = CloudEvent::Builder()
                                   .Source("urn:com.example.hello")
                                   .Type("com.example.hello.response")
                                   .DataContentType("application/json")
                                   .JsonData(answer.dump())
                                   .Build();
    if (!reply.ok()) return reply.status();
    return std::optional<CloudEvent>(*std::move(reply));
  }
};

}  // namespace hello

VIRTUFIN_EXPORT_WORKER(hello::Hello)
