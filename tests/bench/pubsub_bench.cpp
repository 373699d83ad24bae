// The in-process broker: inline and across threads, and how its cost grows.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace {

using namespace virtufin;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Message Ready(std::string_view topic) {
  CloudEvent::Builder builder;
  builder.Source("urn:com.virtufin:exchange:binance")
      .Type("com.virtufin.exchange.binance.quote.updated")
      .JsonData(R"({"bid":"100.50","bid_qty":"2.1","ask":"100.60","ask_qty":"1.7"})");
  return Message(topic, builder.Build().value());
}

struct Bus {
  explicit Bus(std::int64_t spin_us = 0)
      : executor(Options(spin_us), WallClock(), NullLog()),
        broker(Runtime{executor, WallClock(), NullLog()}) {
    if (!executor.Start().ok()) std::abort();
  }
  static ExecutorOptions Options(std::int64_t spin_us) {
    ExecutorOptions options;
    options.threads = 1;
    options.spin_us = spin_us;
    return options;
  }

  Executor executor;
  InprocBroker broker;
};

SubscribeOptions Inline() {
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  return options;
}

// The "floor" of the first is the goal itself: 100 ns.
void PublishInline(benchmark::State& state) {
  Bus bus;
  std::uint64_t count = 0;
  auto subscription = bus.broker.Subscribe("act.exchange.binance.quote.update.BTCUSDT", Inline(),
                                           [&](const Message&, const DeliveryInfo&) {
                                             ++count;
                                             return Delivery::kSuccess;
                                           });
  const Message message = Ready("act.exchange.binance.quote.update.BTCUSDT");
  bench::ReportRatio(
      state, 1.0, [&] { return bus.broker.Publish(message).ok(); }, [] { return 100.0; });
}
VIRTUFIN_RATIO(PublishInline);

/// From Publish to the handler on another thread, for one event at a time.
class OneWay {
 public:
  explicit OneWay(std::int64_t spin_us) : bus_(spin_us) {
    subscription_ = bus_.broker
                        .Subscribe("a", {},
                                   [this](const Message&, const DeliveryInfo&) {
                                     ran_at_.store(NowNs(), std::memory_order_release);
                                     return Delivery::kSuccess;
                                   })
                        .value();
  }
  double OnceNs() {
    ran_at_.store(0, std::memory_order_relaxed);
    const std::int64_t start = NowNs();
    (void)bus_.broker.Publish(message_);
    std::int64_t ran = 0;
    while ((ran = ran_at_.load(std::memory_order_acquire)) == 0) std::this_thread::yield();
    return static_cast<double>(ran - start);
  }

 private:
  Bus bus_;
  const Message message_ = Ready("a");
  std::atomic<std::int64_t> ran_at_{0};
  Subscription subscription_;
};

void WakeSleepingConsumer(benchmark::State& state) {
  OneWay ours(0);
  floors::Wake floor;
  bench::ReportRatio(
      state, 1.5,
      [&] {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        return ours.OnceNs();
      },
      [&] { return floor.OnceNs(); }, 2001);
}
VIRTUFIN_RATIO(WakeSleepingConsumer);

