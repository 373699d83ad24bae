// Gate and Collector: how tests wait for what other threads do, without sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace virtufin::test {

/// Closed until Open; Wait gives up after a minute, which no passing test needs. Whoever opens it
/// may still be inside when the one that waited destroys it.
class Gate {
 public:
  void Open() {
    const std::shared_ptr<State> state = state_;
    std::lock_guard lock(state->mutex);
    state->open = true;
    state->changed.notify_all();
  }
  [[nodiscard]] bool Wait() {
    const std::shared_ptr<State> state = state_;
    std::unique_lock lock(state->mutex);
    return state->changed.wait_for(lock, std::chrono::minutes(1), [&] { return state->open; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// As Gate: the last Add may still be inside when the one that waited destroys it.
template <class T>
class Collector {
 public:
  void Add(T item) {
    const std::shared_ptr<State> state = state_;
    std::lock_guard lock(state->mutex);
    state->items.push_back(std::move(item));
    state->changed.notify_all();
  }
  /// Waits until there are at least `count` items; a copy of all there are then.
  std::vector<T> WaitFor(std::size_t count) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::minutes(1),
                             [&] { return state_->items.size() >= count; });
    return state_->items;
  }
  std::vector<T> Items() {
    std::lock_guard lock(state_->mutex);
    return state_->items;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<T> items;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace virtufin::test
