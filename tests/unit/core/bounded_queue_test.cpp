// Pins the order, the limits and the ownership of BoundedQueue.
#include "virtufin/core/bounded_queue.hpp"

#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "doctest/doctest.h"

namespace virtufin {
namespace {

std::vector<int> Drain(BoundedQueue<int>& queue) {
  std::vector<int> items;
  while (!queue.empty()) items.push_back(queue.Pop());
  return items;
}

TEST_CASE("items leave a queue in the order they entered") {
  BoundedQueue<int> queue(100);
  std::vector<int> want;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(queue.TryPush(int{i}));
    want.push_back(i);
  }
  CHECK(queue.full());
  CHECK(queue.front() == 0);
  CHECK(Drain(queue) == want);
}

TEST_CASE("a full queue refuses an item and leaves it with the caller") {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  REQUIRE(queue.TryPush(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  CHECK_FALSE(queue.TryPush(std::move(second)));
  REQUIRE(second != nullptr);
  CHECK(*second == 2);
  CHECK(queue.size() == 1);
}

TEST_CASE("drop-oldest hands the oldest item back and keeps the newest") {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(queue.PushDropOldest(int{i}).has_value());
  CHECK(queue.PushDropOldest(3) == 0);
  CHECK(queue.PushDropOldest(4) == 1);
  CHECK(Drain(queue) == std::vector<int>{2, 3, 4});
}

TEST_CASE("a queue of capacity 0 takes nothing") {
  BoundedQueue<int> queue(0);
  CHECK_FALSE(queue.TryPush(1));
  CHECK(queue.PushDropOldest(2) == 2);
  CHECK(queue.empty());
}

TEST_CASE("taking all leaves each queue its own capacity") {
  BoundedQueue<int> queue(2);
  BoundedQueue<int> batch(5);
  REQUIRE(queue.TryPush(1));
  REQUIRE(queue.TryPush(2));
  queue.TakeAll(batch);
  CHECK(queue.empty());
  CHECK(queue.capacity() == 2);
  CHECK(batch.capacity() == 5);
  REQUIRE(queue.TryPush(3));
  CHECK(Drain(batch) == std::vector<int>{1, 2});
  CHECK(Drain(queue) == std::vector<int>{3});
}

TEST_CASE("items that nobody popped are destroyed with the queue") {
  auto item = std::make_shared<int>(7);
  {
    BoundedQueue<std::shared_ptr<int>> queue(20);
    for (int i = 0; i < 20; ++i) REQUIRE(queue.TryPush(std::shared_ptr<int>(item)));
    for (int i = 0; i < 5; ++i) CHECK(*queue.Pop() == 7);
    CHECK(item.use_count() == 16);
    BoundedQueue<std::shared_ptr<int>> moved(std::move(queue));
    CHECK(moved.size() == 15);
    CHECK(item.use_count() == 16);
  }
  CHECK(item.use_count() == 1);
}

TEST_CASE("random pushes, drops and batches match a deque") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const std::size_t capacity = 1 + random() % 70;
    BoundedQueue<int> queue(capacity);
    BoundedQueue<int> batch(capacity);
    std::deque<int> model;
    for (int step = 0; step < 2000; ++step) {
      const unsigned choice = random() % 100;
      if (choice < 50) {
        const bool taken = queue.TryPush(int{step});
        REQUIRE(taken == (model.size() < capacity));
        if (taken) model.push_back(step);
      } else if (choice < 70) {
        const auto dropped = queue.PushDropOldest(int{step});
        REQUIRE(dropped.has_value() == (model.size() == capacity));
        if (dropped) {
          REQUIRE(*dropped == model.front());
          model.pop_front();
        }
        model.push_back(step);
      } else if (choice < 98 && !model.empty()) {
        REQUIRE(queue.Pop() == model.front());
        model.pop_front();
      } else {
        queue.TakeAll(batch);
        REQUIRE(Drain(batch) == std::vector<int>(model.begin(), model.end()));
        model.clear();
      }
      REQUIRE(queue.size() == model.size());
    }
  }
}

}  // namespace
}  // namespace virtufin
