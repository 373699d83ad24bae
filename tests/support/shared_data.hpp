// Where the shared test data lie: recordings and conformance cases that the product does not ship.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace virtufin::test {

/// The path of `name` below the data folder (environment VIRTUFIN_SHARED_DATA, else the CMake cache
/// variable of that name); empty, with a message, when it is not there: skip then.
inline std::string SharedData(const std::string& name) {
  const char* folder = std::getenv("VIRTUFIN_SHARED_DATA");
  const std::filesystem::path path =
      std::filesystem::path(folder != nullptr ? folder : VIRTUFIN_SHARED_DATA_PATH) / name;
  if (std::filesystem::exists(path)) return path.string();
  MESSAGE("skipped: " << path.string() << " is not there; set VIRTUFIN_SHARED_DATA");
  return {};
}

}  // namespace virtufin::test
