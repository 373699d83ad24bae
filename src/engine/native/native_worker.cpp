// Calls into a native worker and the table "what a bad call costs".
#include "engine/native/native_worker.hpp"

#include <cxxabi.h>

#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "virtufin/engine/error_text.hpp"
#include "virtufin/event/wire.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::uintptr_t kReplyAlignment = 8;

Status Error(StatusCode code, std::string text) { return {code, "engine", std::move(text)}; }

// Calls `code` of the worker. What it throws stops here; the text says what that was.
template <class Code>
std::optional<std::string> Fenced(const Code& code) {
  try {
    code();
    return std::nullopt;
  } catch (const abi::__forced_unwind&) {
    throw;  // the thread is being ended: only the C library may stop that
  } catch (const std::exception& error) {
    return std::string(ErrorText(error.what()));
  } catch (...) {
    return std::string("an exception of unknown type");
  }
}

// What a worker left in *out_buf, when it can be read.
Result<WorkerResponse> ReadReply(const std::uint8_t* buffer, std::int32_t size) {
  if (size <= 0) {
    return Error(StatusCode::kDataLoss, "its length is " + std::to_string(size));
  }
  if (static_cast<std::size_t>(size) > kMaxEventBytes) {
    return Error(StatusCode::kDataLoss, std::to_string(size) + " bytes, at most " +
                                            std::to_string(kMaxEventBytes) + " are read");
  }
  if (reinterpret_cast<std::uintptr_t>(buffer) % kReplyAlignment != 0) {
    return Error(StatusCode::kDataLoss, "the buffer is not 8-aligned");
  }
  return DecodeWorkerResponse({buffer, static_cast<std::size_t>(size)});
}

// What a worker says of its failure. A worker of the SDK says a Status as Status::ToString does:
// that becomes the same Status as in process, but for its component, which has no static storage
// here.
Status Failure(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(' '));
  for (int number = 1; number <= 16; ++number) {
    const auto code = static_cast<StatusCode>(number);
    if (name != StatusCodeName(code)) continue;
    const std::string_view rest = text.substr(name.size());
    const std::size_t end = rest.find("]: ");
    if (!rest.starts_with(" [") || end == rest.npos || rest.substr(2, end).find(' ') < end) break;
    return {code, "worker", std::string(ErrorText(rest.substr(end + 3)))};
  }
  return Error(StatusCode::kInternal, std::string(ErrorText(text)));
}

CallOutcome Judge(std::int32_t returned, const std::uint8_t* buffer, std::int32_t size) {
  CallOutcome outcome;
  if (returned == 0 && buffer == nullptr) return outcome;
  if (returned != 0) {
    std::string text = "worker returned " + std::to_string(returned);
    if (buffer != nullptr) {
      const Result<WorkerResponse> reply = ReadReply(buffer, size);
      if (reply.ok() && reply->error.has_value())
        text.append(": ").append(ErrorText(*reply->error));
    }
    outcome.status = Error(StatusCode::kInternal, std::move(text));
    return outcome;
  }
  Result<WorkerResponse> reply = ReadReply(buffer, size);
  if (!reply.ok()) {
    outcome.status =
        Error(StatusCode::kDataLoss, "bad reply: " + std::string(reply.status().message()));
    return outcome;
  }
  if (reply->error.has_value()) {
    outcome.status = Failure(*reply->error);
  }
  outcome.reply = std::move(reply->event);
  return outcome;
}

void CountOne(std::atomic<std::uint64_t>& counter) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

CallOutcome Call(const WorkerExports& exports, const VirtufinHost* host, ByteView input,
                 HostState& state) {
  std::uint8_t* buffer = nullptr;
  std::int32_t size = 0;
  std::int32_t returned = 0;
  CallOutcome outcome;
  if (const auto thrown = Fenced([&] {
        returned = exports.process(host, input.data(), static_cast<std::int32_t>(input.size()),
                                   &buffer, &size);
      })) {
    outcome.status = Error(StatusCode::kInternal, "exception left Process: " + *thrown);
    outcome.degrades = true;
  } else {
    outcome = Judge(returned, buffer, size);
  }
  if (buffer == nullptr) return outcome;
  CountOne(state.buffers);
  if (const auto thrown = Fenced([&] { exports.free_result(buffer); })) {
    outcome.degrades = true;
    if (outcome.reply.has_value() && outcome.status.ok()) {
      outcome.status = Error(StatusCode::kInternal, "exception left FreeResult: " + *thrown);
    }
  } else {
    CountOne(state.buffers_freed);
  }
  return outcome;
}

Status MissingSymbol(const Library& library, const char* symbol) {
  return Error(StatusCode::kInvalidArgument, library.name() + " does not export '" + symbol + "'");
}

}  // namespace

