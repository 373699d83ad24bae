// A shared library mapped from a private copy of its bytes.
#pragma once

#include <string>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/engine/native.hpp"

namespace virtufin::inline v0::detail {

/// One mapping, shared with nobody. Movable; the destructor closes it.
class Library {
 public:
  /// `name` is what messages call it, `file_name` what its private copy is called. Errors:
  /// INVALID_ARGUMENT with the loader's words; RESOURCE_EXHAUSTED for no memory;
  /// FAILED_PRECONDITION when no private copy can be made.
  static Result<Library> Open(ByteView bytes, const std::string& name, std::string file_name,
                              const WorkerIdentity& identity, const NativeEngineOptions& options);
  Library(Library&& other) noexcept;
  Library& operator=(Library&&) = delete;
  ~Library();

  /// How the library is called in messages: the file's path, or "library of 14304 bytes"; of a
  /// package, with the path in it behind.
  const std::string& name() const noexcept { return name_; }
  /// The address of an exported symbol; null when there is none.
  void* Find(const char* symbol) const noexcept;

  /// Unmaps it. False: it is still mapped afterwards, something in it pins it.
  bool Close() noexcept;
  /// Leaves it mapped for ever; its file, if it has one, is removed.
  void Keep() noexcept;

 private:
  Library(void* handle, std::string name, std::string path, bool is_file) noexcept;
  void RemoveFile() noexcept;

  void* handle_;
  std::string name_;
  std::string path_;  // what the loader knows it by; no other library has had it
  bool is_file_;
};

}  // namespace virtufin::inline v0::detail
