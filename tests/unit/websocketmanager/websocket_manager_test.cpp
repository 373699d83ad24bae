// The manager over adapters that the test drives: words, counts, states, ends.
#include "virtufin/websocketmanager/websocket_manager.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "scripted_adapter.hpp"
#include "support/gate.hpp"

using namespace virtufin;
using test::Script;

namespace {

struct Fixture {
  explicit Fixture(WebSocketManagerOptions options = {}) {
    REQUIRE(executor.Start().ok());
    manager =
        std::make_unique<WebSocketManager>(options, Runtime{executor, WallClock(), NullLog()});
    FeedVenue venue;
    venue.name = "scripted";
    venue.options = {{"speed", "how fast", "1"}, {"url", "where", ""}};
    venue.make = [script = script](const auto& given) -> Result<std::unique_ptr<ExchangeAdapter>> {
      const std::lock_guard lock(script->mutex);
      script->options = given;
      if (given.contains("speed") && given.at("speed") != "2") {
        return Status(StatusCode::kInvalidArgument, "test", "option speed: expected 2");
      }
      return std::unique_ptr<ExchangeAdapter>(new test::ScriptedAdapter(script));
    };
    REQUIRE(manager->RegisterVenue(std::move(venue)).ok());
  }
  ~Fixture() {
    manager.reset();
    CHECK(executor.Stop(std::chrono::seconds(30)).ok());
    CHECK(script->alive == 0);
  }
  std::string StartFeed(WebSocketManager::Tags tags = {}) {
    const auto id = manager->StartFeed("scripted", {}, std::move(tags));
    REQUIRE_MESSAGE(id.ok(), id.status().ToString());
    return *id;
  }

  Executor executor{{.threads = 2}, WallClock(), NullLog()};
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::unique_ptr<WebSocketManager> manager;
};

bool Says(const Status& status, StatusCode code, std::initializer_list<std::string_view> parts) {
  bool all = status.code() == code;
  for (const std::string_view part : parts) {
    all = all && status.message().find(part) != std::string_view::npos;
  }
  INFO(status.ToString());
  CHECK(all);
  return all;
}

}  // namespace

// Pins WS-1, WS-2.
TEST_CASE("what is misspelt is refused with what exists, and nothing is left behind") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  Says(manager.StartFeed("binanse").status(), StatusCode::kNotFound,
       {"venue", "scripted", "'binanse'"});
  Says(manager.StartFeed("scripted", {{"sped", "2"}}).status(), StatusCode::kNotFound,
       {"speed, url", "'sped'"});
  Says(manager.StartFeed("scripted", {{"speed", "9"}}).status(), StatusCode::kInvalidArgument,
       {"expected 2"});
  Says(manager.StartFeed("scripted", {}, {{"", "x"}}).status(), StatusCode::kInvalidArgument,
       {"tag", "1 to 128"});
  Says(manager.StartFeed("scripted", {}, {{"k", std::string(1025, 'v')}}).status(),
       StatusCode::kInvalidArgument, {"tag 'k'", "1024"});
  WebSocketManager::Tags many;
  for (int i = 0; i < 51; ++i) many.emplace("k" + std::to_string(i), "v");
  Says(manager.StartFeed("scripted", {}, many).status(), StatusCode::kInvalidArgument,
       {"50", "51"});
  fixture.script->start_fails = true;
  Says(manager.StartFeed("scripted").status(), StatusCode::kResourceExhausted, {"no thread"});
  fixture.script->start_fails = false;
  CHECK(manager.ListFeeds().empty());
  CHECK(fixture.script->alive == 0);

  const std::string id = fixture.StartFeed();
  Says(manager.SubscribeFeed("nobody", "book", {"A"}), StatusCode::kNotFound, {"'nobody'"});
  Says(manager.SubscribeFeed(id, "boook", {"A"}), StatusCode::kInvalidArgument,
       {"book, quote, ticker", "'boook'"});
  Says(manager.SubscribeFeed(id, "book", {"A", ""}), StatusCode::kInvalidArgument, {"instrument"});
  Says(manager.SubscribeFeed(id, "book", {"A", "B", "c"}), StatusCode::kInvalidArgument,
       {"upper case"});
  CHECK(fixture.script->references_of("A") == 0);
  CHECK(fixture.script->references_of("B") == 0);
  Says(manager.TopOf("nobody", "A").status(), StatusCode::kNotFound, {"'nobody'"});
  Says(manager.StopFeed("nobody"), StatusCode::kNotFound, {"'nobody'"});
  CHECK(manager.ListFeeds().at(0).subscriptions.empty());

  FeedVenue again;
  again.name = "scripted";
  CHECK(manager.RegisterVenue(again).code() == StatusCode::kInvalidArgument);
  again.make = [](const auto&) -> Result<std::unique_ptr<ExchangeAdapter>> {
    return Status(StatusCode::kInternal, "test", "");
  };
  CHECK(manager.RegisterVenue(again).code() == StatusCode::kAlreadyExists);
}

