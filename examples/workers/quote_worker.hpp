// QuoteWorker: what the workers for quotes of one venue share; they differ in constants.
//
// Input: <world>.exchange.<venue>.quote.update.<instrument> and .ticker.update.<instrument>.
// Replies to <world>.exchange.<venue>.quote.changed.<instrument>, when bid or ask changed, at most
// every `intervalms` (config; 100) for each instrument:
//   {instrument, bid, bid_qty?, ask, ask_qty?, mid, spread, last?, at}
// The same is saved under the state key <world>.exchange.<venue>.quote.<instrument> of the service
// `stateservice` (workmanager). A quote with one side, or with a bid that is not below the ask, is
// counted and not replied.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "market_worker.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/worker/api_worker.hpp"

namespace quote_worker {

using virtufin::CloudEvent;
using virtufin::Decimal;
using virtufin::Json;
using virtufin::QuoteUpdate;
using virtufin::Result;

/// A quote, or the last price of a ticker; both absent in other events.
struct Input {
  std::optional<QuoteUpdate> quote;
  std::optional<Decimal> last;
};

/// Events of quotes and tickers in, JSON out.
class QuoteCodec final : public virtufin::PayloadCodec<Input, Json> {
 public:
  std::string_view ContentType() const noexcept override { return json_.ContentType(); }
  Result<Input> DecodePayload(const CloudEvent& event) const override {
    Input input;
    const virtufin::PayloadInfo* const info = virtufin::FindPayload(event.type());
    if (info == nullptr) return input;
    if (info->kind == QuoteUpdate::kKind) {
      auto quote = virtufin::ReadPayload<QuoteUpdate>(event.data_text());
      if (!quote.ok()) return quote.status();
      input.quote = *std::move(quote);
    } else if (info->kind == virtufin::TickerUpdate::kKind) {
      const auto ticker = virtufin::ReadPayload<virtufin::TickerUpdate>(event.data_text());
      if (!ticker.ok()) return ticker.status();
      input.last = ticker->last_price;
    }
    return input;
  }
  Result<virtufin::EncodedPayload> EncodeResponse(const CloudEvent& input,
                                                  const Json& payload) const override {
    return json_.EncodeResponse(input, payload);
  }
  Json EncodeError(const CloudEvent& input, std::string_view message) const override {
    return json_.EncodeError(input, message);
  }

 private:
  const virtufin::JsonCodec json_;
};

class QuoteWorker : public virtufin::WorkerBase<Input, Json>, public virtufin::ApiAccess {
 public:
  QuoteWorker(std::string source, std::string venue)
      : WorkerBase(std::move(source), "com.virtufin.exchange." + venue + ".quote.updated",
                   std::make_shared<QuoteCodec>()),
        venue_(std::move(venue)) {}

  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    topic_.clear();
    Result<std::optional<CloudEvent>> reply = WorkerBase::Process(event);
    if (!reply.ok() || !reply->has_value() || topic_.empty()) return reply;
    CloudEvent::Builder addressed(**reply);
    addressed.Subject(event.subject())
        .Extension("exchange", std::string_view(venue_))
        .Extension("publishtopic", std::string_view(topic_));
    Result<CloudEvent> built = addressed.Build(virtufin::NameRule::kLenient);
    if (!built.ok()) return built.status();
    return std::optional<CloudEvent>(*std::move(built));
  }

 private:
  struct Instrument {
    QuoteUpdate quote;                // the newest with two sides
    std::optional<Decimal> last;      // price
    std::optional<Decimal> bid, ask;  // as they were replied
    std::int64_t replied_ms = 0;
  };

  Result<std::optional<Json>> Handle(virtufin::WorkerContext& /*context*/, const CloudEvent& event,
                                     const Input& input) override {
    const std::string name(virtufin::SubjectId(event));
    if (name.empty() || (!input.quote && !input.last)) return std::nullopt;
    const Result<virtufin::World> world = market_worker::WorldOf(event);
    if (!world.ok()) return world.status();
    const std::string key = virtufin::QuoteKey(*world, venue_, name);
    Instrument& instrument = instruments_[key];
    if (input.last) instrument.last = input.last;
    if (input.quote) {
      const QuoteUpdate& quote = *input.quote;
      if (!quote.bid || !quote.ask || *quote.bid >= *quote.ask) {
        ++unusable_;
        Log(virtufin::LogLevel::kDebug,
            name + ": one-sided or crossed, the " + std::to_string(unusable_) + ". such quote");
        return std::nullopt;
      }
      instrument.quote = quote;
    }
    if (!instrument.quote.bid || !IsDue(event, instrument)) return std::nullopt;
    Result<Json> reply = Describe(event, name, instrument);
    if (!reply.ok()) return reply.status();
    topic_ = virtufin::MarketTopics(venue_, *world).Tail("quote.changed", name);
    saver_.Save(Api(), event, key, *reply);
    return *std::move(reply);
  }

  /// Whether bid or ask differ from what was replied, and the interval is over; then it was.
  static bool IsDue(const CloudEvent& event, Instrument& instrument) {
    const QuoteUpdate& quote = instrument.quote;
    if (instrument.bid == quote.bid && instrument.ask == quote.ask) return false;
    const std::int64_t now_ms = market_worker::NowMs(event);
    if (instrument.bid &&
        market_worker::IsTooSoon(event, "intervalms", 100, instrument.replied_ms, now_ms)) {
      return false;
    }
    instrument.replied_ms = now_ms;
    instrument.bid = quote.bid;
    instrument.ask = quote.ask;
    return true;
  }

  static Result<Json> Describe(const CloudEvent& event, const std::string& name,
                               const Instrument& instrument) {
    const QuoteUpdate& quote = instrument.quote;
    const Result<Decimal> spread = Subtract(*quote.ask, *quote.bid);
    const Result<Decimal> sum = Add(*quote.ask, *quote.bid);
    if (!spread.ok()) return spread.status();
    if (!sum.ok()) return sum.status();
    const Result<Decimal> mid = Half(*sum);
    if (!mid.ok()) return mid.status();
    Json reply = {{"instrument", name},           {"bid", quote.bid->ToString()},
                  {"ask", quote.ask->ToString()}, {"mid", mid->ToString()},
                  {"spread", spread->ToString()}, {"at", event.time_text()}};
    const auto add = [&reply](const char* member, const std::optional<Decimal>& value) {
      if (value) reply[member] = value->ToString();
    };
    add("bid_qty", quote.bid_qty);
    add("ask_qty", quote.ask_qty);
    add("last", instrument.last);
    return reply;
  }

  const std::string venue_;
  std::map<std::string, Instrument> instruments_;  // by the key of their state
  market_worker::Saver saver_{"quotes"};
  std::string topic_;  // of the call that runs; empty: not addressed
  std::uint64_t unusable_ = 0;
};

}  // namespace quote_worker
