// Uses platform: a worker of this program gets an event and its reply is seen.
#include <chrono>
#include <future>
#include <string>

#include "virtufin/engine/inproc.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;

class Answer : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    auto reply =
        CloudEvent::Builder().Source("urn:com.example").Type("answers").Subject(event.id()).Build();
    if (!reply) return reply.status();
    return std::optional(*std::move(reply));
  }
};

int main() {
  auto created = Platform::Create({});
  if (!created) return 1;
  Platform& platform = **created;
  const auto make = [] { return std::make_unique<Answer>(); };
  if (!RegisterWorkerFactory(platform.engines(), "answer", make) || !platform.Start()) return 2;
  CreateWorkerRequest request;
  request.code.mime_type = kInProcMimeType;
  const std::string_view name = "answer";
  request.code.content.assign(name.begin(), name.end());
  request.topics = {"questions"};
  const auto worker = platform.workers().Create(std::move(request));
  if (!worker || !platform.workers().Start(*worker)) return 3;

  std::promise<std::string> answered;
  const auto watch =
      platform.bus().Subscribe("answers", {}, [&](const Message& message, const DeliveryInfo&) {
        answered.set_value(std::string(message.event().subject()));
        return Delivery::kSuccess;
      });
  const auto question = CloudEvent::Builder().Source("urn:com.example").Type("question").Build();
  if (!watch || !question || !platform.bus().Publish(Message("questions", *question))) return 4;
  if (answered.get_future().get() != question->id()) return 5;
  return platform.Stop(std::chrono::seconds(10)).ok() ? 0 : 6;
}
