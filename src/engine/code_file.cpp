// Reads files without waiting for a writer.
#include "virtufin/engine/code_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace virtufin::inline v0 {
namespace {

struct File {
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  const int descriptor;
};

}  // namespace

Result<std::vector<std::uint8_t>> ReadCodeFile(const std::string& path, std::size_t max_bytes,
                                               const char* component) {
  const auto error = [&](StatusCode code, const std::string& why) {
    return Status(code, component, path + ": " + why);
  };
  // Not waiting: opening a FIFO would, for a writer that may never come.
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about {};
  if (file.descriptor < 0 || fstat(file.descriptor, &about) != 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return error(missing ? StatusCode::kNotFound : StatusCode::kInvalidArgument,
                 std::strerror(errno));
  }
  if (!S_ISREG(about.st_mode)) {
    return error(StatusCode::kInvalidArgument, "expected a regular file");
  }
  if (static_cast<std::uint64_t>(about.st_size) > max_bytes) {
    return error(StatusCode::kResourceExhausted, std::to_string(about.st_size) +
                                                     " bytes, at most " +
                                                     std::to_string(max_bytes) + " are loaded");
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(about.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error(StatusCode::kInvalidArgument, std::strerror(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace virtufin::inline v0
