// Any bytes as the reply of a native worker: read or refused, the buffer given back, the next call
// unharmed.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "fuzz/check.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

class SilentHost final : public WorkerHost {
 public:
  void Log(LogLevel, std::string_view) noexcept override {}
  Result<std::string> GatewayCall(std::string_view, std::string_view, std::string_view) override {
    return Status(StatusCode::kUnavailable, "fuzz", "no gateway");
  }
};

struct Keep final : CallSink {
  void OnOutcome(CallOutcome given) noexcept override { outcome = std::move(given); }
  CallOutcome outcome;
};

CallOutcome Call(LoadedWorker& worker, std::string_view type, ByteView data) {
  const auto event = CloudEvent::Builder().Source("urn:fuzz").Type(type).BinaryData(data).Build();
  FUZZ_CHECK(event.ok());
  const auto sink = std::make_shared<Keep>();
  worker.Process(Message("topic", *event), nullptr, sink);
  return std::move(sink->outcome);
}

void CheckReadable(const CloudEvent& event) {
  FUZZ_CHECK(!event.id().empty() && !event.type().empty() && !event.source().empty());
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    FUZZ_CHECK(event.FindExtension(event.extension(i).first).has_value());
  }
  const auto encoded = EncodeCloudEvent(event);
  FUZZ_CHECK(encoded.ok());
  const auto again = DecodeCloudEvent(encoded->bytes());
  FUZZ_CHECK(again.ok() && *again == event);
}

}  // namespace

// Pins WA-17.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Engine> engine = MakeNativeEngine();
  static const std::unique_ptr<LoadedWorker> worker =
      engine->Load({"", MODES_V2, {}}, {"id", "instance", {}, {}}, std::make_shared<SilentHost>())
          .value();
  if (size > 65536) return 0;
  const CallOutcome outcome = Call(*worker, "raw", {data, size});
  FUZZ_CHECK(!outcome.degrades);
  if (outcome.reply.has_value()) {
    CheckReadable(*outcome.reply);
  } else {
    FUZZ_CHECK(outcome.status.ok() || outcome.status.code() == StatusCode::kDataLoss ||
               outcome.status.code() == StatusCode::kInternal);
  }
  const CallOutcome live = Call(*worker, "live", {});
  FUZZ_CHECK(live.reply.has_value() && live.reply->data_text() == "0");
  return 0;
}
