// The connections of a simulated Binance: control messages, pings, limits.
#include <algorithm>

#include "sim/venue_impl.hpp"

namespace virtufin::inline v0::sim {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kFiveMinutesUs = 300 * kSecondUs;

constexpr std::uint16_t kPolicyViolation = 1008;

}  // namespace

int BinanceVenue::Impl::Accept(ConnectionId id, std::string_view target) {
  const auto refuse = [&](int status) {
    ++counters.refused;
    return status;
  };
  while (!connects_us.empty() && connects_us.front() <= now_us - kFiveMinutesUs) {
    connects_us.pop_front();
  }
  connects_us.push_back(now_us);
  if (connects_us.size() > static_cast<std::size_t>(options.max_connects_per_5min)) {
    return refuse(429);
  }
  if (now_us < refuse_until_us) {
    Count(FaultKind::kRefuse);
    return refuse(503);
  }
  VenueTarget read;
  if (!ParseTarget(target, options.market, read)) return refuse(404);
  if (connections.count(id) != 0) return refuse(500);
  auto& connection = *(connections[id] = std::make_unique<VenueConnection>());
  connection.id = id;
  connection.phase =
      static_cast<int>(connections_seen++ % static_cast<unsigned>(options.window_phases));
  connection.target = std::move(read);
  const std::vector<std::string> names = std::move(connection.target.streams);
  if (target.size() > options.max_control_bytes) {
    ++counters.too_long;
  } else if (!names.empty()) {
    int code = 0;
    if (!Subscribe(connection, names, code).empty()) {
      Forget(id);
      return refuse(400);
    }
  }
  ++counters.accepted;
  At(now_us + options.ping_interval_ms * 1000, DueKind::kPing, id);
  At(now_us + options.max_age_ms * 1000, DueKind::kAge, id);
  return 101;
}

VenueConnection* BinanceVenue::Impl::Find(ConnectionId id) {
  const auto found = connections.find(id);
  return found == connections.end() || found->second->stalled ? nullptr : found->second.get();
}

void BinanceVenue::Impl::Forget(ConnectionId id) {
  const auto found = connections.find(id);
  if (found == connections.end()) return;
  VenueConnection& connection = *found->second;
  for (const auto& each : connection.subscriptions) {
    if (each.stream != nullptr) Leave(connection, *each.stream);
  }
  connections.erase(found);
}

void BinanceVenue::Impl::Close(ConnectionId id, std::uint16_t code, std::string_view reason) {
  const auto found = connections.find(id);
  if (found != connections.end() && found->second->hushed) return Drop(id);
  Forget(id);
  output.Close(id, code, reason);
}

void BinanceVenue::Impl::Drop(ConnectionId id) {
  Forget(id);
  output.Drop(id);
}

bool BinanceVenue::Impl::CountMessage(VenueConnection& connection) {
  auto& times = connection.messages_us;
  while (!times.empty() && times.front() <= now_us - kSecondUs) times.pop_front();
  times.push_back(now_us);
  if (times.size() <= static_cast<std::size_t>(options.max_messages_per_s)) return true;
  ++counters.rate_cuts;
  Close(connection.id, kPolicyViolation, "Too many requests");
  return false;
}

void BinanceVenue::Impl::OnText(VenueConnection& connection, std::string_view text) {
  if (!CountMessage(connection)) return;
  if (text.size() > options.max_control_bytes) {
    ++counters.too_long;
    return;
  }
  ControlMessage message;
  ControlError error;
  if (!ParseControl(text, message, error)) return Refuse(connection, error);
  Control(connection, message);
}

void BinanceVenue::Impl::Control(VenueConnection& connection, const ControlMessage& message) {
  switch (message.method) {
    case ControlMethod::kSubscribe: {
      ControlError error;
      error.id = message.id;
      error.message = Subscribe(connection, message.streams, error.code);
      if (!error.message.empty()) return Refuse(connection, error);
      return Acknowledge(connection, ResultText("null", message.id), message.streams);
    }
    case ControlMethod::kUnsubscribe:
      Unsubscribe(connection, message.streams);
      return Acknowledge(connection, ResultText("null", message.id), {});
    case ControlMethod::kList: {
      std::string names = "[";
      for (const auto& each : connection.subscriptions) {
        names += (names.size() > 1 ? ",\"" : "\"") + each.name + "\"";
      }
      return Acknowledge(connection, ResultText(names + "]", message.id), {});
    }
    case ControlMethod::kSetProperty:
      connection.target.combined = message.combined;
      return Acknowledge(connection, ResultText("null", message.id), {});
    case ControlMethod::kGetProperty:
      return Acknowledge(connection,
                         ResultText(connection.target.combined ? "true" : "false", message.id), {});
  }
}

