// The log sink that drops everything.
#include "virtufin/core/log.hpp"

#include <new>

namespace virtufin::inline v0 {
namespace {

class NullLogSink final : public LogSink {
 public:
  bool Enabled(LogLevel) const noexcept override { return false; }
  void Write(LogLevel, std::string_view, std::string_view) noexcept override {}
};

}  // namespace

LogSink& NullLog() noexcept {
  // Never destroyed: a static with a destructor would pin a worker library in the process.
  alignas(NullLogSink) static unsigned char storage[sizeof(NullLogSink)];
  static LogSink* const sink = new (storage) NullLogSink;
  return *sink;
}

}  // namespace virtufin::inline v0
