// The null log: there is one, it is disabled at every level and takes what it gets.
#include "virtufin/core/log.hpp"

#include <doctest/doctest.h>

TEST_CASE("the null log is one object, enabled at no level") {
  virtufin::LogSink& log = virtufin::NullLog();
  CHECK(&log == &virtufin::NullLog());
  for (const auto level : {virtufin::LogLevel::kTrace, virtufin::LogLevel::kError}) {
    CHECK_FALSE(log.Enabled(level));
    log.Write(level, "core", "dropped");
  }
}
