// A worker in C++: answers every event with one of type `answer`.
#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"

using namespace virtufin;

class Answer : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    auto reply = CloudEvent::Builder()
                     .Source("urn:com.example.answer")
                     .Type("answer")
                     .Subject(event.id())
                     .Build();
    if (!reply) return reply.status();
    return std::optional(*std::move(reply));
  }
};

VIRTUFIN_EXPORT_WORKER(Answer)
