// How the quickstart's parts are put together on a platform.
#include "wiring.hpp"

#include <utility>

#include "virtufin/event/market_payloads.hpp"

namespace quickstart {

using namespace virtufin;

void StderrLog::Write(LogLevel level, std::string_view component, std::string_view text) noexcept {
  if (!Enabled(level)) return;
  std::fprintf(stderr, "[%.*s] %.*s\n", static_cast<int>(component.size()), component.data(),
               static_cast<int>(text.size()), text.data());
}

int Failed(const Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

Topics TopicsOf(std::string_view venue, const World& world, const std::vector<std::string>& pairs) {
  const MarketTopics on(venue, world);
  Topics topics;
  topics.status.push_back(on.Of<FeedStatus>());
  for (const std::string& pair : pairs) {
    topics.books.push_back(on.Of<OrderBookSnapshot>(pair));
    topics.books.push_back(on.Of<OrderBookUpdate>(pair));
    topics.others.push_back(on.Of<QuoteUpdate>(pair));
    topics.others.push_back(on.Of<TradeExecuted>(pair));
    topics.status.push_back(on.Of<FeedStatus>(pair));
    topics.replies.push_back(on.Tail("orderbook.changed", pair));
  }
  return topics;
}

Status StartWorker(Platform& platform, const std::vector<std::string>& topics) {
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.path = QUICKSTART_WORKER;
  request.topics = topics;
  auto id = platform.workers().Create(std::move(request));
  return id.ok() ? platform.workers().Start(*id) : id.status();
}

Result<Subscription> Watch(PubSub& bus, const std::vector<std::string>& topics,
                           std::function<void(const CloudEvent&)> show) {
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  return bus.Subscribe(topics, options,
                       [show = std::move(show)](const Message& message, const DeliveryInfo&) {
                         show(message.event());
                         return Delivery::kSuccess;
                       });
}

}  // namespace quickstart
