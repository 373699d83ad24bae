// A recorded session is played: the same acts, the same events, and what becomes of a recording
// that is none.
#include "virtufin/exchange/session_player.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "exchange/recording/bytes.hpp"
#include "exchange/recording/layout.hpp"
#include "support/scale.hpp"
#include "support/temporary_folder.hpp"
#include "unit/exchange/recording_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// Rewrites one record's payload, checksums and all.
std::string Changed(std::string bytes, const detail::Record& record, std::string_view from,
                    std::string_view to) {
  REQUIRE(from.size() == to.size());
  const auto at = bytes.find(from, record.offset + detail::kRecordHeadBytes);
  REQUIRE(at < record.offset + detail::kRecordHeadBytes + record.size);
  bytes.replace(at, from.size(), to);
  detail::SealRecord(bytes.data() + record.offset, record.index);
  return bytes;
}

/// The first record that `fits`.
template <class Fits>
detail::Record Find(const std::string& path, Fits fits) {
  auto reader = detail::ContainerReader::Open(path).value();
  detail::Record record;
  while (reader.Next(record).value()) {
    if (fits(record)) return record;
  }
  FAIL("no such record");
  return record;
}

void CheckSame(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
  CHECK(expected.size() == found.size());
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    CAPTURE(i);
    REQUIRE(expected[i] == found[i]);
  }
}

}  // namespace

// Pins EX-80, EX-86, EX-88.
TEST_CASE("a recorded session publishes the same events when it is played") {
  TemporaryFolder folder;
  std::uint64_t events = 0;
  for (int seed = 1; seed <= Scaled(20); ++seed) {
    for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(market));
      const std::string path =
          folder / ("a" + std::to_string(seed) + std::to_string(static_cast<int>(market)));
      const auto live = RecordSession({market, static_cast<std::uint64_t>(seed), 60'000}, path);
      Replay replay(path);
      const Status played = replay.player->Play(0);
      REQUIRE_MESSAGE(played.ok(), played.ToString());
      CheckSame(live, replay.bus.lines);
      CHECK_FALSE(replay.player->info().truncated);
      CHECK(replay.player->counters().events == live.size());
      CHECK(replay.player->counters().records == replay.player->info().records);
      std::set<std::string> ids;
      for (const std::string& line : replay.bus.lines) {
        const auto at = line.find("\"id\":\"");
        REQUIRE(at != std::string::npos);
        ids.insert(line.substr(at, 44));
      }
      CHECK(ids.size() == live.size());
      events += live.size();
    }
  }
  CHECK(events > 1'000);
}

// Pins EX-86.
TEST_CASE("an event of a replay says that it is one") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 3, 0, 3'000}, folder / "a");
  Replay replay(folder / "a");
  REQUIRE(replay.player->Play(0).ok());
  REQUIRE(replay.bus.lines.size() > 10);
  for (const std::string& line : replay.bus.lines) {
    CAPTURE(line);
    CHECK(line.starts_with("hyp.replay.exchange.binance."));
    CHECK(line.find("\"clocktype\":\"historical\"") != std::string::npos);
    CHECK(line.find("\"runid\":\"" + std::string(kRunId)) != std::string::npos);
    CHECK(line.find("walltime") == std::string::npos);
    CHECK(line.find("\"receivetime\":\"2026-") != std::string::npos);
  }
}

