// Which gateway a worker talks to.
#include <charconv>
#include <system_error>

#include "virtufin/worker/api_worker.hpp"

namespace virtufin::inline v0 {
namespace {

Status Invalid(std::string_view expected, std::string_view found) {
  return {StatusCode::kInvalidArgument, "worker",
          "api_host: expected " + std::string(expected) + ", found '" + std::string(found) + "'"};
}

}  // namespace

GatewayClient* ApiAccess::Api() {
  WorkerContext* const context = WorkerContext::Current();
  if (!host_.empty() && dialled_ == nullptr && context != nullptr) {
    dialled_ = context->DialGateway(host_, port_);
  }
  if (dialled_ != nullptr) return dialled_.get();
  if (context == nullptr) return nullptr;
  if (context != host_context_) {
    of_host_.emplace(*context);
    host_context_ = context;
  }
  return &*of_host_;
}

Status ApiAccess::EnsureClient(std::string_view host, std::uint16_t port) {
  if (host.empty()) return Invalid("a host name or address", host);
  if (port == 0) return Invalid("a port from 1 to 65535", "0");
  if (host == host_ && port == port_) return {};
  host_ = host;
  port_ = port;
  dialled_.reset();
  return {};
}

Status ApiAccess::EnsureClientFromCommand(const Json& payload) {
  const std::optional<std::string_view> text = FindText(payload, "api_host");
  if (!text) return {};
  std::string_view host = *text;
  std::string_view port_text;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return Invalid("host or host:port", *text);
    port_text = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port_text = host.substr(colon);
    host = host.substr(0, colon);
  }
  std::uint16_t port = kDefaultPort;
  if (!port_text.empty()) {
    const char* const end = port_text.data() + port_text.size();
    const auto parsed = std::from_chars(port_text.data() + 1, end, port);
    if (port_text.front() != ':' || parsed.ec != std::errc() || parsed.ptr != end || port == 0) {
      return Invalid("host or host:port", *text);
    }
  }
  return EnsureClient(host, port);
}

}  // namespace virtufin::inline v0
