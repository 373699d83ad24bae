// Names of channels and states.
#include "virtufin/exchange/adapter.hpp"

#include <array>

namespace virtufin::inline v0 {
namespace {

constexpr std::array<std::string_view, kFeedChannels> kChannels = {
    "book", "quote", "ticker", "trade", "candle", "mark", "funding", "instrument", "status"};

}  // namespace

std::string_view FeedChannelName(FeedChannel channel) noexcept {
  return kChannels[static_cast<std::size_t>(channel)];
}

Result<FeedChannel> ParseFeedChannel(std::string_view name) {
  std::string list;
  for (std::size_t i = 0; i < kChannels.size(); ++i) {
    if (kChannels[i] == name) return static_cast<FeedChannel>(i);
    list.append(i == 0 ? "" : ", ").append(kChannels[i]);
  }
  return Status(StatusCode::kInvalidArgument, "exchange",
                "channel: expected one of " + list + "; found '" + std::string(name) + "'");
}

std::string_view SubscriptionStateName(SubscriptionState state) noexcept {
  constexpr std::array<std::string_view, 8> kNames = {
      "pending", "live", "stale", "gap", "resync", "disconnected", "rejected", "stopped"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace virtufin::inline v0
