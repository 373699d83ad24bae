// Soak: ten pairs at full load for long, adapter and native worker on one platform. First sockets
// rotate and nothing may be lost, then there are faults. What is published must be right
// throughout, and everything must heal.
//
//   soak [--seconds 10] [--seed 1] [--market spot] [--rate 2000]
//
// Fails when without faults a trade is missing or repaired or a stream has a gap, or no socket was
// replaced; when an event is wrong, a consumer misses one, a hole in trades is not announced, more
// than one trade in a hundred is missing, no fault did anything, memory grows, or when after the
// last fault a stream is not live or a book of adapter or worker is not the venue's.
// VIRTUFIN_TESTS_NIGHTLY=1 makes it ten minutes; VIRTUFIN_TESTS_SCALE shortens it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "support/event_books.hpp"
#include "support/event_trades.hpp"
#include "venue_process.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

namespace {

using namespace virtufin;
using std::chrono::milliseconds;

constexpr milliseconds kHealsWithin{120'000};
constexpr milliseconds kLook{100};

/// Everything that is published, as an application that believes nothing else sees it.
class Consumer {
 public:
  Consumer(PubSub& bus, const char* venue, const std::vector<std::string>& pairs) {
    const MarketTopics on(venue);
    std::vector<std::string> topics = {on.Of<FeedStatus>()};
    for (const std::string& pair : pairs) {
      for (std::string topic : {on.Of<OrderBookSnapshot>(pair), on.Of<OrderBookUpdate>(pair),
                                on.Of<QuoteUpdate>(pair), on.Of<TradeExecuted>(pair),
                                on.Of<FeedStatus>(pair), on.Tail("orderbook.changed", pair)}) {
        topics.push_back(std::move(topic));
      }
    }
    const std::vector<std::string_view> views(topics.begin(), topics.end());
    SubscribeOptions options;
    options.block_timeout_ms = 60'000;
    options.capacity = 16'384;
    subscription_ = bus.Subscribe(views, options,
                                  [this](const Message& message, const DeliveryInfo& info) {
                                    Take(message, info);
                                    return Delivery::kSuccess;
                                  })
                        .value();
  }

  struct View {
    std::map<std::string, test::EventBooks::Book> books;
    std::map<std::string, test::EventTrades::Tape> tapes;
    std::map<std::string, std::int64_t> replies;  // the worker's last update id, by pair
    std::set<std::string> complaints;
    std::uint64_t events = 0;
    std::uint64_t gaps = 0;  // told
    std::uint64_t Sum(std::uint64_t test::EventTrades::Tape::*count) const {
      std::uint64_t sum = 0;
      for (const auto& [_, tape] : tapes) sum += tape.*count;
      return sum;
    }
  };
  View Look() {
    const std::lock_guard lock(mutex_);
    View view = view_;
    view.books = books_.books();
    view.tapes = trades_.tapes();
    return view;
  }

 private:
  void Take(const Message& message, const DeliveryInfo& info) {
    const std::lock_guard lock(mutex_);
    ++view_.events;
    if (info.missed != 0) view_.complaints.insert("the consumer missed events");
    const std::string_view topic = message.topic();
    const std::string_view subject = message.event().subject();
    if (topic.find(".orderbook.changed.") != topic.npos) {
      const auto reply = nlohmann::json::parse(message.event().data_text());
      view_.replies[reply.at("pair")] = reply.at("last_update_id");
      return;
    }
    if (topic.find(".quote.update.") != topic.npos) {
      std::uint64_t& last = quotes_[std::string(subject)];
      const auto sequence =
          static_cast<std::uint64_t>(message.event().ExtensionNumber("sequence").value_or(0));
      if (sequence != last + 1) view_.complaints.insert("a hole in the sequence of quotes");
      last = sequence;
      return;
    }
    if (topic.find(".feed.status.") != topic.npos) {
      const auto status = nlohmann::json::parse(message.event().data_text());
      view_.gaps += status.at("state") == "gap" ? 1 : 0;
    }
    const test::EventBooks::Book* changed = nullptr;
    if (topic.find(".trade.tape.") == topic.npos) Complain(books_.Take(message, changed));
    nlohmann::json trade;
    if (topic.find(".orderbook.") == topic.npos) Complain(trades_.Take(message, trade));
  }
  void Complain(std::string what) {
    if (!what.empty() && view_.complaints.size() < 20) view_.complaints.insert(std::move(what));
  }

  std::mutex mutex_;
  View view_;
  test::EventBooks books_;
  test::EventTrades trades_;
  std::map<std::string, std::uint64_t> quotes_;
  Subscription subscription_;  // ends first
};

/// "BTC/USDT", "BTC-USDT" and "BTCUSDT" are one pair here.
std::string Plain(std::string name) {
  std::erase_if(name, [](char c) { return c == '/' || c == '-'; });
  return name;
}

/// What differs between the venue and what was published; empty: nothing.
std::string Difference(const std::map<std::string, soak::VenueProcess::Truth>& venue,
                       const Consumer::View& seen) {
  std::size_t found = 0;
  for (const auto& [name, book] : seen.books) {
    const auto truth = venue.find(Plain(name));
    if (truth == venue.end()) continue;
    ++found;
    if (!book.live) return name + ": not live";
    if (book.last_id < truth->second.last_id) return name + ": behind the venue";
    if (!(book.levels == truth->second.book)) return name + ": not the venue's book";
    const auto tape = seen.tapes.find(name);
    if (tape == seen.tapes.end() || tape->second.last_id != truth->second.last_trade) {
      return name + ": not the venue's last trade";
    }
    const auto reply = seen.replies.find(name);
    if (reply == seen.replies.end() || reply->second != book.last_id) {
      return name + ": the worker is not where the adapter is";
    }
  }
  return found == venue.size() ? "" : "expected books of all pairs, found fewer";
}

/// Once every `kLook` until it is empty, or `longest` is over.
template <class Look>
std::string Until(milliseconds longest, Look look) {
  const auto end = std::chrono::steady_clock::now() + longest;
  std::string answer = look();
  while (!answer.empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
    answer = look();
  }
  return answer;
}

int Fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

Status StartWorker(Platform& platform, const char* venue, const std::vector<std::string>& pairs) {
  const MarketTopics on(venue);
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.path = SOAK_WORKER;
  for (const std::string& pair : pairs) {
    request.topics.push_back(on.Of<OrderBookSnapshot>(pair));
    request.topics.push_back(on.Of<OrderBookUpdate>(pair));
  }
  auto id = platform.workers().Create(std::move(request));
  return id.ok() ? platform.workers().Start(*id) : id.status();
}

Result<std::string> StartFeed(Platform& platform, const char* venue, const soak::Load& load,
                              const soak::VenueProcess& server,
                              const std::vector<std::string>& pairs) {
  WebSocketManager& feeds = **platform.feeds();
  auto feed = feeds.StartFeed(venue, {{"stream_url", server.stream_url()},
                                      {"rest_url", server.rest_url()},
                                      {"streams_per_connection", "12"},
                                      {"connections_per_5_minutes", "100000"},
                                      {"rotate_after_ms", load.seconds < 60 ? "1500" : "20000"},
                                      {"stable_ms", "2000"},
                                      {"ping_ms", "1000"},
                                      {"life_timeout_ms", "4000"},
                                      {"reconnect_first_ms", "50"},
                                      {"reconnect_max_ms", "1000"},
                                      {"request_timeout_ms", "2000"},
                                      {"forbidden_retry_ms", "500"}});
  if (!feed.ok()) return feed;
  for (const char* const channel : {"book", "quote", "trade"}) {
    if (Status s = feeds.SubscribeFeed(*feed, channel, pairs); !s.ok()) return s;
  }
  return feed;
}

AdapterCounters CountersOf(Platform& platform) {
  return (**platform.feeds()).ListFeeds().at(0).counters;
}

std::string NotLive(Platform& platform) {
  const auto info = (**platform.feeds()).ListFeeds();
  return info.at(0).state == SubscriptionState::kLive
             ? std::string()
             : "the feed is " + std::string(SubscriptionStateName(info.at(0).state));
}

/// Until every socket could be replaced, and one was. What went wrong.
std::string Calm(Platform& platform, Consumer& consumer, const soak::Load& load) {
  std::string wrong = Until(kHealsWithin, [&] { return NotLive(platform); });
  if (!wrong.empty()) return wrong;
  std::this_thread::sleep_for(std::chrono::duration<double>(load.calm_seconds()));
  wrong = Until(kHealsWithin, [&] {
    const AdapterCounters now = CountersOf(platform);
    return now.opens > now.connections ? "" : "no socket was replaced";
  });
  const Consumer::View seen = consumer.Look();
  const AdapterCounters counters = CountersOf(platform);
  const auto none = [&wrong](const char* what, std::uint64_t count) {
    if (count != 0) wrong += "\nwithout faults: " + std::to_string(count) + " " + what;
  };
  none("trades missing", seen.Sum(&test::EventTrades::Tape::missing));
  none("trades recovered", seen.Sum(&test::EventTrades::Tape::recovered));
  none("gaps", seen.gaps);
  none("reconnects", counters.reconnects);
  if (seen.Sum(&test::EventTrades::Tape::trades) == 0) wrong += "\nwithout faults: no trade";
  std::printf("calm        %llu sockets opened for %zu\n",
              static_cast<unsigned long long>(counters.opens), counters.connections);
  return wrong;
}

/// Faults, each at its time. By how much memory grew, but for the first fifth, which lets tables
/// and buffers find their size.
long Torment(soak::VenueProcess& server, const soak::Load& load) {
  const auto plan = soak::Faults(load);
  const auto begin = std::chrono::steady_clock::now();
  const std::chrono::duration<double> longest(load.faulty_seconds());
  long before_kb = 0;
  std::size_t next = 0;
  for (std::chrono::duration<double> passed(0); passed < longest;
       passed = std::chrono::steady_clock::now() - begin) {
    for (; next < plan.faults.size(); ++next) {
      if (milliseconds(plan.faults[next].at_ms) > passed) break;
      server.Inject(plan.faults[next]);
    }
    if (before_kb == 0 && passed > longest / 5) before_kb = test::ResidentKb();
    std::this_thread::sleep_for(kLook);
  }
  return test::ResidentKb() - before_kb;
}

/// What must be, whatever happened.
std::string Judge(const Consumer::View& seen, const AdapterCounters& counters,
                  const soak::Load& load, std::uint64_t faults) {
  std::string wrong;
  for (const std::string& complaint : seen.complaints) wrong += "\n" + complaint;
  if (faults == 0) wrong += "\nno fault hit anything";
  if (counters.reconnects == 0) wrong += "\nno connection was lost";
  const std::uint64_t missing = seen.Sum(&test::EventTrades::Tape::missing);
  if (load.seconds >= 8 && missing * 100 > seen.Sum(&test::EventTrades::Tape::trades)) {
    wrong += "\nmore than one trade in a hundred is missing";
  }
  return wrong;
}

int Run(const char* self, const soak::Load& load) {
  const char* const venue = load.usdm ? "binance-usdm" : "binance";
  const std::vector<std::string> pairs = soak::Pairs(load.usdm);
  soak::VenueProcess server(self, load);
  auto platform = Platform::Create({}).value();
  if (Status s = platform->Start(); !s.ok()) return Fail(s.ToString());
  Consumer consumer(platform->bus(), venue, pairs);
  if (Status s = StartWorker(*platform, venue, pairs); !s.ok()) return Fail(s.ToString());
  const auto feed = StartFeed(*platform, venue, load, server, pairs);
  if (!feed.ok()) return Fail(feed.status().ToString());

  const auto begin = std::chrono::steady_clock::now();
  if (const std::string early = Calm(*platform, consumer, load); !early.empty()) return Fail(early);
  const long grown_kb = Torment(server, load);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const Consumer::View loaded = consumer.Look();
  const std::uint64_t faults = server.EndFaults();
  std::string wrong = Until(kHealsWithin, [&] { return NotLive(*platform); });
  server.StopTrading();
  if (wrong.empty()) {
    const auto truth = server.Look();
    wrong = Until(kHealsWithin, [&] { return Difference(truth, consumer.Look()); });
  }
  const AdapterCounters counters = CountersOf(*platform);
  if (Status s = (**platform->feeds()).StopFeed(*feed); !s.ok()) return Fail(s.ToString());
  const Consumer::View seen = consumer.Look();
  std::printf(
      "events      %.0f/s for %.0f s\nfaults      %llu\nreconnects  %llu\nresyncs     %llu\n"
      "trades      %llu, %llu recovered, %llu announced as missing\nmemory      %ld kB more\n",
      static_cast<double>(loaded.events) / seconds.count(), seconds.count(),
      static_cast<unsigned long long>(faults), static_cast<unsigned long long>(counters.reconnects),
      static_cast<unsigned long long>(counters.resyncs),
      static_cast<unsigned long long>(seen.Sum(&test::EventTrades::Tape::trades)),
      static_cast<unsigned long long>(seen.Sum(&test::EventTrades::Tape::recovered)),
      static_cast<unsigned long long>(seen.Sum(&test::EventTrades::Tape::missing)), grown_kb);
  wrong += Judge(seen, counters, load, faults);
#ifdef SOAK_MEASURES_MEMORY
  if (load.seconds >= 60 && grown_kb > 64 * 1024) wrong += "\nmemory grew";
#endif
  if (Status s = platform->Stop(std::chrono::seconds(30)); !s.ok()) wrong += "\n" + s.ToString();
  return wrong.empty() ? 0 : Fail(wrong);
}

}  // namespace

int main(int argc, char** argv) {
  soak::Load load;
  const char* const nightly = std::getenv("VIRTUFIN_TESTS_NIGHTLY");
  if (nightly != nullptr && std::string_view(nightly) == "1") load.seconds = 600;
  if (const char* scale = std::getenv("VIRTUFIN_TESTS_SCALE")) {
    load.seconds = std::max(4.0, load.seconds * std::strtod(scale, nullptr));
  }
  bool serve = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--serve") {
      serve = true;
      continue;
    }
    if (i + 1 >= argc) return Fail("expected a value after " + std::string(name));
    const char* const value = argv[++i];
    if (name == "--seconds") {
      load.seconds = std::strtod(value, nullptr);
    } else if (name == "--seed") {
      load.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--rate") {
      load.changes_per_s = std::strtoll(value, nullptr, 10);
    } else if (name == "--market") {
      load.usdm = std::string_view(value) == "usdm";
    } else {
      return Fail("unknown option " + std::string(name));
    }
  }
  return serve ? soak::Serve(load) : Run(argv[0], load);
}
