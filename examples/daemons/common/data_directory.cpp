// A lock that the system takes back from a process that ends.
#include "daemons/common/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace virtufin::daemon {

Result<DataDirectory> DataDirectory::Open(const std::string& path) {
  const auto refuse = [&path](const std::string& why) {
    return Status(StatusCode::kFailedPrecondition, "daemon", "data-directory " + path + ": " + why);
  };
  const std::filesystem::path directory = path;
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return refuse("cannot be made: " + error.message());
  DataDirectory made(directory,
                     open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (made.lock_ < 0) return refuse(std::strerror(errno));
  if (flock(made.lock_, LOCK_EX | LOCK_NB) == 0) return made;
  return refuse(errno == EWOULDBLOCK
                    ? "expected one of this process alone, found another that uses it"
                    : std::strerror(errno));
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace virtufin::daemon
