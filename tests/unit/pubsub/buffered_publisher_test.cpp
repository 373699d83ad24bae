// The buffered publisher over a connection that is cut, comes back and loses answers.
#include "virtufin/pubsub/buffered_publisher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

/// A way to a broker that can be cut.
class Connection final : public PubSub {
 public:
  enum State { kUp, kDown, kAnswersLost, kRefuses, kThrows };
  explicit Connection(PubSub& broker) : broker_(broker) {}
  void Set(State state) { state_ = state; }

  Status Publish(const Message& message) override {
    const State state = state_;
    const Status gone(StatusCode::kUnavailable, "test", "the connection is cut");
    if (state == kDown) return gone;
    if (state == kThrows) throw std::runtime_error("a driver that throws");
    if (state == kRefuses) return Status(StatusCode::kPermissionDenied, "test", "not this one");
    const Status status = broker_.Publish(message);
    return state == kAnswersLost ? gone : status;
  }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return broker_.Subscribe(topics, options, std::move(handler));
  }

 private:
  PubSub& broker_;
  std::atomic<State> state_{kUp};
};

struct Line {
  Line() { subscription = bus.Subscribe("a", Queue(1 << 16), inbox.Handler()); }
  Status Publish(BufferedPublisher& publisher, std::uint64_t number) {
    return publisher.Publish(Numbered("a", number));
  }
  ManualBus bus;
  Connection connection{*bus.broker};
  Inbox inbox;
  Subscription subscription;
};

BufferedPublisherOptions Capacity(std::size_t capacity) {
  BufferedPublisherOptions options;
  options.capacity = capacity;
  return options;
}

/// The first of each, in order.
std::vector<std::uint64_t> WithoutDoubles(const std::vector<std::uint64_t>& numbers) {
  std::vector<std::uint64_t> first;
  for (const std::uint64_t number : numbers) {
    if (std::find(first.begin(), first.end(), number) == first.end()) first.push_back(number);
  }
  return first;
}

// Pins PS-30.
TEST_CASE("events of a cut connection go out in order, and before later ones, when it is back") {
  Line line;
  BufferedPublisher publisher(line.connection, line.bus.runtime);
  CHECK(line.Publish(publisher, 1).ok());
  line.connection.Set(Connection::kDown);
  for (std::uint64_t i = 2; i <= 20; ++i) CHECK(line.Publish(publisher, i).ok());
  line.bus.Advance(std::chrono::minutes(1));
  CHECK(line.inbox.numbers() == Range(1, 1));
  CHECK(publisher.counters().waiting == 19);
  line.connection.Set(Connection::kUp);
  CHECK(line.Publish(publisher, 21).ok());  // behind those that wait
  CHECK(line.inbox.size() == 1);
  line.bus.Advance(std::chrono::seconds(5));
  line.inbox.Await(21);
  CHECK(line.Publish(publisher, 22).ok());
  line.inbox.Await(22);
  CHECK(line.inbox.numbers() == Range(1, 22));
  CHECK(publisher.counters().waiting == 0);
}

// Pins PS-30.
TEST_CASE("a full buffer refuses the event, keeps the others and has room again afterwards") {
  Line line;
  BufferedPublisher publisher(line.connection, line.bus.runtime, Capacity(3));
  line.connection.Set(Connection::kDown);
  for (std::uint64_t i = 1; i <= 3; ++i) CHECK(line.Publish(publisher, i).ok());
  for (std::uint64_t i = 4; i <= 5; ++i) {
    const Status status = line.Publish(publisher, i);
    CHECK(status.code() == StatusCode::kResourceExhausted);
    CHECK(status.message().find("found 3 events waiting") != std::string_view::npos);
    CHECK(BufferedPublisher::Refused(status));
  }
  CHECK(publisher.counters().refused == 2);
  line.connection.Set(Connection::kUp);
  publisher.Retry();
  line.inbox.Await(3);
  line.bus.Settle();
  CHECK(line.Publish(publisher, 6).ok());
  line.inbox.Await(4);
  CHECK(line.inbox.numbers() == std::vector<std::uint64_t>{1, 2, 3, 6});
}

