// Rotation: a socket is replaced while it is open, and nothing is lost or told twice.
//
// A new socket asks for twins of all streams that the old one carries. Both run for a while: what
// was on its way on the old one when the venue began to send on the new one arrives meanwhile. Then
// the streams move, and the old socket is closed. Whoever reads them drops what both brought.
#include <algorithm>
#include <utility>

#include "exchange/binance/connection_slot.hpp"
#include "exchange/binance/session.hpp"

namespace virtufin::inline v0::detail {

using State = VenueStream::State;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kOverlapNs = 2'000 * kMs;
/// A successor that is not ready by then is given up; unless only streams that were subscribed a
/// moment ago keep it from being ready, which could go on for ever.
constexpr std::int64_t kLongestNs = 120'000 * kMs;
/// So many new sockets in a row may refuse streams that the old one carries; the next one takes
/// over without these.
constexpr int kMaxRefused = 3;
/// Of rotate_after_ms: places rotate earlier by up to half an hour in 23, each at its own time.
constexpr std::int64_t kSpread = 46;
constexpr std::int64_t kNever = BinanceFeed::kNoTick;

/// What has not come on the old socket when it is closed comes on the new one.
bool IsCovered(const VenueStream& stream, std::int64_t now_ns) noexcept {
  if (stream.state != State::kLive || stream.references == 0) return true;
  if (stream.twin == nullptr) return false;
  if (stream.twin->refused) return true;
  if (stream.twin->state != State::kLive) return false;
  return stream.twin->live_since_ns <= stream.live_since_ns ||
         now_ns - stream.twin->live_since_ns >= kOverlapNs;
}

/// `from` may be in lists of its socket; `to` takes its place there.
void Replace(ConnectionSlot& slot, VenueStream* from, VenueStream* to) {
  std::replace(slot.todo.begin(), slot.todo.end(), from, to);
  for (auto& [_, stream] : slot.later) {
    if (stream == from) stream = to;
  }
  for (PendingMessage& pending : slot.socket->pending) {
    std::replace(pending.streams.begin(), pending.streams.end(), from, to);
  }
}

}  // namespace

std::uint32_t Connections::NextSocketOf(const VenueStream& stream) noexcept {
  const VenueStream* const twin = stream.twin.get();
  return twin != nullptr && twin->state == State::kLive ? twin->slot->socket->id : 0;
}

// ---- twins -------------------------------------------------------------------------------------

void Connections::AddTwin(VenueStream& stream) {
  if (stream.refused) return;
  if (stream.twin == nullptr) {
    stream.twin = std::make_unique<VenueStream>();
    stream.twin->name = stream.name;
    stream.twin->route = stream.route;
    stream.twin->depth = stream.depth;
    stream.twin->symbol = stream.symbol;
    stream.twin->primary = &stream;
    stream.twin->slot = stream.slot->successor.get();
    stream.twin->slot->streams.push_back(stream.twin.get());
  }
  stream.twin->references = 1;
  List(*stream.twin);
}

void Connections::DropTwin(VenueStream& stream) {
  TakeOut(*stream.twin);
  stream.twin.reset();
}

/// The stream is now where its twin was. True: somebody wants it, or it has to be ended.
bool Connections::MergeTwin(VenueStream& stream) {
  const std::unique_ptr<VenueStream> twin = std::move(stream.twin);
  Slot& slot = *stream.slot;
  if (twin == nullptr) {  // nobody wants it, or the venue refused it
    stream.state = State::kIdle;
    stream.maybe_on = stream.renew = stream.listed = false;
    stream.asks = 0;
    return stream.references > 0;
  }
  Replace(slot, twin.get(), &stream);
  if (stream.state != twin->state) stream.since_unix_ns = twin->since_unix_ns;
  stream.state = twin->state;
  stream.reason = twin->reason;
  stream.live_since_ns = twin->live_since_ns;
  stream.refused = false;  // if it is, that is told as always
  stream.renew = twin->renew;
  stream.maybe_on = twin->maybe_on;
  stream.refusals = twin->refusals;
  stream.listed = twin->listed;
  stream.asks = twin->asks;
  stream.first_asked_ns = twin->first_asked_ns;
  stream.asked_by = twin->asked_by;
  stream.max_batch = twin->max_batch;
  return stream.references > 0 || stream.state != State::kIdle || stream.maybe_on;
}

// ---- from one socket to the next ---------------------------------------------------------------

std::int64_t Connections::RotateAtNs(const Slot& slot) const noexcept {
  std::int64_t at = kNever;
  if (options_.rotate_after_ms > 0) {
    const std::int64_t after = options_.rotate_after_ms * kMs;
    const std::int64_t early =
        after / kSpread / 1024 * static_cast<std::int64_t>(slot.rotate_early);
    at = slot.socket->opened_ns + after - early;
  }
  if (slot.rotate_now) at = slot.socket->opened_ns;
  return at == kNever ? at : std::max(at, slot.rotate_not_before_ns);
}

void Connections::StartRotation(Slot& slot, FeedTime now) {
  slot.successor = std::make_unique<Slot>(
      slot.route, BackoffOptions{options_.reconnect_first_ms, options_.reconnect_max_ms},
      slot.silence, options_.seed + slot.rotate_early);
  slot.successor->place = &slot;
  Connect(*slot.successor, now);
  if (slot.successor->socket == nullptr) {  // no connection may be opened now
    slot.successor.reset();
    slot.rotate_not_before_ns = std::max(connects_->NextNs(1, now), now.monotonic_ns + kMs);
    return;
  }
  for (VenueStream* const stream : slot.streams) {
    if (stream->references > 0) AddTwin(*stream);
  }
}

