// The reference workers on a platform: live events of a simulated venue in, replies on the bus out.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sim/venue_server.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

/// Waits, a minute at most.
bool Until(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

/// The newest data on each topic.
class Newest {
 public:
  MessageHandler Handler() {
    return [this](const Message& message, const DeliveryInfo&) {
      const std::lock_guard lock(mutex_);
      data_[std::string(message.topic())] = Json::parse(message.event().data_text());
      return Delivery::kSuccess;
    };
  }
  Json On(const std::string& topic) {
    const std::lock_guard lock(mutex_);
    return data_[topic];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Json> data_;
};

struct Running {
  Running() {
    sim::VenueOptions venue;
    venue.market = sim::VenueMarket::kSpot;
    sim::SymbolOptions& symbol = venue.symbols.emplace_back();
    symbol.name = "AAAUSDT";
    symbol.tick_size = "0.01";
    symbol.changes_per_s = 50;
    server = sim::BinanceVenueServer::Create({std::move(venue), {}}).value();
    REQUIRE(server->Start().ok());
    PlatformOptions options;
    options.executor.threads = 2;
    platform = Platform::Create(std::move(options)).value();
    REQUIRE(platform->Start().ok());
  }
  void Watch(const std::string& topic, MessageHandler handler) {
    auto subscription = platform->bus().Subscribe(topic, {}, std::move(handler));
    REQUIRE(subscription.ok());
    watches.push_back(*std::move(subscription));
  }
  void StartWorker(const std::string& file, std::vector<std::string> topics,
                   std::map<std::string, std::string> config = {}) {
    CreateWorkerRequest request;
    request.code.mime_type = "application/x-native-dll";
    request.code.path = std::string(WORKERS) + "/lib" + file + ".so";
    request.topics = std::move(topics);
    request.config = std::move(config);
    const auto id = platform->workers().Create(std::move(request));
    REQUIRE_MESSAGE(id.ok(), id.status().ToString());
    REQUIRE(platform->workers().Start(*id).ok());
  }

  std::unique_ptr<sim::BinanceVenueServer> server;
  Newest newest;
  std::unique_ptr<Platform> platform;
  std::vector<Subscription> watches;
};

}  // namespace

// Pins SDK-44, SDK-45, SDK-43.
TEST_CASE("books and imbalance of a live venue: the worker's last reply is the venue's last book") {
  Running running;
  Platform& platform = *running.platform;
  const std::string prefix = "act.exchange.binance.";
  running.Watch(prefix + "orderbook.changed.AAAUSDT", running.newest.Handler());
  running.Watch(prefix + "imbalance.changed.AAAUSDT", running.newest.Handler());
  running.StartWorker("binance_order_book",
                      {prefix + "orderbook.update.AAAUSDT", prefix + "orderbook.snapshot.AAAUSDT"},
                      {{"stateintervalms", "0"}});
  running.StartWorker("order_flow_imbalance", {prefix + "orderbook.depth.AAAUSDT"});

  WebSocketManager& feeds = *platform.feeds().value();
  const auto feed = feeds.StartFeed("binance", {{"stream_url", running.server->ws_url()},
                                                {"rest_url", running.server->rest_url()}});
  REQUIRE_MESSAGE(feed.ok(), feed.status().ToString());
  REQUIRE(feeds.SubscribeFeed(*feed, "book", {"AAAUSDT"}).ok());
  REQUIRE(feeds.SubscribeFeed(*feed, "book", {"AAAUSDT"}, {{"interval_ms", "100"}}).ok());
  const auto changed = [&] { return running.newest.On(prefix + "orderbook.changed.AAAUSDT"); };
  CHECK(Until([&] { return !changed().is_null(); }));
  CHECK(Until([&] { return !running.newest.On(prefix + "imbalance.changed.AAAUSDT").is_null(); }));
  const Json signal = running.newest.On(prefix + "imbalance.changed.AAAUSDT");
  CHECK(signal.at("pair") == "AAAUSDT");
  CHECK(signal.contains("signal"));

  std::int64_t last = 0;
  Level bid, ask;
  REQUIRE(running.server
              ->With([&](sim::BinanceVenue& venue, std::int64_t) {
                venue.StopTrading();
                last = venue.market().last_update_id(0);
                const sim::VenueBook* const truth = venue.market().BookAt(0, last);
                REQUIRE(truth != nullptr);
                bid = {truth->bids.rbegin()->first, truth->bids.rbegin()->second};
                ask = {truth->asks.begin()->first, truth->asks.begin()->second};
              })
              .ok());
  CHECK(Until([&] { return changed().value("last_update_id", std::int64_t{0}) == last; }));
  const Json top = changed();
  const auto number = [&top](const char* name) {
    return Decimal::Parse(top.at(name).get<std::string>()).value();
  };
  CHECK(number("bid") == bid.price);
  CHECK(number("bid_qty") == bid.quantity);
  CHECK(number("ask") == ask.price);
  CHECK(number("ask_qty") == ask.quantity);
  const auto saved = platform.state().Get("workmanager", prefix + "orderbook.AAAUSDT");
  REQUIRE_MESSAGE(saved.ok(), saved.status().ToString());
  CHECK(Json::parse(saved->value).at("last_update_id") == last);
  CHECK(platform.Stop(std::chrono::seconds(30)).ok());
}

// Pins SDK-42.
TEST_CASE("the controller on a platform without a WebSocketManager service says so") {
  Running running;
  running.Watch("response.websocketmanagercontroller", running.newest.Handler());
  running.StartWorker("websocketmanager_controller", {"command.websocketmanagercontroller"});
  const CloudEvent command = CloudEvent::Builder()
                                 .Source("urn:test")
                                 .Type("command")
                                 .JsonData(R"({"command":"list"})")
                                 .Build()
                                 .value();
  REQUIRE(
      running.platform->bus().Publish(Message("command.websocketmanagercontroller", command)).ok());
  const auto reply = [&] { return running.newest.On("response.websocketmanagercontroller"); };
  CHECK(Until([&] { return !reply().is_null(); }));
  CHECK(reply().at("message").get<std::string>().starts_with("Gateway invoke failed: "));
  CHECK(running.platform->Stop(std::chrono::seconds(30)).ok());
}
