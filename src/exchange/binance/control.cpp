// Control messages: SUBSCRIBE and UNSUBSCRIBE in batches, their answers, and what stands for one.
#include <algorithm>
#include <utility>

#include "exchange/binance/connection_slot.hpp"
#include "exchange/binance/session.hpp"

namespace virtufin::inline v0::detail {

using State = VenueStream::State;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kResendMs = 100;      // after the link took nothing
constexpr int kAsks = 2;                     // unanswered so often: the socket is of no use
constexpr std::size_t kFrameBytes = 64;      // of a message beside its streams
constexpr std::int64_t kInvalidRequest = 2;  // the stream's name is none: for good
constexpr std::int64_t kTooMany = 4;         // for this connection
constexpr int kMaxDoublings = 6;             // of the second after a refusal that may pass

bool NeedsSubscribe(const VenueStream& stream) noexcept {
  return stream.state == State::kIdle && stream.references > 0 && !stream.refused;
}

bool NeedsUnsubscribe(const VenueStream& stream) noexcept {
  if (stream.state == State::kIdle) return stream.references == 0 && stream.maybe_on;
  return stream.state == State::kLive && (stream.references == 0 || stream.renew);
}

}  // namespace

void Connections::PumpControl(Slot& slot, FeedTime now) {
  for (const auto& [at_ns, stream] : slot.later) {
    if (at_ns <= now.monotonic_ns) List(*stream);
  }
  std::erase_if(slot.later, [&](const auto& one) { return one.first <= now.monotonic_ns; });
  while (!slot.todo.empty()) {
    VenueStream& first = *slot.todo.front();
    const bool subscribe = NeedsSubscribe(first);
    if (!subscribe && !NeedsUnsubscribe(first)) {
      first.listed = false;
      slot.todo.pop_front();
    } else if (!SendBatch(slot, subscribe, now)) {
      return;
    }
  }
}

/// Streams that need the same as the first one, together. False: not now.
bool Connections::SendBatch(Slot& slot, bool subscribe, FeedTime now) {
  VenueSocket& socket = *slot.socket;
  if (now.monotonic_ns < socket.send_at_ns || !socket.budget.TryTake(1, now)) return false;
  PendingMessage pending;
  pending.id = ++last_id_;
  pending.subscribe = subscribe;
  pending.deadline_ns = now.monotonic_ns + options_.ack_timeout_ms * kMs;
  std::string text =
      subscribe ? R"({"method":"SUBSCRIBE","params":[)" : R"({"method":"UNSUBSCRIBE","params":[)";
  std::size_t most = options_.streams_per_message;
  for (VenueStream* const stream : slot.todo) {
    if (!(subscribe ? NeedsSubscribe(*stream) : NeedsUnsubscribe(*stream))) continue;
    const std::size_t allowed = std::min(most, stream->max_batch);
    const bool fits = pending.streams.size() < allowed &&
                      text.size() + stream->name.size() + kFrameBytes <= options_.bytes_per_message;
    if (!pending.streams.empty() && !fits) break;
    most = allowed;
    text.append(pending.streams.empty() ? "\"" : ",\"").append(stream->name).append("\"");
    pending.streams.push_back(stream);
  }
  text.append("],\"id\":").append(std::to_string(pending.id)).append("}");
  if (!link_->Send(socket.id, text)) {
    socket.send_at_ns = now.monotonic_ns + kResendMs * kMs;
    return false;
  }
  ++counts_.messages_sent;
  for (VenueStream* const stream : pending.streams) {
    std::erase(slot.todo, stream);
    stream->listed = false;
    if (++stream->asks == 1) stream->first_asked_ns = now.monotonic_ns;
    stream->asked_by = pending.id;
    stream->maybe_on = true;
    SetState(*stream, subscribe ? State::kAsking : State::kLeaving, now, "asked for");
  }
  socket.pending.push_back(std::move(pending));
  return true;
}

