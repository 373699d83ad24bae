// Events that several tests use.
#pragma once

#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/event_builder.hpp"

namespace samples {

using namespace virtufin;

inline CloudEvent::Parts Minimal() {
  return {.id = "minimal", .source = "https://cloudevents.io", .type = "io.cloudevents.test"};
}

inline CloudEvent AllExtensionTypes() {
  const NamedValue extensions[] = {{"extinteger", 10},
                                   {"extboolean", true},
                                   {"extstring", std::string_view("text")},
                                   {"extbinary", AsBytes("Ma")},
                                   {"exttimestamp", *Timestamp::Parse("2023-03-31T15:12:00Z")},
                                   {"exturi", Uri{"https://cloudevents.io"}},
                                   {"exturiref", UriReference{"//authority/path"}}};
  CloudEvent::Parts parts = Minimal();
  parts.extensions = extensions;
  return *CloudEvent::Make(parts);
}

/// Constants as an adapter has them; varying: eventtime, sequence, correlationid, note.
inline CloudEvent::Stream QuoteStream() {
  CloudEvent::Stream::Options options;
  options.source = "urn:com.virtufin:exchange:binance";
  options.type = "com.virtufin.exchange.binance.quote.updated";
  options.subject = "currency_pair/BTCUSDT";
  options.extensions = {{"exchange", "binance"}, {"marketworld", "act"}};
  options.varying = {"eventtime", "sequence", "correlationid", "note"};
  return *CloudEvent::Stream::Make(options);
}
enum QuoteVarying : std::size_t { kEventTime, kSequence, kCorrelationId, kNote };

}  // namespace samples
