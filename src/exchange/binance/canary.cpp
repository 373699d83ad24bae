// The data path of a socket: a stream that never rests says whether data still come.
//
// Pings and acknowledgements tell that somebody is there, not that data flow. So every socket
// carries a canary: a stream of guaranteed cadence that nobody needs to have subscribed. Any data
// count; the canary only makes their absence mean something.
#include <algorithm>
#include <utility>

#include "exchange/binance/connection_slot.hpp"
#include "exchange/binance/session.hpp"

namespace virtufin::inline v0::detail {

using State = VenueStream::State;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr int kUnheardPatience = 3;
constexpr std::string_view kFrameStart = R"({"stream":")";

std::string CanaryOf(const BinanceSessionOptions& options, BinanceRoute route) {
  MarketRequest request;
  request.channel = FeedChannel::kTicker;  // of all symbols
  if (options.feed.market == BinanceMarket::kSpot) return MarketStreamName(request);
  if (route == BinanceRoute::kPublic) return LowerCase(options.canary_symbol) + "@bookTicker";
  request.channel = FeedChannel::kMark;
  request.symbol = options.canary_symbol;
  return MarketStreamName(request);
}

}  // namespace

CanaryState::CanaryState(const BinanceSessionOptions& options, BinanceRoute route)
    : name(CanaryOf(options, route)), frame(std::string(kFrameStart).append(name).append("\"")) {}

CanaryState& Connections::CanaryOn(BinanceRoute route) noexcept {
  return canaries_[static_cast<std::size_t>(route)];
}

const CanaryState& Connections::CanaryOn(BinanceRoute route) const noexcept {
  return canaries_[static_cast<std::size_t>(route)];
}

/// Its silence means something: the venue has the canary, and somebody needs what else is on the
/// socket.
bool Connections::IsWatched(const Slot& slot) const noexcept {
  const CanaryState& state = CanaryOn(slot.route);
  if (options_.canary_ms == 0 || state.refused || slot.no_canary || slot.streams.empty()) {
    return false;
  }
  const VenueStream* const subscribed = SubscribedCanary(slot);
  if (subscribed != nullptr && subscribed->references == 0) return false;
  const VenueStream* const canary = subscribed != nullptr ? subscribed : slot.canary.get();
  return state.known || (canary != nullptr && canary->state == State::kLive);
}

/// So long it may be silent. A canary that was acknowledged and never came may be one that the
/// venue does not send: more patience.
std::int64_t Connections::SilenceLimit(const Slot& slot) const noexcept {
  return options_.canary_ms * kMs * (CanaryOn(slot.route).known ? 1 : kUnheardPatience);
}

bool Connections::IsSilent(const VenueStream& stream) const noexcept { return stream.slot->silent; }

/// The same stream as somebody subscribed it on the same socket; null: nobody did. One that is
/// about to end counts: asked for before, the canary would end with it.
const VenueStream* Connections::SubscribedCanary(const Slot& slot) const noexcept {
  const auto at = streams_.find(CanaryOn(slot.route).name);
  if (at == streams_.end()) return nullptr;
  const VenueStream& stream = *at->second;
  if (stream.slot == &slot) return &stream;
  return stream.twin != nullptr && stream.twin->slot == &slot ? stream.twin.get() : nullptr;
}

void Connections::DropCanary(Slot& slot) {
  if (slot.canary == nullptr) return;
  TakeOut(*slot.canary);
  slot.canary.reset();
}

/// Asks for the canary ahead of everything else.
void Connections::PumpCanary(Slot& slot, FeedTime now) {
  const CanaryState& state = CanaryOn(slot.route);
  if (options_.canary_ms == 0 || slot.streams.empty() || state.refused || slot.no_canary ||
      SubscribedCanary(slot) != nullptr) {
    return DropCanary(slot);
  }
  if (slot.canary != nullptr) return;
  slot.socket->last_data_ns = now.monotonic_ns;  // what it is to bring is expected from now on
  slot.canary = std::make_unique<VenueStream>();
  slot.canary->name = state.name;
  slot.canary->route = slot.route;
  slot.canary->is_canary = true;
  slot.canary->references = 1;
  slot.canary->slot = &slot;
  slot.canary->listed = true;
  slot.todo.push_front(slot.canary.get());
}

/// False: the socket is gone.
bool Connections::PumpData(Slot& slot, FeedTime now) {
  if (!IsWatched(slot)) return true;
  const std::int64_t silence = now.monotonic_ns - slot.socket->last_data_ns;
  const std::int64_t limit = SilenceLimit(slot);
  if (silence < limit) return true;
  const CanaryState& canary = CanaryOn(slot.route);
  const std::string reason = "no data for " + std::to_string(silence / kMs) + " ms" +
                             (canary.known ? "" : "; " + canary.name + " never came");
  // Of a symbol that is not listed nobody said that it rests: a wrong name must not end the watch.
  if (options_.feed.market == BinanceMarket::kUsdm && owner_->IsHalted(options_.canary_symbol)) {
    slot.socket->last_data_ns = now.monotonic_ns;  // nothing is to be expected
    return true;
  }
  if (!slot.silent) {
    slot.silent = true;
    ++counts_.silences;
    if (slot.canary != nullptr && slot.canary->state == State::kLive) {
      slot.canary->renew = true;
      List(*slot.canary);
    }
    if (slot.place == nullptr) owner_->OnSocketSilent(slot.socket->id, slot.route, now, reason);
  }
  if (silence < 2 * limit) return true;
  if (slot.place == nullptr && !slot.silence.TryTake(now.monotonic_ns)) return true;
  ++counts_.muted;
  End(slot, now, reason, true, true);
  return false;
}

std::int64_t Connections::DataNextNs(const Slot& slot) const noexcept {
  if (!IsWatched(slot)) return BinanceFeed::kNoTick;
  const std::int64_t limit = SilenceLimit(slot);
  if (!slot.silent) return slot.socket->last_data_ns + limit;
  return std::max(slot.socket->last_data_ns + 2 * limit, slot.silence.NextNs());
}

bool Connections::IsCanary(const Slot& slot, std::string_view text) const noexcept {
  return slot.canary != nullptr && text.starts_with(CanaryOn(slot.route).frame);
}

void Connections::OnCanary(Slot& slot, FeedTime now) {
  if (slot.canary->state == State::kAsking) {
    slot.canary->asks = slot.canary->refusals = 0;
    SetState(*slot.canary, State::kLive, now, "its data came");
  }
  Hear(slot);
  NoteData(slot, now);
}

/// From now on its silence means something.
void Connections::Hear(Slot& slot) {
  news_ |= !slot.socket->heard_canary;
  slot.socket->heard_canary = CanaryOn(slot.route).known = true;
}

bool Connections::TakeNews() noexcept { return std::exchange(news_, false); }

void Connections::OnFlow(std::uint32_t socket, std::string_view stream, FeedTime now) {
  Slot* const slot = FindSlot(socket);
  if (slot == nullptr) return;
  if (!slot->socket->heard_canary && stream == CanaryOn(slot->route).name) Hear(*slot);
  NoteData(*slot, now);
}

void Connections::NoteData(Slot& slot, FeedTime now) {
  slot.socket->last_data_ns = now.monotonic_ns;
  if (!slot.silent) return;
  slot.silent = false;
  if (slot.place == nullptr) owner_->OnSocketFlows(slot.socket->id, slot.route, now);
}

}  // namespace virtufin::inline v0::detail
