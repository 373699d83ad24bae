// Our Protobuf form against Protobuf's own, and an application, two workers and our library in one
// process that all bring the CloudEvents messages along.
#include <doctest/doctest.h>

#include <string>

#include "cloudevents.pb.h"
#include "support/scale.hpp"
#include "unit/engine/fixture.hpp"
#include "unit/event/random_event.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/event/protobuf.hpp"

using namespace virtufin;

namespace proto = io::cloudevents::v1;

namespace {

using Attribute = proto::CloudEvent::CloudEventAttributeValue;

const int kEvents = virtufin::test::Scaled(2000);

proto::CloudEvent Parsed(ByteView bytes) {
  proto::CloudEvent message;
  REQUIRE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

void CheckTime(const proto::Timestamp& message, const Timestamp& time) {
  CHECK(message.seconds() == time.unix_seconds());
  CHECK(message.nanos() == time.nanoseconds());
}

void CheckValue(const Attribute& message, const AttributeValue& value) {
  switch (message.attr_case()) {
    case Attribute::kCeBoolean:
      CHECK(message.ce_boolean() == std::get<bool>(value));
      return;
    case Attribute::kCeInteger:
      CHECK(message.ce_integer() == std::get<std::int32_t>(value));
      return;
    case Attribute::kCeString:
      CHECK(message.ce_string() == std::get<std::string_view>(value));
      return;
    case Attribute::kCeBytes:
      CHECK(message.ce_bytes() == AsText(std::get<ByteView>(value)));
      return;
    case Attribute::kCeUri:
      CHECK(message.ce_uri() == std::get<Uri>(value).text);
      return;
    case Attribute::kCeUriRef:
      CHECK(message.ce_uri_ref() == std::get<UriReference>(value).text);
      return;
    case Attribute::kCeTimestamp:
      return CheckTime(message.ce_timestamp(), std::get<Timestamp>(value));
    case Attribute::ATTR_NOT_SET:
      FAIL("an attribute without a value");
  }
}

// Protobuf reads from our bytes what the event holds.
void CheckMessage(const proto::CloudEvent& message, const CloudEvent& event) {
  CHECK(message.id() == event.id());
  CHECK(message.source() == event.source());
  CHECK(message.spec_version() == "1.0");
  CHECK(message.type() == event.type());
  const auto& attributes = message.attributes();
  std::size_t count = event.extension_count();
  const auto check_core = [&](const char* name, std::string_view text, bool uri) {
    const auto found = attributes.find(name);
    CHECK((found != attributes.end()) == !text.empty());
    if (found == attributes.end()) return;
    ++count;
    CHECK((uri ? found->second.ce_uri() : found->second.ce_string()) == text);
  };
  const bool json_by_default =
      event.data_content_type().empty() && event.data_kind() == DataKind::kJson;
  check_core("subject", event.subject(), false);
  check_core("datacontenttype", json_by_default ? "application/json" : event.data_content_type(),
             false);
  check_core("dataschema", event.data_schema(), true);
  if (event.time().has_value()) {
    ++count;
    CheckTime(attributes.at("time").ce_timestamp(), *event.time());
  }
  CHECK(static_cast<std::size_t>(attributes.size()) == count);
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    const auto [name, value] = event.extension(i);
    CheckValue(attributes.at(std::string(name)), value);
  }
  switch (event.data_kind()) {
    case DataKind::kAbsent:
      CHECK(message.data_case() == proto::CloudEvent::DATA_NOT_SET);
      return;
    case DataKind::kBinary:
      CHECK(message.data_case() == proto::CloudEvent::kBinaryData);
      CHECK(message.binary_data() == event.data_text());
      return;
    default:
      CHECK(message.data_case() == proto::CloudEvent::kTextData);
      CHECK(message.text_data() == event.data_text());
      return;
  }
}

CloudEvent Sample(std::uint64_t seed) { return random_event::Sample(seed).Event(); }

}  // namespace

