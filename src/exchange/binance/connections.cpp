// Sockets: which there are, how they begin, live and end.
#include "exchange/binance/connections.hpp"

#include <algorithm>
#include <utility>

#include "exchange/binance/connection_slot.hpp"
#include "exchange/binance/session.hpp"

namespace virtufin::inline v0::detail {

using State = VenueStream::State;

namespace {
constexpr std::int64_t kMs = 1'000'000;
}  // namespace

Connections::Connections(const BinanceSessionOptions& options, VenueLink& link,
                         ConnectionsOwner& owner, std::shared_ptr<RateLimiter> connects)
    : options_(options),
      link_(&link),
      owner_(&owner),
      connects_(std::move(connects)),
      canaries_{{options, BinanceRoute::kPublic}, {options, BinanceRoute::kMarket}} {}

Connections::~Connections() = default;

ConnectionSlot* Connections::FindSlot(std::uint32_t socket) noexcept {
  const auto at = std::lower_bound(
      sockets_.begin(), sockets_.end(), socket,
      [](const auto& entry, std::uint32_t number) { return entry.first < number; });
  return at == sockets_.end() || at->first != socket ? nullptr : at->second;
}

std::uint32_t Connections::newest_open() const noexcept {
  for (std::size_t i = sockets_.size(); i-- > 0;) {
    if (sockets_[i].second->socket->open) return sockets_[i].first;
  }
  return 0;
}

std::size_t Connections::waiting() const noexcept {
  std::size_t sum = 0;
  for (const auto& slot : slots_) sum += slot->todo.size() + slot->later.size() + slot->asking;
  return sum;
}

std::uint32_t Connections::SocketOf(const VenueStream& stream) const noexcept {
  return stream.state == State::kLive ? stream.slot->socket->id : 0;
}

// ---- streams and their places ------------------------------------------------------------------

ConnectionSlot& Connections::SlotFor(BinanceRoute route, FeedTime now) {
  std::size_t most = options_.streams_per_connection;
  if (options_.canary_ms > 0 && most > 1) --most;  // one is the canary's
  for (const auto& slot : slots_) {
    if (slot->route == route && slot->streams.size() < std::min(most, slot->max_streams)) {
      return *slot;
    }
  }
  // Places must not share their delays.
  const std::uint64_t seed = options_.seed + 0x9e3779b97f4a7c15 * ++slots_made_;
  slots_.push_back(std::make_unique<Slot>(
      route, BackoffOptions{options_.reconnect_first_ms, options_.reconnect_max_ms},
      Escalation(options_.stale_cool_down_ms, options_.stale_reconnects_per_hour), seed));
  slots_.back()->empty_since_ns = now.monotonic_ns;
  slots_.back()->rotate_early = (seed >> 32) % 1024;
  return *slots_.back();
}

VenueStream& Connections::Want(const StreamPlan& plan, FeedTime now) {
  auto at = streams_.find(plan.stream);
  if (at == streams_.end()) {
    auto stream = std::make_unique<VenueStream>();
    stream->name = plan.stream;
    stream->route = plan.route;
    stream->depth = plan.depth;
    stream->symbol = plan.request.instrument;
    stream->since_unix_ns = now.unix_ns;
    Slot& slot = SlotFor(plan.route, now);
    stream->slot = &slot;
    slot.streams.push_back(stream.get());
    at = streams_.emplace(plan.stream, std::move(stream)).first;
  }
  VenueStream& stream = *at->second;
  ++stream.references;
  List(stream);
  if (stream.slot->successor != nullptr) AddTwin(stream);
  return stream;
}

void Connections::LetGo(VenueStream& stream, FeedTime now) {
  if (--stream.references > 0) return;
  stream.was_live = false;  // whoever wants it next has not seen it
  if (stream.twin != nullptr) {
    stream.twin->references = 0;
    List(*stream.twin);
  }
  if (stream.state == State::kIdle && !stream.maybe_on) return Forget(stream, now);
  List(stream);
}

void Connections::Renew(std::string_view name) {
  const auto at = streams_.find(name);
  if (at == streams_.end() || at->second->state != State::kLive) return;
  at->second->renew = true;
  List(*at->second);
  VenueStream* const twin = at->second->twin.get();
  if (twin == nullptr || twin->state != State::kLive) return;
  twin->renew = true;
  List(*twin);
}

void Connections::List(VenueStream& stream) {
  if (stream.listed) return;
  stream.listed = true;
  stream.slot->todo.push_back(&stream);
}

void Connections::SetState(VenueStream& stream, State state, FeedTime now,
                           std::string_view reason) {
  if (stream.state == State::kAsking) --stream.slot->asking;
  if (state == State::kAsking) ++stream.slot->asking;
  if (stream.state != state) stream.since_unix_ns = now.unix_ns;
  stream.state = state;
  stream.reason = reason;
  if (state == State::kLive) {
    stream.was_live = true;
    stream.live_since_ns = now.monotonic_ns;
  }
  if (!stream.is_canary) owner_->OnStreamState(stream);
}

/// Out of all that its place keeps; a message that never got its answer may still name it.
void Connections::TakeOut(VenueStream& stream) {
  Slot& slot = *stream.slot;
  if (stream.state == State::kAsking) --slot.asking;
  std::erase(slot.streams, &stream);
  std::erase(slot.todo, &stream);
  std::erase_if(slot.later, [&](const auto& entry) { return entry.second == &stream; });
  if (slot.socket == nullptr) return;
  for (PendingMessage& pending : slot.socket->pending) std::erase(pending.streams, &stream);
}

/// Of a stream that nobody wants and the venue does not send.
void Connections::Forget(VenueStream& stream, FeedTime now) {
  if (VenueStream* const primary = stream.primary; primary != nullptr) {
    DropTwin(*primary);
    const bool over =
        primary->references == 0 && primary->state == State::kIdle && !primary->maybe_on;
    if (over) Forget(*primary, now);
    return;
  }
  if (stream.twin != nullptr) {
    if (stream.twin->state != State::kIdle || stream.twin->maybe_on) return;  // it ends first
    DropTwin(stream);
  }
  TakeOut(stream);
  Slot& slot = *stream.slot;
  if (slot.streams.empty()) slot.empty_since_ns = now.monotonic_ns;
  streams_.erase(streams_.find(stream.name));
}

// ---- sockets -----------------------------------------------------------------------------------

std::string Connections::UrlOf(BinanceRoute route) const {
  if (options_.feed.market == BinanceMarket::kSpot) return options_.stream_url + "/stream";
  const bool is_public = route == BinanceRoute::kPublic;
  return options_.stream_url + (is_public ? options_.public_path : options_.market_path) +
         "/stream";
}

void Connections::Connect(Slot& slot, FeedTime now) {
  if (!connects_->TryTake(1, now)) return;
  slot.socket = std::make_unique<VenueSocket>(++last_socket_, options_.messages_per_second);
  slot.socket->connect_by_ns = now.monotonic_ns + options_.connect_timeout_ms * kMs;
  sockets_.emplace_back(last_socket_, &slot);
  ++counts_.connects;
  link_->Open(slot.socket->id, UrlOf(slot.route));
}

/// Its place has let go of it.
void Connections::Drop(VenueSocket& socket, bool close) {
  std::erase_if(sockets_, [&](const auto& entry) { return entry.first == socket.id; });
  if (close) link_->Close(socket.id);
  if (!socket.open) return;
  --open_;
  ++counts_.closes;
}

/// `close`: the link still has it. `again`: after a delay.
void Connections::End(Slot& slot, FeedTime now, std::string_view reason, bool close, bool again) {
  if (slot.place != nullptr) return EndSuccessor(*slot.place, now, reason, close);
  if (slot.successor != nullptr) {
    if (again && !slot.streams.empty()) return TakeOver(slot, now, reason, close);
    EndSuccessor(slot, now, reason, true);
  }
  const std::unique_ptr<VenueSocket> socket = std::move(slot.socket);
  Drop(*socket, close);
  if (socket->open && now.monotonic_ns - socket->opened_ns >= options_.stable_ms * kMs) {
    slot.backoff.Reset();
  }
  DropCanary(slot);
  slot.silent = slot.no_canary = false;
  slot.todo.clear();
  slot.later.clear();
  const std::vector<VenueStream*> streams = slot.streams;
  for (VenueStream* const stream : streams) {
    SetState(*stream, State::kIdle, now, reason);
    stream->renew = stream->listed = stream->maybe_on = false;
    stream->asks = 0;
    stream->max_batch = SIZE_MAX;
    if (stream->references > 0) {
      List(*stream);
    } else {
      Forget(*stream, now);
    }
  }
  std::int64_t retry_ms = 0;
  if (again && !slot.streams.empty()) {
    retry_ms = slot.backoff.NextMs();
    slot.connect_at_ns = now.monotonic_ns + retry_ms * kMs;
  }
  owner_->OnSocketClosed(socket->id, slot.route, socket->open, now, reason, retry_ms);
}

void Connections::Stop(FeedTime now, std::string_view reason) {
  running_ = false;
  for (const auto& slot : slots_) {
    if (slot->socket != nullptr) End(*slot, now, reason, true, false);
  }
}

void Connections::OnOpen(std::uint32_t number, FeedTime now) {
  Slot* const slot = FindSlot(number);
  if (slot == nullptr || slot->socket->open) return;
  VenueSocket& socket = *slot->socket;
  socket.open = true;
  // It may have been for that moment only.
  if (CanaryOn(slot->route).known) CanaryOn(slot->route).refused = false;
  socket.opened_ns = socket.last_life_ns = socket.last_data_ns = now.monotonic_ns;
  socket.next_ping_ns = now.monotonic_ns + options_.ping_ms * kMs;
  ++open_;
  ++counts_.opens;
  counts_.reconnects += std::exchange(slot->was_open, true) ? 1 : 0;
  owner_->OnSocketOpen(number, slot->route, now);
}

void Connections::OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) {
  if (Slot* const slot = FindSlot(socket)) End(*slot, now, reason, false, true);
}

