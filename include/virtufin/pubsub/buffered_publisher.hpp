// BufferedPublisher: keeps events in order while a broker is away. For drivers whose broker is
// elsewhere, and for whoever publishes over them.
// Specification: docs/openspec/specs/pubsub/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "virtufin/core/backoff.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {

struct BufferedPublisherOptions {
  std::size_t capacity = 1000;            // events that may wait
  BackoffOptions backoff = {100, 5'000};  // by the Clock: when the broker is tried again
};

/// Publishes to a PubSub port that answers UNAVAILABLE (or DEADLINE_EXCEEDED, ABORTED, UNKNOWN: the
/// event may be there or not) while its broker is away. From that answer
/// on, events wait here; they go out in order before any later one, when the broker is tried again
/// and is back. What one thread published before another goes out before it. An event whose answer
/// was one of these although it arrived goes out twice: at least once. A bus that was stopped for
/// good looks away for ever: destroy this first.
class BufferedPublisher {
 public:
  /// What became of an event: OK, the broker accepted it; RESOURCE_EXHAUSTED when Refused; else
  /// what the port answered, UNAVAILABLE when this was destroyed while it waited. [callback]
  using Fate = std::function<void(const Status&)>;
  /// Of an answer or a fate: there was no room here and the event is not kept, publish it again
  /// later. False for RESOURCE_EXHAUSTED of a port: there all others got it, do not. [any]
  static bool Refused(const Status& status) noexcept;
  /// Of a port's answer: its broker is away, and may have got the event or not. Publishing it again
  /// is at least once. [any]
  static bool IsAway(const Status& status) noexcept;

  /// Both are borrowed until this is destroyed.
  BufferedPublisher(PubSub& bus, const Runtime& runtime,
                    const BufferedPublisherOptions& options = {});
  /// What waits is given up and counted: its fate is UNAVAILABLE. On a foreign thread the port is
  /// not used any more, and no fate runs, when this returned. No other thread may be inside.
  ~BufferedPublisher();
  BufferedPublisher(const BufferedPublisher&) = delete;
  BufferedPublisher& operator=(const BufferedPublisher&) = delete;

  /// OK: accepted by the broker, or waits for it. `message` is borrowed during the call. [any]
  /// [callback] Errors: RESOURCE_EXHAUSTED when `capacity` events wait: this one is not kept, see
  /// Refused; else what the port answers when it is not away.
  Status Publish(const Message& message);
  /// The same; `fate` is consumed and runs exactly once, maybe before this returns. [any]
  /// [callback]
  void Publish(const Message& message, Fate fate);
  /// The broker may be back: tries it at once, on an executor thread. [any] [callback]
  void Retry();

  struct Counters {
    std::size_t waiting = 0;     // now
    std::uint64_t refused = 0;   // for want of room
    std::uint64_t given_up = 0;  // by the destructor
    std::uint64_t failed = 0;    // accepted here, answered otherwise than OK later; also logged
  };
  Counters counters() const;  // [any] [callback]

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
