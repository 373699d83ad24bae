// The lines of each metric. A library for five of them that are already counted would bring an HTTP
// server and a client of its own along.
#include "daemons/common/metrics_text.hpp"

#include <charconv>
#include <map>
#include <string_view>

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

std::string_view PolicyOf(Overflow overflow) {
  switch (overflow) {
    case Overflow::kBlock:
      return "Block";
    case Overflow::kDropOldest:
      return "DropOldest";
    case Overflow::kDropNewest:
      return "DropNewest";
    case Overflow::kConflate:
      return "Conflate";
  }
  return "Block";
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

  text.Head("virtufin_worker_events_total", "counter", "Calls of a worker by outcome.");
  for (const WorkerMetrics& worker : metrics.workers) {
    const WorkerCounters& counters = worker.counters;
    const auto line = [&](const char* outcome, std::uint64_t value) {
      text.Line("virtufin_worker_events_total", Worker(worker) + ",outcome=\"" + outcome + "\"",
                value);
    };
    line("called", counters.calls);
    line("replied", counters.replies);
    line("failed", counters.failed);
    line("overdue", counters.overdue);
    line("retried", worker.queue.retried);
    line("dead_lettered", worker.queue.dead_lettered);
  }
  Durations(metrics, text);

  std::size_t depth = 0;
  std::map<std::string_view, std::uint64_t> dropped = {
      {"Block", 0}, {"DropOldest", 0}, {"DropNewest", 0}, {"Conflate", 0}};
  for (const WorkerMetrics& worker : metrics.workers) {
    depth += worker.queue.depth;
    dropped[PolicyOf(worker.overflow)] +=
        worker.queue.dropped + worker.queue.conflated + worker.queue.missed;
  }
  text.Head("virtufin_queue_depth", "gauge", "Events that wait for workers.");
  text.Line("virtufin_queue_depth", "", depth);
  text.Head("virtufin_queue_dropped_total", "counter", "Events lost to full queues, by policy.");
  for (const auto& [policy, count] : dropped) {
    text.Line("virtufin_queue_dropped_total", "policy=\"" + std::string(policy) + "\"", count);
  }
  return text.Take();
}

}  // namespace virtufin::daemon