void Connections::OnShutdown(std::uint32_t socket, FeedTime now) {
  Slot* const slot = FindSlot(socket);
  if (slot == nullptr || std::exchange(slot->rotate_now, true)) return;
  ++counts_.shutdowns;
  // A socket that was replaced at once may hear the same again: not one after the other.
  const std::int64_t stable = slot->socket->opened_ns + options_.stable_ms * kMs;
  slot->rotate_not_before_ns = std::max({slot->rotate_not_before_ns, stable, now.monotonic_ns});
}

void Connections::OnHeld(std::int64_t ns) noexcept {
  for (const auto& [_, slot] : sockets_) {
    VenueSocket& socket = *slot->socket;
    if (!socket.open) continue;
    socket.last_data_ns += ns;
    socket.last_life_ns += ns;
    for (PendingMessage& pending : socket.pending) pending.deadline_ns += ns;
  }
}

Connections::Life Connections::OnLife(std::uint32_t socket, FeedTime now, std::string_view text) {
  Slot* const slot = FindSlot(socket);
  if (slot == nullptr || !slot->socket->open) return Life::kNone;
  slot->socket->last_life_ns = now.monotonic_ns;
  if (IsCanary(*slot, text)) {
    OnCanary(*slot, now);
    return Life::kCanary;
  }
  return slot->asking != 0 ? Life::kAsking : Life::kOpen;
}

