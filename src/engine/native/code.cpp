// Reads worker code from files.
#include "engine/native/code.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace virtufin::inline v0::detail {
namespace {

Result<std::vector<std::uint8_t>> ReadWhole(const std::string& path, std::size_t max_bytes) {
  // Not waiting: opening a FIFO would, for a writer that may never come.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file.ok() || fstat(file.get(), &about) != 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return SystemError(missing ? StatusCode::kNotFound : StatusCode::kInvalidArgument, path, errno);
  }
  if (!S_ISREG(about.st_mode)) {
    return Status(StatusCode::kInvalidArgument, "engine", path + ": expected a regular file");
  }
  if (static_cast<std::uint64_t>(about.st_size) > max_bytes) {
    return Status(StatusCode::kResourceExhausted, "engine",
                  path + ": " + std::to_string(about.st_size) + " bytes, at most " +
                      std::to_string(max_bytes) + " are loaded");
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(about.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(StatusCode::kInvalidArgument, path, errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

Status SystemError(StatusCode code, const std::string& what, int error) {
  return {code, "engine", what + ": " + std::strerror(error)};
}

Result<CodeBytes> CodeBytes::Of(const WorkerCode& code, std::size_t max_bytes) {
  CodeBytes code_bytes;
  if (code.path.empty()) {
    if (code.content.size() > max_bytes) {
      return Status(StatusCode::kResourceExhausted, "engine",
                    "code of " + std::to_string(code.content.size()) + " bytes, at most " +
                        std::to_string(max_bytes) + " are loaded");
    }
    code_bytes.borrowed_ = code.content;
    return Result<CodeBytes>(std::move(code_bytes));
  }
  auto read = ReadWhole(code.path, max_bytes);
  if (!read.ok()) return read.status();
  code_bytes.owned_ = *std::move(read);
  return Result<CodeBytes>(std::move(code_bytes));
}

}  // namespace virtufin::inline v0::detail
