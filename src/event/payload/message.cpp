// Makes the events around payloads.
#include "virtufin/event/payload_message.hpp"

#include <array>
#include <utility>

#include "event/payload/topics.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0 {

std::string_view TimeSourceName(TimeSource source) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"engine", "venue", "receive"};
  const auto i = static_cast<std::size_t>(source);
  return i < kNames.size() ? kNames[i] : std::string_view();
}

std::string ExchangeSource(std::string_view venue) {
  return std::string("urn:com.virtufin:exchange:").append(venue);
}

namespace detail {
namespace {

Status Invalid(std::string_view what, std::string_view expected, std::string_view found) {
  std::string text(what);
  text.append(": expected ").append(expected).append(", found '").append(found).append("'");
  return Status(StatusCode::kInvalidArgument, "event", std::move(text));
}

bool IsScenarioId(std::string_view id) noexcept {
  if (id.empty() || id.size() > 32) return false;
  for (const char c : id) {
    if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

Status Check(const PayloadInfo& info, const EventScope& scope, const EventStamp& stamp,
             const MessageParts& parts) {
  if (IsMarketKind(info.kind) && scope.exchange.empty()) {
    return Invalid("exchange", "the venue of the market data", "");
  }
  if (!IsMarketKind(info.kind) && !IsScenarioId(scope.scenario_id)) {
    return Invalid("scenario_id", "1 to 32 of A-Z, 0-9 and '_'", scope.scenario_id);
  }
  if (stamp.sequence == 0) return Invalid("sequence", "a number from 1", "0");
  const bool needs_id =
      info.topic.find('<') != std::string_view::npos && info.kind != PayloadKind::kFeedStatus;
  if (needs_id && parts.id.empty()) return Invalid("id", "what the event is about", "");
  if (!parts.own_id.empty() && parts.own_id != parts.id) {
    std::string own("'");
    own.append(parts.own_id).append("' as in the payload");
    return Invalid("id", own, parts.id);
  }
  if (info.kind == PayloadKind::kCandle && parts.interval.empty()) {
    return Invalid("interval", "the interval of the candle", "");
  }
  return {};
}

/// "order/o-1", "currency_pair/BTCUSDT"; of risk, profit and loss the scenario.
std::string SubjectOf(const PayloadInfo& info, const EventScope& scope, std::string_view id) {
  const bool market = IsMarketKind(info.kind);
  if (market && id.empty()) return {};
  const auto has = [&](std::string_view name) {
    return info.topic.find(name) != std::string_view::npos;
  };
  std::string subject(market              ? std::string_view(scope.subject_kind)
                      : has("<order_id>") ? "order"
                      : has("<trade_id>") ? "trade"
                      : has("<symbol>")   ? "position"
                                          : "scenario");
  return subject.append("/").append(market || !id.empty() ? id : scope.scenario_id);
}

void AddExtensions(const PayloadInfo& info, const EventScope& scope, const EventStamp& stamp,
                   CloudEvent::Builder& builder) {
  const auto text = [&](std::string_view name, std::string_view value) {
    builder.Extension(name, value);
  };
  builder.TextExtension("correlationid", stamp.correlation_id);
  if (!IsMarketKind(info.kind)) text("scenarioid", scope.scenario_id);
  if (scope.run_id) builder.TextExtension("runid", *scope.run_id);
  if (!scope.exchange.empty()) text("exchange", scope.exchange);
  text("clocktype", scope.historical ? "historical" : "wall");
  builder.TextExtension("eventtime", stamp.event_time);
  if (!scope.historical) builder.TextExtension("walltime", stamp.wall_time);
  if (stamp.receive_time) builder.TextExtension("receivetime", *stamp.receive_time);
  if (stamp.time_source) text("timesource", TimeSourceName(*stamp.time_source));
  builder.TextExtension("sequence", stamp.sequence);
  text("marketworld", scope.market_world.text());
  text("marketuniverse", scope.market_universe);
  if (scope.portfolio_world) text("portfolioworld", scope.portfolio_world->text());
  if (scope.strategy_world) text("strategyworld", scope.strategy_world->text());
}

}  // namespace

Result<Message> MakePayloadMessage(const PayloadInfo& info, const EventScope& scope,
                                   const EventStamp& stamp, const MessageParts& parts,
                                   std::string_view json) {
  if (Status status = Check(info, scope, stamp, parts); !status.ok()) return status;
  const bool market = IsMarketKind(info.kind);
  std::string topic =
      market ? MarketPrefix(scope.exchange, scope.market_world) : ScenarioPrefix(scope.scenario_id);
  AppendPayloadTopic(topic, info, parts.interval, parts.id);

  std::string type("com.virtufin.");
  if (market) type.append("exchange.").append(scope.exchange).append(".");
  type.append(parts.open && !info.open_type.empty() ? info.open_type : info.type);
  CloudEvent::Builder builder;
  builder.Source(scope.source)
      .Type(type)
      .Subject(SubjectOf(info, scope, parts.id))
      .Time(stamp.event_time)
      .DataContentType("application/json")
      .JsonData(json, Validate::kTrusted);
  if (scope.historical) {
    const std::array<std::string_view, 2> names = {scope.source, topic};
    builder.Id(Uuid::V5(scope.run_id.value_or(Uuid()), names, stamp.sequence));
  }
  AddExtensions(info, scope, stamp, builder);
  Result<CloudEvent> event = builder.Build();
  if (!event.ok()) return event.status();
  return Message(topic, *std::move(event));
}

}  // namespace detail
}  // namespace virtufin::inline v0
