// Packages of workers for tests, and what a load may leave behind: nothing.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/temporary_folder.hpp"
#include "support/test_zip.hpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/engine/package_names.hpp"

namespace virtufin::test {

inline std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A nuspec of id "worker" with more elements in its metadata.
inline std::string Nuspec(const std::string& more = "", const std::string& id = "worker") {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
         "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\">\n"
         "<metadata><id>" +
         id + "</id><version>1.0.0</version>" + more + "</metadata></package>\n";
}

/// Where a package holds the library "worker" of this machine.
inline std::string HostPath(std::string_view library = "worker") {
  return LibraryPath(HostRid(), library);
}

/// A good package of form 1 around the bytes of a library.
inline ZipFile NuspecPackage(const std::string& library, const std::string& more = "") {
  ZipFile zip;
  zip.items.push_back({"worker.nuspec", Nuspec(more)});
  zip.items.push_back({HostPath(), library});
  return zip;
}

/// A good package of form 2.
inline ZipFile JsonPackage(const std::string& library,
                           const std::string& json = R"({"abi_version":1,"library":"worker"})") {
  ZipFile zip;
  zip.items.push_back({"manifest.json", json});
  zip.items.push_back({HostPath(), library});
  return zip;
}

inline WorkerCode CodeOf(const std::string& bytes) {
  return {"application/x-native-dll", "", {bytes.begin(), bytes.end()}};
}

inline Status LoadStatus(Engine& engine, const WorkerCode& code) {
  return engine.Load(code, TestIdentity(), std::make_shared<RecordingHost>()).status();
}

/// Every path below a folder.
inline std::set<std::string> FilesBelow(const std::filesystem::path& folder) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files.insert(entry.path());
  }
  return files;
}

/// What /proc/self/fd lists and what its entries are.
inline std::set<std::string> Descriptors() {
  std::set<std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    if (!gone && target.find("/proc/") != 0) {
      open.insert(entry.path().filename().string() + " " + target);
    }
  }
  return open;
}

}  // namespace virtufin::test