// At a million events a second into a spinning consumer; the "floor" is the goal, 1 us at p50.
void SpinningConsumer(benchmark::State& state) {
  constexpr std::size_t kEvents = 20'000;
  Bus bus(1'000);
  std::vector<std::int64_t> sent(kEvents);
  std::vector<std::int64_t> latency(kEvents);
  std::atomic<std::size_t> handled{0};
  auto subscription = bus.broker.Subscribe("a", {}, [&](const Message&, const DeliveryInfo&) {
    const std::size_t at = handled.load(std::memory_order_relaxed);
    latency[at] = NowNs() - sent[at];
    handled.store(at + 1, std::memory_order_release);
    return Delivery::kSuccess;
  });
  const Message message = Ready("a");
  bench::ReportRatio(
      state, 1.0,
      [&] {
        handled.store(0, std::memory_order_relaxed);
        const std::int64_t start = NowNs();
        for (std::size_t i = 0; i < kEvents; ++i) {
          while (NowNs() < start + static_cast<std::int64_t>(i) * 1'000) {
          }
          sent[i] = NowNs();
          (void)bus.broker.Publish(message);
        }
        while (handled.load(std::memory_order_acquire) < kEvents) std::this_thread::yield();
        std::nth_element(latency.begin(), latency.begin() + kEvents / 2, latency.end());
        return static_cast<double>(latency[kEvents / 2]);
      },
      [] { return 1'000.0; }, 21);
}
VIRTUFIN_RATIO(SpinningConsumer);

// 0.6 times the floor's throughput is 1.67 times its time.
void Throughput(benchmark::State& state, const std::vector<Message>& messages) {
  constexpr std::uint64_t kEvents = 200'000;
  Bus bus;
  std::atomic<std::uint64_t> handled{0};
  auto subscription = bus.broker.Subscribe("a", {}, [&](const Message&, const DeliveryInfo&) {
    handled.store(handled.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return Delivery::kSuccess;
  });
  bench::ReportRatio(
      state, 1 / 0.6,
      [&] {
        handled = 0;
        const std::int64_t start = NowNs();
        for (std::uint64_t i = 0; i < kEvents; ++i) {
          (void)bus.broker.Publish(messages[i % messages.size()]);
        }
        while (handled.load(std::memory_order_acquire) < kEvents) std::this_thread::yield();
        return static_cast<double>(NowNs() - start) / static_cast<double>(kEvents);
      },
      [] { return floors::BatchQueueNs(kEvents); }, 41);
}

// Every event is another one, as publishers make them.
void OneToOneThroughput(benchmark::State& state) {
  std::vector<Message> messages;
  for (int i = 0; i < 4096; ++i) messages.push_back(Ready("a"));
  Throughput(state, messages);
}
VIRTUFIN_RATIO(OneToOneThroughput);

// One message again and again, as the floor does with its handle: both threads count on one line.
void OneToOneThroughputSameMessage(benchmark::State& state) { Throughput(state, {Ready("a")}); }
VIRTUFIN_RATIO(OneToOneThroughputSameMessage);

void InlineSubscribers(benchmark::State& state) {
  Bus bus;
  std::uint64_t count = 0;
  std::vector<Subscription> subscriptions;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    subscriptions.push_back(bus.broker
                                .Subscribe("a", Inline(),
                                           [&](const Message&, const DeliveryInfo&) {
                                             ++count;
                                             return Delivery::kSuccess;
                                           })
                                .value());
  }
  const Message message = Ready("a");
  for (auto _ : state) (void)bus.broker.Publish(message);
  bench::ReportPerItem(state, static_cast<double>(state.iterations() * state.range(0)));
}
BENCHMARK(InlineSubscribers)->RangeMultiplier(10)->Range(1, 1000);

// Time per event and subscription, until the last handler ran.
void QueuedSubscribers(benchmark::State& state) {
  Bus bus;
  std::atomic<std::int64_t> handled{0};
  std::vector<Subscription> subscriptions;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    subscriptions.push_back(bus.broker
                                .Subscribe("a", {},
                                           [&](const Message&, const DeliveryInfo&) {
                                             handled.fetch_add(1, std::memory_order_relaxed);
                                             return Delivery::kSuccess;
                                           })
                                .value());
  }
  const Message message = Ready("a");
  constexpr int kBurst = 64;
  std::int64_t sent = 0;
  for (auto _ : state) {
    for (int i = 0; i < kBurst; ++i) (void)bus.broker.Publish(message);
    sent += kBurst * state.range(0);
    while (handled.load(std::memory_order_relaxed) < sent) std::this_thread::yield();
  }
  bench::ReportPerItem(state, static_cast<double>(sent));
}
BENCHMARK(QueuedSubscribers)->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();

// Each event goes to another topic than the one before, in an order that no prefetcher knows. The
// floor grows too: what lies outside the caches costs it the same misses.
void Topics(benchmark::State& state) {
  Bus bus;
  std::uint64_t count = 0;
  std::vector<Subscription> subscriptions;
  std::vector<std::string> topics;
  std::vector<Message> messages;
  const CloudEvent event = Ready("a").event();
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    // Steps of a prime, so that neighbours in memory are not neighbours here.
    const std::string& topic = topics.emplace_back(
        "act.exchange.binance.quote.update." + std::to_string(i * 7919 % state.range(0)) + "USDT");
    subscriptions.push_back(bus.broker
                                .Subscribe(topic, Inline(),
                                           [&](const Message&, const DeliveryInfo&) {
                                             ++count;
                                             return Delivery::kSuccess;
                                           })
                                .value());
    messages.push_back(Message(topic, event));
  }
  std::shuffle(messages.begin(), messages.end(), std::mt19937(7));
  floors::TopicMap floor(topics);
  std::size_t next = 0;
  const bench::Ratio result = bench::ReportRatio(
      state, 0,
      [&] {
        (void)bus.broker.Publish(messages[next]);
        if (++next == messages.size()) next = 0;
      },
      [&] { floor.PublishNext(); });
  state.counters["per_item_ns"] = result.ours_ns;
}
VIRTUFIN_RATIO(Topics)->RangeMultiplier(10)->Range(1, 10'000);

// One topic among patterns of which none but one matches: what cannot match must cost nothing.
void Patterns(benchmark::State& state) {
  Bus bus;
  std::uint64_t count = 0;
  std::vector<Subscription> subscriptions;
  SubscribeOptions options = Inline();
  options.patterns = true;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const std::string pattern = "act.exchange.venue" + std::to_string(i) + ".>";
    subscriptions.push_back(bus.broker
                                .Subscribe(pattern, options,
                                           [&](const Message&, const DeliveryInfo&) {
                                             ++count;
                                             return Delivery::kSuccess;
                                           })
                                .value());
  }
  const Message message = Ready("act.exchange.venue0.quote.update.BTCUSDT");
  for (auto _ : state) (void)bus.broker.Publish(message);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Patterns)->RangeMultiplier(10)->Range(1, 10'000);

// Time per event of a group, until the last was handled; members do next to nothing.
void GroupMembers(benchmark::State& state) {
  Bus bus;
  std::atomic<std::int64_t> handled{0};
  std::vector<Subscription> subscriptions;
  SubscribeOptions options;
  options.group = "g";
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    subscriptions.push_back(bus.broker
                                .Subscribe("a", options,
                                           [&](const Message&, const DeliveryInfo&) {
                                             handled.fetch_add(1, std::memory_order_relaxed);
                                             return Delivery::kSuccess;
                                           })
                                .value());
  }
  const Message message = Ready("a");
  constexpr int kBurst = 256;
  std::int64_t sent = 0;
  for (auto _ : state) {
    for (int i = 0; i < kBurst; ++i) (void)bus.broker.Publish(message);
    sent += kBurst;
    while (handled.load(std::memory_order_relaxed) < sent) std::this_thread::yield();
  }
  state.SetItemsProcessed(sent);
}
BENCHMARK(GroupMembers)->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();

enum class Neighbour { kGood, kSlow, kStuck, kThrowing };

/// A well-behaved subscription beside another one of the same topic, on two executor threads.
class Beside {
 public:
  explicit Beside(Neighbour neighbour)
      : executor_({.threads = 2}, WallClock(), NullLog()),
        broker_(Runtime{executor_, WallClock(), NullLog()}),
        sent_(kEvents),
        latency_(kEvents) {
    if (!executor_.Start().ok()) std::abort();
    SubscribeOptions options;
    options.overflow = Overflow::kDropOldest;
    options.retry.retries = 0;
    neighbour_ = broker_
                     .Subscribe("a", options,
                                [this, neighbour](const Message&, const DeliveryInfo&) {
                                  return Misbehave(neighbour);
                                })
                     .value();
    good_ = broker_
                .Subscribe("a", {},
                           [this](const Message&, const DeliveryInfo&) {
                             const std::size_t at = handled_.load(std::memory_order_relaxed);
                             latency_[at] = NowNs() - sent_[at];
                             handled_.store(at + 1, std::memory_order_release);
                             return Delivery::kSuccess;
                           })
                .value();
  }
  ~Beside() {
    leave_ = true;
    good_.Unsubscribe();
    neighbour_.Unsubscribe();
  }
  /// An event every 50 us; p99 from Publish to the good one's handler.
  double P99Ns() {
    handled_.store(0, std::memory_order_relaxed);
    for (std::size_t i = 0; i < kEvents; ++i) {
      sent_[i] = NowNs();
      (void)broker_.Publish(message_);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    while (handled_.load(std::memory_order_acquire) < kEvents) std::this_thread::yield();
    std::sort(latency_.begin(), latency_.end());
    return static_cast<double>(latency_[kEvents * 99 / 100]);
  }

 private:
  static constexpr std::size_t kEvents = 1'000;

  Delivery Misbehave(Neighbour neighbour) {
    if (neighbour == Neighbour::kThrowing) throw 1;
    if (neighbour == Neighbour::kSlow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    while (neighbour == Neighbour::kStuck && !leave_.load()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Delivery::kSuccess;
  }

  Executor executor_;
  InprocBroker broker_;
  const Message message_ = Ready("a");
  std::vector<std::int64_t> sent_, latency_;
  std::atomic<std::size_t> handled_{0};
  std::atomic<bool> leave_{false};
  Subscription neighbour_, good_;
};

// The "floor" is the quiet value: p99 beside a neighbour that behaves well, in turns with it.
void BesideNeighbour(benchmark::State& state, Neighbour neighbour) {
  Beside bad(neighbour);
  Beside quiet(Neighbour::kGood);
  bench::ReportRatio(
      state, 2.0, [&] { return bad.P99Ns(); }, [&] { return quiet.P99Ns(); }, 21);
}
BENCHMARK_CAPTURE(BesideNeighbour, slow, Neighbour::kSlow)->Iterations(1)->UseManualTime();
BENCHMARK_CAPTURE(BesideNeighbour, stuck, Neighbour::kStuck)->Iterations(1)->UseManualTime();
BENCHMARK_CAPTURE(BesideNeighbour, throwing, Neighbour::kThrowing)->Iterations(1)->UseManualTime();

}  // namespace
