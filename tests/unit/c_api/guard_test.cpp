// The fence of the C API: what is thrown behind it comes out as a code.
#include "guard.hpp"

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <string>

using namespace virtufin;
using c::Guard;

namespace {

std::string Message(const virtufin_error_t* error) {
  return std::string(c::View(virtufin_error_get_message(error)));
}

}  // namespace

// Pins CA-19.
TEST_CASE("what is thrown behind the fence comes out as a code") {
  virtufin_error_t* error = nullptr;
  CHECK(Guard(&error, [] { return Status(); }) == VIRTUFIN_OK);
  CHECK(error == nullptr);
  CHECK(Guard(&error, []() -> Status { throw std::runtime_error("boom"); }) == VIRTUFIN_INTERNAL);
  REQUIRE(error != nullptr);
  CHECK(virtufin_error_get_code(error) == VIRTUFIN_INTERNAL);
  CHECK(Message(error) == "boom");
  virtufin_error_free(error);
  error = nullptr;
  CHECK(Guard(&error, []() -> Status { throw 7; }) == VIRTUFIN_INTERNAL);
  CHECK(Guard(&error, []() -> Status { throw std::bad_alloc(); }) == VIRTUFIN_RESOURCE_EXHAUSTED);
  CHECK(error == nullptr);
  CHECK(Guard(nullptr, []() -> Status { throw std::runtime_error("boom"); }) == VIRTUFIN_INTERNAL);
}

// Pins CA-7.
TEST_CASE("a finalizer runs once, when the last owner is gone, also when something is thrown") {
  int finalized = 0;
  const auto count = [](void* data) { ++*static_cast<int*>(data); };
  {
    auto owned = c::UserData::Own(&finalized, count);
    auto other = owned;
    owned.reset();
    CHECK(finalized == 0);
  }
  CHECK(finalized == 1);
  CHECK(Guard(nullptr, [&]() -> Status {
          const auto owned = c::UserData::Own(&finalized, count);
          throw std::runtime_error("after it was taken");
        }) == VIRTUFIN_INTERNAL);
  CHECK(finalized == 2);
  c::UserData::Own(&finalized, nullptr).reset();
}
