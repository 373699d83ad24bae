// How much of a long test runs: all of it, or the share that $VIRTUFIN_TESTS_SCALE asks for.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace virtufin::test {

/// `count` times the scale (default 1; the sanitizer lanes set 0.1), at least 1.
inline int Scaled(int count) {
  const char* const text = std::getenv("VIRTUFIN_TESTS_SCALE");
  const double scale = text == nullptr ? 1 : std::strtod(text, nullptr);
  return std::max(1, static_cast<int>(count * scale));
}

}  // namespace virtufin::test
