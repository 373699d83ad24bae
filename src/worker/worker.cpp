// The current context of a thread, and the gateway over it.
#include "virtufin/worker/worker.hpp"

#include <utility>

namespace virtufin::inline v0 {
namespace {

// A raw pointer: a thread-local with a destructor would pin a worker library in the process.
thread_local constinit WorkerContext* current = nullptr;

}  // namespace

WorkerContext* WorkerContext::Current() noexcept { return current; }

WorkerContext::Scope::Scope(WorkerContext* context) noexcept
    : before_(std::exchange(current, context)) {}

WorkerContext::Scope::~Scope() { current = before_; }

std::unique_ptr<GatewayClient> WorkerContext::DialGateway(std::string_view /*host*/,
                                                          std::uint16_t /*port*/) {
  return nullptr;
}

Result<std::string> HostGateway::Invoke(std::string_view service, std::string_view method,
                                        std::string_view json) {
  return context_.InvokeGateway(service, method, json);
}

}  // namespace virtufin::inline v0