/// The new socket carries all that the old one does, long enough.
bool Connections::Covers(const Slot& slot, FeedTime now) const noexcept {
  const VenueSocket& next = *slot.successor->socket;
  if (IsWatched(slot) && !next.heard_canary) return false;  // it may be one that brings no data
  return next.open &&
         std::all_of(slot.streams.begin(), slot.streams.end(), [&](const VenueStream* stream) {
           return IsCovered(*stream, now.monotonic_ns);
         });
}

void Connections::PumpRotation(Slot& slot, FeedTime now) {
  if (slot.successor == nullptr) {
    if (!slot.streams.empty() && now.monotonic_ns >= RotateAtNs(slot)) StartRotation(slot, now);
    return;
  }
  PumpSlot(*slot.successor, now);
  if (slot.successor == nullptr) return;  // it failed
  if (!slot.successor->give_up.empty()) {
    return EndSuccessor(slot, now, std::string(slot.successor->give_up), true);
  }
  VenueSocket& next = *slot.successor->socket;
  const bool late = next.open && now.monotonic_ns - next.opened_ns >= kLongestNs;
  if (Covers(slot, now) || (late && Covers(slot, {now.unix_ns, now.monotonic_ns + kOverlapNs}))) {
    ++counts_.rotations;
    slot.rotate_backoff.Reset();
    slot.rotations_refused = 0;
    TakeOver(slot, now, "replaced by socket " + std::to_string(next.id), true);
  } else if (late) {
    EndSuccessor(slot, now, "it did not carry all streams in time", true);
  }
}

/// The old socket carries it all the same: what it carries is not to suffer.
void Connections::OnTwinRefused(VenueStream& twin, std::string_view reason) {
  Slot& successor = *twin.slot;
  if (successor.place->rotations_refused >= kMaxRefused) {
    twin.refused = true;
  } else if (successor.give_up.empty()) {
    ++successor.place->rotations_refused;
    successor.give_up = reason;
  }
}

/// The old socket is lost, or not needed any more.
void Connections::TakeOver(Slot& slot, FeedTime now, std::string_view reason, bool close) {
  const std::unique_ptr<Slot> successor = std::move(slot.successor);
  const std::unique_ptr<VenueSocket> old = std::move(slot.socket);
  const std::string why(reason);
  Drop(*old, close);
  if (now.monotonic_ns - old->opened_ns >= options_.stable_ms * kMs) slot.backoff.Reset();
  slot.socket = std::move(successor->socket);
  slot.silent = false;  // if it is, that is news
  slot.canary = std::move(successor->canary);
  if (slot.canary != nullptr) slot.canary->slot = &slot;
  slot.todo = std::move(successor->todo);
  slot.later = std::move(successor->later);
  slot.asking = successor->asking;
  slot.rotate_now = successor->rotate_now;
  slot.rotate_not_before_ns = successor->rotate_not_before_ns;
  slot.no_canary = successor->no_canary;
  for (auto& [number, place] : sockets_) {
    if (number == slot.socket->id) place = &slot;
  }
  const std::vector<VenueStream*> streams = slot.streams;
  for (VenueStream* const stream : streams) {
    if (!MergeTwin(*stream)) {
      Forget(*stream, now);
      continue;
    }
    if (stream->reason.empty()) stream->reason = why;
    List(*stream);
    owner_->OnStreamState(*stream);
  }
  owner_->OnSocketClosed(old->id, slot.route, old->open, now, why, 0);
}

/// The old socket goes on; a new attempt follows.
void Connections::EndSuccessor(Slot& slot, FeedTime now, std::string_view reason, bool close) {
  const std::unique_ptr<Slot> successor = std::move(slot.successor);
  const std::string why(reason);
  for (VenueStream* const stream : std::vector(slot.streams)) {
    if (stream->twin == nullptr) continue;
    stream->twin.reset();
    const bool over = stream->references == 0 && stream->state == State::kIdle && !stream->maybe_on;
    if (over) Forget(*stream, now);
  }
  Drop(*successor->socket, close);
  ++counts_.rotations_failed;
  slot.rotate_not_before_ns = now.monotonic_ns + slot.rotate_backoff.NextMs() * kMs;
  owner_->OnSocketClosed(successor->socket->id, slot.route, successor->socket->open, now, why, 0);
}

std::int64_t Connections::RotationNextNs(const Slot& slot, FeedTime now) const {
  if (slot.successor == nullptr) {
    return slot.streams.empty() ? kNever : RotateAtNs(slot);
  }
  const VenueSocket& next_socket = *slot.successor->socket;
  std::int64_t next = NextNs(*slot.successor, now);
  if (!next_socket.open) return next;
  next = std::min(next, next_socket.opened_ns + kLongestNs);
  for (const VenueStream* const stream : slot.streams) {
    const VenueStream* const twin = stream->twin.get();
    if (twin == nullptr || twin->state != State::kLive) continue;
    const std::int64_t covered = twin->live_since_ns + kOverlapNs;
    if (covered > now.monotonic_ns) next = std::min(next, covered);
  }
  return next;
}

}  // namespace virtufin::inline v0::detail