// Pins PS-30.
TEST_CASE("a thousand events wait by default") {
  Line line;
  BufferedPublisher publisher(line.connection, line.bus.runtime);
  line.connection.Set(Connection::kDown);
  std::uint64_t kept = 0;
  while (line.Publish(publisher, kept + 1).ok()) ++kept;
  CHECK(kept == 1000);
}

// Pins PS-31.
TEST_CASE("each fate is told once, in order, with the port's own answer") {
  Line line;
  SubscribeOptions narrow = Queue(1, Overflow::kBlock, 0);
  Turnstile turnstile;
  Inbox slow;
  std::vector<std::pair<std::uint64_t, StatusCode>> fates;
  std::mutex mutex;
  {
    BufferedPublisher publisher(line.connection, line.bus.runtime, Capacity(2));
    const auto publish = [&](std::string_view topic, std::uint64_t number) {
      publisher.Publish(Numbered(topic, number), [&, number](const Status& status) {
        CHECK(CurrentThreadKind() == ThreadKind::kCallback);
        std::lock_guard lock(mutex);
        fates.emplace_back(number, status.code());
      });
    };
    auto lagging = line.bus.Subscribe("b", narrow, slow.HandlerBehind(turnstile));
    publish("b", 1);
    turnstile.AwaitArrivals(1);
    publish("b", 2);
    publish("b", 3);  // lags: the broker has accepted it all the same, no retry
    turnstile.Open();
    line.connection.Set(Connection::kDown);
    publish("a", 4);
    publish("a", 5);
    publish("a", 6);  // no room
    line.connection.Set(Connection::kUp);
    publisher.Retry();
    line.inbox.Await(2);
    line.bus.Settle();
    line.connection.Set(Connection::kDown);
    publish("a", 7);
  }
  using S = StatusCode;
  CHECK(fates == std::vector<std::pair<std::uint64_t, S>>{{1, S::kOk},
                                                          {2, S::kOk},
                                                          {3, S::kResourceExhausted},
                                                          {6, S::kResourceExhausted},
                                                          {4, S::kOk},
                                                          {5, S::kOk},
                                                          {7, S::kUnavailable}});
  CHECK(line.bus.log.Has("1 events that waited for the broker are given up"));
}

// Pins PS-31.
TEST_CASE("an event that waited and is refused then is counted and logged") {
  Line line;
  BufferedPublisher publisher(line.connection, line.bus.runtime);
  line.connection.Set(Connection::kDown);
  CHECK(line.Publish(publisher, 1).ok());
  line.connection.Set(Connection::kRefuses);
  publisher.Retry();
  line.bus.Settle();
  CHECK(publisher.counters().failed == 1);
  CHECK(publisher.counters().waiting == 0);
  CHECK(line.bus.log.Has("event 1 on a, which waited for the broker: PERMISSION_DENIED"));
}

// Pins PS-31.
TEST_CASE("a port that throws costs the event that it was given, and nothing else") {
  Line line;
  std::vector<StatusCode> fates;
  std::mutex mutex;
  const auto fate = [&](const Status& status) {
    const std::lock_guard lock(mutex);
    fates.push_back(status.code());
  };
  {
    BufferedPublisher publisher(line.connection, line.bus.runtime);
    line.connection.Set(Connection::kThrows);
    CHECK(line.Publish(publisher, 1).code() == StatusCode::kInternal);
    line.connection.Set(Connection::kDown);
    publisher.Publish(Numbered("a", 2), fate);
    line.connection.Set(Connection::kThrows);
    publisher.Retry();
    line.bus.Settle();
    CHECK(publisher.counters().failed == 1);
    line.connection.Set(Connection::kUp);
    publisher.Publish(Numbered("a", 3), fate);
    line.inbox.Await(1);
    line.connection.Set(Connection::kDown);
    publisher.Publish(Numbered("a", 4), fate);
  }
  using S = StatusCode;
  CHECK(fates == std::vector<S>{S::kInternal, S::kOk, S::kUnavailable});
  CHECK(line.inbox.numbers() == std::vector<std::uint64_t>{3});
}

