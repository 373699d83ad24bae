// What every C function shares: the fence where exceptions stop, errors, strings, callbacks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "struct_names.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/virtufin.h"

struct virtufin_error {
  virtufin::Status status;
};

struct virtufin_text {
  std::string text;
};

namespace virtufin::inline v0::c {

inline std::string_view View(virtufin_str_t text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}
inline virtufin_str_t Str(std::string_view text) { return {text.data(), text.size()}; }

/// Hands `status` to the caller; out of memory: the code alone.
virtufin_status_t Fail(const Status& status, virtufin_error_t** error) noexcept;

inline Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "c_api", std::move(message));
}
inline Status Missing(const char* parameter) {
  return Invalid(std::string(parameter) + ": expected a pointer, found NULL");
}

/// A parameter that must not be NULL.
struct Required {
  template <class T>
  Required(const char* parameter, T* pointer) : name(parameter), there(pointer != nullptr) {}
  const char* name;
  bool there;
};
/// Names the first one that is missing.
inline Status Require(std::initializer_list<Required> parameters) {
  for (const Required& parameter : parameters) {
    if (!parameter.there) return Missing(parameter.name);
  }
  return {};
}

inline Status BadIndex(std::size_t index, std::size_t count) {
  return Status(
      StatusCode::kOutOfRange, "c_api",
      "index: expected less than " + std::to_string(count) + ", found " + std::to_string(index));
}

inline constexpr std::uint32_t kMaxStructSize = 4096;

/// The size that the caller gave a struct. Errors: INVALID_ARGUMENT naming it.
template <class T>
Status ReadSize(const T* given, std::uint32_t& size) {
  static_assert(kStructName<T> != nullptr);
  std::memcpy(&size, given, sizeof(size));
  if (size >= sizeof(size) && size <= kMaxStructSize) return {};
  return Invalid(std::string(kStructName<T>) + ".struct_size: expected " +
                 std::to_string(sizeof(T)) + " (of another header 4 to " +
                 std::to_string(kMaxStructSize) + "), found " + std::to_string(size));
}

/// Copies a struct of the caller's header into ours: fields it does not know stay zero, fields that
/// we do not know must be zero, and so must `reserved`.
template <class T>
Status ReadStruct(const T* given, T& out) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  std::uint32_t size = 0;
  if (Status status = ReadSize(given, size); !status.ok()) return status;
  for (std::size_t at = sizeof(T); at < size; ++at) {
    if (bytes[at] == 0) continue;
    return Invalid(std::string(kStructName<T>) + ": expected 0 behind the " +
                   std::to_string(sizeof(T)) + " bytes that this library knows, found " +
                   std::to_string(bytes[at]) + " in byte " + std::to_string(at));
  }
  std::memcpy(&out, bytes, std::min<std::size_t>(size, sizeof(T)));
  if constexpr (requires { out.reserved; }) {
    if (out.reserved != 0) {
      return Invalid(std::string(kStructName<T>) + ".reserved: expected 0, found " +
                     std::to_string(out.reserved));
    }
  }
  return {};
}

/// Fills a struct of the caller's header from ours: as much as it knows; what we do not know is
/// zero. Its struct_size stays.
template <class T>
Status WriteStruct(const T& full, T* out) {
  auto* const bytes = reinterpret_cast<unsigned char*>(out);
  std::uint32_t size = 0;
  if (Status status = ReadSize(out, size); !status.ok()) return status;
  const std::size_t known = std::min<std::size_t>(size, sizeof(T));
  std::memcpy(bytes, &full, known);
  std::memset(bytes + known, 0, size - known);
  std::memcpy(bytes, &size, sizeof(size));
  return {};
}

/// Hands text to the caller.
inline Status GiveText(std::string text, virtufin_text_t** out) {
  *out = new virtufin_text{std::move(text)};
  return {};
}

/// Runs `body`, which returns a Status; nothing it throws leaves.
template <class Body>
virtufin_status_t Guard(virtufin_error_t** error, Body body) noexcept {
  try {
    const Status status = body();
    return status.ok() ? VIRTUFIN_OK : Fail(status, error);
  } catch (const std::bad_alloc&) {
    return Fail(Status(), error);
  } catch (const std::exception& e) {
    try {
      return Fail(Status(StatusCode::kInternal, "c_api", e.what()), error);
    } catch (...) {
      return VIRTUFIN_INTERNAL;
    }
  } catch (...) {
    return VIRTUFIN_INTERNAL;
  }
}

/// Hands a new handle to the caller when `make`, which is given it, says ok.
template <class Handle, class Make>
Status GiveHandle(Handle** out, Make make) {
  auto handle = std::make_unique<Handle>();
  if (Status status = make(*handle); !status.ok()) return status;
  *out = handle.release();
  return {};
}

/// The user data of a callback and its finalizer, which runs when the last owner is gone.
class UserData {
 public:
  UserData(void* data, virtufin_finalizer_t finalizer) : data_(data), finalizer_(finalizer) {}
  ~UserData() {
    if (finalizer_ != nullptr) finalizer_(data_);
  }
  UserData(const UserData&) = delete;
  UserData& operator=(const UserData&) = delete;
  void* get() const noexcept { return data_; }

  /// Owns from the first moment: when memory is exhausted the finalizer has run.
  static std::shared_ptr<UserData> Own(void* data, virtufin_finalizer_t finalizer) {
    try {
      return std::make_shared<UserData>(data, finalizer);
    } catch (...) {
      if (finalizer != nullptr) finalizer(data);
      throw;
    }
  }

 private:
  void* data_;
  virtufin_finalizer_t finalizer_;
};

}  // namespace virtufin::inline v0::c
