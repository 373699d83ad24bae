// The paths that every event takes allocate nothing once they are warm.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};       // of all threads
thread_local std::uint64_t own_allocations = 0;  // of this one

void* Allocate(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  ++own_allocations;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const made = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
}  // namespace

void* operator new(std::size_t bytes) { return Allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return Allocate(bytes, static_cast<std::size_t>(alignment));
}
// g++ at -O1 inlines this half of the pair only and takes it for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* made) noexcept { std::free(made); }
void operator delete(void* made, std::size_t) noexcept { std::free(made); }
void operator delete(void* made, std::align_val_t) noexcept { std::free(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { std::free(made); }

namespace virtufin::test {
namespace {

/// By the calling thread, in the second half of the runs.
template <class F>
std::uint64_t AllocationsOf(int times, F&& run) {
  for (int i = 0; i < times; ++i) run();
  const std::uint64_t before = own_allocations;
  for (int i = 0; i < times; ++i) run();
  return own_allocations - before;
}

TEST_CASE("publishing to inline handlers allocates nothing") {
  Bus bus;
  std::uint64_t count = 0;
  const auto handler = [&](const Message&, const DeliveryInfo&) {
    ++count;
    return Delivery::kSuccess;
  };
  auto one = bus.Subscribe("a", Inline(), handler);
  auto two = bus.Subscribe("a", Inline(), handler);
  const Message message = Numbered("a", 1);
  CHECK(AllocationsOf(5000, [&] { (void)bus.broker->Publish(message); }) == 0);
  CHECK(count == 20'000);
}

TEST_CASE("an event that wakes the executor allocates on neither side") {
  Bus bus(2, /*max_blocking_threads=*/0);
  std::atomic<std::uint64_t> handled{0};
  auto subscription = bus.Subscribe("a", Queue(64), [&](const Message&, const DeliveryInfo&) {
    ++handled;
    return Delivery::kSuccess;
  });
  const Message message = Numbered("a", 1);
  std::uint64_t sent = 0;
  const auto send = [&] {
    (void)bus.broker->Publish(message);
    ++sent;
    while (handled < sent) std::this_thread::yield();
  };
  // A ring of a strand or of the queue grows when the scheduler first makes it needed, which may be
  // late: a few times. What an event costs would show 2000 times.
  CHECK(AllocationsOf(2000, send) < 20);
}

TEST_CASE("a flood that drops the oldest allocates nothing") {
  Bus bus;
  Turnstile turnstile;
  auto subscription = bus.Subscribe("a", Queue(64, Overflow::kDropOldest),
                                    [&](const Message&, const DeliveryInfo&) {
                                      turnstile.Pass();
                                      return Delivery::kSuccess;
                                    });
  const Message message = Numbered("a", 1);
  (void)bus.broker->Publish(message);
  turnstile.AwaitArrivals(1);
  CHECK(AllocationsOf(5000, [&] { (void)bus.broker->Publish(message); }) == 0);
  CHECK(subscription.counters().dropped == 10'000 - 64);
  turnstile.Open();
}

TEST_CASE("a flood that conflates, and the drain behind it, allocate nothing") {
  Bus bus;
  Turnstile turnstile;
  auto subscription =
      bus.Subscribe("a", Queue(8, Overflow::kConflate), [&](const Message&, const DeliveryInfo&) {
        turnstile.Pass();
        return Delivery::kSuccess;
      });
  std::vector<Message> messages;
  for (std::uint64_t i = 0; i < 12; ++i) messages.push_back(NumberedAbout("a", "s", i));
  for (std::uint64_t i = 0; i < 12; ++i) {
    messages.push_back(NumberedAbout("a", std::to_string(i), i));
  }
  std::size_t next = 0;
  std::uint64_t handled = 0;
  const auto step = [&] {
    for (int i = 0; i < 5; ++i) (void)bus.broker->Publish(messages[next++ % messages.size()]);
    turnstile.AwaitArrivals(++handled);
    turnstile.Give(1);
  };
  for (int i = 0; i < 100; ++i) step();
  const std::uint64_t before = allocations;  // of the executor's threads, too
  for (int i = 0; i < 2000; ++i) step();
  CHECK(allocations - before < 20);  // the drain's strand may grow; 2000 events show otherwise
  CHECK(subscription.counters().conflated > 0);
  CHECK(subscription.counters().dropped > 0);
  turnstile.Open();
}

TEST_CASE("a lagging subscription costs its publishers no memory") {
  Bus bus;
  Turnstile turnstile;
  auto subscription =
      bus.Subscribe("a", Queue(1, Overflow::kBlock, 1), [&](const Message&, const DeliveryInfo&) {
        turnstile.Pass();
        return Delivery::kSuccess;
      });
  const Message message = Numbered("a", 1);
  (void)bus.broker->Publish(message);
  turnstile.AwaitArrivals(1);  // else taking this one would end the lag
  while (!subscription.counters().lagging) (void)bus.broker->Publish(message);
  CHECK(AllocationsOf(5000, [&] {
          CHECK(bus.broker->Publish(message).code() == StatusCode::kResourceExhausted);
        }) == 0);
  turnstile.Open();
}

}  // namespace
}  // namespace virtufin::test
