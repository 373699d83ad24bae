// Reference workers on a platform, where a test publishes what a venue or a desk would.
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/platform/platform.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

/// A platform with one worker from its library.
class Desk {
 public:
  Desk(const std::string& file, std::vector<std::string> topics, const std::string& replies) {
    PlatformOptions options;
    options.executor.threads = 2;
    platform = Platform::Create(std::move(options)).value();
    REQUIRE(platform->Start().ok());
    watch_ = platform->bus()
                 .Subscribe(replies, {},
                            [this](const Message& message, const DeliveryInfo&) {
                              const std::lock_guard lock(mutex_);
                              data_.push_back(Json::parse(message.event().data_text()));
                              came_.notify_all();
                              return Delivery::kSuccess;
                            })
                 .value();
    CreateWorkerRequest request;
    request.code.mime_type = "application/x-native-dll";
    request.code.path = std::string(WORKERS) + "/lib" + file + ".so";
    request.topics = std::move(topics);
    const auto id = platform->workers().Create(std::move(request));
    REQUIRE_MESSAGE(id.ok(), id.status().ToString());
    REQUIRE(platform->workers().Start(*id).ok());
  }
  ~Desk() { CHECK(platform->Stop(std::chrono::seconds(30)).ok()); }

  void Publish(std::string_view topic, std::string_view type, std::string_view data) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type(type).Subject("instrument/EUR.USD").JsonData(data);
    builder.Time(Timestamp::FromUnixMillis(1'700'000'000'000));
    REQUIRE(platform->bus().Publish(Message(std::string(topic), builder.Build().value())).ok());
  }
  /// The first `count` replies.
  std::vector<Json> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return data_.size() >= count; });
    return data_;
  }

  std::unique_ptr<Platform> platform;

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Json> data_;
  Subscription watch_;
};

}  // namespace

// Pins SDK-46.
TEST_CASE("quotes on a platform come out changed and are saved") {
  for (const bool ibkr : {true, false}) {
    CAPTURE(ibkr);
    const std::string venue = ibkr ? "ibkr" : "oanda";
    const std::string prefix = "act.exchange." + venue + ".";
    const std::string in = prefix + "quote.update.EUR%2EUSD";
    Desk desk(ibkr ? "ibkr_ticker" : "fx_feed", {in}, prefix + "quote.changed.EUR%2EUSD");
    const std::string type = "com.virtufin.exchange." + venue + ".quote.updated";
    desk.Publish(in, type, R"({"bid":"1.3","ask":"1.2"})");  // crossed
    desk.Publish(in, type, R"({"bid":"1.1","ask":"1.2"})");
    const Json quote = desk.Await(1).front();
    CHECK(quote == Json{{"instrument", "EUR.USD"},
                        {"bid", "1.1"},
                        {"ask", "1.2"},
                        {"mid", "1.15"},
                        {"spread", "0.1"},
                        {"at", "2023-11-14T22:13:20.000Z"}});
    const auto saved = desk.platform->state().Get("workmanager", prefix + "quote.EUR%2EUSD");
    REQUIRE_MESSAGE(saved.ok(), saved.status().ToString());
    CHECK(Json::parse(saved->value) == quote);
  }
}

TEST_CASE("the echo worker on a platform answers in order") {
  Desk desk("echo", {"command.echo"}, "response.echoworker");
  const char* commands[] = {R"({"command":"echo","message":"a"})", R"({"command":"start"})",
                            R"({"command":"echo","message":"b"})", R"({"command":"nap"})",
                            R"({"command":"stop"})"};
  for (const char* command : commands) desk.Publish("command.echo", "command", command);
  const std::vector<Json> replies = desk.Await(5);
  CHECK(replies[0]["message"] == "Echo is off; send 'start' first");
  CHECK(replies[1] == Json{{"command", "start"}, {"success", true}, {"echoing", true}});
  CHECK(replies[2] == Json{{"command", "echo"}, {"success", true}, {"echo", "b"}});
  CHECK(replies[3]["message"] == "Unknown command: nap");
  CHECK(replies[4] == Json{{"command", "stop"}, {"success", true}, {"echoing", false}});
}
