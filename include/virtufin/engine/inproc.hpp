// In-process engine: workers that the application itself has linked in, made by factories.
//
// MIME type application/x-virtufin-inproc; the content of the code is the factory's name.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/worker/worker.hpp"

namespace virtufin::inline v0 {

inline constexpr std::string_view kInProcMimeType = "application/x-virtufin-inproc";

/// Makes one worker per load. What it throws, and a null pointer, make the load fail.
using WorkerFactory = std::function<std::unique_ptr<Worker>()>;

/// An engine without factories; register it, then add them. `gateways` makes what its workers get
/// from WorkerContext::DialGateway; null: they dial none. [any]
std::unique_ptr<Engine> MakeInProcEngine(GatewayClientFactory gateways = nullptr);

/// Adds a factory to the in-process engine of `registry`. [any]
/// Errors: ALREADY_EXISTS; INVALID_ARGUMENT for an empty name or factory; FAILED_PRECONDITION when
/// the registry has no in-process engine.
Status RegisterWorkerFactory(const EngineRegistry& registry, std::string_view name,
                             WorkerFactory factory);

}  // namespace virtufin::inline v0
