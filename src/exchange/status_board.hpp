// The feed.status topics of one feed: all its parts publish through here, so that each topic has
// one gap-free sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/event_channel.hpp"
#include "exchange/payloads.hpp"
#include "exchange/symbol_table.hpp"

namespace virtufin::inline v0::detail {

/// [owner] for everything.
class StatusBoard {
 public:
  /// `identity` is borrowed while the board lives.
  explicit StatusBoard(const FeedIdentity& identity) noexcept : identity_(&identity) {}

  /// Its sequence number is used: publish it. `symbol` must be UTF-8; empty: feed.status of the
  /// venue.
  Message Make(std::string_view symbol, const StatusFields& status, const EventMoment& moment);

 private:
  struct Line {
    Line(const FeedIdentity& identity, std::string_view symbol)
        : name(symbol), channel(identity, "feed.status", "feed.changed", symbol) {}
    std::string name;
    EventChannel channel;
    std::uint64_t sequence = 0;
  };

  const FeedIdentity* identity_;
  SymbolTable<Line> lines_;
  PayloadBuffer payload_;
};

}  // namespace virtufin::inline v0::detail
