// Host structs that are never reused, and their callbacks: log, gateway_call, free_response,
// get_extension. The tables are in host_tables.cpp.
#include "engine/native/host_slab.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <type_traits>
#include <utility>

#include "virtufin/engine/host_support.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kSlotsPerPage = 63;
// A worker's line is foreign text without a length.
constexpr std::size_t kMaxLogBytes = std::size_t{64} << 10;

struct Page {
  Page* older;
  std::size_t used;
  HostSlot slots[kSlotsPerPage];
};

// Reachable from here for ever, and without a destructor that could run under a late callback.
constinit std::mutex pages_mutex;
constinit Page* pages = nullptr;
constinit std::array<std::mutex, 16> slot_mutexes;
constinit SlabCounters counters;
static_assert(std::is_trivially_destructible_v<std::mutex>);
static_assert(std::is_trivially_destructible_v<SlabCounters>);

std::mutex& LockOf(const HostSlot* slot) noexcept {
  return slot_mutexes[reinterpret_cast<std::uintptr_t>(slot) / sizeof(HostSlot) %
                      slot_mutexes.size()];
}

// The host of the call that runs now; null when none does. The first stray callback is logged.
std::shared_ptr<WorkerHost> EnterCallback(void* ctx, const char* what) noexcept {
  auto* const slot = static_cast<HostSlot*>(ctx);
  std::shared_ptr<WorkerHost> stray_log;
  if (slot != nullptr) {
    const std::lock_guard lock(LockOf(slot));
    if (HostState* const state = slot->state; state != nullptr) {
      if (state->running_calls.load(std::memory_order_relaxed) != 0 &&
          !state->abandoned.load(std::memory_order_relaxed)) {
        return state->host;
      }
      if (!std::exchange(state->stray_logged, true)) stray_log = state->host;
    }
  }
  counters.stray_callbacks.fetch_add(1, std::memory_order_relaxed);
  if (stray_log != nullptr) {
    try {
      stray_log->Log(LogLevel::kWarn, std::string("the worker used ") + what +
                                          " outside of a call: refused, as all that follow");
    } catch (...) {  // no memory for the text: the counter has it
    }
  }
  return nullptr;
}

void HostLog(void* ctx, std::int32_t level, const char* message) noexcept {
  const std::shared_ptr<WorkerHost> host = EnterCallback(ctx, "log");
  if (host == nullptr || message == nullptr) return;
  const auto clamped = static_cast<LogLevel>(level < 0 ? 0 : level > 4 ? 4 : level);
  host->Log(clamped, std::string_view(message, strnlen(message, kMaxLogBytes)));
}

std::string ErrorBody(const Status& status) {
  std::string body =
      "{\"error\":{\"code\":" + std::to_string(static_cast<int>(status.code())) + ",\"message\":";
  AppendJsonString(body, status.message());
  body += "}}";
  return body;
}

struct GatewayRequest {
  const char* service;
  const char* method;
  const std::uint8_t* json;
  std::int32_t json_size;
};

Result<std::string> CallGateway(void* ctx, const GatewayRequest& request) {
  const std::shared_ptr<WorkerHost> host = EnterCallback(ctx, "gateway_call");
  if (host == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "engine",
                  "gateway_call outside of a call of this worker");
  }
  if (request.service == nullptr || request.method == nullptr || request.json_size < 0 ||
      (request.json == nullptr && request.json_size != 0)) {
    return Status(StatusCode::kInvalidArgument, "engine",
                  "gateway_call: expected a service, a method and a request");
  }
  if (static_cast<std::size_t>(request.json_size) > kMaxEventBytes) {
    return Status(StatusCode::kResourceExhausted, "engine",
                  "gateway_call: the request has " + std::to_string(request.json_size) +
                      " bytes, at most " + std::to_string(kMaxEventBytes) + " are taken");
  }
  const std::string_view json(reinterpret_cast<const char*>(request.json),
                              static_cast<std::size_t>(request.json_size));
  Result<std::string> answer = host->GatewayCall(request.service, request.method, json);
  if (answer.ok() && answer->size() > kMaxEventBytes) {
    return Status(StatusCode::kResourceExhausted, "engine",
                  "gateway_call: the answer has " + std::to_string(answer->size()) +
                      " bytes, at most " + std::to_string(kMaxEventBytes) + " are given");
  }
  return answer;
}

// The answer in memory for free_response, with a NUL behind it.
bool HandOver(std::string_view text, std::uint8_t** resp, std::int32_t* resp_len) noexcept {
  if (resp == nullptr || resp_len == nullptr) return true;
  auto* const copy = static_cast<std::uint8_t*>(std::malloc(text.size() + 1));
  if (copy == nullptr) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = 0;
  *resp = copy;
  *resp_len = static_cast<std::int32_t>(text.size());
  return true;
}