void Connections::OnData(std::uint32_t number, std::string_view name, FeedTime now) {
  const auto at = streams_.find(name);
  if (at == streams_.end()) return;
  const Slot* const slot = FindSlot(number);
  const bool twin = at->second->twin != nullptr && at->second->twin->slot == slot;
  VenueStream& stream = twin ? *at->second->twin : *at->second;
  if (stream.state != State::kAsking || stream.slot != slot) return;
  stream.asks = stream.refusals = 0;
  SetState(stream, State::kLive, now, "its data came");
  owner_->OnStreamLive(stream, number, now);
}

void Connections::OnAnswer(std::uint32_t number, const ControlAnswer& answer, FeedTime now) {
  Slot* const slot = FindSlot(number);
  if (slot == nullptr) return;
  const auto& pending = slot->socket->pending;
  auto at = std::find_if(pending.begin(), pending.end(),
                         [&](const PendingMessage& one) { return answer.id == one.id; });
  // An error that names no message can only be about the one that waits.
  if (!answer.id && answer.error && pending.size() == 1) at = pending.begin();
  if (at == pending.end()) {
    ++counts_.acks_unknown;
    if (!answer.error || answer.id) return;
    // One of those that wait is at fault, it is not said which: the next attempts are smaller.
    for (const PendingMessage& one : pending) {
      for (VenueStream* const stream : one.streams) {
        stream->max_batch = (one.streams.size() + 1) / 2;
      }
    }
    return;
  }
  slot->socket->last_ack_ns = now.monotonic_ns;
  const auto index = static_cast<std::size_t>(at - pending.begin());
  if (answer.error) {
    ++counts_.refusals;
    OnRefused(*slot, index, answer, now);
  } else {
    ++counts_.acks;
    OnAcknowledged(*slot, index, now);
  }
}

void Connections::OnAcknowledged(Slot& slot, std::size_t index, FeedTime now) {
  auto& all = slot.socket->pending;
  const PendingMessage pending = std::move(all[index]);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
  for (VenueStream* const stream : pending.streams) {
    if (stream->asked_by != pending.id) continue;  // something else was asked since
    stream->asks = 0;
    if (pending.subscribe) {
      stream->max_batch = SIZE_MAX;
      stream->refusals = 0;
      if (stream->state == State::kAsking) {
        SetState(*stream, State::kLive, now, "acknowledged");
        if (!stream->is_canary) owner_->OnStreamLive(*stream, slot.socket->id, now);
      }
      List(*stream);  // it may have become unwanted meanwhile
    } else {
      SetState(*stream, State::kIdle, now, "ended");
      stream->renew = stream->maybe_on = false;
      if (!stream->is_canary) owner_->OnStreamEnded(*stream, slot.socket->id, now, "ended");
      if (stream->references > 0) {
        List(*stream);
      } else {
        Forget(*stream, now);
      }
    }
  }
}

/// One stream of a batch can be at fault: halves are asked for until it is found.
void Connections::OnRefused(Slot& slot, std::size_t index, const ControlAnswer& answer,
                            FeedTime now) {
  auto& all = slot.socket->pending;
  const PendingMessage pending = std::move(all[index]);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
  const std::string reason =
      "refused: " + answer.message + " (code " + std::to_string(answer.code) + ")";
  const bool alone = pending.streams.size() == 1;
  for (VenueStream* const stream : pending.streams) {
    if (stream->asked_by != pending.id) continue;
    stream->asks = 0;
    stream->max_batch = (pending.streams.size() + 1) / 2;
    if (!pending.subscribe) {
      // Alone, it is not there to be ended: as good as ended.
      SetState(*stream, alone ? State::kIdle : State::kLive, now, reason);
      if (alone) {
        stream->renew = stream->maybe_on = false;
        if (!stream->is_canary) owner_->OnStreamEnded(*stream, slot.socket->id, now, reason);
      }
    } else if (stream->state == State::kAsking) {
      stream->maybe_on = false;
      SetState(*stream, State::kIdle, now, reason);
    }
    if (stream->references == 0 && stream->state == State::kIdle) {
      Forget(*stream, now);
    } else if (alone && pending.subscribe && stream->state == State::kIdle) {
      OnRefusedAlone(*stream, answer, reason, now);
    } else {
      List(*stream);
    }
  }
}

