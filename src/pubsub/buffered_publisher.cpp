// BufferedPublisher: a bounded buffer in front of a port, emptied in order by one strand.
#include "virtufin/pubsub/buffered_publisher.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace virtufin::inline v0 {

namespace {

// No broker answers with this component: so a refusal of ours is told from one of theirs.
constexpr std::string_view kBuffer = "pubsub.buffer";

Status Full(std::size_t capacity) {
  return {StatusCode::kResourceExhausted, kBuffer,
          "expected room while the broker is away, found " + std::to_string(capacity) +
              " events waiting for it"};
}

Status TryPublish(PubSub& bus, const Message& message) noexcept {
  try {
    return bus.Publish(message);
  } catch (...) {
    return {StatusCode::kInternal, "pubsub", "the port threw"};
  }
}

void Tell(const BufferedPublisher::Fate& fate, const Status& status, LogSink& log) noexcept {
  if (!fate) return;
  const ThreadMark mark(ThreadKind::kCallback);
  try {
    fate(status);
  } catch (...) {
    log.Write(LogLevel::kError, "pubsub", "the fate function of an event threw");
  }
}

}  // namespace

struct BufferedPublisher::Impl : std::enable_shared_from_this<Impl> {
  struct Entry {
    Message message;
    Fate fate;
  };

  Impl(PubSub& port, const Runtime& given, const BufferedPublisherOptions& wanted)
      : bus(port),
        runtime(given),
        capacity(wanted.capacity),
        strand(given.executor.NewStrand()),
        backoff(wanted.backoff, reinterpret_cast<std::uintptr_t>(this)) {}

  Status Accept(const Message& message, Fate& fate, bool& waits);
  bool Keep(const Message& message, Fate& fate);
  void PostFlush();
  void Flush();
  bool FlushOne();
  void TryLater();
  void Close();

  PubSub& bus;  // not used once closed
  Runtime runtime;
  const std::size_t capacity;
  Executor::Strand strand;

  std::mutex mutex;
  std::condition_variable idle;
  std::deque<Entry> waiting;  // the one in front stays while it is tried
  bool flushing = false;      // a flush is posted or runs, or a timer is armed
  bool trying = false;        // the port is in use for the one in front
  bool closed = false;
  std::uint64_t refused = 0;
  std::uint64_t given_up = 0;
  std::uint64_t failed = 0;
  Backoff backoff;
  Executor::Timer timer;
};

// ---- publishers --------------------------------------------------------------------------------

/// Under the mutex. False: no room.
bool BufferedPublisher::Impl::Keep(const Message& message, Fate& fate) {
  if (waiting.size() >= capacity) {
    ++refused;
    return false;
  }
  waiting.push_back({message, std::move(fate)});
  return true;
}

Status BufferedPublisher::Impl::Accept(const Message& message, Fate& fate, bool& waits) {
  {
    const std::lock_guard lock(mutex);
    if (!waiting.empty()) {
      waits = Keep(message, fate);
      return waits ? Status() : Full(capacity);
    }
  }
  Status status = TryPublish(bus, message);
  if (!IsAway(status)) return status;
  {
    const std::lock_guard lock(mutex);
    waits = Keep(message, fate);
    if (!waits) return Full(capacity);
    if (std::exchange(flushing, true)) return {};
  }
  TryLater();
  return {};
}

Status BufferedPublisher::Publish(const Message& message) {
  Fate none;
  bool waits = false;
  return impl_->Accept(message, none, waits);
}

void BufferedPublisher::Publish(const Message& message, Fate fate) {
  bool waits = false;
  const Status status = impl_->Accept(message, fate, waits);
  if (!waits) Tell(fate, status, impl_->runtime.log);
}

// ---- the strand --------------------------------------------------------------------------------

void BufferedPublisher::Impl::PostFlush() {
  strand.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Flush();
  });
}

void BufferedPublisher::Impl::TryLater() {
  std::int64_t delay = 0;
  {
    const std::lock_guard lock(mutex);
    if (closed) return;
    delay = backoff.NextMs();
  }
  Executor::Timer armed =
      runtime.executor.After(std::chrono::milliseconds(delay), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->PostFlush();
      });
  const std::lock_guard lock(mutex);
  if (!closed) std::swap(timer, armed);
}

void BufferedPublisher::Impl::Flush() {
  while (FlushOne()) {
    if (Executor::CurrentStrandParked()) return PostFlush();  // the port is full: goes on later
  }
}

/// False: nothing waits any more, or the broker is away.
bool BufferedPublisher::Impl::FlushOne() {
  std::optional<Message> message;
  {
    const std::lock_guard lock(mutex);
    if (closed) return false;
    if (waiting.empty()) {
      flushing = false;
      return false;
    }
    message = waiting.front().message;
    trying = true;
  }
  const Status status = TryPublish(bus, *message);
  const bool away = IsAway(status);
  Fate fate;
  {
    const std::lock_guard lock(mutex);
    // Empty: the destructor, on a thread that must not wait, told the fate of all.
    if (!away && !waiting.empty()) {
      fate = std::move(waiting.front().fate);
      waiting.pop_front();
      backoff.Reset();
      if (!status.ok()) ++failed;
    }
  }
  if (!away && !status.ok()) {
    runtime.log.Write(LogLevel::kError, "pubsub",
                      "event " + std::string(message->event().id()) + " on " +
                          std::string(message->topic()) +
                          ", which waited for the broker: " + status.ToString());
  }
  Tell(fate, status, runtime.log);
  {
    const std::lock_guard lock(mutex);
    trying = false;
    idle.notify_all();
  }
  if (away) TryLater();
  return !away;
}

bool BufferedPublisher::Refused(const Status& status) noexcept {
  return status.code() == StatusCode::kResourceExhausted && status.component() == kBuffer;
}

bool BufferedPublisher::IsAway(const Status& status) noexcept {
  switch (status.code()) {
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kAborted:
    case StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

void BufferedPublisher::Retry() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->waiting.empty()) return;
    impl_->backoff.Reset();
  }
  impl_->PostFlush();
}

// ---- the end -----------------------------------------------------------------------------------

BufferedPublisher::BufferedPublisher(PubSub& bus, const Runtime& runtime,
                                     const BufferedPublisherOptions& options)
    : impl_(std::make_shared<Impl>(bus, runtime, options)) {}

BufferedPublisher::~BufferedPublisher() { impl_->Close(); }

void BufferedPublisher::Impl::Close() {
  std::deque<Entry> left;
  Executor::Timer armed;
  {
    std::unique_lock lock(mutex);
    closed = true;
    std::swap(timer, armed);
    if (CurrentThreadKind() == ThreadKind::kForeign) idle.wait(lock, [this] { return !trying; });
    left.swap(waiting);
    given_up += left.size();
  }
  if (left.empty()) return;
  runtime.log.Write(
      LogLevel::kError, "pubsub",
      std::to_string(left.size()) + " events that waited for the broker are given up");
  const Status status(StatusCode::kUnavailable, "pubsub",
                      "the broker was away until its publisher ended");
  for (const Entry& entry : left) Tell(entry.fate, status, runtime.log);
}

BufferedPublisher::Counters BufferedPublisher::counters() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->waiting.size(), impl_->refused, impl_->given_up, impl_->failed};
}

}  // namespace virtufin::inline v0
