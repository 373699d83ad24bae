// Any bytes for the check that a shared library passes before the loader sees it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "engine/native/elf.hpp"
#include "fuzz/check.hpp"

using namespace virtufin;

// Pins WA-5.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const Status status = detail::CheckSharedLibrary({exact.get(), size});
  FUZZ_CHECK(status.ok() || status.code() == StatusCode::kInvalidArgument);
  FUZZ_CHECK(!status.ok() || size >= 64);
  return 0;
}
