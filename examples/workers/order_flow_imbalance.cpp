// order_flow_imbalance: says when the weight of an order book tips to one side.
//
// Input: act.exchange.<venue>.orderbook.depth.<pair>. Over the best `levels` (config; 20) of each
// side, value = sum(ask price x qty) - sum(bid price x qty). SELLING when it is more than 10 % of
// the ask sum, BUYING when it is less than -10 % of the bid sum, else NEUTRAL.
// Reply to <world>.exchange.<venue>.imbalance.changed.<pair>, the first time and when the signal
// changed: {pair, signal, value, bid_value, ask_value, last_update_id}. Sums are exact.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market_worker.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/worker/json.hpp"
#include "virtufin/worker/native_export.hpp"

namespace order_flow_imbalance {

using virtufin::CloudEvent;
using virtufin::Json;
using virtufin::Level;
using virtufin::OrderBookDepth;
using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;

__extension__ using Wide = __int128;

/// A sum of products of decimals: coefficient x 10^-scale.
struct Exact {
  Wide coefficient = 0;
  int scale = 0;
};

/// `value` at a larger scale. False when it does not fit.
inline bool Rescale(Exact& value, int scale) {
  for (; value.scale < scale; ++value.scale) {
    if (__builtin_mul_overflow(value.coefficient, Wide{10}, &value.coefficient)) return false;
  }
  return true;
}

inline bool Add(Exact& sum, Exact term) {
  const int scale = sum.scale > term.scale ? sum.scale : term.scale;
  return Rescale(sum, scale) && Rescale(term, scale) &&
         !__builtin_add_overflow(sum.coefficient, term.coefficient, &sum.coefficient);
}

inline std::string ToText(const Exact& value) {
  const bool negative = value.coefficient < 0;
  std::string digits;  // last one first
  for (Wide rest = value.coefficient; rest != 0; rest /= 10) {
    const int digit = static_cast<int>(rest % 10);
    digits.push_back(static_cast<char>('0' + (digit < 0 ? -digit : digit)));
  }
  const auto scale = static_cast<std::size_t>(value.scale);
  while (digits.size() <= scale) digits.push_back('0');
  std::string text(digits.rbegin(), digits.rend());
  if (scale > 0) {
    text.insert(text.size() - scale, ".");
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return negative ? "-" + text : text;
}

/// What the best levels of a side are worth; nothing when that is too large a number.
inline std::optional<Exact> Worth(const std::vector<Level>& side, std::size_t levels) {
  Exact sum;
  for (std::size_t i = 0; i < side.size() && i < levels; ++i) {
    const Level& level = side[i];
    Exact product{0, level.price.scale() + level.quantity.scale()};
    if (__builtin_mul_overflow(Wide{level.price.coefficient()}, Wide{level.quantity.coefficient()},
                               &product.coefficient) ||
        !Add(sum, product)) {
      return std::nullopt;
    }
  }
  return sum;
}

struct Imbalance {
  Exact bids, asks, value;
  std::string_view signal;
};

/// Nothing when a number is too large.
inline std::optional<Imbalance> Weigh(const OrderBookDepth& book, std::size_t levels) {
  const std::optional<Exact> bids = Worth(book.bids, levels);
  const std::optional<Exact> asks = Worth(book.asks, levels);
  if (!bids || !asks) return std::nullopt;
  Imbalance result{*bids, *asks, *asks, "NEUTRAL"};
  Exact minus_bids{0, bids->scale};
  Wide tenfold = 0;
  if (__builtin_sub_overflow(Wide{0}, bids->coefficient, &minus_bids.coefficient) ||
      !Add(result.value, minus_bids) || !Rescale(result.asks, result.value.scale) ||
      !Rescale(minus_bids, result.value.scale) ||
      __builtin_mul_overflow(result.value.coefficient, Wide{10}, &tenfold)) {
    return std::nullopt;
  }
  if (tenfold > result.asks.coefficient) result.signal = "SELLING";
  if (tenfold < minus_bids.coefficient) result.signal = "BUYING";
  return result;
}

/// A depth event in, JSON out.
class DepthCodec final : public virtufin::PayloadCodec<OrderBookDepth, Json> {
 public:
  std::string_view ContentType() const noexcept override { return json_.ContentType(); }
  Result<OrderBookDepth> DecodePayload(const CloudEvent& event) const override {
    return virtufin::ReadPayload<OrderBookDepth>(event.data_text());
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

class OrderFlowImbalance final : public virtufin::WorkerBase<OrderBookDepth, Json> {
 public:
  OrderFlowImbalance()
      : WorkerBase("urn:com.virtufin.worker.orderflowimbalance",
                   "com.virtufin.exchange.imbalance.changed", std::make_shared<DepthCodec>()) {}

  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const virtufin::PayloadInfo* const info = virtufin::FindPayload(event.type());
    if (info == nullptr || info->kind != OrderBookDepth::kKind) return std::optional<CloudEvent>();
    topic_.clear();
    Result<std::optional<CloudEvent>> reply = WorkerBase::Process(event);
    if (!reply.ok() || !reply->has_value() || topic_.empty()) return reply;
    const std::string_view venue = event.ExtensionText("exchange");
    CloudEvent::Builder addressed(**reply);
    addressed.Type("com.virtufin.exchange." + std::string(venue) + ".imbalance.changed")
        .Subject(event.subject())
        .Extension("exchange", venue)
        .Extension("publishtopic", std::string_view(topic_));
    Result<CloudEvent> built = addressed.Build(virtufin::NameRule::kLenient);
    if (!built.ok()) return built.status();
    return std::optional<CloudEvent>(*std::move(built));
  }

 private:
  Result<std::optional<Json>> Handle(virtufin::WorkerContext& /*context*/, const CloudEvent& event,
                                     const OrderBookDepth& book) override {
    if (book.state != virtufin::FeedState::kLive) return std::nullopt;
    const auto levels = static_cast<std::size_t>(event.ExtensionNumber("levels").value_or(20));
    const std::optional<Imbalance> found = Weigh(book, levels);
    if (!found) {
      return Status(StatusCode::kOutOfRange, "order_flow_imbalance",
                    "price x quantity: expected sums below 10^37");
    }
    const std::string pair(virtufin::SubjectId(event));
    const Result<virtufin::World> world = market_worker::WorldOf(event);
    if (!world.ok()) return world.status();
    const std::string topic = virtufin::MarketTopics(event.ExtensionText("exchange"), *world)
                                  .Tail("imbalance.changed", pair);
    std::string_view& last = signals_[topic];
    if (found->signal == last) return std::nullopt;
    last = found->signal;
    topic_ = topic;
    return Json{{"pair", pair},
                {"signal", found->signal},
                {"value", ToText(found->value)},
                {"bid_value", ToText(found->bids)},
                {"ask_value", ToText(found->asks)},
                {"last_update_id", book.last_update_id}};
  }

  std::map<std::string, std::string_view> signals_;  // by topic; static storage
  std::string topic_;                                // of the call that runs; empty: not addressed
};

}  // namespace order_flow_imbalance

VIRTUFIN_EXPORT_WORKER(order_flow_imbalance::OrderFlowImbalance)
