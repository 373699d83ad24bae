// Exports a Worker class as a native worker: the C functions of virtufin_worker_api_c.h around it.
//
// VIRTUFIN_EXPORT_WORKER(W), once per library, at file scope. It expands to nothing unless
// VIRTUFIN_WORKER_LIBRARY is defined, which virtufin_add_native_worker does: the same source file
// links into an application too.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstdint>
#include <type_traits>

#include "virtufin/virtufin_worker_api_c.h"
#include "virtufin/worker/worker.hpp"

namespace virtufin::inline v0 {

namespace detail {
using MakeWorkerFn = Worker* (*)();  // `new W`; may throw
std::int32_t NativeInit(const VirtufinHost* host, MakeWorkerFn make) noexcept;
std::int32_t NativeProcess(const VirtufinHost* host, MakeWorkerFn make, const std::uint8_t* in_buf,
                           std::int32_t in_len, std::uint8_t** out_buf,
                           std::int32_t* out_len) noexcept;
void NativeFreeResult(std::uint8_t* result) noexcept;
void NativeShutdown(const VirtufinHost* host) noexcept;
}  // namespace detail

/// The bridge behind the macro: one W per host pointer, made at its Init or first Process,
/// destroyed at its Shutdown. WorkerContext::Current() is set around every call. Nothing thrown
/// leaves: what Process throws becomes the error `exception left Process: <what>`, a Status its
/// text, `NOT_FOUND [book]: no such pair`, which this library's hosts read as that Status. Calls
/// for one host must come one after another, for different hosts they may be concurrent.
template <class W>
class NativeWorker {
  static_assert(std::is_base_of_v<Worker, W>, "a worker derives from virtufin::Worker");
  static_assert(std::is_default_constructible_v<W>,
                "the host makes workers: W needs a constructor without arguments");

 public:
  /// Not 0: W could not be made; the reason is in the host's log.
  static std::int32_t Init(const VirtufinHost* host) noexcept {
    return detail::NativeInit(host, &Make);
  }
  static std::int32_t Process(const VirtufinHost* host, const std::uint8_t* in_buf,
                              std::int32_t in_len, std::uint8_t** out_buf,
                              std::int32_t* out_len) noexcept {
    return detail::NativeProcess(host, &Make, in_buf, in_len, out_buf, out_len);
  }
  static void FreeResult(std::uint8_t* result) noexcept { detail::NativeFreeResult(result); }
  static void Shutdown(const VirtufinHost* host) noexcept { detail::NativeShutdown(host); }

 private:
  static Worker* Make() { return new W; }
};

}  // namespace virtufin::inline v0

#if defined(VIRTUFIN_WORKER_LIBRARY)
#define VIRTUFIN_EXPORT_WORKER(W)                                                        \
  extern "C" std::int32_t Process(const VirtufinHost* host, const std::uint8_t* in_buf,  \
                                  std::int32_t in_len, std::uint8_t** out_buf,           \
                                  std::int32_t* out_len) {                               \
    return ::virtufin::NativeWorker<W>::Process(host, in_buf, in_len, out_buf, out_len); \
  }                                                                                      \
  extern "C" void FreeResult(std::uint8_t* result) {                                     \
    ::virtufin::NativeWorker<W>::FreeResult(result);                                     \
  }                                                                                      \
  extern "C" std::int32_t VirtufinWorkerInit(const VirtufinHost* host) {                 \
    return ::virtufin::NativeWorker<W>::Init(host);                                      \
  }                                                                                      \
  extern "C" void VirtufinWorkerShutdown(const VirtufinHost* host) {                     \
    ::virtufin::NativeWorker<W>::Shutdown(host);                                         \
  }                                                                                      \
  VIRTUFIN_WORKER_ABI(2);
#else
#define VIRTUFIN_EXPORT_WORKER(W)
#endif
