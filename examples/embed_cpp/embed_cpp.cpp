// libvirtufin inside a C++ program: a platform with options, a worker of this program, a native
// worker from a file, a record with an etag, market data of a venue, and a clean stop.
//
//   embed_cpp <worker library> [<stream url> <rest url>]
//
// <worker library> answers what it gets, as examples/workers/hello_c.c does. With the two addresses
// that examples/simulated_venue prints, the best prices of BTCUSDT follow. Ends with 0 when every
// step did what it should.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/exchange/binance_adapter.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace std::chrono_literals;

// The worker of this program: counts what it gets. One call at a time, so it needs no lock. With
// VIRTUFIN_EXPORT_WORKER(Counter) the same class in a library of its own is a native worker.
class Counter : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const std::string json = "{\"seen\":" + std::to_string(++seen_) + "}";
    auto reply = CloudEvent::Builder()
                     .Source("urn:com.example.counter")
                     .Type("com.example.counted")
                     .Subject(event.id())
                     .JsonData(json)
                     .Build();
    if (!reply) return reply.status();
    return std::optional(*std::move(reply));
  }

 private:
  int seen_ = 0;
};

// Where handlers, which run on the platform's threads, leave word for the main thread.
class Inbox {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_one();
  }
  // False: there were not so many within half a minute.
  bool Await(int wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return count_ >= wanted; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// Every fallible function answers a Status or a Result. Prints what failed.
static bool Succeeded(const char* what, const Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  return status.ok();
}

// The library prints nothing by itself: log lines go where the application says.
class StderrLog : public LogSink {
 public:
  bool Enabled(LogLevel level) const noexcept override { return level >= LogLevel::kWarn; }
  void Write(LogLevel, std::string_view component, std::string_view text) noexcept override {
    std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(component.size()), component.data(),
                 static_cast<int>(text.size()), text.data());
  }
};

// Makes a worker that listens to `greetings`, and lets events in.
static bool StartWorker(Platform& platform, WorkerCode code) {
  CreateWorkerRequest request;
  request.code = std::move(code);
  request.topics = {"greetings"};
  const Result<std::string> id = platform.workers().Create(std::move(request));
  return Succeeded("create", id.status()) && Succeeded("start", platform.workers().Start(*id));
}

// Two workers get the same event; both replies go to the topic that it names.
static bool RunWorkers(Platform& platform, const char* library) {
  // A name for the class, then a worker made from that name; there could be several.
  if (!Succeeded("register", RegisterWorkerFactory(platform.engines(), "counter",
                                                   [] { return std::make_unique<Counter>(); }))) {
    return false;
  }
  const std::string_view name = "counter";
  WorkerCode own;
  own.mime_type = kInProcMimeType;
  own.content.assign(name.begin(), name.end());
  WorkerCode native;
  native.mime_type = kNativeMimeType;
  native.path = library;

  Inbox inbox;
  // The subscription ends with `watch`; afterwards the handler, and what it refers to, may go.
  const auto watch = platform.bus().Subscribe(
      "replies", {}, [&inbox](const Message& message, const DeliveryInfo&) {
        const std::string_view data = message.event().data_text();
        std::printf("reply: %.*s\n", static_cast<int>(data.size()), data.data());
        inbox.Add();
        return Delivery::kSuccess;
      });
  const auto greeting = CloudEvent::Builder()
                            .Source("urn:com.example.app")
                            .Type("com.example.greeting")
                            .Extension("replytopic", std::string_view("replies"))
                            .JsonData("{\"name\":\"C++\"}")
                            .Build();
  return Succeeded("subscribe", watch.status()) && Succeeded("build", greeting.status()) &&
         StartWorker(platform, std::move(own)) && StartWorker(platform, std::move(native)) &&
         Succeeded("publish", platform.bus().Publish(Message("greetings", *greeting))) &&
         inbox.Await(2);
}

// Writes a record, then writes over it only if nobody else did: the etag says so.
static bool KeepState(StateStore& state) {
  const auto etag = state.Set("app", "position", "{\"qty\":\"1\"}");
  if (!Succeeded("set", etag.status())) return false;
  SetOptions over;
  over.etag = *etag;
  const auto second = state.Set("app", "position", "{\"qty\":\"2\"}", over);
  if (!Succeeded("set over", second.status())) return false;
  // The same etag once more is no longer the record's. Where two write, this one reads again.
  const auto stale = state.Set("app", "position", "{\"qty\":\"3\"}", over);
  const auto item = state.Get("app", "position");
  if (!Succeeded("get", item.status())) return false;
  std::printf("position: %s\n", item->value.c_str());
  return stale.status().code() == StatusCode::kAborted;
}

// The best prices of one instrument, until three quotes were seen.
static bool FollowPrices(Platform& platform, const char* stream_url, const char* rest_url) {
  BinanceAdapterOptions options;
  options.stream_url = stream_url;
  options.rest_url = rest_url;
  const auto adapter = MakeBinanceAdapter(options, platform.bus(),
                                          {platform.executor(), platform.clock(), NullLog()});
  if (!Succeeded("adapter", adapter.status())) return false;

  Inbox inbox;
  const MarketTopics on((*adapter)->venue());
  // The bus first, then the feed: so the first event is seen too.
  const auto watch = platform.bus().Subscribe(
      on.Of<QuoteUpdate>("BTCUSDT"), {}, [&inbox](const Message& message, const DeliveryInfo&) {
        const auto quote = ReadPayload<QuoteUpdate>(message.event().data_text());
        if (!quote || !quote->bid || !quote->ask) return Delivery::kDrop;
        // Prices are exact decimals, with the digits that the venue wrote.
        std::printf("bid %s ask %s\n", quote->bid->ToString().c_str(),
                    quote->ask->ToString().c_str());
        inbox.Add();
        return Delivery::kSuccess;
      });
  return Succeeded("subscribe", watch.status()) &&
         Succeeded("feed", (*adapter)->Subscribe({FeedChannel::kQuote, "BTCUSDT", {}}).status()) &&
         Succeeded("start", (*adapter)->Start()) && inbox.Await(3) &&
         Succeeded("stop", (*adapter)->Stop(5s));
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: embed_cpp <worker library> [<stream url> <rest url>]\n");
    return 2;
  }
  PlatformOptions options;
  options.executor.threads = 2;  // the same as options.Set("executor.threads", "2")
  options.log = std::make_shared<StderrLog>();
  const auto created = Platform::Create(options);  // starts nothing
  if (!Succeeded("create", created.status())) return 1;
  Platform& platform = **created;

  bool fine = Succeeded("start", platform.Start()) && RunWorkers(platform, argv[1]) &&
              KeepState(platform.state()) &&
              (argc == 2 || FollowPrices(platform, argv[2], argv[3]));
  // After a stop that succeeded no callback runs any more.
  fine = Succeeded("stop", platform.Stop(10s)) && fine;
  return fine ? 0 : 1;
}
