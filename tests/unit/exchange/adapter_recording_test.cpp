// The live adapter over real sockets, recorded: a replay tells what it told, and no secret.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/certificate.hpp"
#include "support/temporary_folder.hpp"
#include "unit/exchange/adapter_fixture.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/exchange/session_player.hpp"

using namespace virtufin;
using test::AdapterFixture;
using test::kSymbols;

namespace {

/// An event, without what a replay has otherwise.
struct Told {
  std::string text, id, cause;
};

Told TellOf(const Message& message, std::string_view world) {
  const auto bytes = EncodeJson(message.event()).value();
  auto json = nlohmann::json::parse(bytes.bytes().begin(), bytes.bytes().end());
  Told told;
  told.id = json.at("id");
  told.cause = json.at("correlationid");
  CHECK(json.at("marketworld") == std::string(world));
  for (const char* const name : {"id", "correlationid", "walltime", "clocktype", "marketworld"}) {
    json.erase(name);
  }
  REQUIRE(message.topic().starts_with(world));
  told.text = std::string(message.topic().substr(world.size())) + " " + json.dump();
  return told;
}

/// Keeps what passes, and passes it on.
class TeeBus final : public PubSub {
 public:
  TeeBus(PubSub* next, std::string world) : next_(next), world_(std::move(world)) {}
  Status Publish(const Message& message) override {
    told.push_back(TellOf(message, world_));
    return next_ == nullptr ? Status() : next_->Publish(message);
  }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return next_->Subscribe(topics, options, std::move(handler));
  }
  std::vector<Told> told;

 private:
  PubSub* next_;
  std::string world_;
};

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

// Pins EX-90, EX-80.
TEST_CASE("what an adapter told over the network a replay of its recording tells again") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    test::TemporaryFolder folder;
    AdapterFixture fixture(market);
    fixture.options.record_path = folder / "a";
    TeeBus live(&fixture.bus, "act");
    fixture.adapter = MakeBinanceAdapter(fixture.options, live, fixture.runtime).value();
    fixture.SubscribeBooks();
    const FeedHandle trades = fixture.Subscribe(FeedChannel::kTrade, "AAAUSDT");
    fixture.Subscribe(FeedChannel::kQuote, "BBBUSDT");
    REQUIRE(fixture.adapter->Start().ok());
    REQUIRE(fixture.bus.UntilAllLive(1));
    fixture.Inject("cut");
    REQUIRE(fixture.bus.UntilAllLive(2));
    CHECK(fixture.adapter->Unsubscribe(trades).ok());
    for (int i = 0; i < 20; ++i) REQUIRE(fixture.bus.UntilDiffAfterSnapshot("AAAUSDT"));
    REQUIRE(fixture.adapter->Stop(std::chrono::seconds(30)).ok());

    const RecordingInfo info = ReadRecordingInfo(folder / "a").value();
    CHECK_FALSE(info.truncated);
    CHECK(info.market == market);
    CHECK(info.subscriptions.size() == kSymbols.size() + 2);
    TeeBus replayed(nullptr, "hyp.replay");
    ManualClock clock(Timestamp::FromUnixNanos(info.start_unix_ns));
    SessionPlayerOptions options;
    options.path = folder / "a";
    auto player = SessionPlayer::Open(options, replayed, clock).value();
    const Status played = player->Play(0);
    REQUIRE_MESSAGE(played.ok(), played.ToString());
    REQUIRE(live.told.size() > 50);
    REQUIRE(replayed.told.size() == live.told.size());
    std::map<std::string, std::string> causes;
    for (std::size_t i = 0; i < live.told.size(); ++i) {
      REQUIRE(replayed.told[i].text == live.told[i].text);
      CHECK(causes.emplace(live.told[i].cause, replayed.told[i].cause).first->second ==
            replayed.told[i].cause);
    }
    const auto apart = clock.Now().unix_seconds() - info.end_unix_ns / 1'000'000'000;
    CHECK(std::abs(apart) <= 1);
  }
}

