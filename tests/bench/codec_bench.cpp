// The codecs of batches, Protobuf and HTTP against the floors.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/event/http.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/protobuf.hpp"

namespace {

using namespace virtufin;

constexpr std::size_t kBatch = 100;

CloudEvent Event() { return *JsonDecoder().Decode(floors::Event426Json()); }

// Nanoseconds an event of a batch, for ReportRatio.
template <class F>
auto PerEvent(F run) {
  return [run]() mutable {
    constexpr int kRuns = 20;
    const double start = bench::detail::ThreadNs();
    for (int i = 0; i < kRuns; ++i) benchmark::DoNotOptimize(run());
    return (bench::detail::ThreadNs() - start) / (kRuns * static_cast<double>(kBatch));
  };
}

template <class F>
auto Repeated(F run) {
  return PerEvent([run]() mutable {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kBatch; ++i) sum += run();
    return sum;
  });
}

void JsonBatchDecode(benchmark::State& state, Validate validate) {
  const EncodedBytes json = *EncodeJsonBatch(std::vector(kBatch, Event()));
  JsonDecoder decoder;
  floors::Json floor;
  bench::ReportRatio(
      state, 2.0, PerEvent([&] {
        return decoder.DecodeBatch(AsText(json.bytes()), NameRule::kStrict, validate)->size();
      }),
      Repeated([&] { return floor.EventAttributes(floors::Event426Json()); }));
}
void JsonBatchDecodeValidated(benchmark::State& state) { JsonBatchDecode(state, Validate::kFull); }
void JsonBatchDecodeTrusted(benchmark::State& state) { JsonBatchDecode(state, Validate::kTrusted); }
VIRTUFIN_RATIO(JsonBatchDecodeValidated);
VIRTUFIN_RATIO(JsonBatchDecodeTrusted);

void JsonBatchEncode(benchmark::State& state) {
  const std::vector<CloudEvent> events(kBatch, Event());
  std::string out(1024, ' ');
  bench::ReportRatio(
      state, 0, PerEvent([&] { return EncodeJsonBatch(events)->size(); }),
      Repeated([&] { return floors::WriteEventJson(floors::Event426(), out.data()); }));
}
VIRTUFIN_RATIO(JsonBatchEncode);

void ProtobufEncode(benchmark::State& state) {
  const CloudEvent event = Event();
  std::vector<std::uint8_t> out(1024);
  bench::ReportRatio(
      state, 0, [&] { return EncodeProtobuf(event)->size(); },
      [&] { return floors::WriteEventProto(floors::Event426(), out.data()); });
}
VIRTUFIN_RATIO(ProtobufEncode);

void ProtobufDecode(benchmark::State& state, Validate validate) {
  const EncodedBytes bytes = *EncodeProtobuf(Event());
  std::vector<std::uint8_t> floor_bytes(1024);
  floor_bytes.resize(floors::WriteEventProto(floors::Event426(), floor_bytes.data()));
  bench::ReportRatio(
      state, 0, [&] { return DecodeProtobuf(bytes.bytes(), NameRule::kStrict, validate).ok(); },
      [&] { return floors::ReadEventProto(floor_bytes); });
}
void ProtobufDecodeValidated(benchmark::State& state) { ProtobufDecode(state, Validate::kFull); }
void ProtobufDecodeTrusted(benchmark::State& state) { ProtobufDecode(state, Validate::kTrusted); }
VIRTUFIN_RATIO(ProtobufDecodeValidated);
VIRTUFIN_RATIO(ProtobufDecodeTrusted);

void ProtobufBatchDecodeTrusted(benchmark::State& state) {
  const EncodedBytes bytes = *EncodeProtobufBatch(std::vector(kBatch, Event()));
  std::vector<std::uint8_t> floor_bytes(1024);
  floor_bytes.resize(floors::WriteEventProto(floors::Event426(), floor_bytes.data()));
  bench::ReportRatio(
      state, 0, PerEvent([&] {
        return DecodeProtobufBatch(bytes.bytes(), NameRule::kStrict, Validate::kTrusted)->size();
      }),
      Repeated([&] { return floors::ReadEventProto(floor_bytes); }));
}
VIRTUFIN_RATIO(ProtobufBatchDecodeTrusted);

void HttpBinaryEncode(benchmark::State& state) {
  const CloudEvent event = Event();
  std::string out(1024, ' ');
  bench::ReportRatio(
      state, 0, [&] { return EncodeHttpBinary(event)->fields().size(); },
      [&] { return floors::WriteEventHttp(floors::Event426(), out.data()); });
}
VIRTUFIN_RATIO(HttpBinaryEncode);

void HttpBinaryDecode(benchmark::State& state, Validate validate) {
  const HttpContent http = *EncodeHttpBinary(Event());
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const HttpField& field : http.fields()) pairs.emplace_back(field.name, field.value);
  HttpDecoder decoder;
  bench::ReportRatio(
      state, 0,
      [&] { return decoder.Decode(http.fields(), http.body(), NameRule::kStrict, validate).ok(); },
      [&] { return floors::ReadEventHttp(pairs, AsText(http.body())); });
}
void HttpBinaryDecodeValidated(benchmark::State& state) {
  HttpBinaryDecode(state, Validate::kFull);
}
void HttpBinaryDecodeTrusted(benchmark::State& state) {
  HttpBinaryDecode(state, Validate::kTrusted);
}
VIRTUFIN_RATIO(HttpBinaryDecodeValidated);
VIRTUFIN_RATIO(HttpBinaryDecodeTrusted);

}  // namespace
