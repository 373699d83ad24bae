// Every floor by itself: the table to hold against the paths' ratios.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"

namespace {

template <class F>
void Time(benchmark::State& state, F&& run) {
  if (run() == 0) return state.SkipWithError("the floor failed on its own input");
  for (auto _ : state) benchmark::DoNotOptimize(run());
}

void WireEncode(benchmark::State& state) {
  floors::Wire wire;
  Time(state, [&] { return wire.EncodeEvent(floors::EventWith500Bytes()).size(); });
}
BENCHMARK(WireEncode);

void WireVerifyRead(benchmark::State& state) {
  floors::Wire wire;
  const auto bytes = wire.EncodeEvent(floors::EventWith500Bytes());
  Time(state, [&] { return floors::Wire::ReadEvent(bytes); });
}
BENCHMARK(WireVerifyRead);

void ResponseEncode(benchmark::State& state) {
  floors::Wire wire;
  Time(state, [&] { return wire.EncodeResponse(floors::EventWith500Bytes()).size(); });
}
BENCHMARK(ResponseEncode);

void ResponseVerifyRead(benchmark::State& state) {
  floors::Wire wire;
  const auto bytes = wire.EncodeResponse(floors::EventWith500Bytes());
  Time(state, [&] { return floors::Wire::ReadResponse(bytes); });
}
BENCHMARK(ResponseVerifyRead);

void LibraryCallAndFree(benchmark::State& state) {
  floors::Wire wire;
  floors::Library library;
  const auto bytes = wire.EncodeEvent(floors::EventWith500Bytes());
  Time(state, [&] { return library.CallAndFree(bytes); });
}
BENCHMARK(LibraryCallAndFree);

void WorkerRoundTrip(benchmark::State& state) {
  floors::WorkerRoundTrip worker;
  Time(state, [&] { return worker.Run(floors::EventWith500Bytes()); });
}
BENCHMARK(WorkerRoundTrip);

using JsonRead = std::uint64_t (floors::Json::*)(std::string_view);

void Json(benchmark::State& state, JsonRead read, std::string_view frame) {
  floors::Json json;
  Time(state, [&] { return (json.*read)(frame); });
}
BENCHMARK_CAPTURE(Json, book_ticker_fields, &floors::Json::BookTickerFields,
                  floors::SpotBookTickerFrame());
BENCHMARK_CAPTURE(Json, book_ticker_strings, &floors::Json::BookTickerStrings,
                  floors::SpotBookTickerFrame());
BENCHMARK_CAPTURE(Json, book_ticker_decimals, &floors::Json::BookTickerDecimals,
                  floors::SpotBookTickerFrame());
BENCHMARK_CAPTURE(Json, event_decode, &floors::Json::EventAttributes, floors::Event426Json());

using DepthRead = std::uint64_t (floors::Json::*)(std::string_view, bool);

void Depth(benchmark::State& state, DepthRead read) {
  floors::Json json;
  const bool usd_m = state.range(0) != 0;
  const auto frame = usd_m ? floors::FuturesDepthFrame() : floors::SpotDepthFrame();
  Time(state, [&] { return (json.*read)(frame, usd_m); });
}
BENCHMARK_CAPTURE(Depth, fields, &floors::Json::DepthFields)->ArgName("usd_m")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(Depth, strings, &floors::Json::DepthStrings)->ArgName("usd_m")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(Depth, decimals, &floors::Json::DepthDecimals)->ArgName("usd_m")->Arg(0)->Arg(1);

void EventJsonWrite(benchmark::State& state) {
  std::string out(1024, ' ');
  if (floors::WriteEventJson(floors::Event426(), out.data()) != floors::Event426Json().size()) {
    return state.SkipWithError("the text written is not the sample's length");
  }
  Time(state, [&] { return floors::WriteEventJson(floors::Event426(), out.data()); });
}
BENCHMARK(EventJsonWrite);

void DocumentParse(benchmark::State& state) {
  Time(state, [] { return floors::DocumentParse(floors::DepthMessage1k()); });
}
BENCHMARK(DocumentParse);

void DocumentParseAndDump(benchmark::State& state) {
  Time(state, [] { return floors::DocumentParseAndDump(floors::DepthMessage1k()); });
}
BENCHMARK(DocumentParseAndDump);

void BuildBlock(benchmark::State& state) {
  Time(state, [] { return floors::BuildBlock(floors::Event426()); });
}
BENCHMARK(BuildBlock);

void BuildBlockWithText(benchmark::State& state) {
  const std::uint8_t uuid[16] = {0x7d, 0x3f, 0x1c, 0x52, 0x9b, 0x0e, 0x4a, 0x6d,
                                 0x8f, 0x21, 0x0c, 0x5a, 0xd1, 0xe7, 0xb3, 0x42};
  std::int64_t ms = 1'772'600'767'089;
  Time(state, [&] { return floors::BuildBlockWithText(floors::Event426(), uuid, ms++); });
}
BENCHMARK(BuildBlockWithText);

void LevelApply(benchmark::State& state) {
  floors::Levels levels;
  for (auto _ : state) levels.ApplyNext();
}
BENCHMARK(LevelApply);

template <class F>
void Threads(benchmark::State& state, F&& ns) {
  for (auto _ : state) state.SetIterationTime(ns() * 1e-9);
}

void WakeSleeper(benchmark::State& state) {
  floors::Wake wake;
  Threads(state, [&] { return wake.OnceNs(); });
}
BENCHMARK(WakeSleeper)->UseManualTime()->Iterations(500);

void SpinHandover(benchmark::State& state) {
  Threads(state, [] { return floors::SpinHandoverNs(100'000); });
}
BENCHMARK(SpinHandover)->UseManualTime()->Iterations(10);

void BatchQueue(benchmark::State& state) {
  Threads(state, [] { return floors::BatchQueueNs(500'000); });
}
BENCHMARK(BatchQueue)->UseManualTime()->Iterations(10);

/// The method on itself: a floor against the same floor must come out as 1.
void SameAgainstSame(benchmark::State& state) {
  floors::Wire wire;
  const auto run = [&] { return wire.EncodeEvent(floors::EventWith500Bytes()).size(); };
  bench::ReportRatio(state, 1.0, run, run);
}
VIRTUFIN_RATIO(SameAgainstSame);

}  // namespace