void Connections::OnRefusedAlone(VenueStream& stream, const ControlAnswer& answer,
                                 std::string_view reason, FeedTime now) {
  const bool for_good = answer.code == kInvalidRequest || answer.code == kTooMany;
  if (stream.is_canary && for_good) {  // the next pump drops it
    (answer.code == kTooMany ? stream.slot->no_canary : CanaryOn(stream.route).refused) = true;
  } else if (stream.primary != nullptr && for_good) {
    OnTwinRefused(stream, reason);
  } else if (answer.code == kInvalidRequest) {
    stream.refused = true;
    owner_->OnStreamRefused(stream, now, reason);
  } else if (answer.code == kTooMany && stream.slot->streams.size() > 1) {
    Move(stream, now);
  } else {
    AskLater(stream, now);
  }
}

void Connections::AskLater(VenueStream& stream, FeedTime now) {
  const std::int64_t delay_ms = std::int64_t{1000} << std::min(stream.refusals, kMaxDoublings);
  ++stream.refusals;
  stream.slot->later.emplace_back(now.monotonic_ns + delay_ms * kMs, &stream);
}

/// To another socket: this one holds as many as the venue allows.
void Connections::Move(VenueStream& stream, FeedTime now) {
  Slot& from = *stream.slot;
  if (stream.twin != nullptr) {
    DropTwin(stream);
    from.successor->give_up = "the venue takes fewer streams on a socket";
  }
  TakeOut(stream);
  from.max_streams = std::max<std::size_t>(1, from.streams.size());
  stream.listed = false;
  stream.max_batch = SIZE_MAX;
  stream.slot = &SlotFor(stream.route, now);
  stream.slot->streams.push_back(&stream);
  List(stream);
  if (stream.slot->successor != nullptr) AddTwin(stream);
}

/// Unanswered messages. False: the socket is gone.
bool Connections::PumpAcks(Slot& slot, FeedTime now) {
  VenueSocket& socket = *slot.socket;
  while (!socket.pending.empty() && socket.pending.front().deadline_ns <= now.monotonic_ns) {
    const PendingMessage pending = std::move(socket.pending.front());
    socket.pending.erase(socket.pending.begin());
    ++counts_.acks_lost;
    for (VenueStream* const stream : pending.streams) {
      const State waits = pending.subscribe ? State::kAsking : State::kLeaving;
      if (stream->state != waits || stream->asked_by != pending.id) continue;  // its data came
      // Others were answered meanwhile: it is this stream that the venue does not like.
      const bool answers = socket.last_ack_ns >= stream->first_asked_ns;
      if (stream->asks >= kAsks && !answers) {
        End(slot, now, pending.subscribe ? "no answer to SUBSCRIBE" : "no answer to UNSUBSCRIBE",
            true, true);
        return false;
      }
      stream->max_batch = (pending.streams.size() + 1) / 2;
      SetState(*stream, State::kIdle, now, "no answer yet");
      // Ended or not: wanted, it is asked for again, and else asked to end again.
      if (!pending.subscribe && stream->references > 0) {
        stream->renew = false;
        if (!stream->is_canary) owner_->OnStreamEnded(*stream, socket.id, now, "asked for again");
      }
      if (pending.subscribe && pending.streams.size() == 1 && stream->references > 0 && answers) {
        AskLater(*stream, now);
      } else {
        List(*stream);
      }
    }
  }
  return true;
}

}  // namespace virtufin::inline v0::detail
