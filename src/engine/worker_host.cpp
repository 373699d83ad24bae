// WorkerHost: what a host that offers no more than a log and a gateway answers.
#include <string>

#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0 {
namespace {

Status NotOffered(const char* what) {
  return {StatusCode::kUnimplemented, "engine", "this host offers no " + std::string(what)};
}

}  // namespace

Status WorkerHost::Publish(std::string_view /*topic*/, const CloudEvent& /*event*/) {
  return NotOffered("bus");
}
Result<HostRecord> WorkerHost::GetState(std::string_view /*key*/) { return NotOffered("state"); }
Result<std::string> WorkerHost::SetState(std::string_view /*key*/, std::string_view /*value*/,
                                         std::optional<std::string_view> /*etag*/) {
  return NotOffered("state");
}
Result<bool> WorkerHost::DeleteState(std::string_view /*key*/, std::string_view /*etag*/) {
  return NotOffered("state");
}
Result<HostTime> WorkerHost::Now() { return NotOffered("clock"); }
Result<std::optional<std::chrono::nanoseconds>> WorkerHost::TimeLeft() {
  return NotOffered("clock");
}
Result<std::uint64_t> WorkerHost::StartTimer(const HostTimer& /*timer*/) {
  return NotOffered("timers");
}
Status WorkerHost::CancelTimer(std::uint64_t /*id*/) { return NotOffered("timers"); }

}  // namespace virtufin::inline v0
