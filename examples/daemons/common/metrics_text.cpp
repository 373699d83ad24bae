// The lines of each metric. A library for five of them that are already counted would bring an HTTP
// server and a client of its own along.
#include "daemons/common/metrics_text.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace virtufin::daemon {
namespace {

class Text {
 public:
  void Head(const char* name, const char* type, const char* help) {
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    text_.append(name).append(" ").append(type).append("\n");
  }
  // `labels` as in `worker="..."`: what stands there needs no escaping (ids, words of ours).
  template <class Number>
  void Line(const std::string& name, const std::string& labels, Number value) {
    text_ += name;
    if (!labels.empty()) text_.append("{").append(labels).append("}");
    text_.append(" ").append(Of(value)).append("\n");
  }
  template <class Number>
  static std::string Of(Number value) {
    char digits[32];
    return std::string(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string Worker(const WorkerMetrics& worker) { return "worker=\"" + worker.id + "\""; }

// In the order of Overflow.
constexpr std::array<const char*, 4> kPolicies = {"Block", "DropOldest", "DropNewest", "Conflate"};

// One more counter of each worker.
template <class Value>
void Counts(const WorkManagerMetrics& metrics, const char* name, const char* help, Value value,
            Text& text) {
  text.Head(name, "counter", help);
  for (const WorkerMetrics& worker : metrics.workers)
    text.Line(name, Worker(worker), value(worker));
}

void Durations(const WorkManagerMetrics& metrics, Text& text) {
  const std::string name = "virtufin_worker_duration_seconds";
  text.Head(name.c_str(), "histogram", "How long calls of a worker took.");
  for (const WorkerMetrics& worker : metrics.workers) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < CallDurations::kUpperSeconds.size(); ++i) {
      sum += worker.durations.counts[i];
      const std::string bound = Text::Of(CallDurations::kUpperSeconds[i]);
      text.Line(name + "_bucket", Worker(worker) + ",le=\"" + bound + "\"", sum);
    }
    text.Line(name + "_bucket", Worker(worker) + ",le=\"+Inf\"", worker.durations.count());
    text.Line(name + "_sum", Worker(worker), worker.durations.seconds);
    text.Line(name + "_count", Worker(worker), worker.durations.count());
  }
}

}  // namespace

std::string MetricsText(const WorkManagerMetrics& metrics) {
  Text text;
  text.Head("virtufin_workers", "gauge", "Workers by status.");
  text.Line("virtufin_workers", "status=\"running\"", metrics.running);
  text.Line("virtufin_workers", "status=\"stopped\"", metrics.stopped);
  text.Line("virtufin_workers", "status=\"failed\"", metrics.failed);
  text.Head("virtufin_workers_degraded", "gauge", "Running workers of which a call is overdue.");
  text.Line("virtufin_workers_degraded", "", metrics.degraded);

  text.Head("virtufin_worker_events_total", "counter", "Calls of a worker that ended, by outcome.");
  for (const WorkerMetrics& worker : metrics.workers) {
    const WorkerCounters& counters = worker.counters;
    const auto line = [&](const char* outcome, std::uint64_t value) {
      text.Line("virtufin_worker_events_total", Worker(worker) + ",outcome=\"" + outcome + "\"",
                value);
    };
    line("succeeded", counters.succeeded);
    line("failed", counters.failed);
  }
  Counts(
      metrics, "virtufin_worker_replies_total", "Replies that were published.",
      [](const WorkerMetrics& worker) { return worker.counters.replies; }, text);
  Counts(
      metrics, "virtufin_worker_overdue_total", "Calls that took longer than they may.",
      [](const WorkerMetrics& worker) { return worker.counters.overdue; }, text);
  Counts(
      metrics, "virtufin_worker_retries_total", "Attempts after the first.",
      [](const WorkerMetrics& worker) { return worker.queue.retried; }, text);
  Counts(
      metrics, "virtufin_worker_dead_letters_total", "Events whose dead letter somebody took.",
      [](const WorkerMetrics& worker) { return worker.queue.dead_lettered; }, text);
  Durations(metrics, text);

  text.Head("virtufin_queue_depth", "gauge", "Events that wait for workers.");
  text.Line("virtufin_queue_depth", "", metrics.queue_depth);
  text.Head("virtufin_queue_dropped_total", "counter", "Events lost to full queues, by policy.");
  for (std::size_t i = 0; i < kPolicies.size(); ++i) {
    text.Line("virtufin_queue_dropped_total", std::string("policy=\"") + kPolicies[i] + "\"",
              metrics.queue_dropped[i]);
  }
  return text.Take();
}

}  // namespace virtufin::daemon
