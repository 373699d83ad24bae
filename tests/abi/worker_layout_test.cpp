// The worker ABI is laid out as it was when it froze.
#include "abi/worker_layout.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

// Pins WA-3.
TEST_CASE("the worker header gives the layout of its frozen copy") {
  const WorkerLayoutEntry* current = CurrentWorkerLayout();
  const WorkerLayoutEntry* frozen = FrozenWorkerLayout();
  std::size_t count = 0;
  for (; frozen->name != nullptr; ++frozen, ++current, ++count) {
    REQUIRE(current->name != nullptr);
    CHECK(std::string(current->name) == frozen->name);
    CHECK_MESSAGE(current->offset == frozen->offset, frozen->name);
    CHECK_MESSAGE(current->size == frozen->size, frozen->name);
  }
  CHECK(current->name == nullptr);
  CHECK(count == 26);
}