std::string BinanceVenue::Impl::Subscribe(VenueConnection& connection,
                                          const std::vector<std::string>& names, int& code) {
  std::vector<std::pair<const std::string*, StreamSpec>> wanted;
  for (const std::string& name : names) {
    StreamSpec spec;
    const bool quoted = name.find_first_of("\"\\") != name.npos;
    if (quoted || !ParseStream(name, *market, spec)) {
      code = 2;
      return "Invalid request: not a stream name";
    }
    const auto same = [&](const std::string& other) { return other == name; };
    const bool known = std::any_of(connection.subscriptions.begin(), connection.subscriptions.end(),
                                   [&](const auto& each) { return same(each.name); }) ||
                       std::any_of(wanted.begin(), wanted.end(),
                                   [&](const auto& each) { return same(*each.first); });
    if (!known) wanted.emplace_back(&name, std::move(spec));
  }
  if (connection.subscriptions.size() + wanted.size() >
      static_cast<std::size_t>(options.max_streams)) {
    code = 4;
    return "Too many subscriptions";
  }
  for (const auto& [name, spec] : wanted) {
    const bool silent =
        spec.kind == StreamKind::kNothing || !RouteCarries(connection.target.route, spec.route);
    if (silent) ++counters.silent_streams;
    VenueStream* const stream = silent ? nullptr : &Join(connection, *name, spec);
    connection.subscriptions.push_back({*name, stream});
  }
  return {};
}

void BinanceVenue::Impl::Unsubscribe(VenueConnection& connection,
                                     const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found =
        std::find_if(connection.subscriptions.begin(), connection.subscriptions.end(),
                     [&](const auto& each) { return each.name == name; });
    if (found == connection.subscriptions.end()) continue;
    if (found->stream != nullptr) Leave(connection, *found->stream);
    connection.subscriptions.erase(found);
  }
}

void BinanceVenue::Impl::Refuse(VenueConnection& connection, const ControlError& error) {
  if (connection.hushed) return;
  ++counters.errors;
  const bool nested = options.error_shape == ErrorShape::kNested ||
                      (options.error_shape == ErrorShape::kMixed && nest_error);
  nest_error = !nest_error;
  Send(connection, std::make_shared<const std::string>(ErrorText(error, nested)));
}

void BinanceVenue::Impl::Acknowledge(VenueConnection& connection, std::string text,
                                     std::vector<std::string> after) {
  if (connection.hushed) return;
  if (lost_acks_left > 0) {
    --lost_acks_left;
    return Count(FaultKind::kLostAck);
  }
  ++counters.acks;
  VenueConnection::HeldAck ack;
  ack.text = std::make_shared<const std::string>(std::move(text));
  bool wait = options.ack_order == AckOrder::kAfterData ||
              (options.ack_order == AckOrder::kMixed && choices.Percent(50));
  if (late_acks_left > 0 && !after.empty()) {
    --late_acks_left;
    Count(FaultKind::kLateAck);
    wait = true;
  }
  if (after.empty()) wait = false;
  if (!wait && options.ack_delay_ms == 0) return Send(connection, ack.text);
  if (wait) ack.after = std::move(after);
  ack.not_before_us = now_us + options.ack_delay_ms * 1000;
  ack.deadline_us = ack.not_before_us + (wait ? options.ack_patience_ms * 1000 : 0);
  At(ack.deadline_us, DueKind::kLate, connection.id);
  connection.acks.push_back(std::move(ack));
}

void BinanceVenue::Impl::ReleaseAcks(VenueConnection& connection, const VenueStream* stream) {
  std::erase_if(connection.acks, [&](const VenueConnection::HeldAck& ack) {
    const bool data =
        stream != nullptr && now_us >= ack.not_before_us &&
        std::find(ack.after.begin(), ack.after.end(), stream->name) != ack.after.end();
    if (!data && now_us < ack.deadline_us) return false;
    Send(connection, ack.text);
    return true;
  });
}

void BinanceVenue::Impl::ReleaseHeld(VenueConnection& connection) {
  while (!connection.held.empty() && connection.held.front().due_us <= now_us) {
    output.Send(connection.id, connection.held.front().text);
    connection.held.pop_front();
  }
  ReleaseAcks(connection, nullptr);
}

void BinanceVenue::Impl::Send(VenueConnection& connection, const VenueText& text) {
  if (connection.held.empty()) return output.Send(connection.id, text);
  connection.held.push_back({connection.held.back().due_us, text, false});
}

void BinanceVenue::Impl::PingNow(VenueConnection& connection) {
  if (connection.hushed) return;
  ++counters.pings;
  connection.pings.push_back({std::to_string(now_ms()), now_us});
  output.Ping(connection.id, connection.pings.back().payload);
  At(now_us + options.ping_interval_ms * 1000, DueKind::kPing, connection.id);
  At(now_us + options.pong_timeout_ms * 1000, DueKind::kPongDue, connection.id);
}

void BinanceVenue::Impl::OnPong(VenueConnection& connection, std::string_view payload) {
  if (!CountMessage(connection)) return;
  const auto ping = std::find_if(connection.pings.begin(), connection.pings.end(),
                                 [&](const auto& each) { return each.payload == payload; });
  if (ping != connection.pings.end()) {
    ++counters.pongs;
    connection.pings.erase(connection.pings.begin(), ping + 1);
  } else if (usdm) {
    connection.pings.clear();  // an unsolicited pong keeps the link there
  }
}

}  // namespace virtufin::inline v0::sim
