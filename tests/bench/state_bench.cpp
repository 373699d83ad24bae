// State stores: SQLite against raw SQLite, the memory store, and the way of a worker's call.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/state/memory.hpp"
#ifdef BENCH_SQLITE
#include "virtufin/state/sqlite.hpp"
#endif

namespace {

using namespace virtufin;

constexpr std::string_view kService = "workmanager";

/// As records of workers: the key 54 bytes with its service, the value 500 bytes of JSON.
std::string Key(std::size_t i) {
  std::string number = std::to_string(i);
  return "workmanager.worker.00000000-0000-4000-" + std::string(12 - number.size(), '0') + number;
}
std::string Value() { return R"({"id":"1","text":")" + std::string(480, 'x') + "\"}"; }

std::vector<std::string> Keys(std::size_t count) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(Key(i));
  return keys;
}

#ifdef BENCH_SQLITE

/// Another value each time: SQLite writes nothing when it finds the same bytes.
const std::string& Changed(std::string& value, std::size_t i) {
  for (std::size_t at = 30; at < 38; ++at, i /= 10) value[at] = static_cast<char>('0' + i % 10);
  return value;
}

/// Both stores with a thousand records, in a folder of their own.
class Files {
 public:
  Files() : folder_(std::filesystem::temp_directory_path() / "virtufin-bench-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    ours = OpenSqliteStore({.path = folder_ + "/ours.db"}, WallClock()).value();
    floor = std::make_unique<floors::SqliteTable>(folder_ + "/floor.db");
    for (const std::string& key : keys) {
      if (!ours->Set(kService, key, value).ok()) std::abort();
      floor->Save("workmanager||" + key, value);
      joined.push_back("workmanager||" + key);
    }
    // The first read opens a connection and reads pages: no measure of how many reads fill a batch.
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!ours->Get(kService, keys[i]).ok() || floor->Get(joined[i]) != value) std::abort();
    }
  }
  ~Files() {
    ours.reset();
    floor.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::vector<std::string> keys = Keys(1000);
  std::vector<std::string> joined;
  std::string value = Value();
  std::unique_ptr<StateStore> ours;
  std::unique_ptr<floors::SqliteTable> floor;

 private:
  std::string folder_;
};

void SqliteSave(benchmark::State& state) {
  Files files;
  std::size_t ours = 0, theirs = 0;
  bench::ReportRatio(
      state, 1.3,
      [&] {
        const std::size_t i = ours++;
        return files.ours->Set(kService, files.keys[i * 7 % 1000], Changed(files.value, i)).ok();
      },
      [&] {
        const std::size_t i = theirs++;
        files.floor->Save(files.joined[i * 7 % 1000], Changed(files.value, i));
      },
      61, 20'000);
}
VIRTUFIN_RATIO(SqliteSave);

void SqliteGet(benchmark::State& state) {
  Files files;
  std::size_t ours = 0, theirs = 0;
  bench::ReportRatio(
      state, 1.3, [&] { return files.ours->Get(kService, files.keys[ours++ * 7 % 1000])->value; },
      [&] { return files.floor->Get(files.joined[theirs++ * 7 % 1000]); });
}
VIRTUFIN_RATIO(SqliteGet);

#endif

/// One store for all threads of a benchmark.
class SharedStore {
 public:
  explicit SharedStore(std::size_t records) : keys(Keys(records)) {
    for (const std::string& key : keys) (void)store->Set(kService, key, value);
  }
  const std::vector<std::string> keys;
  const std::string value = Value();
  std::unique_ptr<StateStore> store = MakeMemoryStore(WallClock(), {std::size_t{1} << 30});
};
SharedStore& Shared(std::int64_t records) {
  static SharedStore small(1000), large(100'000);
  return records == 1000 ? small : large;
}

void MemoryGet(benchmark::State& state) {
  SharedStore& shared = Shared(state.range(0));
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 499;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        shared.store->Get(kService, shared.keys[i++ * 7 % shared.keys.size()]));
  }
}
BENCHMARK(MemoryGet)->Arg(1000)->Arg(100'000);
BENCHMARK(MemoryGet)->Arg(1000)->Threads(2)->UseRealTime();

void MemorySet(benchmark::State& state) {
  SharedStore& shared = Shared(state.range(0));
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 499;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        shared.store->Set(kService, shared.keys[i++ * 7 % shared.keys.size()], shared.value));
  }
}
BENCHMARK(MemorySet)->Arg(1000)->Arg(100'000);
BENCHMARK(MemorySet)->Arg(1000)->Threads(2)->UseRealTime();

void MemoryQuery(benchmark::State& state) {
  SharedStore& shared = Shared(1000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        shared.store->Query(kService, R"({"filter":{"EQ":{"id":"1"}},"sort":[{"key":"text"}]})"));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(MemoryQuery);

/// Over `over_ns`: what the call takes beyond reading the request and writing the answer as JSON.
void GatewayCall(benchmark::State& state, const char* method, std::string_view request,
                 std::string_view answer) {
  auto platform = Platform::Create({}).value();
  const std::string value = R"({"bid":"100.50","ask":"100.60","last_update_id":160})";
  (void)platform->state().Set(kService, "act.exchange.binance.orderbook.BTCUSDT", value);
  const auto result = nlohmann::json::parse(answer);
  const bench::Ratio ratio = bench::ReportRatio(
      state, 0,
      [&] { return platform->gateway().Invoke("virtufin.State", method, request).value(); },
      [&] {
        benchmark::DoNotOptimize(nlohmann::json::parse(request));
        return result.dump();
      });
  state.counters["over_ns"] = ratio.ours_ns - ratio.floor_ns;
  state.counters["goal"] = 3000;
}

void GatewaySaveState(benchmark::State& state) {
  GatewayCall(state, "SaveState",
              R"({"service":"workmanager","key":"act.exchange.binance.orderbook.BTCUSDT",)"
              R"("value":"{\"bid\":\"100.50\",\"ask\":\"100.60\",\"last_update_id\":160}"})",
              R"({"status":{"success":true},"etag":"0123456789abc"})");
}
VIRTUFIN_RATIO(GatewaySaveState);

void GatewayGetState(benchmark::State& state) {
  GatewayCall(state, "GetState",
              R"({"service":"workmanager","key":"act.exchange.binance.orderbook.BTCUSDT"})",
              R"({"key":"act.exchange.binance.orderbook.BTCUSDT","etag":"0123456789abc",)"
              R"("value":"{\"bid\":\"100.50\",\"ask\":\"100.60\",\"last_update_id\":160}"})");
}
VIRTUFIN_RATIO(GatewayGetState);

}  // namespace
