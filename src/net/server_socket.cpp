// The handles by which any thread sends on a WebSocket of a server.
#include "net/server_socket.hpp"

#include <utility>

#include "net/socket_buffer.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::net {
namespace detail {
namespace {

constexpr std::size_t kMaxReason = 123;  // of a close frame
constexpr std::size_t kMaxPing = 125;

}  // namespace

Status SocketBuffer::Push(SocketItem item) {
  const std::lock_guard lock(mutex);
  if (closing) return Status(StatusCode::kUnavailable, "net", "the WebSocket is closed or closing");
  if (stalled) return Status{};
  if (const std::size_t now = unsent.load(); now >= max_bytes) {
    counters->refused_messages.fetch_add(1, std::memory_order_relaxed);
    return Status(StatusCode::kResourceExhausted, "net",
                  "expected at most " + std::to_string(max_bytes) + " unsent bytes, found " +
                      std::to_string(now));
  }
  Add(std::move(item));
  return Status{};
}

void SocketBuffer::Close(std::uint16_t code, std::string_view reason, bool at_once) {
  const std::lock_guard lock(mutex);
  if (stalled || (closing && !at_once)) return;
  closing = true;
  if (at_once) Clear();
  reason = CutUtf8(reason, kMaxReason);
  Add({SocketItem::Kind::kClose, std::make_shared<const std::string>(reason), code});
}

void SocketBuffer::Add(SocketItem item) {
  unsent.fetch_add(item.data->size() + kItemBytes);
  items.push_back(std::move(item));
  if (scheduled) return;
  scheduled = true;
  Post([](SocketSession& its) { its.Flush(); });
}

void SocketBuffer::Clear() {
  for (const SocketItem& item : items) unsent.fetch_sub(item.data->size() + kItemBytes);
  items.clear();
}

}  // namespace detail

Status ServerSocket::SendText(std::string text) {
  return SendText(std::make_shared<const std::string>(std::move(text)));
}

Status ServerSocket::SendText(std::shared_ptr<const std::string> text) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  return buffer_->Push({detail::SocketItem::Kind::kText, std::move(text), 0});
}

Status ServerSocket::SendBinary(std::string bytes) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  return buffer_->Push({detail::SocketItem::Kind::kBinary,
                        std::make_shared<const std::string>(std::move(bytes)), 0});
}

Status ServerSocket::Ping(std::string payload) {
  if (buffer_ == nullptr) return Status(StatusCode::kUnavailable, "net", "no WebSocket");
  if (payload.size() > detail::kMaxPing) {
    return Status(StatusCode::kInvalidArgument, "net",
                  "expected at most 125 bytes in a ping, found " + std::to_string(payload.size()));
  }
  return buffer_->Push({detail::SocketItem::Kind::kPing,
                        std::make_shared<const std::string>(std::move(payload)), 0});
}

void ServerSocket::Close(std::uint16_t code, std::string_view reason) {
  if (buffer_ != nullptr) buffer_->Close(code, reason, false);
}

void ServerSocket::Abort() {
  if (buffer_ != nullptr) buffer_->Post([](detail::SocketSession& its) { its.Kill(); });
}

void ServerSocket::StopReading() {
  if (buffer_ != nullptr) buffer_->Post([](detail::SocketSession& its) { its.StopReading(); });
}

void ServerSocket::ResumeReading() {
  if (buffer_ != nullptr) buffer_->Post([](detail::SocketSession& its) { its.ResumeReading(); });
}

void ServerSocket::SilentlyStall() {
  if (buffer_ != nullptr) buffer_->Post([](detail::SocketSession& its) { its.Stall(); });
}

void ServerSocket::SilentlyHush() {
  if (buffer_ == nullptr) return;
  {
    const std::lock_guard lock(buffer_->mutex);
    buffer_->hushed = true;
  }
  buffer_->Post([](detail::SocketSession& its) { its.Hush(); });
}

std::size_t ServerSocket::unsent_bytes() const noexcept {
  return buffer_ == nullptr ? 0 : buffer_->unsent.load();
}

bool ServerSocket::open() const noexcept {
  if (buffer_ == nullptr) return false;
  const std::lock_guard lock(buffer_->mutex);
  return !buffer_->closing;
}

}  // namespace virtufin::inline v0::net
