// Puts the keys together.
#include "virtufin/event/state_key.hpp"

namespace virtufin::inline v0 {
namespace {

std::string Key(std::string_view prefix, std::string_view id) {
  return std::string(prefix).append(id);
}

}  // namespace

std::string WorkerKey(std::string_view worker_id) { return Key("workmanager.worker.", worker_id); }

std::string ConnectionKey(std::string_view connection_id) {
  return Key("websocketmanager.connection.", connection_id);
}

std::string HeartbeatKey(std::string_view service, std::string_view instance) {
  return Key(service, ".heartbeat.").append(instance);
}

std::string HeartbeatPeersKey(std::string_view service) { return Key(service, ".heartbeat.peers"); }

std::string OrderBookKey(const World& world, std::string_view venue, std::string_view instrument) {
  return MarketTopics(venue, world).Tail("orderbook", instrument);
}

std::string QuoteKey(const World& world, std::string_view venue, std::string_view instrument) {
  return MarketTopics(venue, world).Tail("quote", instrument);
}

std::string ExchangeBanKey(std::string_view host) { return Key("exchange.ban.", host); }

std::string ScenarioKey(std::string_view scenario_id) { return Key("scenario.", scenario_id); }

}  // namespace virtufin::inline v0