void Connections::OnPing(std::uint32_t socket, FeedTime now) {
  Slot* const slot = FindSlot(socket);
  if (slot == nullptr) return;
  slot->socket->last_life_ns = now.monotonic_ns;
  slot->socket->budget.Take(1, now);
}

// ---- what is due -------------------------------------------------------------------------------

/// False: the socket is gone.
bool Connections::PumpLife(Slot& slot, FeedTime now) {
  VenueSocket& socket = *slot.socket;
  if (!socket.open) {
    if (now.monotonic_ns < socket.connect_by_ns) return true;
    End(slot, now, "not connected within " + std::to_string(options_.connect_timeout_ms) + " ms",
        true, true);
    return false;
  }
  if (options_.life_timeout_ms > 0 &&
      now.monotonic_ns - socket.last_life_ns >= options_.life_timeout_ms * kMs) {
    ++counts_.half_open;
    End(slot, now, "no sign of life for " + std::to_string(options_.life_timeout_ms) + " ms", true,
        true);
    return false;
  }
  if (options_.ping_ms > 0 && now.monotonic_ns >= socket.next_ping_ns &&
      socket.budget.TryTake(1, now)) {
    socket.next_ping_ns = now.monotonic_ns + options_.ping_ms * kMs;
    link_->Ping(socket.id);
  }
  return true;
}

