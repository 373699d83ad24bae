// A bus on its own executor, numbered events, handlers that wait for a word, and what was received.
#pragma once

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace virtufin::test {

/// Its id is `number`.
inline Message Numbered(std::string_view topic, std::uint64_t number) {
  CloudEvent::Builder builder;
  builder.Id(std::to_string(number)).Source("urn:com.virtufin:test").Type("com.virtufin.test.tick");
  return Message(topic, builder.Build().value());
}

/// The same about `subject`.
inline Message NumberedAbout(std::string_view topic, std::string_view subject,
                             std::uint64_t number) {
  CloudEvent::Builder builder;
  builder.Id(std::to_string(number)).Source("urn:com.virtufin:test").Type("com.virtufin.test.tick");
  builder.Subject(subject);
  return Message(topic, builder.Build().value());
}

inline std::uint64_t NumberOf(const Message& message) {
  const std::string_view id = message.event().id();
  std::uint64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

/// Something that happens once and can be waited for.
class Signal {
 public:
  void Set() {
    std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void Wait() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }
  bool IsSet() const {
    std::lock_guard lock(mutex_);
    return set_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool set_ = false;
};

/// A handler that passes it waits until a pass was given.
class Turnstile {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || passes_ > 0; });
    if (!open_) --passes_;
  }
  void Give(int passes) {
    std::lock_guard lock(mutex_);
    passes_ += passes;
    changed_.notify_all();
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void AwaitArrivals(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t arrived_ = 0;
  int passes_ = 0;
  bool open_ = false;
};

/// What a handler was given, in order.
class Inbox {
 public:
  Delivery Take(const Message& message, const DeliveryInfo& info) {
    std::lock_guard lock(mutex_);
    numbers_.push_back(NumberOf(message));
    missed_.push_back(info.missed);
    attempts_.push_back(info.attempt);
    changed_.notify_all();
    return Delivery::kSuccess;
  }
  MessageHandler Handler() {
    return [this](const Message& message, const DeliveryInfo& info) { return Take(message, info); };
  }
  /// The same; each delivery first passes `turnstile`.
  MessageHandler HandlerBehind(Turnstile& turnstile) {
    return [this, &turnstile](const Message& message, const DeliveryInfo& info) {
      turnstile.Pass();
      return Take(message, info);
    };
  }
  void Await(std::size_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return numbers_.size() >= count; });
  }
  std::vector<std::uint64_t> numbers() const {
    std::lock_guard lock(mutex_);
    return numbers_;
  }
  std::vector<std::uint64_t> missed() const {
    std::lock_guard lock(mutex_);
    return missed_;
  }
  std::vector<std::uint32_t> attempts() const {
    std::lock_guard lock(mutex_);
    return attempts_;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return numbers_.size();
  }
  std::uint64_t missed_in_all() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : missed()) sum += count;
    return sum;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::uint64_t> numbers_;
  std::vector<std::uint64_t> missed_;
  std::vector<std::uint32_t> attempts_;
};

/// What was delivered, whole.
class Letters {
 public:
  MessageHandler Handler() {
    return [this](const Message& message, const DeliveryInfo&) {
      std::lock_guard lock(mutex_);
      messages_.push_back(message);
      changed_.notify_all();
      return Delivery::kSuccess;
    };
  }
  std::vector<Message> Await(std::size_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return messages_.size() >= count; });
    return messages_;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return messages_.size();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Message> messages_;
};

inline std::vector<std::uint64_t> Range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = first; number <= last; ++number) numbers.push_back(number);
  return numbers;
}

/// Keeps what was logged.
class LogLines final : public LogSink {
 public:
  bool Enabled(LogLevel) const noexcept override { return true; }
  void Write(LogLevel, std::string_view component, std::string_view text) noexcept override {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::string(component) + ": " + std::string(text));
  }
  bool Has(std::string_view part) const {
    std::lock_guard lock(mutex_);
    for (const std::string& line : lines_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// An executor of two threads and a broker on it.
struct Bus {
  explicit Bus(int threads = 2, int max_blocking_threads = 64, Clock& clock = WallClock())
      : executor(Options(threads, max_blocking_threads), clock, log),
        runtime{executor, clock, log} {
    if (!executor.Start().ok()) std::abort();
    broker = std::make_unique<InprocBroker>(runtime);
  }
  ~Bus() {
    broker.reset();
    (void)executor.Stop(std::chrono::seconds(30));
  }

  static ExecutorOptions Options(int threads, int max_blocking_threads = 64) {
    ExecutorOptions options;
    options.threads = threads;
    options.max_blocking_threads = max_blocking_threads;
    return options;
  }
  Status Publish(std::string_view topic, std::uint64_t number) {
    return broker->Publish(Numbered(topic, number));
  }
  Subscription Subscribe(std::string_view topic, const SubscribeOptions& options,
                         MessageHandler handler) {
    return broker->Subscribe(topic, options, std::move(handler)).value();
  }

  LogLines log;
  Executor executor;
  Runtime runtime;
  std::unique_ptr<InprocBroker> broker;
};

/// The same on a clock that stands still until it is moved.
struct ManualClockOwner {
  ManualClock clock{Timestamp()};
};
struct ManualBus : ManualClockOwner, Bus {
  ManualBus() : Bus(kThreads, 0, clock) {}

  /// No task runs that was posted before, and none those posted; handlers must not be stuck.
  void Settle() {
    for (int round = 0; round < 4; ++round) {
      std::mutex mutex;
      std::condition_variable changed;
      int inside = 0;
      int left = 0;
      for (int i = 0; i < kThreads; ++i) {
        executor.Post([&] {
          std::unique_lock lock(mutex);
          ++inside;
          changed.notify_all();
          changed.wait(lock, [&] { return inside == kThreads; });
          ++left;
          changed.notify_all();
        });
      }
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return left == kThreads; });
    }
  }
  /// Timers that were armed before are run when they are due, and what they posted.
  void Advance(std::chrono::milliseconds by) {
    Settle();
    clock.Advance(by);
    Settle();
  }

 private:
  static constexpr int kThreads = 2;
};

inline SubscribeOptions Queue(std::size_t capacity, Overflow overflow = Overflow::kBlock,
                              std::int64_t block_timeout_ms = 60'000) {
  SubscribeOptions options;
  options.capacity = capacity;
  options.overflow = overflow;
  options.block_timeout_ms = block_timeout_ms;
  return options;
}

inline SubscribeOptions Inline() {
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  return options;
}

}  // namespace virtufin::test
