// Uses worker: a worker class, called as an application calls it.
#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"

using namespace virtufin;

class Echo : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    return std::optional(event);
  }
};

VIRTUFIN_EXPORT_WORKER(Echo)

int main() {
  const auto event = CloudEvent::Builder().Source("urn:com.example").Type("tick").Build();
  Echo echo;
  if (!event) return 1;
  const auto reply = echo.Process(*event);
  return reply && reply->has_value() && (*reply)->id() == event->id() ? 0 : 2;
}
