// The folder that a daemon keeps for itself.
#pragma once

#include <filesystem>
#include <string>

#include "virtufin/core/result.hpp"

namespace virtufin::daemon {

/// Held until destroyed, or until the process ends, whatever ends it.
class DataDirectory {
 public:
  /// Makes it, for this user alone, when it is missing.
  /// Errors: FAILED_PRECONDITION when it cannot be made or another process holds it.
  static Result<DataDirectory> Open(const std::string& path);
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();

  std::string File(const char* name) const { return (path_ / name).string(); }

 private:
  DataDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace virtufin::daemon