void Connections::PumpSlot(Slot& slot, FeedTime now) {
  if (slot.socket == nullptr) {
    if (!slot.streams.empty() && now.monotonic_ns >= slot.connect_at_ns) Connect(slot, now);
    return;
  }
  if (!PumpLife(slot, now) || !slot.socket->open || !PumpAcks(slot, now)) return;
  PumpCanary(slot, now);
  if (!PumpData(slot, now)) return;
  PumpControl(slot, now);
  if (slot.place == nullptr) PumpRotation(slot, now);
}

void Connections::Pump(FeedTime now) {
  if (!running_) return;
  for (const auto& slot : slots_) {
    PumpSlot(*slot, now);
    const bool idle =
        slot->streams.empty() && now.monotonic_ns - slot->empty_since_ns >= options_.idle_ms * kMs;
    if (idle && slot->socket != nullptr) End(*slot, now, "no stream needs it", true, false);
  }
  std::erase_if(slots_,
                [](const auto& slot) { return slot->streams.empty() && slot->socket == nullptr; });
}

std::int64_t Connections::NextNs(const Slot& slot, FeedTime now) const {
  constexpr std::int64_t kNever = BinanceFeed::kNoTick;
  if (slot.socket == nullptr) {
    return slot.streams.empty() ? kNever : std::max(slot.connect_at_ns, connects_->NextNs(1, now));
  }
  const VenueSocket& socket = *slot.socket;
  if (!socket.open) return socket.connect_by_ns;
  std::int64_t next = kNever;
  if (options_.life_timeout_ms > 0) {
    next = std::min(next, socket.last_life_ns + options_.life_timeout_ms * kMs);
  }
  next = std::min(next, DataNextNs(slot));
  const std::int64_t may_send = socket.budget.NextNs(1, now);
  if (options_.ping_ms > 0) next = std::min(next, std::max(socket.next_ping_ns, may_send));
  for (const PendingMessage& pending : socket.pending) {
    next = std::min(next, pending.deadline_ns);
  }
  for (const auto& [at_ns, _] : slot.later) next = std::min(next, at_ns);
  if (!slot.todo.empty()) next = std::min(next, std::max(socket.send_at_ns, may_send));
  if (slot.place != nullptr) return next;
  if (slot.streams.empty()) next = std::min(next, slot.empty_since_ns + options_.idle_ms * kMs);
  return std::min(next, RotationNextNs(slot, now));
}

std::int64_t Connections::NextNs(FeedTime now) const {
  std::int64_t next = BinanceFeed::kNoTick;
  if (!running_) return next;
  for (const auto& slot : slots_) next = std::min(next, NextNs(*slot, now));
  return next;
}

}  // namespace virtufin::inline v0::detail
