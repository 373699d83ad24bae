// What a manager must have after a kill -9: every call that it answered, and of the one that it had
// not answered all or nothing.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::test {

/// One call of the traffic; fits into a pipe.
struct WorkerOperation {
  enum class Kind : std::int32_t { kCreate, kStart, kStop, kLoad, kTag, kDelete };
  Kind kind = Kind::kCreate;
  std::int32_t code = 0;  // kCreate, kLoad: which of the codes
  std::int32_t tag = 0;   // kTag: the value
  char id[36] = {};       // of a new worker not before the answer

  std::string worker() const { return std::string(id, sizeof(id)); }
  void SetWorker(std::string_view text) {
    REQUIRE(text.size() == sizeof(id));
    std::memcpy(id, text.data(), sizeof(id));
  }
};

inline constexpr int kTrafficCodes = 3;
inline constexpr const char* kTrafficTag = "n";

/// The next call for one of the workers `ids`; keeps their number between 2 and 6.
inline WorkerOperation NextOperation(std::mt19937_64& random, const std::vector<std::string>& ids) {
  using Kind = WorkerOperation::Kind;
  WorkerOperation next;
  next.code = static_cast<std::int32_t>(random() % kTrafficCodes);
  next.tag = static_cast<std::int32_t>(random() % 1000);
  if (ids.size() < 2) return next;
  next.kind = static_cast<Kind>(random() % 6);
  if (next.kind == Kind::kCreate && ids.size() >= 6) next.kind = Kind::kDelete;
  if (next.kind != Kind::kCreate) next.SetWorker(ids[random() % ids.size()]);
  return next;
}

/// What is seen of one worker from outside.
struct SeenWorker {
  bool running = false;
  std::vector<std::string> codes;  // the history, by digest or name
  std::string tag;
  friend bool operator==(const SeenWorker& a, const SeenWorker& b) {
    return a.running == b.running && a.codes == b.codes && a.tag == b.tag;
  }
};
using SeenWorkers = std::map<std::string, SeenWorker>;

class AcknowledgedWorkers {
 public:
  /// The call is made.
  void Begin(const WorkerOperation& operation) { pending_ = operation; }
  /// It was answered with success; of a create `operation` has the id now.
  void Acknowledge(const WorkerOperation& operation) {
    Apply(workers_, operation);
    pending_.reset();
    ++acknowledged_;
  }
  std::uint64_t acknowledged() const { return acknowledged_; }

  /// What the restarted manager says, `code_name(i)` being what it calls code i. From here on it
  /// counts as acknowledged.
  template <class CodeName>
  void Check(const SeenWorkers& seen, CodeName code_name) {
    const SeenWorkers before = Named(workers_, code_name);
    if (seen != before) {
      REQUIRE(pending_);
      if (pending_->kind == WorkerOperation::Kind::kCreate) {
        for (const auto& [id, worker] : seen) {
          if (workers_.count(id) == 0) pending_->SetWorker(id);
        }
      }
      Apply(workers_, *pending_);
      const bool all_of_it = seen == Named(workers_, code_name);
      CAPTURE(static_cast<int>(pending_->kind));
      CAPTURE(seen.size());
      CAPTURE(before.size());
      REQUIRE(all_of_it);
    }
    pending_.reset();
  }

 private:
  struct Known {
    bool running = false;
    std::vector<int> codes;
    std::string tag;
  };
  using Workers = std::map<std::string, Known>;

  static void Apply(Workers& workers, const WorkerOperation& operation) {
    using Kind = WorkerOperation::Kind;
    Known& worker = workers[operation.worker()];
    switch (operation.kind) {
      case Kind::kStart:
        worker.running = true;
        break;
      case Kind::kStop:
        worker.running = false;
        break;
      case Kind::kCreate:
      case Kind::kLoad:
        worker.codes.push_back(operation.code);
        break;
      case Kind::kTag:
        worker.tag = std::to_string(operation.tag);
        break;
      case Kind::kDelete:
        workers.erase(operation.worker());
    }
  }

  template <class CodeName>
  static SeenWorkers Named(const Workers& workers, CodeName code_name) {
    constexpr std::size_t kHistory = 100;  // older codes are cut
    SeenWorkers named;
    for (const auto& [id, worker] : workers) {
      SeenWorker& seen = named[id];
      seen.running = worker.running;
      seen.tag = worker.tag;
      const std::size_t first = worker.codes.size() - std::min(worker.codes.size(), kHistory);
      for (std::size_t i = first; i < worker.codes.size(); ++i) {
        seen.codes.push_back(code_name(worker.codes[i]));
      }
    }
    return named;
  }

  Workers workers_;
  std::optional<WorkerOperation> pending_;
  std::uint64_t acknowledged_ = 0;
};

/// What `manager` says of its workers.
inline SeenWorkers Seen(const WorkManager& manager) {
  SeenWorkers all;
  for (const WorkerInfo& info : manager.List()) {
    CHECK_MESSAGE(info.error.empty(), info.error);
    SeenWorker& seen = all[info.id];
    seen.running = info.status == WorkerStatus::kRunning;
    if (auto tag = info.tags.find(kTrafficTag); tag != info.tags.end()) seen.tag = tag->second;
    const auto history = manager.History(info.id);
    REQUIRE(history.ok());
    for (const HistoryEntry& entry : *history) {
      const auto& content = entry.code_source.content;
      seen.codes.emplace_back(content.begin(), content.end());
    }
  }
  return all;
}

}  // namespace virtufin::test
