// The fence around the application's calls on a server's loop.
#include "net/server_loop.hpp"

namespace virtufin::inline v0::net::detail {

bool Loop::Begin(const char* what, const std::string& whom) {
  if (depth_ == 0) {
    what_ = what;
    whom_ = &whom;
    std::uint64_t none = 0;
    if (!call_.compare_exchange_strong(none, ++calls_)) return false;
  } else if (abandoned()) {
    return false;
  }
  ++depth_;
  return true;
}

bool Loop::End() noexcept {
  if (--depth_ > 0) return !abandoned();
  std::uint64_t mine = calls_;
  if (call_.compare_exchange_strong(mine, 0)) return true;
  while (!abandoned()) std::this_thread::yield();  // Stop is reading the call's name
  return false;
}

void Loop::OnThrow(const char* what, const std::string& whom, const char* reason) noexcept {
  counters_->handler_errors.fetch_add(1, std::memory_order_relaxed);
  if (abandoned()) return;
  try {
    if (!log_.Enabled(LogLevel::kError)) return;
    log_.Write(LogLevel::kError, "net",
               std::string(what) + (whom.empty() ? "" : " for " + whom) + " threw: " + reason);
  } catch (const std::exception&) {
    // No memory for the line: the count says it.
  }
}

void Loop::Log(LogLevel level, const std::string& text) {
  Call("LogSink::Write", {}, [&] {
    if (log_.Enabled(level)) log_.Write(level, "net", text);
  });
}

bool Loop::Abandon(std::string& running) {
  std::uint64_t found = call_.load();
  while (true) {
    if (found == kAbandoned) return false;
    if (found == 0) {
      if (!call_.compare_exchange_weak(found, kAbandoned)) continue;
      running = "the loop";
      return true;
    }
    if (!call_.compare_exchange_weak(found, kNaming)) continue;
    running = what_;
    if (!whom_->empty()) running += " for " + *whom_;
    call_.store(kAbandoned);
    return true;
  }
}

}  // namespace virtufin::inline v0::net::detail
