// The policies that drop, against a model: every order of publishing and handling of a seed.
#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/conflation_index.hpp"
#include "support/bus.hpp"

namespace virtufin::test {
namespace {

/// What a queue of one subject a number must do.
class Model {
 public:
  Model(Overflow overflow, std::size_t capacity) : overflow_(overflow), capacity_(capacity) {}

  void Publish(std::uint64_t subject, std::uint64_t number) {
    if (overflow_ == Overflow::kConflate) {
      for (auto& [about, waiting] : queue_) {
        if (about != subject) continue;
        waiting = number;
        ++conflated;
        ++untold_;
        return;
      }
    }
    if (queue_.size() == capacity_) {
      ++dropped;
      ++untold_;
      if (overflow_ == Overflow::kDropNewest) return;
      queue_.pop_front();
    }
    queue_.emplace_back(subject, number);
  }
  /// The handler takes the next event; false: there is none.
  bool Take() {
    if (queue_.empty()) return false;
    numbers.push_back(queue_.front().second);
    missed.push_back(std::exchange(untold_, 0));
    queue_.pop_front();
    return true;
  }
  std::size_t waiting() const { return queue_.size(); }

  std::vector<std::uint64_t> numbers, missed;
  std::uint64_t dropped = 0, conflated = 0;

 private:
  const Overflow overflow_;
  const std::size_t capacity_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> queue_;
  std::uint64_t untold_ = 0;
};

void PlayAgainstModel(Overflow overflow, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::size_t capacity = 1 + random() % 8;
  const std::uint64_t subjects = 1 + random() % 12;
  const std::uint64_t eagerness = 2 + random() % 8;  // of this many steps, one handles
  Bus bus(1);
  Turnstile turnstile;
  Inbox inbox;
  Model model(overflow, capacity);
  auto subscription = bus.Subscribe("a", Queue(capacity, overflow), inbox.HandlerBehind(turnstile));
  bool handling = false;
  for (std::uint64_t step = 1; step <= 300; ++step) {
    if (random() % eagerness != 0) {
      const std::uint64_t subject = random() % subjects;
      REQUIRE(bus.broker->Publish(NumberedAbout("a", std::to_string(subject), step)).ok());
      model.Publish(subject, step);
      if (handling) continue;
    } else if (handling) {
      turnstile.Give(1);
    }
    handling = model.Take();
    if (!handling) {
      inbox.Await(model.numbers.size());
      continue;
    }
    turnstile.AwaitArrivals(model.numbers.size());
    const SubscriptionCounters counters = subscription.counters();
    REQUIRE(counters.queued == model.waiting());
    REQUIRE(counters.dropped == model.dropped);
    REQUIRE(counters.conflated == model.conflated);
  }
  turnstile.Open();
  while (model.Take()) {
  }
  inbox.Await(model.numbers.size());
  subscription.Unsubscribe();
  CHECK(inbox.numbers() == model.numbers);
  CHECK(inbox.missed() == model.missed);
}

// Pins PS-11, PS-12, PS-13.
TEST_CASE("each policy that drops does what its model does") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    for (const Overflow overflow :
         {Overflow::kDropOldest, Overflow::kDropNewest, Overflow::kConflate}) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(overflow));
      PlayAgainstModel(overflow, seed);
    }
  }
}

TEST_CASE("what a conflating queue still holds is freed with its subscription") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription =
      bus.Subscribe("a", Queue(4, Overflow::kConflate), inbox.HandlerBehind(turnstile));
  for (std::uint64_t i = 1; i <= 9; ++i) {
    REQUIRE(bus.broker->Publish(NumberedAbout("a", std::to_string(i % 3), i)).ok());
  }
  turnstile.AwaitArrivals(1);
  Signal done;
  subscription.Unsubscribe([&] { done.Set(); });
  REQUIRE(bus.broker->Publish(NumberedAbout("a", "1", 10)).ok());
  turnstile.Open();
  done.Wait();
  CHECK(inbox.size() == 1);
  CHECK(subscription.counters().queued == 0);
}

TEST_CASE("the index finds what was added and not removed, also where hashes collide") {
  std::mt19937_64 random(5);
  detail::ConflationIndex index;
  std::vector<std::pair<std::size_t, std::uint64_t>> kept;
  const auto find = [&](std::size_t hash, std::uint64_t number) {
    return index.Find(hash, [&](std::uint64_t found) { return found == number; });
  };
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    const std::size_t hash = random() % 2 == 0 ? random() % 4 : random();
    index.Reserve();
    index.Add(hash, number);
    kept.emplace_back(hash, number);
    while (!kept.empty() && random() % 100 < (number < 10'000 ? 48u : 52u)) {
      const std::size_t at = random() % kept.size();
      const auto [removed_hash, removed] = kept[at];
      index.Remove(removed_hash, removed);
      REQUIRE_FALSE(find(removed_hash, removed).has_value());
      kept[at] = kept.back();
      kept.pop_back();
    }
    if (number % 500 != 0) continue;
    for (const auto& [each, which] : kept) REQUIRE(find(each, which) == which);
  }
  index.Clear();
  for (const auto& [each, which] : kept) CHECK_FALSE(find(each, which).has_value());
}

}  // namespace
}  // namespace virtufin::test
