// Messages: encodings made once, shared by copies, with and without an overlay.
#include "virtufin/event/message.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/event/samples.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

ExtensionOverlay Overlay(std::vector<std::pair<std::string_view, std::string_view>> config) {
  return *ExtensionOverlay::Make(config);
}

CloudEvent Quote() {
  CloudEvent::Builder builder(samples::QuoteStream());
  return *builder.Varying(samples::kSequence, std::uint64_t{1}).JsonData("{}").Build();
}

}  // namespace

TEST_CASE("a message keeps topic and event") {
  std::string topic = "act.exchange.binance.quote.update.BTCUSDT";
  const Message message(topic, Quote());
  topic = "overwritten";
  const Message copy = message;
  CHECK(copy.topic() == "act.exchange.binance.quote.update.BTCUSDT");
  CHECK(copy.topic().data() == message.topic().data());
  CHECK(copy.event() == message.event());
  CHECK(Message("", Quote()).topic().empty());
}

// Pins EV-25, WA-12.
TEST_CASE("copies share an encoding, whoever asked first") {
  Message message("t", Quote());
  const Message copy = message;
  for (const Encoding encoding : {Encoding::kJson, Encoding::kWorkerWire}) {
    const ByteView first = *message.Encoded(encoding);
    CHECK(copy.Encoded(encoding)->data() == first.data());
    CHECK(reinterpret_cast<std::uintptr_t>(first.data()) % 8 == 0);
    CHECK(first.data()[first.size() + kBufferPadding - 1] == 0);
  }
  CHECK(AsText(*message.Encoded(Encoding::kJson)) == AsText(EncodeJson(message.event())->bytes()));
  CHECK(*DecodeCloudEvent(*message.Encoded(Encoding::kWorkerWire)) == message.event());
}

// Pins EV-26.
TEST_CASE("an overlay is stamped unless the event has the extension") {
  const Message message("t", Quote());
  const ExtensionOverlay overlay =
      Overlay({{"exchange", "other"}, {"venue", "x\"y"}, {"correlationid", "c"}});
  const CloudEvent stamped = *message.Stamped(overlay);
  CHECK(stamped.ExtensionText("exchange") == "binance");
  CHECK(stamped.ExtensionText("venue") == "x\"y");
  CHECK(stamped.extension_count() == message.event().extension_count() + 2);
  CHECK(*DecodeCloudEvent(*message.Encoded(Encoding::kWorkerWire, overlay)) == stamped);
  CHECK(AsText(*message.Encoded(Encoding::kJson, overlay)) == AsText(EncodeJson(stamped)->bytes()));
  CHECK(message.event().FindExtension("venue") == std::nullopt);
}

// Pins EV-26.
TEST_CASE("overlays of equal content share an encoding, others do not") {
  const Message message("t", Quote());
  const Message copy = message;
  const ByteView first = *message.Encoded(Encoding::kWorkerWire, Overlay({{"venue", "x"}}));
  CHECK(copy.Encoded(Encoding::kWorkerWire, Overlay({{"venue", "x"}}))->data() == first.data());
  CHECK(copy.Encoded(Encoding::kWorkerWire, Overlay({{"venue", "y"}}))->data() != first.data());
  CHECK(copy.Encoded(Encoding::kWorkerWire)->data() != first.data());
  CHECK(message.Stamped(Overlay({{"venue", "x"}}))->id().data() ==
        copy.Stamped(Overlay({{"venue", "x"}}))->id().data());
}

TEST_CASE("an overlay that adds nothing costs nothing") {
  const Message message("t", Quote());
  const ExtensionOverlay overlay = Overlay({{"exchange", "other"}});
  CHECK(message.Encoded(Encoding::kJson, overlay)->data() ==
        message.Encoded(Encoding::kJson)->data());
  CHECK(message.Stamped(overlay)->id().data() == message.event().id().data());
  CHECK(message.Stamped(Overlay({}))->id().data() == message.event().id().data());
}

TEST_CASE("many distinct overlays keep their encodings apart") {
  const Message message("t", Quote());
  std::vector<ExtensionOverlay> overlays;
  std::vector<const std::uint8_t*> encoded;
  for (int i = 0; i < 300; ++i) {
    overlays.push_back(Overlay({{"n", std::to_string(i)}}));
    encoded.push_back(message.Encoded(Encoding::kJson, overlays.back())->data());
  }
  for (std::size_t i = 0; i < overlays.size(); ++i) {
    const ByteView bytes = *message.Encoded(Encoding::kJson, Overlay({{"n", std::to_string(i)}}));
    CHECK(bytes.data() == encoded[i]);
    CHECK(AsText(bytes).find("\"n\":\"" + std::to_string(i) + "\"") != std::string_view::npos);
  }
}

TEST_CASE("an overlay that would make too many extensions is refused") {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kMaxExtensions; ++i) names.push_back("e" + std::to_string(i));
  std::vector<std::pair<std::string_view, std::string_view>> config;
  for (const std::string& name : names) config.emplace_back(name, "x");
  const Message message("t", Quote());
  const ExtensionOverlay overlay = Overlay(config);
  CHECK(message.Encoded(Encoding::kWorkerWire, overlay).status().code() ==
        StatusCode::kResourceExhausted);
  CHECK(message.Stamped(overlay).status().code() == StatusCode::kResourceExhausted);
  CHECK(message.Encoded(Encoding::kWorkerWire).ok());
}

TEST_CASE("an overlay refuses keys that no extension may have") {
  const auto error = [](std::vector<std::pair<std::string_view, std::string_view>> config) {
    const auto made = ExtensionOverlay::Make(config);
    CHECK(made.status().code() == StatusCode::kInvalidArgument);
    return std::string(made.status().message());
  };
  CHECK(error({{"api-host", "x"}}) ==
        "extension name \"api-host\" has a character other than a-z and 0-9");
  CHECK(error({{"id", "x"}}) == "extension name \"id\" is the name of a core attribute");
  CHECK(error({{"a", "x"}, {"a", "x"}}) == "extension name \"a\" is there twice");
  CHECK(error({{"a", "\xff"}}) == "a: expected UTF-8");
  const ExtensionOverlay overlay = Overlay({{"a", "1"}, {"b", ""}});
  CHECK(overlay.size() == 2);
  CHECK(overlay.extension(1) == std::pair<std::string_view, std::string_view>("b", ""));
}
