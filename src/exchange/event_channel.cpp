// Topics, streams and builders of a feed's events.
#include "exchange/event_channel.hpp"

#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0::detail {
namespace {

// The varying extensions, by index. Without a text among them an event is built without looking at
// any: timesource, which hardly ever changes, is a constant of the stream instead.
enum Varying : std::size_t { kEventTime, kReceiveTime, kSequence, kCorrelation, kWallTime };

}  // namespace

std::string FeedIdentity::Topic(std::string_view tail, std::string_view symbol) const {
  std::string topic = world + ".exchange." + venue + ".";
  topic.append(tail);
  if (symbol.empty()) return topic;
  AppendTopicSegment(topic += '.', symbol);
  return topic;
}

Result<CloudEvent::Stream> FeedIdentity::Stream(std::string_view type_tail, std::string_view symbol,
                                                TimeSource source) const {
  CloudEvent::Stream::Options options;
  options.source = Source();
  options.type = "com.virtufin.exchange." + venue + "." + std::string(type_tail);
  if (!symbol.empty()) options.subject = subject_kind + "/" + std::string(symbol);
  options.extensions = {{"exchange", venue},
                        {"clocktype", historical ? "historical" : "wall"},
                        {"timesource", std::string(TimeSourceName(source))},
                        {"marketworld", world},
                        {"marketuniverse", universe}};
  if (!run_id.empty()) options.extensions.emplace_back("runid", run_id);
  options.varying = {"eventtime", "receivetime", "sequence", "correlationid"};
  if (!historical) options.varying.emplace_back("walltime");
  return CloudEvent::Stream::Make(options);
}

EventChannel::EventChannel(const FeedIdentity& identity, std::string_view topic_tail,
                           std::string_view type_tail, std::string_view symbol)
    : identity_(&identity),
      topic_(identity.Topic(topic_tail, symbol)),
      type_tail_(type_tail),
      symbol_(symbol) {}

CloudEvent::Builder& EventChannel::BuilderFor(TimeSource source) {
  auto& builder = builders_[static_cast<std::size_t>(source)];
  if (!builder) {
    // The same options but for the symbol and the source made a stream when the feed was created
    // and when the symbol was subscribed.
    builder.emplace(identity_->Stream(type_tail_, symbol_, source).value());
  }
  return *builder;
}

Result<Message> EventChannel::Make(std::string_view json, std::uint64_t sequence,
                                   const EventMoment& moment, std::string_view subject) {
  CloudEvent::Builder& builder = BuilderFor(moment.event.source);
  const Timestamp received = Timestamp::FromUnixNanos(moment.receive_unix_ns);
  const Timestamp event_time =
      moment.event.unix_ns == moment.receive_unix_ns ? received : ToTimestamp(moment.event.unix_ns);
  builder.Time(event_time)
      .Varying(kEventTime, event_time)
      .Varying(kReceiveTime, received)
      .Varying(kSequence, sequence)
      .Varying(kCorrelation, moment.correlation)
      .JsonData(json, Validate::kTrusted);
  if (identity_->historical) {
    const std::string source = identity_->Source();
    const std::array<std::string_view, 2> names = {source, topic_};
    builder.Id(Uuid::V5(identity_->run_seed, names, sequence));
  } else {
    builder.Varying(kWallTime, moment.wall);
  }
  if (!subject.empty()) builder.Subject(subject);
  Result<CloudEvent> event = builder.Build();
  if (!event.ok()) return event.status();
  return Message(topic_, std::move(*event));
}

Timestamp ToTimestamp(std::int64_t unix_ns) noexcept {
  const std::int64_t ms = unix_ns / 1'000'000;
  return ms * 1'000'000 == unix_ns ? Timestamp::FromUnixMillis(ms)
                                   : Timestamp::FromUnixNanos(unix_ns);
}

}  // namespace virtufin::inline v0::detail
