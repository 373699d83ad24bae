// Core's values against their floors: ids, times and decimals.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/core/decimal.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid.hpp"

namespace {

using virtufin::Decimal;
using virtufin::Timestamp;
using virtufin::Uuid;

// Prices and quantities as venues write them.
constexpr std::array<std::string_view, 8> kTexts = {"0.35130000",    "6195.00000000",  "0.34750000",
                                                    "5548.00000000", "57396.51000000", "1.02500000",
                                                    "0.00001234",    "184.27000000"};

void DecimalTryParse(benchmark::State& state) {
  std::size_t ours = 0, theirs = 0;
  bench::ReportRatio(
      state, 0,
      [&] {
        Decimal number;
        Decimal::TryParse(kTexts[ours++ % kTexts.size()], number);
        return number.coefficient() + number.scale();
      },
      [&] {
        floors::Fixed number{};
        floors::ParseFixed(kTexts[theirs++ % kTexts.size()], number);
        return number.coefficient + number.scale;
      });
}
VIRTUFIN_RATIO(DecimalTryParse);

void DecimalParse(benchmark::State& state) {
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(*Decimal::Parse(kTexts[next++ % kTexts.size()]));
}
BENCHMARK(DecimalParse);

void DecimalFormat(benchmark::State& state) {
  std::array<Decimal, kTexts.size()> numbers;
  for (std::size_t i = 0; i < kTexts.size(); ++i) numbers[i] = *Decimal::Parse(kTexts[i]);
  char out[Decimal::kMaxTextBytes];
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(numbers[next++ % kTexts.size()].Format(out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(DecimalFormat);

void DecimalCompareScales(benchmark::State& state) {
  std::array<Decimal, kTexts.size()> numbers;
  for (std::size_t i = 0; i < kTexts.size(); ++i) numbers[i] = *Decimal::Parse(kTexts[i]);
  std::size_t next = 0;
  for (auto _ : state) {
    ++next;
    benchmark::DoNotOptimize(numbers[next % kTexts.size()] < numbers[(next + 1) % kTexts.size()]);
  }
}
BENCHMARK(DecimalCompareScales);

void DecimalMid(benchmark::State& state) {
  Decimal bid = *Decimal::Parse("0.35170000"), ask = *Decimal::Parse("0.35290000");
  for (auto _ : state) {
    benchmark::DoNotOptimize(bid);
    benchmark::DoNotOptimize(ask);
    benchmark::DoNotOptimize(*Half(*Add(bid, ask)));
  }
}
BENCHMARK(DecimalMid);

void TimestampFormatMillis(benchmark::State& state) {
  char out[Timestamp::kMaxTextBytes];
  std::int64_t ms = 1'633'998'512'068;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Timestamp::FromUnixMillis(ms += 7919).Format(out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(TimestampFormatMillis);

void TimestampFormatNanos(benchmark::State& state) {
  char out[Timestamp::kMaxTextBytes];
  std::int64_t ns = 1'633'998'512'068'123'456;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Timestamp::FromUnixNanos(ns += 7'919'000'001).Format(out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(TimestampFormatNanos);

void TimestampTryParse(benchmark::State& state) {
  const std::array<std::string, 2> texts = {"2021-10-12T00:28:32.068Z",
                                            "2021-10-12T00:28:32.068123456Z"};
  std::size_t next = 0;
  for (auto _ : state) {
    Timestamp time;
    benchmark::DoNotOptimize(Timestamp::TryParse(texts[next++ % 2], time));
    benchmark::DoNotOptimize(time);
  }
}
BENCHMARK(TimestampTryParse);

void WallClockNow(benchmark::State& state) {
  const auto& clock = virtufin::WallClock();
  for (auto _ : state) benchmark::DoNotOptimize(clock.Now());
}
BENCHMARK(WallClockNow);

void UuidV4(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Uuid::V4());
}
BENCHMARK(UuidV4);

void UuidFormat(benchmark::State& state) {
  char out[Uuid::kTextBytes];
  Uuid uuid = Uuid::V4();
  for (auto _ : state) {
    benchmark::DoNotOptimize(uuid);
    uuid.Format(out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(UuidFormat);

void UuidTryParse(benchmark::State& state) {
  const std::string text = Uuid::V4().ToString();
  for (auto _ : state) {
    Uuid uuid;
    benchmark::DoNotOptimize(Uuid::TryParse(text, uuid));
    benchmark::DoNotOptimize(uuid);
  }
}
BENCHMARK(UuidTryParse);

}  // namespace
