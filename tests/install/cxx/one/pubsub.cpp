// Uses pubsub: one inline subscription of the broker inside the process.
#include "virtufin/event/event_builder.hpp"
#include "virtufin/pubsub/inproc.hpp"

int main() {
  using namespace virtufin;
  Executor executor({}, WallClock(), NullLog());
  InprocBroker broker({executor, WallClock(), NullLog()});
  int seen = 0;
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  const auto watch =
      broker.Subscribe("ticks", options, [&seen](const Message&, const DeliveryInfo&) {
        ++seen;
        return Delivery::kSuccess;
      });
  const auto event = CloudEvent::Builder().Source("urn:com.example").Type("tick").Build();
  if (!watch || !event || !broker.Publish(Message("ticks", *event))) return 1;
  return seen == 1 ? 0 : 2;
}