Result<WorkerExports> WorkerExports::Find(const Library& library, const WorkerManifest& manifest) {
  const char* const process_name = manifest.entry_point.c_str();
  const char* const free_result_name = manifest.free_result.c_str();
  WorkerExports exports;
  exports.reentrant = manifest.reentrant;
  exports.process = reinterpret_cast<VirtufinProcessFn>(library.Find(process_name));
  exports.free_result = reinterpret_cast<VirtufinFreeResultFn>(library.Find(free_result_name));
  exports.init = reinterpret_cast<VirtufinWorkerInitFn>(library.Find("VirtufinWorkerInit"));
  exports.shutdown =
      reinterpret_cast<VirtufinWorkerShutdownFn>(library.Find("VirtufinWorkerShutdown"));
  if (exports.process == nullptr) return MissingSymbol(library, process_name);
  if (exports.free_result == nullptr) return MissingSymbol(library, free_result_name);
  if (manifest.abi_version.has_value()) {
    exports.abi_version = *manifest.abi_version;
  } else if (const void* const version = library.Find("VirtufinWorkerAbiVersion")) {
    exports.abi_version = *static_cast<const std::int32_t*>(version);
  }
  if (exports.abi_version < 1 || exports.abi_version > VIRTUFIN_WORKER_ABI_REVISION) {
    return Error(StatusCode::kInvalidArgument, library.name() + " asks for worker ABI version " +
                                                   std::to_string(exports.abi_version) +
                                                   ": supported are 1 and 2");
  }
  return exports;
}

NativeWorker::NativeWorker(Library library, const WorkerExports& exports,
                           const WorkerIdentity& identity, std::shared_ptr<WorkerHost> host)
    : library_(std::move(library)),
      exports_(exports),
      host_(std::move(host)),
      state_(std::make_unique<HostState>(identity, host_)),
      slot_(NewHostSlot(exports.abi_version, state_.get())) {}

NativeWorker::~NativeWorker() {
  if (state_->abandoned.load() || state_->running_calls.load(std::memory_order_acquire) != 0) {
    LeaveInPlace();
    return;
  }
  Shutdown();
  CloseHostSlot(slot_);
  Counters().buffers.fetch_add(state_->buffers.load(std::memory_order_relaxed));
  Counters().buffers_freed.fetch_add(state_->buffers_freed.load(std::memory_order_relaxed));
  // A thread that should have ended: what it returns to must not go.
  if (!HostUse::Leave(*state_)) {
    (void)state_.release();  // that thread deletes it
    Report(LogLevel::kError, library_.name() +
                                 " stays mapped: a thread of it is inside of its host after "
                                 "VirtufinWorkerShutdown returned");
    library_.Keep();
    Counters().abandoned.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (library_.Close()) return;
  Counters().pinned.fetch_add(1, std::memory_order_relaxed);
  Report(LogLevel::kWarn,
         "unload_pinned: " + library_.name() + " is still mapped after its unload");
}

Status NativeWorker::Init() {
  if (exports_.init == nullptr) return {};
  const CallMark mark(*state_);
  std::int32_t returned = 0;
  if (const auto thrown = Fenced([&] { returned = exports_.init(&slot_->host); })) {
    return Error(StatusCode::kInvalidArgument,
                 library_.name() + ": exception left VirtufinWorkerInit: " + *thrown);
  }
  if (returned != 0) {
    return Error(StatusCode::kInvalidArgument,
                 library_.name() + ": VirtufinWorkerInit returned " + std::to_string(returned));
  }
  return {};
}

void NativeWorker::Process(const Message& message, const ExtensionOverlay* config,
                           std::shared_ptr<CallSink> done) {
  // When the worker returns, this object may be gone: an abandoned load leaves state, struct and
  // code, nothing else.
  HostState& state = *state_;
  const VirtufinHost* const host = &slot_->host;
  const WorkerExports exports = exports_;
  const Result<ByteView> input = config != nullptr ? message.Encoded(Encoding::kWorkerWire, *config)
                                                   : message.Encoded(Encoding::kWorkerWire);
  CallOutcome outcome;
  if (!input.ok()) {
    outcome.status = input.status();
  } else if (state.abandoned.load(std::memory_order_relaxed)) {
    outcome.status = Error(StatusCode::kFailedPrecondition, "the worker was abandoned");
  } else {
    const CallMark mark(state);
    outcome = Call(exports, host, *input, state);
  }
  done->OnOutcome(std::move(outcome));
}

void NativeWorker::Abandon() noexcept { state_->abandoned.store(true); }

void NativeWorker::Shutdown() noexcept {
  if (exports_.shutdown == nullptr) return;
  const CallMark mark(*state_);
  if (const auto thrown = Fenced([&] { exports_.shutdown(&slot_->host); })) {
    Report(LogLevel::kError, "exception left VirtufinWorkerShutdown: " + *thrown);
  }
}

void NativeWorker::LeaveInPlace() noexcept {
  state_->abandoned.store(true);
  library_.Keep();
  DetachHost(slot_);
  Report(LogLevel::kWarn, "abandoned: " + library_.name() + " stays mapped, a call is inside");
  Counters().abandoned.fetch_add(1, std::memory_order_relaxed);
  (void)state_.release();  // the slot has it, for the call and its callbacks
}

void NativeWorker::Report(LogLevel level, const std::string& text) const noexcept {
  if (host_ != nullptr) host_->Log(level, text);
}

}  // namespace virtufin::inline v0::detail
