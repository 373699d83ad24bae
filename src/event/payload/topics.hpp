// How topics are put together: prefix of a world or scenario, then the pattern of a payload.
#pragma once

#include <string>
#include <string_view>

#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0::detail {

/// "act.exchange.binance."
std::string MarketPrefix(std::string_view venue, const World& world);
/// "sc.LIVE."
std::string ScenarioPrefix(std::string_view scenario_id);
/// The pattern with the names filled in; without an id its segment is left out.
void AppendPayloadTopic(std::string& topic, const PayloadInfo& info, std::string_view interval,
                        std::string_view id);

}  // namespace virtufin::inline v0::detail
