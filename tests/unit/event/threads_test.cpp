// What is made on first use, asked for by many threads at once.
#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "unit/event/samples.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;
using namespace samples;

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 300;

// Runs `ask` in all threads at once, round by round; `prepare` runs alone before each round.
void InRounds(const std::function<void()>& prepare, const std::function<void(int)>& ask) {
  std::barrier gate(kThreads);
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (int round = 0; round < kRounds; ++round) {
        if (id == 0) prepare();
        gate.arrive_and_wait();
        ask(id);
        gate.arrive_and_wait();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("all threads that ask for a text at once get the same one") {
  CloudEvent::Builder builder(QuoteStream());
  std::optional<CloudEvent> event;
  std::vector<std::vector<std::string_view>> seen(kThreads);
  std::atomic<int> wrong = 0;
  InRounds(
      [&] {
        event = *builder.Time(Timestamp::FromUnixMillis(1))
                     .Varying(kEventTime, Timestamp::FromUnixMillis(2))
                     .Varying(kSequence, std::uint64_t{3})
                     .Varying(kCorrelationId, Uuid::V4())
                     .Build();
      },
      [&](int id) {
        const CloudEvent mine = *event;
        seen[static_cast<std::size_t>(id)] = {
            mine.id(), mine.time_text(), mine.ExtensionText("eventtime"),
            mine.ExtensionText("sequence"), mine.ExtensionText("correlationid")};
        const auto& texts = seen[static_cast<std::size_t>(id)];
        if (texts[0].size() != 36 || texts[1] != "1970-01-01T00:00:00.001Z" ||
            texts[2] != "1970-01-01T00:00:00.002Z" || texts[3] != "3" || texts[4].size() != 36) {
          ++wrong;
        }
      });
  CHECK(wrong == 0);
  for (const auto& texts : seen) {
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(texts[i].data() == seen[0][i].data());
  }
}

// Pins EV-25.
TEST_CASE("all threads that ask for an encoding at once share it") {
  std::vector<std::pair<std::string_view, std::string_view>> config = {{"venue", "x"}};
  std::optional<Message> message;
  std::vector<std::vector<const std::uint8_t*>> seen(kThreads);
  InRounds(
      [&] {
        CloudEvent::Builder builder(QuoteStream());
        message.emplace("topic", *builder.JsonData("{}").Build());
      },
      [&](int id) {
        const Message mine = *message;
        // Each thread has an overlay of its own, of equal content.
        const ExtensionOverlay overlay = *ExtensionOverlay::Make(config);
        seen[static_cast<std::size_t>(id)] = {
            mine.Encoded(Encoding::kWorkerWire)->data(), mine.Encoded(Encoding::kJson)->data(),
            mine.Encoded(Encoding::kWorkerWire, overlay)->data(),
            reinterpret_cast<const std::uint8_t*>(mine.Stamped(overlay)->source().data())};
        for (std::size_t i = 0; i < 16; ++i) {
          const std::string value = std::to_string(i);
          const std::pair<std::string_view, std::string_view> other[] = {{"n", value}};
          seen[static_cast<std::size_t>(id)].push_back(
              mine.Encoded(Encoding::kJson, *ExtensionOverlay::Make(other))->data());
        }
      });
  for (const auto& pointers : seen) CHECK(pointers == seen[0]);
}

// Pins EV-8.
TEST_CASE("an event that others read can be edited meanwhile") {
  CloudEvent::Builder builder(QuoteStream());
  std::optional<CloudEvent> event;
  std::atomic<int> wrong = 0;
  InRounds(
      [&] {
        event = *builder.Time(Timestamp::FromUnixMillis(1))
                     .Varying(kSequence, std::uint64_t{3})
                     .Varying(kNote, "note")
                     .Build();
      },
      [&](int id) {
        if (id % 2 == 0) {
          const CloudEvent edited = *CloudEvent::Builder(*event).Extension("added", id).Build();
          if (edited.id() != event->id() || edited.ExtensionText("sequence") != "3") ++wrong;
        } else {
          const CloudEvent copy = *event;
          if (copy.time_text().empty() || copy.ExtensionText("sequence") != "3") ++wrong;
        }
      });
  CHECK(wrong == 0);
}

TEST_CASE("the last of many handles on many threads ends the event") {
  const CloudEvent::Stream stream = QuoteStream();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&] {
      CloudEvent::Builder builder(stream);
      std::set<std::string> ids;
      for (int i = 0; i < 2000; ++i) {
        const Message message("t", *builder.JsonData("{}", Validate::kTrusted).Build());
        const Message copy = message;
        ids.insert(std::string(copy.event().id()));
      }
      if (ids.size() != 2000) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);

  // One event, released by all.
  std::optional<CloudEvent> event;
  InRounds([&] { event = *CloudEvent::Builder(stream).Build(); },
           [&](int) {
             CloudEvent copy = *event;
             const CloudEvent other = copy;
             if (other.source() != "urn:com.virtufin:exchange:binance") ++wrong;
           });
  CHECK(wrong == 0);
}
