// The bytes behind a WorkerCode, and the descriptor type that files are read and written with.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0::detail {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const noexcept { return fd_; }
  bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// `what`: the words of `error`, an errno.
Status SystemError(StatusCode code, const std::string& what, int error);

/// The content, borrowed from the code, or what was read from its path. Movable.
class CodeBytes {
 public:
  /// Errors: NOT_FOUND without a file; INVALID_ARGUMENT for what is no readable regular one;
  /// RESOURCE_EXHAUSTED for more than `max_bytes`.
  static Result<CodeBytes> Of(const WorkerCode& code, std::size_t max_bytes);

  ByteView bytes() const noexcept { return borrowed_.empty() ? ByteView(owned_) : borrowed_; }

 private:
  std::vector<std::uint8_t> owned_;
  ByteView borrowed_;
};

}  // namespace virtufin::inline v0::detail
