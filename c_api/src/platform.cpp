// The noun platform: create, log, start, stop, free.
#include <atomic>
#include <thread>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::Platform;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::c::CallbackLog;
using virtufin::c::Guard;
using virtufin::c::Missing;
using virtufin::c::Str;

namespace virtufin::inline v0::c {

/// The log sink of a C application; silent until a function is set, before the threads start, and
/// from Detach on, also for calls that were abandoned and outlive the platform.
class CallbackLog final : public LogSink {
 public:
  bool is_set() const { return log_ != nullptr; }
  void Set(LogLevel level, virtufin_log_fn log, std::shared_ptr<UserData> user_data) {
    level_ = level;
    user_data_ = std::move(user_data);
    log_ = log;
  }
  bool Enabled(LogLevel level) const noexcept override {
    return log_ != nullptr && level >= level_ && !detached_.load(std::memory_order_relaxed);
  }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    if (!Enabled(level)) return;
    writing_.fetch_add(1);
    if (!detached_.load()) {
      log_(user_data_->get(), static_cast<std::int32_t>(level), Str(component), Str(text));
    }
    writing_.fetch_sub(1);
  }
  /// Waits for lines that are being written; then lets go of the user data.
  void Detach() noexcept {
    detached_.store(true);
    while (writing_.load() != 0) std::this_thread::yield();
    user_data_.reset();
  }

 private:
  LogLevel level_ = LogLevel::kError;
  virtufin_log_fn log_ = nullptr;
  std::shared_ptr<UserData> user_data_;
  std::atomic<bool> detached_ = false;
  std::atomic<int> writing_ = 0;
};

}  // namespace virtufin::inline v0::c

virtufin_status_t virtufin_platform_create(const virtufin_options_t* options,
                                           virtufin_platform_t** platform,
                                           virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    auto handle = std::make_unique<virtufin_platform>();
    handle->log = std::make_shared<CallbackLog>();
    auto given = options != nullptr ? options->options : virtufin::PlatformOptions();
    given.log = handle->log;
    auto created = Platform::Create(std::move(given));
    if (!created.ok()) return created.status();
    handle->platform = std::move(*created);
    *platform = handle.release();
    return Status();
  });
}

virtufin_status_t virtufin_platform_set_log(virtufin_platform_t* platform, int32_t level,
                                            virtufin_log_fn log, void* user_data,
                                            virtufin_finalizer_t finalizer,
                                            virtufin_error_t** error) {
  return Guard(error, [&] {
    auto owned = virtufin::c::UserData::Own(user_data, finalizer);
    if (platform == nullptr) return Missing("platform");
    if (log == nullptr) return Missing("log");
    if (level < 0 || level > 4) {
      return Status(StatusCode::kInvalidArgument, "c_api",
                    "level: expected 0 to 4, found " + std::to_string(level));
    }
    if (platform->started || platform->log->is_set()) {
      return Status(StatusCode::kFailedPrecondition, "c_api",
                    "set_log: expected one call before start");
    }
    platform->log->Set(static_cast<virtufin::LogLevel>(level), log, std::move(owned));
    return Status();
  });
}

virtufin_status_t virtufin_platform_start(virtufin_platform_t* platform, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    platform->started = true;
    return platform->platform->Start();
  });
}

virtufin_status_t virtufin_platform_stop(virtufin_platform_t* platform, int64_t deadline_ms,
                                         virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    return platform->platform->Stop(std::chrono::milliseconds(deadline_ms));
  });
}

void virtufin_platform_free(virtufin_platform_t* platform) {
  if (platform == nullptr) return;
  platform->platform.reset();
  platform->log->Detach();
  delete platform;
}