// Pins WS-9.
TEST_CASE("books are published once more with the words they were asked for") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  const std::string id = fixture.StartFeed();
  REQUIRE(manager.SubscribeFeed(id, "book", {"A", "B"}).ok());
  REQUIRE(manager.SubscribeFeed(id, "candle", {"A"}).ok());
  CHECK(manager.RepublishFeed(id, "book", {"A", "B"}).ok());
  CHECK(manager.RepublishFeed(id, "book", {"A"}).ok());
  Says(manager.RepublishFeed(id, "book", {"A", "C"}), StatusCode::kNotFound, {"A", "'book C'"});
  Says(manager.RepublishFeed(id, "candle", {"A"}), StatusCode::kUnimplemented, {"no book"});
  Says(manager.RepublishFeed("nobody", "book", {"A"}), StatusCode::kNotFound, {"'nobody'"});
  {
    const std::lock_guard lock(fixture.script->mutex);
    CHECK((fixture.script->republished == std::map<std::string, int>{{"A", 2}, {"B", 1}}));
  }
  REQUIRE(manager.StopFeed(id).ok());
  CHECK(manager.RepublishFeed(id, "book", {"A"}).code() == StatusCode::kNotFound);
}

// Pins WS-3.
TEST_CASE("subscriptions are counted, and taken back with the words they were asked for") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  const std::string id = fixture.StartFeed();
  REQUIRE(manager.SubscribeFeed(id, "book", {"A", "B"}).ok());
  REQUIRE(manager.SubscribeFeed(id, "book", {"A"}).ok());
  REQUIRE(manager.SubscribeFeed(id, "candle", {"A"}).ok());
  REQUIRE(manager.SubscribeFeed(id, "ticker", {}).ok());
  std::vector<FeedSubscription> all = manager.ListFeeds().at(0).subscriptions;
  REQUIRE(all.size() == 4);
  CHECK(all[0].request.channel == FeedChannel::kBook);
  CHECK(all[0].request.instrument == "A");
  CHECK(all[1].request.instrument == "B");
  CHECK(all[2].request.channel == FeedChannel::kTicker);
  CHECK(all[2].request.instrument.empty());
  CHECK(all[3].request.parameters == WebSocketManager::Parameters{{"interval", "1m"}});

  Says(manager.UnsubscribeFeed(id, "book", {"A", "A", "A"}), StatusCode::kNotFound,
       {"book A, book B", "'book A'"});
  CHECK(fixture.script->references_of("A") == 3);
  Says(manager.UnsubscribeFeed(id, "quote", {"A"}), StatusCode::kNotFound, {"nothing", "quote A"});
  CHECK(manager.UnsubscribeFeed(id, "book", {"A", "A"}).ok());
  CHECK(fixture.script->references_of("A") == 1);
  // As the listing spells it.
  CHECK(manager.UnsubscribeFeed(id, "candle", {"A"}, {{"interval", "1m"}}).ok());
  CHECK(manager.UnsubscribeFeed(id, "ticker", {}).ok());
  CHECK(fixture.script->references_of("A") == 0);
  all = manager.ListFeeds().at(0).subscriptions;
  REQUIRE(all.size() == 1);
  CHECK(all[0].request.instrument == "B");
}

// Pins WS-4.
TEST_CASE("feeds are listed by tags, with the worst state of what they carry") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  const std::string a = fixture.StartFeed({{"desk", "fx"}, {"env", "test"}});
  const std::string b = fixture.StartFeed({{"desk", "fx"}});
  CHECK(manager.ListFeeds().size() == 2);
  CHECK(manager.ListFeeds({{"desk", "fx"}}).size() == 2);
  REQUIRE(manager.ListFeeds({{"desk", "fx"}, {"env", "test"}}).size() == 1);
  CHECK(manager.ListFeeds({{"env", "test"}}).at(0).id == a);
  CHECK(manager.ListFeeds({{"env", "prod"}}).empty());
  CHECK(manager.ListFeeds({{"owner", ""}}).empty());

  const auto state = [&] { return manager.ListFeeds({{"env", "test"}}).at(0).state; };
  const auto set = [&](const std::string& instrument, SubscriptionState to) {
    const std::lock_guard lock(fixture.script->mutex);
    fixture.script->states[instrument] = to;
  };
  CHECK(state() == SubscriptionState::kPending);
  REQUIRE(manager.SubscribeFeed(a, "book", {"A", "B", "C"}).ok());
  CHECK(state() == SubscriptionState::kLive);
  set("A", SubscriptionState::kRejected);
  CHECK(state() == SubscriptionState::kLive);
  set("B", SubscriptionState::kResync);
  CHECK(state() == SubscriptionState::kResync);
  set("C", SubscriptionState::kDisconnected);
  CHECK(state() == SubscriptionState::kDisconnected);
  set("B", SubscriptionState::kRejected);
  set("C", SubscriptionState::kRejected);
  CHECK(state() == SubscriptionState::kRejected);
}

