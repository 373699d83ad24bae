// Events against the floors: building, texts, JSON, the worker wire, messages.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/event/wire.hpp"

namespace {

using namespace virtufin;

constexpr std::int64_t kStartNs = 1'772'600'767'089'000'000;

// The floors' events as ours.
CloudEvent FromFloor(const floors::Event& event) {
  std::vector<NamedValue> extensions;
  for (const auto& [name, value] : event.extensions) extensions.emplace_back(name, value);
  return *CloudEvent::Make({.id = event.id,
                            .source = event.source,
                            .type = event.type,
                            .subject = event.subject,
                            .data_content_type = event.datacontenttype,
                            .time = *Timestamp::Parse(event.time),
                            .extensions = extensions,
                            .data_kind = DataKind::kJson,
                            .data = AsBytes(event.data)});
}

// What an adapter knows before the first frame.
CloudEvent::Stream QuoteStream() {
  const floors::Event& event = floors::Event426();
  CloudEvent::Stream::Options options;
  options.source = event.source;
  options.type = event.type;
  options.subject = event.subject;
  options.extensions = {{"exchange", "binance"},
                        {"clocktype", "wall"},
                        {"marketworld", "act"},
                        {"marketuniverse", "ALL"},
                        {"timesource", "engine"}};
  options.varying = {"eventtime", "receivetime", "walltime", "sequence"};
  return *CloudEvent::Stream::Make(options);
}

// Makes one event after the other as a feed does.
class Feed {
 public:
  CloudEvent Next() {
    const Timestamp time = Timestamp::FromUnixNanos(now_ns_ += 1'000'000);
    return *builder_.Time(time)
                .Varying(0, time)
                .Varying(1, time)
                .Varying(2, time)
                .Varying(3, ++sequence_)
                .JsonData(floors::Event426().data, Validate::kTrusted)
                .Build();
  }

 private:
  CloudEvent::Builder builder_{QuoteStream()};
  std::int64_t now_ns_ = kStartNs;
  std::uint64_t sequence_ = 0;
};

// id, time, 4 varying and 5 constant extensions, against a block of as many bytes.
void EventBuild(benchmark::State& state) {
  Feed feed;
  bench::ReportRatio(
      state, 0, [&] { return feed.Next(); }, [] { return floors::BuildBlock(floors::Event426()); });
}
VIRTUFIN_RATIO(EventBuild);

// The same and every text asked for.
void EventBuildAllTexts(benchmark::State& state) {
  Feed feed;
  const std::uint8_t uuid[16] = {0x7d, 0x3f, 0x1c};
  std::int64_t ms = kStartNs / 1'000'000;
  bench::ReportRatio(
      state, 0,
      [&] {
        const CloudEvent event = feed.Next();
        std::size_t size = event.id().size() + event.time_text().size();
        for (std::size_t i = 5; i < 9; ++i) {
          size += event.extension(i).second.index();
        }
        return size;
      },
      [&] { return floors::BuildBlockWithText(floors::Event426(), uuid, ms++); });
}
VIRTUFIN_RATIO(EventBuildAllTexts);

// A reply as a worker makes it: no stream, everything checked.
void EventBuildChecked(benchmark::State& state) {
  const floors::Event& event = floors::Event426();
  CloudEvent::Builder builder;
  const Timestamp time = *Timestamp::Parse(event.time);
  bench::ReportRatio(
      state, 0,
      [&] {
        builder.Id(event.id).Source(event.source).Type(event.type).Subject(event.subject);
        builder.DataContentType(event.datacontenttype).Time(time);
        for (const auto& [name, value] : event.extensions) builder.Extension(name, value);
        return builder.JsonData(event.data).Build();
      },
      [&] { return floors::BuildBlock(event); });
}
VIRTUFIN_RATIO(EventBuildChecked);

void IdText(benchmark::State& state) {
  Feed feed;
  const CloudEvent event = feed.Next();
  for (auto _ : state) benchmark::DoNotOptimize(event.id());
}
BENCHMARK(IdText);

void FindLastExtension(benchmark::State& state) {
  Feed feed;
  const CloudEvent event = feed.Next();
  for (auto _ : state) benchmark::DoNotOptimize(event.ExtensionText("sequence"));
}
BENCHMARK(FindLastExtension);

void JsonDecode(benchmark::State& state, Validate validate) {
  JsonDecoder decoder;
  floors::Json floor;
  const std::string_view json = floors::Event426Json();
  bench::ReportRatio(
      state, 2.0, [&] { return decoder.Decode(json, NameRule::kStrict, validate).ok(); },
      [&] { return floor.EventAttributes(json); });
}
void JsonDecodeValidated(benchmark::State& state) { JsonDecode(state, Validate::kFull); }
void JsonDecodeTrusted(benchmark::State& state) { JsonDecode(state, Validate::kTrusted); }
VIRTUFIN_RATIO(JsonDecodeValidated);
VIRTUFIN_RATIO(JsonDecodeTrusted);

void JsonEncode(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::Event426());
  std::string out(1024, ' ');
  bench::ReportRatio(
      state, 0, [&] { return EncodeJson(event)->size(); },
      [&] { return floors::WriteEventJson(floors::Event426(), out.data()); });
}
VIRTUFIN_RATIO(JsonEncode);

