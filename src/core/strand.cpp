// Strands: tasks in order, one at a time, and their parking.
#include <memory>
#include <mutex>
#include <utility>

#include "core/executor_state.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

// A strand with endless tasks lets others run after this many.
constexpr int kTasksPerTurn = 64;

// What copies of one ParkToken share.
struct Hold {
  explicit Hold(std::shared_ptr<StrandState> held) : strand(std::move(held)) { strand->Park(); }
  ~Hold() { strand->Unpark(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  const std::shared_ptr<StrandState> strand;
};

}  // namespace

void ParkedStrands::Insert(StrandState& strand) noexcept {
  if (strand.listed_parked) return;
  strand.listed_parked = true;
  strand.parked_before = nullptr;
  strand.parked_after = first_;
  if (first_ != nullptr) first_->parked_before = &strand;
  first_ = &strand;
  ++size_;
}

void ParkedStrands::Erase(StrandState& strand) noexcept {
  if (!strand.listed_parked) return;
  strand.listed_parked = false;
  StrandState* const before = strand.parked_before;
  StrandState* const after = strand.parked_after;
  (before != nullptr ? before->parked_after : first_) = after;
  if (after != nullptr) after->parked_before = before;
  --size_;
}

void StrandState::Post(Task task) {
  if (!executor->Accepts()) return;
  std::unique_lock lock(mutex);
  queue.Push(std::move(task));
  ScheduleIfReady(std::move(lock));
}

void StrandState::ScheduleIfReady(std::unique_lock<std::mutex> lock) {
  if (scheduled || kept_parked || Empty()) return;
  kept_parked = IsParked() && executor->KeepParked(*this, true);
  if (kept_parked) return;
  scheduled = true;
  lock.unlock();
  executor->Enqueue({Task(), shared_from_this()});
}

bool StrandState::Run(ThreadRecord& thread) {
  this_thread.strand = this;
  int left = kTasksPerTurn;
  bool again = false;
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      if (batch.empty()) queue.TakeAll(batch);
      kept_parked = !batch.empty() && IsParked() && executor->KeepParked(*this, false);
      if (kept_parked || batch.empty()) {
        scheduled = false;
        break;
      }
    }
    again = left == 0 || thread.yield.load(std::memory_order_relaxed);
    if (again) break;
    while (left > 0 && !batch.empty() && !IsParked() &&
           !thread.yield.load(std::memory_order_relaxed)) {
      Task task = batch.Pop();
      executor->RunTask(task, thread);
      --left;
    }
  }
  this_thread.strand = nullptr;
  return again;
}

bool StrandState::IsParked() const noexcept { return parks.load(std::memory_order_relaxed) > 0; }

void StrandState::Park() {
  const std::lock_guard lock(mutex);
  parks.store(parks.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void StrandState::Unpark() {
  std::unique_lock lock(mutex);
  const int left = parks.load(std::memory_order_relaxed) - 1;
  parks.store(left, std::memory_order_relaxed);
  if (left > 0 || !kept_parked) return;
  kept_parked = false;
  scheduled = true;
  lock.unlock();
  executor->Resume(shared_from_this());
}

void StrandState::Discard() {
  Tasks dropped_queue(kUnlimited);
  Tasks dropped_batch(kUnlimited);
  {
    const std::lock_guard lock(mutex);
    scheduled = false;
    kept_parked = false;
    queue.TakeAll(dropped_queue);
    batch.TakeAll(dropped_batch);
  }
  executor->CountDropped(dropped_queue.size() + dropped_batch.size());
}

// False when no task starts any more: the strand is to be dropped like what is queued. One that ran
// has its place in the queue already.
bool ExecutorState::KeepParked(StrandState& strand, bool was_idle) {
  const std::lock_guard lock(mutex);
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) return false;
  if (was_idle) ReservePlace();
  parked.Insert(strand);
  return true;
}

}  // namespace detail

Executor::Strand Executor::NewStrand() {
  Strand strand;
  strand.state_ = std::make_shared<detail::StrandState>(state_);
  return strand;
}

void Executor::Strand::Post(Task task) {
  if (state_ != nullptr && task) state_->Post(std::move(task));
}

bool Executor::Strand::Running() const noexcept {
  return state_ != nullptr && detail::this_thread.strand == state_.get();
}

bool Executor::Strand::Parked() const noexcept { return state_ != nullptr && state_->IsParked(); }

Executor::StrandScope::StrandScope(const Strand& strand) noexcept
    : before_(detail::this_thread.strand) {
  if (detail::this_thread.record == nullptr && strand.state_ != nullptr) {
    detail::this_thread.strand = strand.state_.get();
  }
}

Executor::StrandScope::~StrandScope() {
  if (detail::this_thread.record == nullptr) detail::this_thread.strand = before_;
}

Executor::ParkToken Executor::ParkCurrentStrand() {
  ParkToken token;
  if (detail::StrandState* strand = detail::this_thread.strand) {
    token.hold_ =
        std::shared_ptr<void>(std::make_shared<detail::Hold>(strand->shared_from_this()), strand);
  }
  return token;
}

bool Executor::CurrentStrandParked() noexcept {
  const detail::StrandState* strand = detail::this_thread.strand;
  return strand != nullptr && strand->IsParked();
}

void Executor::YieldCurrentStrand() noexcept {
  if (detail::ThreadRecord* const thread = detail::this_thread.record) {
    thread->yield.store(true, std::memory_order_relaxed);
  }
}

}  // namespace virtufin::inline v0
