// Topics: built as the contract has them, and split into their parts for displays. The bus itself
// takes any topic. Specification: docs/openspec/specs/topics/spec.md
//
//   const MarketTopics on("binance");
//   on.Of<TradeExecuted>("BTC.P")      // act.exchange.binance.trade.tape.BTC%2EP
//   ScenarioTopics("LIVE").Of<OrderFilled>("o-1")  // sc.LIVE.trading.order.filled.o-1
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/event/payload.hpp"

namespace virtufin::inline v0 {

/// Appends `name` with every byte outside [A-Za-z0-9_-] percent-encoded, so that it holds no dot:
/// "BTC.P" appends "BTC%2EP". Different names give different segments. [any]
void AppendTopicSegment(std::string& topic, std::string_view name);

/// The segment alone, owned by the caller. [any]
std::string TopicSegment(std::string_view name);

/// The name that a segment stands for: "BTC.P" of "BTC%2EP". A '%' without two hexadecimal digits
/// stays. Owned by the caller. [any]
std::string TopicName(std::string_view segment);

/// The world that market data belong to: the actual one, or a hypothetical one with a name.
class World {
 public:
  /// "act".
  World() = default;
  /// "hyp.<name>", the name percent-encoded as a segment. [any]
  /// Errors: INVALID_ARGUMENT for an empty name: a bare "hyp" is no world.
  static Result<World> Hypothetical(std::string_view name);
  /// As in topics and in the extension marketworld. [any]
  /// Errors: INVALID_ARGUMENT unless it is "act" or "hyp.<segment>".
  static Result<World> Parse(std::string_view text);

  /// Borrowed until this is changed or gone.
  std::string_view text() const noexcept { return text_; }
  bool operator==(const World&) const = default;

 private:
  std::string text_ = "act";
};

/// Topics of one venue in one world. Const functions are [any]; what they return is owned by the
/// caller.
class MarketTopics {
 public:
  explicit MarketTopics(std::string_view venue, const World& world = {});

  /// Of a payload's events about `instrument`, as the venue writes it. Empty: without that segment,
  /// as InstrumentInfo always is, and FeedStatus when it is about more than one instrument.
  template <MarketPayload T>
  std::string Of(std::string_view instrument = {}) const {
    static_assert(T::kKind != PayloadKind::kCandle, "candles have an interval: use Candles");
    return Make(T::kKind, {}, instrument);
  }
  /// `ohlcv.candle.<interval>.<instrument>`
  std::string Candles(std::string_view interval, std::string_view instrument) const {
    return Make(PayloadKind::kCandle, interval, instrument);
  }
  /// Any other tail, as of workers' replies: "orderbook.changed".
  std::string Tail(std::string_view tail, std::string_view instrument = {}) const;

 private:
  std::string Make(PayloadKind kind, std::string_view interval, std::string_view instrument) const;
  std::string prefix_;
};

/// Topics of one scenario. Const functions are [any]; what they return is owned by the caller.
class ScenarioTopics {
 public:
  explicit ScenarioTopics(std::string_view scenario_id);

  /// Of a payload's events about `id`: the order, the trade or, for a position, the symbol. Risk,
  /// profit and loss have none.
  template <ScenarioPayload T>
  std::string Of(std::string_view id = {}) const {
    return Make(T::kKind, id);
  }

 private:
  std::string Make(PayloadKind kind, std::string_view id) const;
  std::string prefix_;
};

/// "<service>.<category>": "workmanager.lifecycle". [any]
std::string InfrastructureTopic(std::string_view service, std::string_view category);
/// "<service>.infra.<sub>", where a category is too coarse. [any]
std::string InfrastructureSubTopic(std::string_view service, std::string_view sub);
/// "command.<worker>", where a worker gets its commands. [any]
std::string CommandTopic(std::string_view worker);
/// "response.<worker>", where its replies go. [any]
std::string ResponseTopic(std::string_view worker);
/// Where changes of state are told.
inline constexpr std::string_view kStateChangeTopic = "state.change";
/// What topics of dead letters end with.
inline constexpr std::string_view kDeadLetterSuffix = "-dead";
/// "<topic>-dead", where events go that nobody could handle. [any]
std::string DeadLetterTopic(std::string_view topic);
/// Whether dead letters go there, of any topic. [any]
constexpr bool IsDeadLetterTopic(std::string_view topic) noexcept {
  return topic.ends_with(kDeadLetterSuffix);
}

enum class TopicAxis : std::uint8_t {
  kOther,  // not of our shape
  kInfrastructure,
  kMarket,
  kScenario,
  kCommand,
  kResponse,
  kStateChange,
};

/// The parts of a topic, borrowed from it, segments as they stand there: TopicName gives the name.
/// Parts that a shape does not have are empty.
struct TopicParts {
  TopicAxis axis = TopicAxis::kOther;
  bool dead_letter = false;   // "-dead" was at the end; the rest is the topic it came from
  std::string_view world;     // kMarket: "act", "hyp.<name>"
  std::string_view owner;     // venue, scenario, service or worker
  std::string_view domain;    // kScenario: "trading"
  std::string_view entity;    // kMarket, kScenario: "orderbook", "order"
  std::string_view event;     // kMarket, kScenario: "update"; kInfrastructure: the category
  std::string_view interval;  // of candles
  std::string_view id;        // the instrument, the order ...
};

/// Never fails: what has none of our shapes is kOther. [any]
TopicParts SplitTopic(std::string_view topic) noexcept;

}  // namespace virtufin::inline v0