// Pins EX-91.
TEST_CASE("no secret that an adapter was given is in its recording or in its events") {
  test::TemporaryFolder folder;
  const test::Certificate certificate = test::MakeCertificate();
  std::ofstream(folder / "s3crCa") << certificate.pem;
  const std::vector<std::string> secrets = {
      "s3crUser",   "s3crPass", "s3crPath",
      "s3crQuery",  "s3crCa",   "s3crPublic",
      "s3crMarket", "s3crName", certificate.pem.substr(40, 20)};
  const auto with_secrets = [](const std::string& url, const std::string& more) {
    const auto host = url.find("://") + 3;
    return url.substr(0, host) + "s3crUser:s3crPass@" + url.substr(host) + more;
  };
  for (const std::string& more : {std::string(), std::string("/s3crPath?token=s3crQuery")}) {
    for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
      CAPTURE(more);
      AdapterFixture fixture(market);
      const std::string path = folder / ("a" + std::to_string(more.size()) +
                                         std::to_string(static_cast<int>(market)) + "s3crName");
      fixture.options.stream_url = with_secrets(fixture.options.stream_url, more);
      fixture.options.rest_url = with_secrets(fixture.options.rest_url, more);
      if (!more.empty()) {
        fixture.options.public_path = "/s3crPublic";
        fixture.options.market_path = "/s3crMarket";
      }
      fixture.options.ca_file = folder / "s3crCa";
      fixture.options.ca_pem = certificate.pem;
      fixture.options.request_timeout_ms = 2'000;
      fixture.options.record_path = path;
      TeeBus bus(&fixture.bus, "act");
      auto made = MakeBinanceAdapter(fixture.options, bus, fixture.runtime);
      REQUIRE_MESSAGE(made.ok(), made.status().ToString());
      fixture.adapter = std::move(*made);
      fixture.SubscribeBooks();
      REQUIRE(fixture.adapter->Start().ok());
      // Plain, it works; with a path that the venue lacks, all it gets is refusals.
      const auto counts = fixture.UntilCounters([&](const AdapterCounters& now) {
        return more.empty() ? now.frames > 10 : now.requests_failed > 1;
      });
      CHECK(counts.requests > 0);
      REQUIRE(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
      fixture.adapter.reset();
      const std::string bytes = ReadBytes(path);
      CHECK(bytes.size() > 1'000);
      for (const std::string& secret : secrets) {
        CAPTURE(secret);
        CHECK(bytes.find(secret) == std::string::npos);
        for (const Told& told : bus.told) CHECK(told.text.find(secret) == std::string::npos);
      }
      CHECK(bytes.find("rest:/") != std::string::npos);
      CHECK(bytes.find("stream:/stream") != std::string::npos);
    }
  }
}

// Pins EX-91.
TEST_CASE("of every option that is text it is decided whether it is recorded") {
  // A new one: is it never a secret, an address or a path? Then here; else among kNeverRecorded.
  const std::set<std::string> recorded = {"world", "universe", "run_id", "canary_symbol"};
  test::TemporaryFolder folder;
  AdapterFixture fixture;
  fixture.options.record_path = folder / "a";
  fixture.Make();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
  std::set<std::string> found;
  const RecordingInfo info = ReadRecordingInfo(folder / "a").value();
  for (const auto& [key, value] : info.options) found.insert(key);
  for (const auto& key : BinanceAdapterOptions::Keys()) {
    CAPTURE(key.name);
    if (key.values.empty()) {
      CHECK(found.contains(key.name) == recorded.contains(key.name));
    } else {
      CHECK(found.contains(key.name));
    }
  }
}

// Pins EX-81.
TEST_CASE("an adapter does not start over a file that is there") {
  test::TemporaryFolder folder;
  std::ofstream(folder / "a") << "mine";
  AdapterFixture fixture;
  fixture.options.record_path = folder / "a";
  fixture.Make();
  CHECK(fixture.adapter->Start().code() == StatusCode::kAlreadyExists);
  fixture.adapter.reset();
  CHECK(ReadBytes(folder / "a") == "mine");
}

// Pins EX-93.
TEST_CASE("an adapter that starts again with a time in its path records again, and only so much") {
  test::TemporaryFolder folder;
  for (std::size_t started = 1; started <= 2; ++started) {
    AdapterFixture fixture;
    fixture.options.record_path = folder / "a-%t";
    REQUIRE(fixture.options.Set("record_max_bytes", "20000").ok());
    fixture.Make();
    fixture.SubscribeBooks();
    REQUIRE(fixture.adapter->Start().ok());
    fixture.UntilCounters([](const AdapterCounters& now) { return now.frames > 200; });
    REQUIRE(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      ++files;
      CHECK(entry.file_size() <= 20'000);
      const RecordingInfo info = ReadRecordingInfo(entry.path()).value();
      CHECK(info.truncated_reason.find("it was as large as it may be") != std::string::npos);
      CHECK(info.lost_records > 0);
    }
    CHECK(files == started);
  }
}
