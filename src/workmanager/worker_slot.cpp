// Tags and history beside the worker that they belong to.
#include "workmanager/worker_slot.hpp"

#include <utility>

#include "virtufin/core/tags.hpp"
#include "workmanager/code_resolver.hpp"

namespace virtufin::inline v0::detail {

Status WorkerSlot::LoadFirst(std::shared_ptr<ManagedWorker> worker, HistoryEntry entry) {
  worker_ = std::move(worker);
  return worker_->LoadFirst([&](const std::string& sha256) {
    entry.sha256 = sha256;
    std::lock_guard lock(mutex_);
    history_.push_back(std::move(entry));
    return Status();
  });
}

void WorkerSlot::LoadCode(CodeSource code, Timestamp now, ManagedWorker::Timeout timeout,
                          std::function<void(const Status&, const std::string& sha256)> done) {
  // The manager lets one swap of a worker run at a time: the last entry is this one's.
  struct Loaded {
    HistoryEntry entry;
    bool kept = false;
  };
  auto loaded = std::make_shared<Loaded>();
  loaded->entry.code_source = WithoutSecrets(code);
  loaded->entry.created_at = now;
  auto commit = [self = shared_from_this(), loaded](const std::string& sha256) {
    loaded->entry.sha256 = sha256;
    std::lock_guard lock(self->mutex_);
    self->history_.push_back(loaded->entry);
    loaded->kept = true;
    return Status();
  };
  auto swapped = [self = shared_from_this(), loaded, done = std::move(done)](const Status& status) {
    if (!status.ok() && loaded->kept) {
      std::lock_guard lock(self->mutex_);
      self->history_.pop_back();
    }
    done(status, loaded->entry.sha256);
  };
  worker_->LoadCode(std::move(code), std::move(commit), timeout, std::move(swapped));
}

WorkerInfo WorkerSlot::Info() const {
  WorkerInfo info = worker_->Info();
  std::lock_guard lock(mutex_);
  info.tags = tags_;
  return info;
}

std::vector<HistoryEntry> WorkerSlot::History() const {
  std::lock_guard lock(mutex_);
  return history_;
}

WorkerSlot::Tags WorkerSlot::GetTags() const {
  std::lock_guard lock(mutex_);
  return tags_;
}

Status WorkerSlot::SetTag(std::string key, std::string value) {
  std::lock_guard lock(mutex_);
  Tags tags = tags_;
  tags.insert_or_assign(std::move(key), std::move(value));
  if (Status status = CheckTags(tags, "workmanager"); !status.ok()) return status;
  tags_ = std::move(tags);
  return {};
}

Status WorkerSlot::SetTags(Tags tags) {
  if (Status status = CheckTags(tags, "workmanager"); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  tags_ = std::move(tags);
  return {};
}

std::string WorkerSlot::sha256() const {
  std::lock_guard lock(mutex_);
  return history_.empty() ? std::string() : history_.back().sha256;
}

}  // namespace virtufin::inline v0::detail