std::int32_t HostGatewayCall(void* ctx, const char* service, const char* method,
                             const std::uint8_t* req, std::int32_t req_len, std::uint8_t** resp,
                             std::int32_t* resp_len) noexcept {
  constexpr auto kNoMemory = static_cast<std::int32_t>(StatusCode::kResourceExhausted);
  if (resp != nullptr) *resp = nullptr;
  if (resp_len != nullptr) *resp_len = 0;
  try {
    Result<std::string> answer = [&]() -> Result<std::string> {
      try {
        return CallGateway(ctx, {service, method, req, req_len});
      } catch (const std::exception& error) {
        return Status(StatusCode::kInternal, "engine", error.what());
      } catch (...) {
        return Status(StatusCode::kInternal, "engine", "unknown exception");
      }
    }();
    if (answer.ok()) return HandOver(*answer, resp, resp_len) ? 0 : kNoMemory;
    const Status status = answer.status();
    return HandOver(ErrorBody(status), resp, resp_len) ? static_cast<std::int32_t>(status.code())
                                                       : kNoMemory;
  } catch (...) {
    return kNoMemory;
  }
}

void HostFreeResponse(void* /*ctx*/, std::uint8_t* resp) noexcept { std::free(resp); }

const void* HostGetExtension(void* ctx, const char* id) noexcept {
  auto* const slot = static_cast<HostSlot*>(ctx);
  if (slot == nullptr || id == nullptr) return nullptr;
  const bool is_info = std::strcmp(id, VIRTUFIN_EXTENSION_WORKER_1) == 0;
  const void* const table = is_info ? nullptr : FindHostTable(id);
  const std::lock_guard lock(LockOf(slot));
  if (slot->state == nullptr) return nullptr;
  return is_info ? slot->state->info.table() : table;
}

template <class Range, class Text>
std::vector<const char*> Pointers(const Range& range, Text text) {
  std::vector<const char*> pointers;
  pointers.reserve(range.size());
  for (const auto& entry : range) pointers.push_back(text(entry).c_str());
  return pointers;
}

}  // namespace

WorkerInfo::WorkerInfo(const WorkerIdentity& identity) : identity_(identity) {
  topics_ = Pointers(
      identity_.topics, [](const auto& entry) -> auto& { return entry; });
  config_keys_ = Pointers(
      identity_.config, [](const auto& entry) -> auto& { return entry.first; });
  config_values_ = Pointers(
      identity_.config, [](const auto& entry) -> auto& { return entry.second; });
  table_.struct_size = sizeof(table_);
  table_.topic_count = static_cast<std::uint32_t>(topics_.size());
  table_.config_count = static_cast<std::uint32_t>(config_keys_.size());
  table_.worker_id = identity_.worker_id.c_str();
  table_.instance_id = identity_.instance_id.c_str();
  table_.host_version = VIRTUFIN_VERSION_TEXT;
  table_.topics = topics_.data();
  table_.config_keys = config_keys_.data();
  table_.config_values = config_values_.data();
}

HostUse::HostUse(void* ctx) noexcept {
  auto* const slot = static_cast<HostSlot*>(ctx);
  if (slot != nullptr) {
    const std::lock_guard lock(LockOf(slot));
    HostState* const state = slot->state;
    if (state != nullptr && state->host != nullptr &&
        !state->abandoned.load(std::memory_order_relaxed)) {
      state->uses.fetch_add(1, std::memory_order_relaxed);
      state_ = state;
      host_ = state->host;
      return;
    }
  }
  counters.stray_callbacks.fetch_add(1, std::memory_order_relaxed);
}

HostSlot* NewHostSlot(std::int32_t abi_version, HostState* state) {
  HostSlot* slot = nullptr;
  {
    const std::lock_guard lock(pages_mutex);
    if (pages == nullptr || pages->used == kSlotsPerPage) pages = new Page{pages, 0, {}};
    slot = &pages->slots[pages->used++];
  }
  counters.loads.fetch_add(1, std::memory_order_relaxed);
  slot->host.engine_ptr = slot;
  slot->host.abi_version = abi_version;
  slot->host.log = &HostLog;
  slot->host.gateway_call = &HostGatewayCall;
  slot->host.free_response = &HostFreeResponse;
  if (abi_version >= 2) {
    slot->host.struct_size = sizeof(VirtufinHost);
    slot->host.get_extension = &HostGetExtension;
  }
  const std::lock_guard lock(LockOf(slot));
  slot->state = state;
  return slot;
}

void CloseHostSlot(HostSlot* slot) noexcept {
  const std::lock_guard lock(LockOf(slot));
  slot->state = nullptr;
}

void DetachHost(HostSlot* slot) noexcept {
  std::shared_ptr<WorkerHost> last;  // its destructor must not run under the lock
  const std::lock_guard lock(LockOf(slot));
  last.swap(slot->state->host);
}

SlabCounters& Counters() noexcept { return counters; }

}  // namespace virtufin::inline v0::detail

namespace virtufin::inline v0 {

NativeCounters GetNativeCounters() noexcept {
  const detail::SlabCounters& counters = detail::Counters();
  return {counters.loads.load(std::memory_order_relaxed),
          counters.stray_callbacks.load(std::memory_order_relaxed),
          counters.pinned.load(std::memory_order_relaxed),
          counters.abandoned.load(std::memory_order_relaxed),
          counters.buffers.load(std::memory_order_relaxed),
          counters.buffers_freed.load(std::memory_order_relaxed)};
}

}  // namespace virtufin::inline v0
