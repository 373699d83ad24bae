// What every C function shares: the fence where exceptions stop, errors, strings, callbacks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

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

inline Status Missing(const char* parameter) {
  return Status(StatusCode::kInvalidArgument, "c_api",
                std::string(parameter) + ": expected a pointer, found NULL");
}

/// Copies a struct of the caller's header into ours: fields it does not know stay zero, fields that
/// we do not know must be zero.
template <class T>
Status ReadStruct(const T* given, std::uint32_t size, T& out) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  const bool known = size >= sizeof(std::uint32_t) && size <= 4096 &&
                     (size <= sizeof(T) || std::all_of(bytes + sizeof(T), bytes + size,
                                                       [](unsigned char b) { return b == 0; }));
  if (!known) {
    return Status(StatusCode::kInvalidArgument, "c_api",
                  "struct_size: expected " + std::to_string(sizeof(T)) + ", found " +
                      std::to_string(size) + ", or values in fields that this library lacks");
  }
  std::memcpy(&out, given, std::min<std::size_t>(size, sizeof(T)));
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