// Pins EX-87.
TEST_CASE("what the session does otherwise than recorded ends the replay and is named") {
  TemporaryFolder folder;
  const std::string path = folder / "a";
  RecordSession({BinanceMarket::kSpot, 5, 0, 4'000}, path);
  const std::string bytes = ReadBytes(path);
  const auto play = [&](const std::string& changed) {
    WriteBytes(folder / "b", changed);
    Replay replay(folder / "b");
    const Status status = replay.player->Play(0);
    CHECK(replay.player->next_offset_ns() == std::nullopt);
    CHECK_FALSE(replay.player->Next());
    return status;
  };
  const auto is_sent = [](const detail::Record& record) {
    return record.direction == detail::RecordDirection::kOut &&
           record.kind == detail::RecordKind::kText;
  };
  SUBCASE("another message") {
    const detail::Record sent = Find(path, is_sent);
    const Status status = play(Changed(bytes, sent, "SUBSCRIBE", "SUBSCRIBF"));
    CHECK(status.code() == StatusCode::kAborted);
    CHECK(status.message().find("record " + std::to_string(sent.index) + ": expected text") !=
          std::string::npos);
    CHECK(status.message().find("SUBSCRIBF") != std::string::npos);
    CHECK(status.message().find("found text on socket 1 '{\"method\":\"SUBSCRIBE\"") !=
          std::string::npos);
  }
  SUBCASE("a request that was not recorded") {
    const detail::Record asked = Find(path, [](const detail::Record& record) {
      return record.direction == detail::RecordDirection::kOut &&
             record.kind == detail::RecordKind::kHttp;
    });
    const Status status = play(Changed(bytes, asked, "/api/v3/", "/api/v4/"));
    CHECK(status.code() == StatusCode::kAborted);
    CHECK(status.message().find("/api/v4/") != std::string::npos);
    CHECK(status.message().find("found http 'rest:/api/v3/") != std::string::npos);
  }
  SUBCASE("an act that does not follow any more") {
    const detail::Record ack = Find(path, [](const detail::Record& record) {
      return record.kind == detail::RecordKind::kOpen &&
             record.direction == detail::RecordDirection::kIn;
    });
    std::string changed = bytes;
    changed[ack.offset + detail::kAtConnection] = 9;  // no such socket
    detail::SealRecord(changed.data() + ack.offset, ack.index);
    const Status status = play(changed);
    CHECK(status.code() == StatusCode::kAborted);
    CHECK(status.message().find("found nothing") != std::string::npos);
  }
  SUBCASE("an answer that nobody asked for") {
    const detail::Record answer = Find(path, [](const detail::Record& record) {
      return record.kind == detail::RecordKind::kHttp &&
             record.direction == detail::RecordDirection::kIn;
    });
    std::string changed = bytes;
    changed[answer.offset + detail::kAtNumber] = 77;
    detail::SealRecord(changed.data() + answer.offset, answer.index);
    const Status status = play(changed);
    CHECK(status.code() == StatusCode::kDataLoss);
    CHECK(status.message().find("request 77") != std::string::npos);
  }
}

// Pins EX-84.
TEST_CASE("a recording that was cut at any byte plays to its last whole record") {
  TemporaryFolder folder;
  const auto live = RecordSession({BinanceMarket::kSpot, 2, 0, 700}, folder / "a");
  const std::string bytes = ReadBytes(folder / "a");
  const std::size_t header =
      detail::ContainerReader::Open(folder / "a").value().header_bytes().size();
  const std::size_t step = bytes.size() / static_cast<std::size_t>(Scaled(1'000)) + 1;
  std::size_t most = 0;
  for (std::size_t size = bytes.size() - 1; size >= header; size -= std::min(step, size)) {
    CAPTURE(size);
    WriteBytes(folder / "b", std::string_view(bytes).substr(0, size));
    Replay replay(folder / "b");
    const Status played = replay.player->Play(0);
    REQUIRE_MESSAGE(played.ok(), played.ToString());
    CHECK(replay.player->info().truncated);
    CHECK(replay.player->info().truncated_reason.starts_with("cut at byte "));
    REQUIRE(replay.bus.lines.size() <= live.size());
    CheckSame({live.begin(), live.begin() + static_cast<std::ptrdiff_t>(replay.bus.lines.size())},
              replay.bus.lines);
    most = std::max(most, replay.bus.lines.size());
  }
  CHECK(most > 0);
}

// Pins EX-88.
TEST_CASE("timers on the clock fire before what was recorded at the same time") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 3'000}, folder / "a");
  Replay replay(folder / "a");
  Executor executor({.threads = 1}, replay.clock, NullLog());
  REQUIRE(executor.Start().ok());
  // Each timer is due when the next record is, and finds nothing of what that one publishes.
  std::uint64_t fired = 0, before_events = 0;
  Executor::Timer timer;
  std::int64_t before = replay.player->next_offset_ns().value();
  while (const auto offset = replay.player->next_offset_ns()) {
    const std::size_t lines = replay.bus.lines.size();
    bool ran = false;
    timer = executor.After(std::chrono::nanoseconds(*offset - before), [&] {
      ran = true;
      ++fired;
      CHECK(replay.bus.lines.size() == lines);
    });
    REQUIRE(replay.player->Next());
    CHECK(ran == (*offset > before));
    if (ran && replay.bus.lines.size() > lines) ++before_events;
    before = *offset;
  }
  CHECK(before_events > 20);
  CHECK(fired > 20);
  CHECK(replay.player->status().ok());
  timer = {};
  CHECK(executor.Stop(std::chrono::seconds(30)).ok());
}

// Pins EX-88.
TEST_CASE("the next record waits until what the one before led to is done") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 3'000}, folder / "a");
  std::uint64_t calls = 0;
  SUBCASE("each record that publishes") {
    std::size_t seen = 0;
    const KeptEvents* bus = nullptr;
    std::size_t largest = 0;
    Replay replay(folder / "a", [&] {
      ++calls;
      largest = std::max(largest, bus->lines.size() - seen);
      seen = bus->lines.size();
      return Status();
    });
    bus = &replay.bus;
    CHECK(replay.player->Play(0).ok());
    CHECK(seen == replay.bus.lines.size());
    CHECK(largest <= SessionPlayerOptions::kSettleEvents);
    CHECK(calls > 20);
  }
  SUBCASE("an error ends the replay") {
    Replay replay(folder / "a", [&] {
      return ++calls < 5 ? Status() : Status(StatusCode::kDeadlineExceeded, "test", "still busy");
    });
    CHECK(replay.player->Play(0).code() == StatusCode::kDeadlineExceeded);
    CHECK(calls == 5);
  }
}

// Pins EX-115.
TEST_CASE("a bus that does not take an event for everybody ends the replay") {
  struct FullBus final : PubSub {
    Status Publish(const Message& message) override {
      if (++published < 5) return {};
      if (topic.empty()) topic = message.topic();
      return {StatusCode::kResourceExhausted, "pubsub", "subscription 'x' lags"};
    }
    Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                   MessageHandler) override {
      return Status(StatusCode::kUnavailable, "test", "nobody listens");
    }
    std::uint64_t published = 0;
    std::string topic;
  };
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 3'000}, folder / "a");
  FullBus bus;
  ManualClock clock(Timestamp::FromUnixMillis(1'790'000'000'000));
  SessionPlayerOptions options;
  options.path = folder / "a";
  const auto player = SessionPlayer::Open(options, bus, clock).value();
  const Status played = player->Play(0);
  CAPTURE(played.ToString());
  CHECK(played.code() == StatusCode::kResourceExhausted);
  CHECK(played.message().starts_with("record "));
  CHECK(played.message().find(bus.topic) != std::string::npos);
  CHECK(played.message().find("subscription 'x' lags") != std::string::npos);
  CHECK(player->counters().not_published == player->counters().events - 4);
  CHECK_FALSE(player->Next());
  CHECK(player->next_offset_ns() == std::nullopt);
}

// Pins EX-83.
TEST_CASE("a recording whose first record is damaged plays nothing") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 1'000}, folder / "a");
  std::string bytes = ReadBytes(folder / "a");
  const auto header = detail::ContainerReader::Open(folder / "a").value().header_bytes().size();
  ++bytes[header + detail::kAtStatus];
  WriteBytes(folder / "b", bytes);
  Replay replay(folder / "b");
  CHECK(replay.player->Play(0).code() == StatusCode::kDataLoss);
  CHECK_FALSE(replay.player->Next());
  CHECK(replay.player->info().truncated);
  CHECK(ReadRecordingInfo(folder / "b").status().code() == StatusCode::kDataLoss);
}