TEST_CASE("a publisher may be destroyed by a fate that it tells") {
  Line line;
  auto publisher = std::make_unique<BufferedPublisher>(line.connection, line.bus.runtime);
  line.connection.Set(Connection::kDown);
  Signal first;
  Signal second;
  publisher->Publish(Numbered("a", 1), [&](const Status&) {
    publisher.reset();
    first.Set();
  });
  publisher->Publish(Numbered("a", 2), [&](const Status& status) {
    CHECK(status.code() == StatusCode::kUnavailable);
    second.Set();
  });
  line.connection.Set(Connection::kUp);
  publisher->Retry();
  first.Wait();
  second.Wait();
}

// Pins PS-31, PS-32.
TEST_CASE("whatever the connection does, accepted events arrive in order and at least once") {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Line line;
    std::vector<std::uint64_t> accepted;
    std::map<std::uint64_t, std::vector<StatusCode>> fates;
    std::size_t asked = 0;
    std::mutex mutex;
    BufferedPublisher publisher(line.connection, line.bus.runtime, Capacity(1 + random() % 40));
    for (std::uint64_t number = 1; number <= 300; ++number) {
      if (random() % 7 == 0) line.connection.Set(Connection::State(random() % 3));
      if (random() % 9 == 0) line.bus.Advance(std::chrono::milliseconds(random() % 3000));
      if (random() % 23 == 0) publisher.Retry();
      if (random() % 2 == 0) {
        if (line.Publish(publisher, number).ok()) accepted.push_back(number);
        continue;
      }
      publisher.Publish(Numbered("a", number), [&, number](const Status& status) {
        std::lock_guard lock(mutex);
        fates[number].push_back(status.code());
      });
      ++asked;
    }
    line.connection.Set(Connection::kUp);
    line.bus.Advance(std::chrono::seconds(10));
    line.bus.Settle();
    CHECK(publisher.counters().waiting == 0);
    while (line.subscription.counters().queued > 0) std::this_thread::yield();
    line.bus.Settle();
    CHECK(fates.size() == asked);
    for (const auto& [number, told] : fates) {
      CHECK(told.size() == 1);
      if (told.front() == StatusCode::kOk) accepted.push_back(number);
    }
    std::sort(accepted.begin(), accepted.end());
    // A refused event whose answer was lost may have arrived: it is no part of the promise.
    std::vector<std::uint64_t> arrived = WithoutDoubles(line.inbox.numbers());
    std::erase_if(arrived, [&](std::uint64_t number) {
      return !std::binary_search(accepted.begin(), accepted.end(), number);
    });
    CHECK(arrived == accepted);
  }
}

// Pins PS-31, PS-32.
TEST_CASE(
    "threads that publish over a flapping connection keep their order and get each fate once") {
  constexpr std::uint64_t kThreads = 3;
  constexpr std::uint64_t kEach = 400;
  Bus bus;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(1 << 16), inbox.Handler());
  Connection connection(*bus.broker);
  std::vector<std::atomic<int>> told(kThreads * kEach);
  BufferedPublisherOptions options = Capacity(kThreads * kEach);
  options.backoff = {1, 2};
  {
    BufferedPublisher publisher(connection, bus.runtime, options);
    std::atomic<bool> stop{false};
    std::thread flapping([&] {
      std::mt19937 random(3);
      while (!stop.load()) {
        connection.Set(random() % 2 == 0 ? Connection::kUp : Connection::kDown);
        publisher.Retry();
        std::this_thread::yield();
      }
      connection.Set(Connection::kUp);
    });
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < kEach; ++i) {
          const std::uint64_t number = t * kEach + i;
          publisher.Publish(Numbered("a", number), [&told, number](const Status& status) {
            if (status.ok()) ++told[number];
          });
        }
      });
    }
    for (auto& thread : threads) thread.join();
    stop = true;
    flapping.join();
    inbox.Await(kThreads * kEach);
  }
  std::vector<std::uint64_t> next(kThreads, 0);
  int unordered = 0;
  for (const std::uint64_t number : inbox.numbers()) {
    if (number % kEach != next[number / kEach]++) ++unordered;
  }
  CHECK(unordered == 0);
  CHECK(inbox.size() == kThreads * kEach);
  int wrong = 0;
  for (const auto& count : told) wrong += count != 1;
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace virtufin::test
