// Keys of what the platform keeps in its state stores. Instruments stand in them as in topics; ids,
// instances and hosts as they are. Specification: docs/openspec/specs/state/spec.md
#pragma once

#include <string>
#include <string_view>

#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {

/// The record of a worker. [any]
std::string WorkerKey(std::string_view worker_id);
/// The list of the ids of all workers.
inline constexpr std::string_view kWorkersIndexKey = "workmanager.workers.index";
/// Who holds the lease to recover workers.
inline constexpr std::string_view kRecoveryLeaderKey = "workmanager.recovery.leader";

/// The record of a connection of the WebSocketManager. [any]
std::string ConnectionKey(std::string_view connection_id);
/// The list of the ids of all connections.
inline constexpr std::string_view kConnectionsIndexKey = "websocketmanager.connections.index";

/// The heartbeat of one instance of a service. [any]
std::string HeartbeatKey(std::string_view service, std::string_view instance);
/// The set of the instances of a service. [any]
std::string HeartbeatPeersKey(std::string_view service);

/// The last book of an instrument: bids, asks, last_update_id, updated_at. [any]
std::string OrderBookKey(const World& world, std::string_view venue, std::string_view instrument);
/// The last quote of an instrument. [any]
std::string QuoteKey(const World& world, std::string_view venue, std::string_view instrument);
/// Until when the venue behind `host` answers nobody here, RFC 3339. [any]
std::string ExchangeBanKey(std::string_view host);

/// A scenario: its name, status and worlds. [any]
std::string ScenarioKey(std::string_view scenario_id);
/// The list of the ids of all scenarios.
inline constexpr std::string_view kScenarioIndexKey = "scenario.index";

}  // namespace virtufin::inline v0
