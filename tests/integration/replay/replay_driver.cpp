// One replay in a process of its own: replay_driver <output> <seconds> [speed] [locale]
//
// Writes a line for each topic, `<topic> <events> <SHA-256 of their JSON forms, in order>`, and
// behind these all events as they came. What differs between runs by design is not in there.
#include <chrono>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "integration/replay/simulated_session.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/sha256.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;

namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << "replay_driver: " << why << "\n";
  std::exit(1);
}

void Check(const Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

/// The locale is in force, with a comma in numbers, or there is no run.
void UseLocale(const std::string& name) {
  if (std::setlocale(LC_ALL, name.c_str()) == nullptr) Fail("no locale " + name);
  char text[16];
  std::snprintf(text, sizeof(text), "%.1f", 0.5);
  if (std::string(text) != "0,5") Fail("locale " + name + " has no decimal comma: " + text);
}

/// All that the bus carries, but what tells of workers by ids that differ between runs.
class Everything {
 public:
  explicit Everything(PubSub& bus) {
    SubscribeOptions options;
    options.name = "everything";
    options.patterns = true;
    auto handler = [this](const Message& message, const DeliveryInfo& info) {
      if (info.missed != 0) Fail("events were missed");
      if (message.topic().starts_with("workmanager.")) return Delivery::kSuccess;
      if (message.topic() == "state.change") return Delivery::kSuccess;
      const EncodedBytes json = EncodeJson(message.event()).value();
      const std::string text(AsText(json.bytes()));
      topics_[std::string(message.topic())].push_back(text);
      all_ += std::string(message.topic()) + " " + text + "\n";
      return Delivery::kSuccess;
    };
    for (const char* const pattern : {">", ">-dead"}) {
      auto subscription = bus.Subscribe(pattern, options, handler);
      Check(subscription.status());
      subscriptions_.push_back(*std::move(subscription));
    }
  }
  void Write(const std::string& path) const {
    std::ofstream out(path, std::ios::binary);
    for (const auto& [topic, events] : topics_) {
      std::string joined;
      for (const std::string& event : events) joined += event + "\n";
      out << topic << " " << events.size() << " " << Sha256Hex(AsBytes(joined)) << "\n";
    }
    out << "\n" << all_;
    out.flush();
    if (!out) Fail("cannot write " + path);
  }

 private:
  std::map<std::string, std::vector<std::string>> topics_;
  std::string all_;
  std::vector<Subscription> subscriptions_;
};

std::string StartWorker(Platform& platform, const char* file, std::vector<std::string> topics,
                        std::map<std::string, std::string> config) {
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.path = file;
  request.topics = std::move(topics);
  config["virtufin.patterns"] = "true";
  request.config = std::move(config);
  auto id = platform.workers().Create(std::move(request));
  Check(id.status());
  Check(platform.workers().Start(*id));
  return *id;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) Fail("expected: <output> <seconds> [speed] [locale]");
  const std::int64_t length_ms = std::atoll(argv[2]) * 1000;
  const double speed = argc > 3 ? std::atof(argv[3]) : 0;
  if (argc > 4 && argv[4][0] != '\0') UseLocale(argv[4]);

  Platform* target = nullptr;
  std::map<std::string, std::uint64_t> numbers;
  test::SimulatedSession session(length_ms, [&](const Message& message) {
    const std::string_view names[] = {message.topic()};
    CloudEvent::Builder edit(message.event());
    edit.Id(Uuid::V5(Uuid(), names, numbers[std::string(message.topic())]++));
    edit.RemoveExtension("correlationid");
    Check(target->bus().Publish(Message(message.topic(), *edit.Build(NameRule::kLenient))));
  });
  auto platform = Platform::Create(PlatformOptions::ForReplay(session.clock(), "run-1")).value();
  target = platform.get();
  Check(platform->Start());
  auto everything = std::make_unique<Everything>(platform->bus());
  const std::string market = "hyp.replay.exchange.binance.";
  const std::vector<std::string> quotes = {market + "quote.>"};
  StartWorker(*platform, REPLAY_WORKER, quotes, {{"role", "quotes"}});
  const std::string swapped =
      StartWorker(*platform, REPLAY_PLAIN, {market + "orderbook.>", market + "trade.>"}, {});
  StartWorker(*platform, REPLAY_PLAIN, {market + "orderbook.>", market + "trade.>"}, {});
  StartWorker(*platform, REPLAY_WORKER, {market + "orderbook.>", market + "feed.>"},
              {{"role", "slow"}});
  for (int i = 0; i < 2; ++i) StartWorker(*platform, REPLAY_WORKER, quotes, {{"role", "timers"}});
  StartWorker(*platform, REPLAY_WORKER, {market + ">", "replay.plain.>", "replay.timers.>"},
              {{"role", "witness"}});
  Check(platform->executor().WaitIdle());

  session.Start();
  const auto began = std::chrono::steady_clock::now();
  bool swap = true;
  for (std::int64_t now = 0; now < length_ms; now += 100) {
    session.RunUntil(now + 100);
    if (swap && now >= length_ms / 2) {
      swap = false;
      CodeSource code;
      code.mime_type = "application/x-native-dll";
      code.path = REPLAY_PLAIN;
      Check(platform->workers().LoadCode(swapped, code));
      Check(platform->executor().WaitIdle());
    }
    if (speed > 0) {
      std::this_thread::sleep_until(began + std::chrono::microseconds(static_cast<std::int64_t>(
                                                static_cast<double>(now) * 1000 / speed)));
    }
  }
  session.Stop();
  Check(platform->executor().WaitIdle());
  everything->Write(argv[1]);
  everything.reset();
  Check(platform->Stop(std::chrono::seconds(60)));
  return 0;
}
