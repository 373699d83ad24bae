// The live Binance adapter over real sockets, for its tests: a simulated venue's server, and a bus
// that keeps the books which the events alone make.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sim/venue_server.hpp"
#include "support/event_books.hpp"
#include "virtufin/exchange/binance_adapter.hpp"
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::test {

inline const std::vector<std::string> kSymbols = {"AAAUSDT", "BBBUSDT", "CCCUSDT"};

inline sim::VenueOptions Venue(BinanceMarket market) {
  sim::VenueOptions options;
  options.market =
      market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  for (const std::string& name : kSymbols) {
    sim::SymbolOptions& symbol = options.symbols.emplace_back();
    symbol.name = name;
    symbol.tick_size = "0.01";
    symbol.changes_per_s = 50;
  }
  return options;
}

/// Passes on to a broker, and keeps the books that the events alone make.
class WatchedBus final : public PubSub {
 public:
  explicit WatchedBus(const Runtime& runtime) : broker_(runtime) {}

  Status Publish(const Message& message) override {
    {
      std::lock_guard lock(mutex_);
      const EventBooks::Book* changed = nullptr;
      if (const std::string wrong = books_.Take(message, changed); !wrong.empty()) {
        complaints_.insert(wrong);
      }
      ++events_;
      topics_.insert(std::string(message.topic()));
      changed_.notify_all();
    }
    return broker_.Publish(message);
  }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return broker_.Subscribe(topics, options, std::move(handler));
  }

  /// Waits, a minute at most, until `condition` holds of the books.
  bool Until(const std::function<bool(const EventBooks&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return condition(books_); });
  }
  bool UntilAllLive(std::uint64_t snapshots) {
    return Until([&](const EventBooks& books) {
      std::size_t live = 0;
      for (const auto& [name, book] : books.books()) {
        live += book.live && book.snapshots >= snapshots ? 1 : 0;
      }
      return live == kSymbols.size();
    });
  }
  EventBooks::Book BookOf(const std::string& symbol) {
    std::lock_guard lock(mutex_);
    return Find(books_, symbol);
  }
  bool UntilLiveAt(const std::string& symbol, std::int64_t id) {
    return Until([&](const EventBooks& books) {
      const EventBooks::Book book = Find(books, symbol);
      return book.live && book.last_id >= id;
    });
  }
  /// From then on each lost diff is a gap: one that only tells what the snapshot has is none.
  bool UntilDiffAfterSnapshot(const std::string& symbol) {
    return UntilLiveAt(symbol, BookOf(symbol).last_id + 1);
  }
  /// What comes next is of another adapter, which counts anew.
  void StartOver() {
    std::lock_guard lock(mutex_);
    books_ = {};
  }
  std::set<std::string> complaints() {
    std::lock_guard lock(mutex_);
    return complaints_;
  }
  std::set<std::string> topics() {
    std::lock_guard lock(mutex_);
    return topics_;
  }
  std::uint64_t events() {
    std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  static EventBooks::Book Find(const EventBooks& books, const std::string& symbol) {
    for (const auto& [name, book] : books.books()) {
      std::string plain = name;
      std::erase(plain, '/');
      std::erase(plain, '-');
      if (plain == symbol) return book;
    }
    return {};
  }

  InprocBroker broker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  EventBooks books_;
  std::set<std::string> complaints_, topics_;
  std::uint64_t events_ = 0;
};

struct AdapterFixture {
  explicit AdapterFixture(BinanceMarket market = BinanceMarket::kSpot, sim::VenueOptions venue = {},
                          net::HttpServerOptions http = {})
      : server(sim::BinanceVenueServer::Create(
                   {venue.symbols.empty() ? Venue(market) : std::move(venue), std::move(http)})
                   .value()) {
    REQUIRE(executor.Start().ok());
    REQUIRE(server->Start().ok());
    options.feed.market = market;
    options.stream_url = server->ws_url();
    options.rest_url = server->rest_url();
    options.reconnect_first_ms = 20;
  }
  ~AdapterFixture() {
    adapter.reset();
    CHECK(executor.Stop(std::chrono::seconds(30)).ok());
  }
  void Make() { adapter = MakeBinanceAdapter(options, bus, runtime, state.get()).value(); }
  FeedHandle Subscribe(FeedChannel channel, const std::string& symbol) {
    const Result<FeedHandle> handle = adapter->Subscribe({channel, symbol, {}});
    REQUIRE_MESSAGE(handle.ok(), handle.status().ToString());
    return *handle;
  }
  void SubscribeBooks() {
    for (const std::string& symbol : kSymbols) Subscribe(FeedChannel::kBook, symbol);
  }
  void Inject(const std::string& line) {
    const sim::FaultPlan plan = sim::FaultPlan::Parse("0 " + line + "\n").value();
    REQUIRE(server
                ->With([&](sim::BinanceVenue& venue, std::int64_t now) {
                  CHECK(venue.Inject(plan.faults.at(0), now).ok());
                })
                .ok());
  }
  /// Waits, a minute at most, for what the adapter says of a subscription.
  SubscriptionStatus UntilState(FeedHandle handle, SubscriptionState state) {
    for (int i = 0; i < 6000; ++i) {
      const SubscriptionStatus status = adapter->StatusOf(handle).value();
      if (status.state == state) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return adapter->StatusOf(handle).value();
  }

  /// Waits, a minute at most, until `condition` holds; the counters then.
  AdapterCounters UntilCounters(const std::function<bool(const AdapterCounters&)>& condition) {
    for (int i = 0; i < 6000 && !condition(adapter->counters()); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return adapter->counters();
  }

  Executor executor{{.threads = 2}, WallClock(), NullLog()};
  Runtime runtime{executor, WallClock(), NullLog()};
  WatchedBus bus{runtime};
  std::unique_ptr<StateStore> state;
  std::unique_ptr<sim::BinanceVenueServer> server;
  BinanceAdapterOptions options;
  std::unique_ptr<ExchangeAdapter> adapter;
};

}  // namespace virtufin::test
