// The worker ABI is laid out as it was when it froze.
#include "abi/worker_layout.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

namespace {

/// How many entries `current` shares with `frozen`: all of it.
std::size_t Compare(const WorkerLayoutEntry* current, const WorkerLayoutEntry* frozen) {
  std::size_t count = 0;
  for (; frozen->name != nullptr; ++frozen, ++current, ++count) {
    REQUIRE(current->name != nullptr);
    CHECK(std::string(current->name) == frozen->name);
    CHECK_MESSAGE(current->offset == frozen->offset, frozen->name);
    CHECK_MESSAGE(current->size == frozen->size, frozen->name);
  }
  return count;
}

}  // namespace

// Pins WA-3.
TEST_CASE("the worker header gives the layout of its frozen copy") {
  CHECK(Compare(CurrentWorkerLayout(), FrozenWorkerLayout()) == 26);
}

// Pins WA-55.
TEST_CASE("the worker header gives the layout of the frozen tables") {
  CHECK(Compare(CurrentWorkerLayout(), FrozenTablesLayout()) == 54);
  CHECK(CurrentWorkerLayout()[54].name == nullptr);
}
