// The bridge between the C functions of the worker ABI and Worker objects, one per host pointer.
#include "virtufin/worker/native_export.hpp"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "virtufin/event/wire.hpp"
#include "worker/native_context.hpp"
#include "worker/thrown.hpp"

namespace virtufin::inline v0::detail {
namespace {

struct Instance {
  explicit Instance(const VirtufinHost* host) noexcept : context(*host) {}
  const VirtufinHost* host() const noexcept { return &context.host(); }

  NativeContext context;           // outlives the worker
  std::unique_ptr<Worker> worker;  // made once
  Instance* next = nullptr;        // guarded by instances_mutex
};

// A list without a destructor: one that ran at unload would pin the library. Every instance is
// destroyed at its host's Shutdown; mostly there is one, as a host maps a library once per load.
constinit std::mutex instances_mutex;
constinit Instance* instances = nullptr;
static_assert(std::is_trivially_destructible_v<std::mutex>);

Instance* FindLocked(const VirtufinHost* host) noexcept {
  Instance* instance = instances;
  while (instance != nullptr && instance->host() != host) instance = instance->next;
  return instance;
}

Instance* Find(const VirtufinHost* host) noexcept {
  const std::lock_guard lock(instances_mutex);
  return FindLocked(host);
}

// Throws what the worker's constructor throws.
Instance& FindOrMake(const VirtufinHost* host, MakeWorkerFn make) {
  if (Instance* const found = Find(host); found != nullptr) return *found;
  auto made = std::make_unique<Instance>(host);
  {
    const WorkerContext::Scope scope(&made->context);
    made->worker.reset(make());
  }
  // The constructor ran without the lock, as it may take long: of two that ran at once the first
  // to come here stays.
  const std::lock_guard lock(instances_mutex);
  if (Instance* const other = FindLocked(host); other != nullptr) return *other;
  made->next = std::exchange(instances, made.get());
  return *made.release();
}

// What the worker answers, encoded; empty when it declines.
Result<EncodedBytes> Run(const VirtufinHost* host, MakeWorkerFn make, ByteView input) {
  const Result<CloudEvent> event = DecodeCloudEvent(input);
  if (!event.ok()) {
    return EncodeWorkerResponse(nullptr, "not an event: " + std::string(event.status().message()));
  }
  try {
    Instance& instance = FindOrMake(host, make);
    const WorkerContext::Scope scope(&instance.context);
    const Result<std::optional<CloudEvent>> reply = instance.worker->Process(*event);
    if (!reply.ok()) return EncodeWorkerResponse(nullptr, reply.status().ToString());
    if (!reply->has_value()) return EncodedBytes();
    Result<EncodedBytes> encoded = EncodeWorkerResponse(&**reply, std::nullopt);
    if (encoded.ok()) return encoded;
    return EncodeWorkerResponse(nullptr, "the reply: " + encoded.status().ToString());
  } catch (...) {
    return EncodeWorkerResponse(nullptr, "exception left Process: " + WhatWasThrown());
  }
}

}  // namespace

std::int32_t NativeInit(const VirtufinHost* host, MakeWorkerFn make) noexcept {
  try {
    FindOrMake(host, make);
    return 0;
  } catch (...) {
    try {
      host->log(host->engine_ptr, VIRTUFIN_LOG_ERROR,
                ("the worker's constructor threw: " + WhatWasThrown()).c_str());
    } catch (...) {  // no memory for the text: the result says enough
    }
    return static_cast<std::int32_t>(StatusCode::kInternal);
  }
}

std::int32_t NativeProcess(const VirtufinHost* host, MakeWorkerFn make, const std::uint8_t* in_buf,
                           std::int32_t in_len, std::uint8_t** out_buf,
                           std::int32_t* out_len) noexcept {
  try {
    Result<EncodedBytes> response =
        Run(host, make, {in_buf, static_cast<std::size_t>(in_len < 0 ? 0 : in_len)});
    if (!response.ok()) return static_cast<std::int32_t>(response.status().code());
    *out_len = static_cast<std::int32_t>(response->size());
    *out_buf = response->Release();
    return 0;
  } catch (...) {
    return static_cast<std::int32_t>(StatusCode::kResourceExhausted);
  }
}

void NativeFreeResult(std::uint8_t* result) noexcept { std::free(result); }

void NativeShutdown(const VirtufinHost* host) noexcept {
  std::unique_ptr<Instance> instance;
  {
    const std::lock_guard lock(instances_mutex);
    Instance** link = &instances;
    while (*link != nullptr && (*link)->host() != host) link = &(*link)->next;
    if (*link == nullptr) return;
    instance.reset(*link);
    *link = instance->next;
  }
  const WorkerContext::Scope scope(&instance->context);
  instance.reset();
}

}  // namespace virtufin::inline v0::detail
