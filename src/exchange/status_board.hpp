// The feed.status topics of one feed: all its parts publish through here, so that each topic has
// one gap-free sequence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/event_channel.hpp"
#include "exchange/payloads.hpp"
#include "exchange/retired_sequences.hpp"
#include "exchange/symbol_table.hpp"

namespace virtufin::inline v0::detail {

/// [owner] for everything.
class StatusBoard {
 public:
  /// `identity` is borrowed while the board lives. `most_retired`: RetiredSequences.
  StatusBoard(const FeedIdentity& identity, std::size_t most_retired) noexcept
      : identity_(&identity), retired_(most_retired) {}

  /// Its sequence number is used: publish it. `symbol` must be UTF-8; empty: feed.status of the
  /// venue.
  Message Make(std::string_view symbol, const StatusFields& status, const EventMoment& moment);
  /// Its topic is not used for now: only the number stays.
  void Retire(std::string_view symbol);
  /// Told of each symbol before its status is made; may be empty.
  std::function<void(std::string_view symbol)> changes;

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
  RetiredSequences<1> retired_;
  PayloadBuffer payload_;
};

}  // namespace virtufin::inline v0::detail
