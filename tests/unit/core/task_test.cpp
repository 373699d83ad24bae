// Pins that a Task owns its callable: runs it, moves it, destroys it once.
#include "virtufin/core/task.hpp"

#include <array>
#include <memory>
#include <utility>

#include "doctest/doctest.h"

namespace virtufin {
namespace {

TEST_CASE("a task runs its callable, small or large") {
  int runs = 0;
  Task small([&runs] { ++runs; });
  small();
  small();
  CHECK(runs == 2);
  std::array<char, 200> large{};
  large[199] = 5;
  Task heap([&runs, large] { runs += large[199]; });
  heap();
  CHECK(runs == 7);
}

TEST_CASE("a task takes a callable that cannot be copied") {
  int seen = 0;
  Task task([&seen, value = std::make_unique<int>(3)] { seen = *value; });
  Task moved(std::move(task));
  CHECK_FALSE(static_cast<bool>(task));
  moved();
  CHECK(seen == 3);
}

TEST_CASE("a task destroys its callable exactly once") {
  auto count = std::make_shared<int>(0);
  const std::array<char, 100> padding{};
  {
    Task empty;
    CHECK_FALSE(static_cast<bool>(empty));
    Task small([count] {});
    Task large([count, padding] { (void)padding; });
    CHECK(count.use_count() == 3);
    Task moved(std::move(large));
    CHECK(count.use_count() == 3);
    moved = std::move(small);
    CHECK(count.use_count() == 2);
    Task& itself = moved;
    moved = std::move(itself);
    CHECK(count.use_count() == 2);
    moved = Task();
    CHECK(count.use_count() == 1);
    moved = Task([count] {});
  }
  CHECK(count.use_count() == 1);
}

}  // namespace
}  // namespace virtufin