void WireEncode(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::EventWith500Bytes());
  floors::Wire floor;
  bench::ReportRatio(
      state, 0, [&] { return EncodeCloudEvent(event)->size(); },
      [&] { return floor.EncodeEvent(floors::EventWith500Bytes()).size(); });
}
VIRTUFIN_RATIO(WireEncode);

void WireEncodeResponse(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::EventWith500Bytes());
  floors::Wire floor;
  bench::ReportRatio(
      state, 0, [&] { return EncodeWorkerResponse(&event, std::nullopt)->size(); },
      [&] { return floor.EncodeResponse(floors::EventWith500Bytes()).size(); });
}
VIRTUFIN_RATIO(WireEncodeResponse);

// Verify and copy into an event, against verify and read.
void WireDecodeResponse(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::EventWith500Bytes());
  const EncodedBytes bytes = *EncodeWorkerResponse(&event, std::nullopt);
  floors::Wire floor;
  const auto floor_bytes = floor.EncodeResponse(floors::EventWith500Bytes());
  bench::ReportRatio(
      state, 0, [&] { return DecodeWorkerResponse(bytes.bytes()).ok(); },
      [&] { return floors::Wire::ReadResponse(floor_bytes); });
}
VIRTUFIN_RATIO(WireDecodeResponse);

// The event's share of a native worker's round trip: all but the call.
void WorkerWireBothWays(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::EventWith500Bytes());
  floors::WorkerRoundTrip floor;
  const EncodedBytes reply = *EncodeWorkerResponse(&event, std::nullopt);
  bench::ReportRatio(
      state, 2.0,
      [&] {
        const Message message("act.exchange.binance.quote.update.ABCUSDT", event);
        return message.Encoded(Encoding::kWorkerWire)->size() +
               DecodeWorkerResponse(reply.bytes())->event->data().size();
      },
      [&] { return floor.Run(floors::EventWith500Bytes()); });
}
VIRTUFIN_RATIO(WorkerWireBothWays);

void MessageMake(benchmark::State& state) {
  const CloudEvent event = FromFloor(floors::Event426());
  for (auto _ : state) {
    benchmark::DoNotOptimize(Message("act.exchange.binance.quote.update.ABCUSDT", event));
  }
}
BENCHMARK(MessageMake);

void MessageEncodedAgain(benchmark::State& state) {
  const Message message("t", FromFloor(floors::Event426()));
  for (auto _ : state) benchmark::DoNotOptimize(message.Encoded(Encoding::kWorkerWire));
}
BENCHMARK(MessageEncodedAgain);

void MessageEncodedWithOverlay(benchmark::State& state) {
  const std::pair<std::string_view, std::string_view> config[] = {{"venue", "binance"}};
  const ExtensionOverlay overlay = *ExtensionOverlay::Make(config);
  const CloudEvent event = FromFloor(floors::Event426());
  for (auto _ : state) {
    const Message message("t", event);
    benchmark::DoNotOptimize(message.Encoded(Encoding::kWorkerWire, overlay));
  }
}
BENCHMARK(MessageEncodedWithOverlay);

}  // namespace
