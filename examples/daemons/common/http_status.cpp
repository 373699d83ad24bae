// What each path answers.
#include "daemons/common/http_status.hpp"

#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

namespace virtufin::daemon {
namespace {

net::HttpAnswer Text(int status, std::string type, std::string body) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.fields.push_back({"Content-Type", std::move(type)});
  answer.fields.push_back({"Cache-Control", "no-store"});
  answer.body = std::move(body);
  return answer;
}

net::HttpAnswer Plain(int status, std::string body) {
  return Text(status, "text/plain; charset=utf-8", std::move(body) + "\n");
}

// Our own words and names: ASCII, but for quotes.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string_view PathOf(const net::IncomingRequest& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

bool IsHealth(std::string_view path) { return path == "/health" || path.starts_with("/health/"); }

}  // namespace

bool HttpStatus::Known(const net::IncomingRequest& request) const {
  if (IsHealth(PathOf(request))) return true;
  if (keys_.empty()) return !closed_;
  return NameOfKey(keys_, request.Field("x-api-key")).has_value();
}

// A request with a body is refused before the body is read.
std::optional<net::HttpAnswer> HttpStatus::OnHeader(const net::IncomingRequest& request) {
  return Refusal(request);
}

void HttpStatus::OnRequest(net::IncomingRequest request, net::HttpResponder responder) {
  auto refusal = Refusal(request);
  responder.Send(refusal ? std::move(*refusal) : Answer(request));
}

std::optional<net::HttpAnswer> HttpStatus::Refusal(const net::IncomingRequest& request) const {
  if (!Known(request)) {
    return Plain(401, closed_ ? "expected an api-key to be set up: certificates open gRPC only"
                              : "expected a known key as x-api-key");
  }
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  net::HttpAnswer answer = Plain(405, "expected GET or HEAD");
  answer.fields.push_back({"Allow", "GET, HEAD"});
  return answer;
}

net::HttpAnswer HttpStatus::Answer(const net::IncomingRequest& request) const {
  const std::string_view path = PathOf(request);
  if (path == "/health") return Health();
  if (path == "/health/live") return Plain(200, "live");
  if (path == "/health/ready") {
    return ready_.load() && sources_.health().ready ? Plain(200, "ready") : Plain(503, "not ready");
  }
  if (path == "/metrics") {
    return Text(200, "text/plain; version=0.0.4; charset=utf-8", sources_.metrics());
  }
  return Plain(404, "expected /health, /health/live, /health/ready or /metrics");
}

net::HttpAnswer HttpStatus::Health() const {
  const auto begin = std::chrono::steady_clock::now();
  WorkManagerHealth health = sources_.health();
  const bool ready = ready_.load() && health.ready;
  health.entries.push_back({"readiness", ready, ready ? "takes calls" : "starting or stopping"});
  bool healthy = true;
  std::string entries;
  for (const HealthEntry& entry : health.entries) {
    healthy = healthy && entry.healthy;
    if (!entries.empty()) entries += ",";
    entries += Quoted(entry.name) + ":{\"status\":\"" + (entry.healthy ? "Healthy" : "Unhealthy") +
               "\",\"description\":" + Quoted(entry.detail) + "}";
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  const double seconds = std::chrono::duration<double>(took).count();
  char duration[32];
  std::snprintf(duration, sizeof(duration), "00:00:%010.7f", seconds);
  return Text(healthy ? 200 : 503, "application/json",
              std::string("{\"status\":\"") + (healthy ? "Healthy" : "Unhealthy") +
                  "\",\"totalDuration\":\"" + duration + "\",\"entries\":{" + entries + "}}");
}

}  // namespace virtufin::daemon
