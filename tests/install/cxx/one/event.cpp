// Uses event: one event, to JSON and back, and through the worker wire.
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/wire.hpp"

int main() {
  using namespace virtufin;
  const auto event =
      CloudEvent::Builder().Source("urn:com.example").Type("tick").JsonData("{\"n\":1}").Build();
  if (!event) return 1;
  const auto json = EncodeJson(*event);
  const auto wire = EncodeCloudEvent(*event);
  if (!json || !wire) return 2;
  const auto back = DecodeCloudEvent(wire->bytes());
  return back && back->id() == event->id() && back->data_text() == "{\"n\":1}" ? 0 : 3;
}
