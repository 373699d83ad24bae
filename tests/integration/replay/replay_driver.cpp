// Records a session, or lives one again with workers, in a process of its own:
//   replay_driver record <recording> <seconds>
//   replay_driver play <recording> <output> [speed] [locale]
//
// A replay writes a line for each topic, `<topic> <events> <SHA-256 of their JSON forms, in
// order>`, and behind these all events as they came. What differs between runs by design is not in
// there.
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

#include "integration/replay/recorded_session.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/sha256.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/exchange/session_player.hpp"
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

void Record(const std::string& path, std::int64_t length_ms) {
  test::RecordedSession session(path, length_ms);
  Check(session.Record());
  std::cout << session.events() << " events, " << session.gaps() << " gaps\n";
}

/// The workers of a replay; the id of one whose code is to be swapped.
std::string StartWorkers(Platform& platform) {
  const std::string market = "hyp.replay.exchange.binance.";
  const std::vector<std::string> quotes = {market + "quote.>"};
  const std::vector<std::string> books = {market + "orderbook.>", market + "trade.>"};
  StartWorker(platform, REPLAY_WORKER, quotes, {{"role", "quotes"}});
  // Two of each of these, which would like to say the same.
  std::string swapped;
  for (int i = 0; i < 2; ++i) {
    swapped = StartWorker(platform, REPLAY_PLAIN, books, {});
    StartWorker(platform, REPLAY_WORKER, quotes, {{"role", "timers"}});
  }
  StartWorker(platform, REPLAY_WORKER, {market + "orderbook.>", market + "feed.>"},
              {{"role", "slow"}});
  StartWorker(platform, REPLAY_WORKER, {market + ">", "replay.plain.>", "replay.timers.>"},
              {{"role", "witness"}});
  return swapped;
}

/// Gives a worker its code anew, in the middle of the session.
class Swap {
 public:
  Swap(Platform& platform, std::string worker, std::int64_t at_ns)
      : platform_(platform), worker_(std::move(worker)), at_ns_(at_ns) {}
  void AtRecord(std::int64_t offset_ns) {
    if (done_ || offset_ns < at_ns_) return;
    done_ = true;
    CodeSource code;
    code.mime_type = "application/x-native-dll";
    code.path = REPLAY_PLAIN;
    Check(platform_.workers().LoadCode(worker_, code));
    Check(platform_.executor().WaitIdle());
  }

 private:
  Platform& platform_;
  const std::string worker_;
  const std::int64_t at_ns_;
  bool done_ = false;
};

void Play(const std::string& recording, const std::string& output, double speed) {
  const auto info = ReadRecordingInfo(recording);
  Check(info.status());
  ManualClock clock(Timestamp::FromUnixNanos(info->start_unix_ns));
  auto platform = Platform::Create(PlatformOptions::ForReplay(clock, "run-1")).value();
  Check(platform->Start());
  auto everything = std::make_unique<Everything>(platform->bus());
  const std::int64_t middle_ns = (info->end_monotonic_ns - info->start_monotonic_ns) / 2;
  Swap swap(*platform, StartWorkers(*platform), middle_ns);
  Check(platform->executor().WaitIdle());

  SessionPlayerOptions options;
  options.path = recording;
  options.settle = [&] { return platform->executor().WaitIdle(); };
  auto player = SessionPlayer::Open(options, platform->bus(), clock);
  Check(player.status());
  const auto began = std::chrono::steady_clock::now();
  while (const auto next = (*player)->next_offset_ns()) {
    if (speed > 0) {
      const double ns = static_cast<double>(*next) / speed;
      std::this_thread::sleep_until(began + std::chrono::nanoseconds(static_cast<long>(ns)));
    }
    swap.AtRecord(*next);
    (*player)->Next();
  }
  Check((*player)->status());
  if ((*player)->counters().not_published != 0) Fail("not every event was published");
  Check(platform->executor().WaitIdle());
  everything->Write(output);
  everything.reset();
  Check(platform->Stop(std::chrono::seconds(60)));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 3 ? argv[1] : "";
  if (what == "record") {
    Record(argv[2], std::atoll(argv[3]) * 1000);
  } else if (what == "play") {
    if (argc > 5 && argv[5][0] != '\0') UseLocale(argv[5]);
    Play(argv[2], argv[3], argc > 4 ? std::atof(argv[4]) : 0);
  } else {
    Fail("expected: record <recording> <seconds>, or play <recording> <output> [speed] [locale]");
  }
  return 0;
}