// Pins EX-89.
TEST_CASE("a replay keeps the recorded pace, and ends when it is asked to") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 2'000}, folder / "a");
  {
    Replay replay(folder / "a");
    const auto start = std::chrono::steady_clock::now();
    CHECK(replay.player->Play(10).ok());
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(took >= std::chrono::milliseconds(190));
  }
  Replay replay(folder / "a");
  std::stop_source stop;
  stop.request_stop();
  CHECK(replay.player->Play(0.001, stop.get_token()).ok());
  CHECK(replay.player->counters().records == 0);
}

// Pins EX-85.
TEST_CASE("a recording tells what it is of") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kUsdm, 4, 0, 3'000}, folder / "a");
  const RecordingInfo info = ReadRecordingInfo(folder / "a").value();
  CHECK(info.venue == "binance-usdm");
  CHECK(info.market == BinanceMarket::kUsdm);
  CHECK(info.seed == 4);
  CHECK(info.unknown_options.empty());
  CHECK(info.missing_options.empty());
  CHECK(info.end_monotonic_ns - info.start_monotonic_ns == 3'000'000'000);
  CHECK(info.end_unix_ns - info.start_unix_ns == 3'000'000'000);
  CHECK(info.frames > 10);
  CHECK(info.answers > 3);
  CHECK(info.records > info.frames + info.answers);
  CHECK_FALSE(info.truncated);
  bool book = false;
  for (const FeedRequest& request : info.subscriptions) {
    book = book || (request.channel == FeedChannel::kBook && request.instrument == "AAAUSDT" &&
                    request.parameters.size() == 2);
  }
  CHECK(book);
  CHECK(ReadRecordingInfo(folder / "none").status().code() == StatusCode::kNotFound);
  CHECK(ReadRecordingInfo(folder.path()).status().code() == StatusCode::kInvalidArgument);
}

// Pins EX-85.
TEST_CASE("options of another version are reported, and impossible ones refused") {
  TemporaryFolder folder;
  RecordSession({BinanceMarket::kSpot, 4, 0, 1'000}, folder / "a");
  const std::string bytes = ReadBytes(folder / "a");
  auto reader = detail::ContainerReader::Open(folder / "a").value();
  const std::string records = bytes.substr(reader.header_bytes().size());
  const auto with = [&](std::string_view key, std::string_view new_key, std::string_view value) {
    detail::RecordingHeader header = reader.header();
    for (auto& [name, text] : header.options) {
      if (name != key) continue;
      name = new_key;
      if (!value.empty()) text = value;
    }
    WriteBytes(folder / "b", detail::EncodeHeader(header) + records);
    return ReadRecordingInfo(folder / "b");
  };
  const auto other = with("stable_ms", "stable_for_ms", "");
  REQUIRE(other.ok());
  CHECK(other->unknown_options == std::vector<std::string>{"stable_for_ms"});
  CHECK(other->missing_options == std::vector<std::string>{"stable_ms"});
  Replay replay(folder / "b");
  CHECK(replay.player->info().unknown_options.size() == 1);

  const auto impossible = with("weight_percent", "weight_percent", "101");
  CHECK(impossible.status().code() == StatusCode::kInvalidArgument);
  CHECK(impossible.status().message().find("weight_percent") != std::string::npos);

  KeptEvents bus;
  ManualClock clock(Timestamp::FromUnixMillis(0));
  SessionPlayerOptions options;
  options.path = folder / "a";
  options.world = "act";
  CHECK(SessionPlayer::Open(options, bus, clock).status().code() == StatusCode::kInvalidArgument);
  options.world = "hyp.";
  CHECK(SessionPlayer::Open(options, bus, clock).status().code() == StatusCode::kInvalidArgument);
}

// Not a test: run it with -ns in tests/fuzz/corpus/recording_container_fuzz, emptied, when sessions
// do otherwise than these recordings say.
TEST_CASE("recordings for the fuzz target" * doctest::skip()) {
  RecordSession({BinanceMarket::kSpot, 2, 0, 700}, "spot");
  RecordSession({BinanceMarket::kUsdm, 3, 0, 700}, "usdm");
  RecordSession({BinanceMarket::kSpot, 9, 2'000, 500}, "faults");
}
