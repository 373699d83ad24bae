// How the quickstart's parts are put together on a platform.
#include "wiring.hpp"

#include <utility>

#include "virtufin/event/topic.hpp"

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

Topics TopicsOf(std::string_view venue, std::string_view world,
                const std::vector<std::string>& pairs) {
  Topics topics;
  const std::string prefix = std::string(world) + ".exchange." + std::string(venue) + ".";
  topics.status.push_back(prefix + "feed.status");
  for (const std::string& name : pairs) {
    const std::string pair = TopicSegment(name);
    topics.books.push_back(prefix + "orderbook.snapshot." + pair);
    topics.books.push_back(prefix + "orderbook.update." + pair);
    topics.others.push_back(prefix + "quote.update." + pair);
    topics.others.push_back(prefix + "trade.tape." + pair);
    topics.status.push_back(prefix + "feed.status." + pair);
    topics.replies.push_back(prefix + "orderbook.changed." + pair);
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
  const std::vector<std::string_view> views(topics.begin(), topics.end());
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  return bus.Subscribe(views, options,
                       [show = std::move(show)](const Message& message, const DeliveryInfo&) {
                         show(message.event());
                         return Delivery::kSuccess;
                       });
}

}  // namespace quickstart
