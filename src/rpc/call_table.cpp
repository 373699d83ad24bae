// The table of open calls, and the comparison of keys.
#include "rpc/call_table.hpp"

#include <algorithm>
#include <utility>

namespace virtufin::inline v0 {
namespace {

bool SameKey(std::string_view key, std::string_view shown) {
  unsigned differ = key.size() == shown.size() ? 0 : 1;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const char against = key.empty() ? '\0' : key[i % key.size()];
    differ |= static_cast<unsigned char>(against ^ shown[i]);
  }
  return differ == 0;
}

}  // namespace

std::optional<std::string> NameOfKey(const std::vector<RpcKey>& keys, std::string_view shown) {
  const RpcKey* found = nullptr;
  for (const RpcKey& key : keys) {
    if (SameKey(key.key, shown)) found = &key;
  }
  return found == nullptr ? std::nullopt : std::optional<std::string>(found->name);
}

namespace detail {

std::string AddressOf(std::string_view peer) {
  if (peer.starts_with("ipv4:") || peer.starts_with("ipv6:")) peer.remove_prefix(5);
  std::string address(peer);
  for (const auto& [code, mark] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const std::size_t at = address.find(code); at != std::string::npos) {
      address.replace(at, 3, mark);
    }
  }
  return address;
}

CallTicket::~CallTicket() {
  const std::lock_guard lock(table_->mutex_);
  if (!held_) return;
  --table_->places_;
  table_->bytes_ -= bytes_;
}

Status CallTable::Open(const std::shared_ptr<OpenCall>& call, std::shared_ptr<CallTicket>& ticket) {
  ticket = std::make_shared<CallTicket>(shared_from_this());
  const std::lock_guard lock(mutex_);
  ++counters_.calls;
  if (closed_) return Status(StatusCode::kUnavailable, "rpc", "the server is stopping");
  if (places_ >= max_calls_) {
    ++counters_.refused;
    return Status(StatusCode::kResourceExhausted, "rpc",
                  "expected at most " + std::to_string(max_calls_) + " calls in flight");
  }
  open_.insert(call);
  ++places_;
  ticket->held_ = true;
  return {};
}

Status CallTable::CheckBytes(std::size_t bytes) {
  if (bytes <= max_bytes_ - std::min(bytes_, max_bytes_)) return {};
  ++counters_.refused;
  return Status(StatusCode::kResourceExhausted, "rpc",
                "expected at most " + std::to_string(max_bytes_) +
                    " bytes of requests in flight and answers, found " + std::to_string(bytes_) +
                    " and " + std::to_string(bytes) + " more");
}

Status CallTable::TakeBytes(CallTicket& ticket, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (Status status = CheckBytes(bytes); !status.ok()) return status;
  bytes_ += bytes;
  ticket.bytes_ += bytes;
  return {};
}

Status CallTable::TakeAnswer(std::size_t bytes) {
  constexpr std::size_t kSmall = 4096;
  const std::lock_guard lock(mutex_);
  if (bytes > kSmall) {
    if (Status status = CheckBytes(bytes); !status.ok()) return status;
  }
  bytes_ += bytes;
  return {};
}

void CallTable::Close(const std::shared_ptr<OpenCall>& call, std::size_t answer_bytes,
                      bool cancelled) {
  const std::lock_guard lock(mutex_);
  if (open_.erase(call) == 0) return;
  bytes_ -= answer_bytes;
  if (cancelled) ++counters_.cancelled;
  ended_.notify_all();
}

void CallTable::CountRefusedKey() {
  const std::lock_guard lock(mutex_);
  ++counters_.calls;
  ++counters_.unauthenticated;
}

std::vector<std::shared_ptr<OpenCall>> CallTable::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return {open_.begin(), open_.end()};
}

std::size_t CallTable::Drain(std::chrono::steady_clock::time_point deadline, const Status& why) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& call : Snapshot()) {
    (void)call->CutIdle(why);
  }
  {
    std::unique_lock lock(mutex_);
    ended_.wait_until(lock, deadline, [this] { return open_.empty(); });
  }
  const auto left = Snapshot();
  std::size_t cut = 0;
  for (const auto& call : left) {
    if (call->Cut(why)) ++cut;
  }
  return cut;
}

void CallTable::TellReadiness() {
  for (const auto& call : Snapshot()) call->ReadinessChanged();
}

RpcServerCounters CallTable::counters() const {
  const std::lock_guard lock(mutex_);
  RpcServerCounters counters = counters_;
  counters.open = places_;
  return counters;
}

}  // namespace detail
}  // namespace virtufin::inline v0