// Pins EV-35, EV-36, EV-55.
TEST_CASE("Protobuf reads what we write, byte for byte, and we read what it writes") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = Sample(static_cast<std::uint64_t>(seed));
    const EncodedBytes ours = *EncodeProtobuf(event);
    const proto::CloudEvent message = Parsed(ours.bytes());
    CheckMessage(message, event);
    const std::string theirs = message.SerializeAsString();
    CHECK(theirs.size() == ours.size());  // the order of a map is anybody's
    const Result<CloudEvent> read = DecodeProtobuf(AsBytes(theirs), NameRule::kLenient);
    REQUIRE_MESSAGE(read.ok(), read.status().message());
    CHECK(*read == *DecodeProtobuf(ours.bytes(), NameRule::kLenient));
  }
}

// Pins EV-36, EV-39.
TEST_CASE("batches and messages in the data are read by both") {
  std::vector<CloudEvent> events;
  for (std::uint64_t seed = 0; seed < 50; ++seed) events.push_back(Sample(seed));
  const EncodedBytes ours = *EncodeProtobufBatch(events);
  proto::CloudEventBatch batch;
  REQUIRE(batch.ParseFromArray(ours.bytes().data(), static_cast<int>(ours.size())));
  REQUIRE(batch.events_size() == 50);
  for (int i = 0; i < 50; ++i) CheckMessage(batch.events(i), events[static_cast<std::size_t>(i)]);
  const auto again = DecodeProtobufBatch(AsBytes(batch.SerializeAsString()), NameRule::kLenient);
  CHECK(*again == *DecodeProtobufBatch(ours.bytes(), NameRule::kLenient));

  proto::CloudEvent message = Parsed(EncodeProtobuf(events[0])->bytes());
  message.mutable_proto_data()->set_type_url("type.googleapis.com/a.B");
  message.mutable_proto_data()->set_value("\x08\x01");
  const CloudEvent event =
      *DecodeProtobuf(AsBytes(message.SerializeAsString()), NameRule::kLenient);
  CHECK(event.ExtensionText(kDataTypeUrl) == "type.googleapis.com/a.B");
  const proto::CloudEvent back = Parsed(EncodeProtobuf(event)->bytes());
  CHECK(back.proto_data().type_url() == "type.googleapis.com/a.B");
  CHECK(back.proto_data().value() == "\x08\x01");
  CHECK(back.attributes().size() == message.attributes().size());
}

// Pins EV-55.
TEST_CASE("an application and two workers that contain the messages live in one process with us") {
  auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const auto one = LoadWorker(*engine, NativeFile(PROTO_WORKER_ONE), host);
  const auto two = LoadWorker(*engine, NativeFile(PROTO_WORKER_TWO), host);
  const auto again = LoadWorker(*engine, NativeFile(PROTO_WORKER_ONE), host);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const CloudEvent event = Sample(seed);
    const EncodedBytes bytes = *EncodeProtobuf(event);
    for (const auto& [worker, name] : {std::pair(one.get(), "one"), std::pair(two.get(), "two"),
                                       std::pair(again.get(), "one")}) {
      const CallOutcome outcome = Call(*worker, EventOf("call", AsText(bytes.bytes())));
      REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.message());
      REQUIRE(outcome.reply.has_value());
      const CloudEvent marked = *DecodeProtobuf(outcome.reply->data(), NameRule::kLenient);
      CHECK(marked.ExtensionText("seenby") == name);
      CHECK(marked.id() == event.id());
      CHECK(marked.extension_count() == event.extension_count() + 1);
      CHECK(Parsed(outcome.reply->data()).attributes().at("seenby").ce_string() == name);
    }
  }
  const CallOutcome bad = Call(*two, EventOf("call", "\x0a\x05"));
  CHECK(bad.status.message().find("expected a Protobuf CloudEvent") != std::string::npos);
}