// Pins WS-5.
TEST_CASE("there are at most max_feeds, and one that was stopped makes room") {
  Fixture fixture({.max_feeds = 2});
  WebSocketManager& manager = *fixture.manager;
  const std::string first = fixture.StartFeed();
  fixture.StartFeed();
  Says(manager.StartFeed("scripted").status(), StatusCode::kResourceExhausted, {"at most 2"});
  CHECK(manager.StopFeed(first).ok());
  CHECK(manager.StopFeed(first).code() == StatusCode::kNotFound);
  CHECK(fixture.script->alive == 1);
  fixture.StartFeed();
  CHECK(manager.Shutdown(std::chrono::seconds(30)).ok());
  CHECK(fixture.script->alive == 0);
  CHECK(manager.StartFeed("scripted").status().code() == StatusCode::kUnavailable);
  CHECK(manager.Shutdown(std::chrono::seconds(30)).ok());
}

// Pins WS-6.
TEST_CASE("a feed that hangs is abandoned at the deadline, named, and ends when it can") {
  Fixture fixture({.stop_timeout_ms = 50});
  WebSocketManager& manager = *fixture.manager;
  const std::string id = fixture.StartFeed();
  fixture.script->hangs = true;
  Says(manager.StopFeed(id), StatusCode::kDeadlineExceeded, {id, "scripted"});
  CHECK(manager.ListFeeds().empty());
  const std::string other = fixture.StartFeed();
  Says(manager.Shutdown(std::chrono::seconds(1)), StatusCode::kDeadlineExceeded, {id, other});
  CHECK(fixture.script->alive == 2);
  fixture.script->hangs = false;
  CHECK(manager.Shutdown(std::chrono::seconds(30)).ok());
  CHECK(fixture.script->alive == 0);
}

// Pins WS-6.
TEST_CASE("StopFeed inside a callback returns at once, and Shutdown waits for that feed") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  const std::string id = fixture.StartFeed();
  fixture.script->hangs = true;
  test::Collector<StatusCode> codes;
  fixture.executor.Post([&] {
    codes.Add(manager.StopFeed(id).code());
    codes.Add(manager.StopFeed(id).code());
    codes.Add(manager.Shutdown(std::chrono::seconds(1)).code());
  });
  CHECK(codes.WaitFor(3) == std::vector<StatusCode>{StatusCode::kOk, StatusCode::kNotFound,
                                                    StatusCode::kFailedPrecondition});
  CHECK(fixture.script->inside.Wait());
  CHECK(fixture.script->alive == 1);
  std::thread later([&] { fixture.script->hangs = false; });
  CHECK(manager.Shutdown(std::chrono::seconds(30)).ok());
  CHECK(fixture.script->alive == 0);
  later.join();
}

// Pins WS-7.
TEST_CASE("feeds are started and stopped while threads ask for tops all the time") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  const std::string stays = fixture.StartFeed();
  std::atomic<int> polling = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> pollers;
  for (int t = 0; t < 4; ++t) {
    pollers.emplace_back([&] {
      ++polling;
      while (!done) static_cast<void>(manager.TopOf(stays, "A").ok());
    });
  }
  while (polling < 4) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) CHECK(manager.StopFeed(fixture.StartFeed()).ok());
  CHECK(manager.StopFeed(stays).ok());  // the one that they ask
  CHECK(manager.TopOf(stays, "A").status().code() == StatusCode::kNotFound);
  done = true;
  for (std::thread& poller : pollers) poller.join();
}

// Pins WS-5, WS-6.
TEST_CASE("threads that start, use and stop feeds while the manager shuts down leave none") {
  Fixture fixture;
  WebSocketManager& manager = *fixture.manager;
  std::atomic<int> started = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (;;) {
        const auto id = manager.StartFeed("scripted");
        if (id.status().code() == StatusCode::kResourceExhausted) {  // those that end count
          std::this_thread::yield();
          continue;
        }
        if (!id.ok()) {
          CHECK(id.status().code() == StatusCode::kUnavailable);
          return;
        }
        ++started;
        static_cast<void>(manager.SubscribeFeed(*id, "book", {"A", "B"}).ok());
        static_cast<void>(manager.ListFeeds().size());
        static_cast<void>(manager.TopOf(*id, "A").ok());
        if (t % 2 == 0) static_cast<void>(manager.StopFeed(*id).ok());
        if (t == 1) {
          fixture.executor.Post([&manager, id = *id] { static_cast<void>(manager.StopFeed(id)); });
        }
        if (t == 3) static_cast<void>(manager.StopFeed(*id).ok());
      }
    });
  }
  while (started < 200) std::this_thread::yield();
  CHECK(manager.Shutdown(std::chrono::seconds(30)).ok());
  for (std::thread& thread : threads) thread.join();
  CHECK(manager.ListFeeds().empty());
}
