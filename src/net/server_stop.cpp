// How a server ends its connections: what is overdue, and all of them when it stops.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "net/server_impl.hpp"

namespace virtufin::inline v0::net::detail {
namespace {

// A call of the application that was running at a stop's deadline may last so much longer; a loop
// that is busy ending its connections gets more.
constexpr std::chrono::milliseconds kCallGrace{500}, kLoopGrace{5000};
constexpr std::size_t kNamesOfCut = 3;

}  // namespace

// One timer for all deadlines, while there are connections.
void Server::Sweep() {
  const auto now = SteadyClock::now();
  const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
  const bool over = stopping_ && now >= stop_at_;
  for (const auto& session : all) {
    if (!over) {
      Guard(*session, [&] { session->Sweep(now); });
      continue;
    }
    const std::string name = session->Describe();
    if (!session->Kill() || ++cut_ > kNamesOfCut) continue;
    cut_names_ += (cut_ > 1 ? ", " : "") + name;
  }
  sweeping_ = !sessions_.empty();
  if (!sweeping_) return;
  auto next = now + SweepInterval(options);
  if (stopping_) next = std::min(next, std::max(stop_at_, now));
  sweep_timer_.expires_at(next);
  sweep_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) Sweep();
  });
}

void Server::BeginStop(SteadyClock::time_point deadline) {
  stopping_ = true;
  stop_at_ = deadline;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
  for (const auto& session : all) Guard(*session, [&] { session->BeginStop(); });
  if (sessions_.empty()) return io.stop();
  sweep_timer_.cancel();
  sweeping_ = false;
  Sweep();
}

// False when the loop does not end, most likely because a call does not return.
bool Server::WaitForEnd(SteadyClock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return ended_; };
  if (ended_changed_.wait_until(lock, deadline, over)) return true;
  const std::uint64_t running = loop->Running();
  if (ended_changed_.wait_for(lock, kCallGrace, over)) return true;
  if (running != 0 && loop->Running() == running) return false;
  return ended_changed_.wait_for(lock, kLoopGrace, over);
}

Status Server::Stop(std::chrono::milliseconds deadline) {
  if (loop->Here()) {
    return Status(StatusCode::kFailedPrecondition, "net", "a server is not stopped on its loop");
  }
  if (std::exchange(phase_, Phase::kStopped) != Phase::kRunning) return Status{};
  const auto at = SteadyClock::now() + deadline;
  loop->Post([this, at] { BeginStop(at); });
  const std::string within = " within " + std::to_string(deadline.count()) + " ms";
  std::string running;
  if (!WaitForEnd(at) && loop->Abandon(running)) {
    counters->abandoned_calls.fetch_add(1, std::memory_order_relaxed);
    loop->Close();
    io.stop();
    thread_.detach();  // it keeps the server, and ends when the call returns
    return Status(StatusCode::kDeadlineExceeded, "net",
                  "expected the server to end" + within + ", abandoned " + running);
  }
  thread_.join();
  if (cut_ == 0) return Status{};
  if (cut_ > kNamesOfCut) cut_names_ += ", ...";
  return Status(StatusCode::kDeadlineExceeded, "net",
                "expected the connections to end" + within + ", cut " + std::to_string(cut_) +
                    ": " + cut_names_);
}

}  // namespace virtufin::inline v0::net::detail
