// Builders: from nothing, from a stream, from an event; reuse; what Build refuses.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "unit/event/samples.hpp"
#include "virtufin/event/event_builder.hpp"

using namespace virtufin;
using namespace samples;

namespace {

const Timestamp kTime = Timestamp::FromUnixMillis(1'633'990'012'868);
const Uuid kId = *Uuid::Parse("7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342");

std::string ErrorOf(const Result<CloudEvent>& result) {
  CHECK(result.status().code() == StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

}  // namespace

TEST_CASE("a builder makes an event of all that was set") {
  std::string source = "urn:source";
  CloudEvent::Builder builder;
  builder.Id(kId).Source(source).Type("type").Subject("s").Time(kTime).DataSchema("x:y");
  source = "overwritten";
  const CloudEvent event = *builder.Extension("n", 5)
                                .TextExtension("eventtime", kTime)
                                .TextExtension("sequence", std::uint64_t{18446744073709551615u})
                                .TextExtension("correlationid", kId)
                                .TextExtension("note", std::string_view("text"))
                                .JsonData(R"({"a": 1})")
                                .Build();
  CHECK(event.id() == "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342");
  CHECK(event.id_uuid() == kId);
  CHECK(event.source() == "urn:source");
  CHECK(event.type() == "type");
  CHECK(event.subject() == "s");
  CHECK(event.time() == kTime);
  CHECK(event.data_schema() == "x:y");
  CHECK(event.data_text() == R"({"a": 1})");
  CHECK(event.data_content_type().empty());
  CHECK(std::get<std::int32_t>(*event.FindExtension("n")) == 5);
  CHECK(std::get<std::string_view>(*event.FindExtension("eventtime")) ==
        "2021-10-11T22:06:52.868Z");
  CHECK(event.ExtensionText("sequence") == "18446744073709551615");
  CHECK(event.ExtensionText("correlationid") == "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342");
  CHECK(event.ExtensionText("note") == "text");
  CHECK(event.ExtensionTime("eventtime") == kTime);
  CHECK(event.ExtensionNumber("sequence") == 18446744073709551615u);
}

// Pins EV-2.
TEST_CASE("an event gets a random id unless one is set") {
  CloudEvent::Builder builder;
  const CloudEvent a = *builder.Source("s").Type("t").Build();
  const CloudEvent b = *builder.Source("s").Type("t").Build();
  CHECK(a.id_uuid().has_value());
  CHECK(a.id() != b.id());
}

TEST_CASE("a stream gives its constants and names its varying extensions") {
  CloudEvent::Builder builder(QuoteStream());
  const CloudEvent event = *builder.Time(kTime)
                                .Varying(kEventTime, kTime)
                                .Varying(kSequence, std::uint64_t{7})
                                .Varying(kCorrelationId, kId)
                                .Varying(kNote, "n")
                                .JsonData("{}", Validate::kTrusted)
                                .Build();
  CHECK(event.source() == "urn:com.virtufin:exchange:binance");
  CHECK(event.type() == "com.virtufin.exchange.binance.quote.updated");
  CHECK(event.subject() == "currency_pair/BTCUSDT");
  CHECK(event.data_content_type() == "application/json");
  CHECK(event.extension_count() == 6);
  CHECK(event.ExtensionText("exchange") == "binance");
  CHECK(event.ExtensionText("marketworld") == "act");
  CHECK(event.ExtensionText("eventtime") == "2021-10-11T22:06:52.868Z");
  CHECK(event.ExtensionText("sequence") == "7");
  CHECK(event.ExtensionText("correlationid") == "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342");
  CHECK(event.ExtensionText("note") == "n");
}

TEST_CASE("events of a stream outlive the stream and its builder") {
  std::optional<CloudEvent> event;
  {
    CloudEvent::Builder builder(QuoteStream());
    event = *builder.Varying(kSequence, std::uint64_t{1}).Build();
  }
  CHECK(event->source() == "urn:com.virtufin:exchange:binance");
  CHECK(event->ExtensionText("exchange") == "binance");
  CHECK(event->ExtensionText("sequence") == "1");
}

// Pins EV-2.
TEST_CASE("ids made for a stream are distinct UUIDs, of one builder and of two") {
  const CloudEvent::Stream stream = QuoteStream();
  CloudEvent::Builder one(stream), two(stream);
  const CloudEvent a = *one.Build(), b = *one.Build(), c = *two.Build();
  CHECK(a.id_uuid().has_value());
  CHECK(a.id() != b.id());
  CHECK(a.id() != c.id());
  CHECK(b.id() != c.id());
}

TEST_CASE("a builder starts over after Build") {
  CloudEvent::Builder builder(QuoteStream());
  const CloudEvent first = *builder.Id("1")
                                .Subject("other")
                                .Time(kTime)
                                .Varying(kSequence, std::uint64_t{1})
                                .Varying(kNote, "note")
                                .Extension("exchange", std::string_view("changed"))
                                .Extension("added", true)
                                .TextData("text")
                                .DataContentType("text/plain")
                                .Build();
  CHECK(first.subject() == "other");
  CHECK(first.ExtensionText("exchange") == "changed");
  const CloudEvent second = *builder.Varying(kEventTime, kTime).Build();
  CHECK(second.id() != "1");
  CHECK(second.subject() == "currency_pair/BTCUSDT");
  CHECK(!second.time().has_value());
  CHECK(second.extension_count() == 3);
  CHECK(second.ExtensionText("exchange") == "binance");
  CHECK(!second.FindExtension("sequence").has_value());
  CHECK(second.data_kind() == DataKind::kAbsent);
  CHECK(second.data_content_type() == "application/json");
  // Also after a failure.
  CHECK(!builder.Id("").Build().ok());
  CHECK(builder.Build().ok());
}

TEST_CASE("one event of a stream may replace or drop what the stream gives") {
  CloudEvent::Builder builder(QuoteStream());
  const CloudEvent event = *builder.Varying(kSequence, std::uint64_t{1})
                                .RemoveExtension("exchange")
                                .Extension("marketworld", std::string_view("hyp.test"))
                                .RemoveExtension("absent")
                                .Varying(kSequence, std::uint64_t{2})
                                .Varying(kNote, "late")
                                .RemoveExtension("note")
                                .Source("urn:other")
                                .Build();
  CHECK(event.extension_count() == 2);
  CHECK(event.ExtensionText("marketworld") == "hyp.test");
  CHECK(event.ExtensionText("sequence") == "2");
  CHECK(event.source() == "urn:other");
  CHECK(event.type() == "com.virtufin.exchange.binance.quote.updated");
}

// Pins EV-8.
TEST_CASE("an edited copy keeps everything that was not touched") {
  CloudEvent::Builder stream_builder(QuoteStream());
  const CloudEvent event = *stream_builder.Time(kTime)
                                .Varying(kSequence, std::uint64_t{7})
                                .Varying(kNote, "n")
                                .JsonData("[1]")
                                .Build();
  CHECK(*CloudEvent::Builder(event).Build() == event);

  CloudEvent::Builder builder(event);
  const CloudEvent edited = *builder.Extension("publishtopic", std::string_view("t"))
                                 .RemoveExtension("exchange")
                                 .Type("other")
                                 .Build();
  CHECK(edited.id() == event.id());
  CHECK(edited.type() == "other");
  CHECK(edited.source() == event.source());
  CHECK(edited.time() == kTime);
  CHECK(edited.data_text() == "[1]");
  CHECK(edited.ExtensionText("note") == "n");
  CHECK(edited.ExtensionText("publishtopic") == "t");
  CHECK(!edited.FindExtension("exchange").has_value());
  CHECK(event.ExtensionText("exchange") == "binance");
  const CloudEvent again = *builder.NoTime().NoData().Subject("").Build();
  CHECK(again.type() == event.type());
  CHECK(!again.time().has_value());
  CHECK(again.data_kind() == DataKind::kAbsent);
  CHECK(again.subject().empty());
}

// Pins EV-6.
TEST_CASE("legacy names of an edited event are kept, new ones are checked") {
  const NamedValue dotted[] = {{"market.world", std::string_view("act")}};
  CloudEvent::Parts parts = Minimal();
  parts.extensions = dotted;
  const CloudEvent event = *CloudEvent::Make(parts, NameRule::kLenient);
  CHECK(CloudEvent::Builder(event).Extension("a", 1).Build().ok());
  CHECK(ErrorOf(CloudEvent::Builder(event).Extension("market.universe", 1).Build()) ==
        "extension name \"market.universe\" has a character other than a-z and 0-9");
  CHECK(CloudEvent::Builder(event).Extension("market.universe", 1).Build(NameRule::kLenient).ok());
}

// Pins EV-1, EV-5.
TEST_CASE("Build names what is missing or illegal") {
  const auto valid = [] {
    CloudEvent::Builder builder;
    builder.Source("s").Type("t");
    return builder;
  };
  CHECK(ErrorOf(CloudEvent::Builder().Type("t").Build()) == "source: expected a text");
  CHECK(ErrorOf(CloudEvent::Builder().Source("s").Build()) == "type: expected a text");
  CHECK(ErrorOf(valid().Id("").Build()) == "id: expected a text");
  CHECK(ErrorOf(valid().Subject("\xc0\x80").Build()) == "subject: expected UTF-8");
  CHECK(ErrorOf(valid().Extension("A", 1).Build()) ==
        "extension name \"A\" has a character other than a-z and 0-9");
  CHECK(ErrorOf(valid().Extension("time", 1).Build()) ==
        "extension name \"time\" is the name of a core attribute");
  CHECK(ErrorOf(valid().Extension(std::string(70'000, 'a'), 1).Build(NameRule::kLenient)) ==
        "extension name \"" + std::string(64, 'a') + "...\" is longer than 1024 bytes");
  CHECK(ErrorOf(valid().Extension("a", std::string_view("\xff")).Build()) == "a: expected UTF-8");
  CHECK(ErrorOf(valid().DataContentType("json").Build()) ==
        "datacontenttype: expected type/subtype, found \"json\"");
  CHECK(ErrorOf(valid().JsonData("{]").Build()) ==
        "data is not JSON: expected a member name at byte 1");
  CHECK(ErrorOf(valid().TextData("\xff").Build()) == "data: expected UTF-8");
  CHECK(valid().JsonData("{]", Validate::kTrusted).Build().ok());
  CHECK(valid().BinaryData(AsBytes("\xff")).Build().ok());
}

TEST_CASE("a stream refuses what no event may have") {
  const auto error = [](auto change) {
    CloudEvent::Stream::Options options;
    options.source = "s";
    options.type = "t";
    change(options);
    const auto made = CloudEvent::Stream::Make(options);
    CHECK(made.status().code() == StatusCode::kInvalidArgument);
    return std::string(made.status().message());
  };
  CHECK(error([](auto& o) { o.source = ""; }) == "source: expected a text");
  CHECK(error([](auto& o) { o.type = ""; }) == "type: expected a text");
  CHECK(error([](auto& o) { o.data_content_type = "json"; }) ==
        "datacontenttype: expected type/subtype, found \"json\"");
  CHECK(error([](auto& o) {
          o.extensions = {{"a.b", "1"}};
        }) == "extension name \"a.b\" has a character other than a-z and 0-9");
  CHECK(error([](auto& o) { o.extensions = {{"a", "\xff"}}; }) == "a: expected UTF-8");
  CHECK(error([](auto& o) {
          o.extensions = {{"a", "1"}};
          o.varying = {"a"};
        }) == "extension \"a\" is there twice");
}
