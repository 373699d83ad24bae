// Private copies of libraries, in memory or in files, and the loader.
#include "engine/native/library.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "engine/native/code.hpp"
#include "engine/native/elf.hpp"
#include "engine/native/environment.hpp"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMaxFileNameBytes = 140;  // lib<128>.dylib; memfd_create takes 249

bool WriteWhole(int fd, ByteView bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

// The loader takes a path it has seen for the library it has: once descriptor 5 is closed and given
// to another copy, /proc/self/fd/5 would still mean the first. So every load spells the path in its
// own way: its serial number in "/." and "//".
std::string DescriptorPath(int fd) {
  static constinit std::atomic<std::uint32_t> serial{0};
  const std::uint32_t number = serial.fetch_add(1, std::memory_order_relaxed);
  std::string path = "/proc/self/fd";
  for (int bit = 0; bit < 32; ++bit) path += (number >> bit & 1) != 0 ? "/." : "//";
  return path + "/" + std::to_string(fd);
}

// Where the loader finds the private copy. `fd` must stay open until it has been mapped.
struct Copy {
  std::string path;
  std::optional<FileDescriptor> fd;  // none: a file
};

Result<Copy> CopyToMemory(const std::string& name, ByteView bytes) {
  const std::string label = "virtufin-" + name;
  int fd = memfd_create(label.c_str(), MFD_CLOEXEC | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(label.c_str(), MFD_CLOEXEC);  // before Linux 6.3
  FileDescriptor owned(fd);
  if (!owned.ok() || !WriteWhole(fd, bytes)) {
    return SystemError(errno == ENOMEM || errno == ENOSPC || errno == EMFILE || errno == ENFILE
                           ? StatusCode::kResourceExhausted
                           : StatusCode::kFailedPrecondition,
                       "no private copy in memory (the option worker.directory puts it in a file)",
                       errno);
  }
  return Copy{DescriptorPath(fd), std::move(owned)};
}

Result<Copy> CopyToFile(const std::string& directory, const std::string& name, ByteView bytes) {
  std::string folder = directory + "/virtufin-worker-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return SystemError(StatusCode::kFailedPrecondition,
                       "no folder for a private copy in " + directory, errno);
  }
  const std::string path = folder + "/" + name;
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
  if (!file.ok() || !WriteWhole(file.get(), bytes)) {
    const int error = errno;
    unlink(path.c_str());
    rmdir(folder.c_str());
    return SystemError(StatusCode::kFailedPrecondition, "no private copy at " + path, error);
  }
  return Copy{path, std::nullopt};
}

// What the loader says, with the name that the caller knows instead of the copy's.
std::string LoaderWords(std::string_view path, const std::string& name) {
  const char* const words = dlerror();
  std::string text = words != nullptr ? words : "the loader gave no reason";
  for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path, at)) {
    text.replace(at, path.size(), name);
    at += name.size();
  }
  return text;
}

// Whether the loader still has a library under this path, which no other library has. Asking by
// dlopen would open the path again: by now its descriptor may be a pipe.
bool IsMapped(const std::string& path) noexcept {
  const auto same = [](dl_phdr_info* info, std::size_t /*size*/, void* wanted) -> int {
    return *static_cast<const std::string*>(wanted) == info->dlpi_name ? 1 : 0;
  };
  return dl_iterate_phdr(same, const_cast<std::string*>(&path)) != 0;
}

void* Map(const std::string& path, const WorkerIdentity& identity, bool environment) {
  std::optional<WorkerEnvironment> variables;
  if (environment) variables.emplace(identity);
  return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

}  // namespace

Result<Library> Library::Open(ByteView bytes, const std::string& name, std::string file_name,
                              const WorkerIdentity& identity, const NativeEngineOptions& options) {
  if (const Status status = CheckSharedLibrary(bytes); !status.ok()) {
    return Status(status.code(), "engine", name + ": " + std::string(status.message()));
  }
  if (file_name.empty()) file_name = "worker.so";
  if (file_name.size() > kMaxFileNameBytes) file_name.resize(kMaxFileNameBytes);
  Result<Copy> copy = options.directory.empty() ? CopyToMemory(file_name, bytes)
                                                : CopyToFile(options.directory, file_name, bytes);
  if (!copy.ok()) return copy.status();
  void* const handle = Map(copy->path, identity, options.environment);
  Library library(handle, name, copy->path, !copy->fd.has_value());
  if (handle == nullptr) {
    return Status(StatusCode::kInvalidArgument, "engine", LoaderWords(copy->path, name));
  }
  return Result<Library>(std::move(library));
}

Library::Library(void* handle, std::string name, std::string path, bool is_file) noexcept
    : handle_(handle), name_(std::move(name)), path_(std::move(path)), is_file_(is_file) {}

Library::Library(Library&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      name_(std::move(other.name_)),
      path_(std::move(other.path_)),
      is_file_(std::exchange(other.is_file_, false)) {}

Library::~Library() { Close(); }

void* Library::Find(const char* symbol) const noexcept { return dlsym(handle_, symbol); }

bool Library::Close() noexcept {
  bool gone = true;
  if (void* const handle = std::exchange(handle_, nullptr); handle != nullptr) {
    dlclose(handle);
    gone = !IsMapped(path_);
  }
  RemoveFile();
  return gone;
}

void Library::Keep() noexcept {
  handle_ = nullptr;
  RemoveFile();
}

void Library::RemoveFile() noexcept {
  if (!std::exchange(is_file_, false)) return;
  unlink(path_.c_str());
  const std::size_t slash = path_.rfind('/');
  path_.resize(slash);
  rmdir(path_.c_str());
}

}  // namespace virtufin::inline v0::detail
