// A simulated venue whose output is kept, on a clock that the test moves.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/binance_venue.hpp"

namespace virtufin::test {

/// Keeps what a venue does to its connections, and answers pings when told to.
class KeepingOutput final : public sim::VenueOutput {
 public:
  struct Ended {
    std::uint16_t code = 0;  // 0: cut
    std::string reason;
  };

  void Send(sim::ConnectionId connection, const sim::VenueText& text) override {
    sent[connection].push_back(*text);
    log += "s" + std::to_string(connection) + *text + "\n";
  }
  void Ping(sim::ConnectionId connection, std::string_view payload) override {
    pings[connection].emplace_back(payload);
    log += "p" + std::to_string(connection) + std::string(payload) + "\n";
  }
  void Close(sim::ConnectionId connection, std::uint16_t code, std::string_view reason) override {
    ended[connection] = {code, std::string(reason)};
    log += "c" + std::to_string(connection) + "\n";
  }
  void Drop(sim::ConnectionId connection) override {
    ended[connection] = {};
    log += "d" + std::to_string(connection) + "\n";
  }
  void Stall(sim::ConnectionId connection) override { stalled.push_back(connection); }
  void Hush(sim::ConnectionId connection) override { hushed.push_back(connection); }

  std::map<sim::ConnectionId, std::vector<std::string>> sent, pings;
  std::map<sim::ConnectionId, Ended> ended;
  std::vector<sim::ConnectionId> stalled, hushed;
  std::string log;  // everything, in order
};

struct VenueFixture {
  explicit VenueFixture(sim::VenueOptions options = {})
      : now_ms(options.start_unix_ms),
        venue(sim::BinanceVenue::Create(std::move(options), output).value()) {}

  static sim::VenueOptions Usdm() {
    sim::VenueOptions options;
    options.market = sim::VenueMarket::kUsdm;
    return options;
  }

  int Open(sim::ConnectionId connection, std::string_view target = "/ws") {
    return venue->Accept(connection, target, now_ms);
  }
  void Text(std::string_view text, sim::ConnectionId connection = 1) {
    venue->OnText(connection, text, now_ms);
  }
  /// Goes on, answering pings at once where `pong` says so.
  void Wait(std::int64_t ms, bool pong = true) {
    for (const std::int64_t end = now_ms + ms; now_ms < end;) {
      now_ms = std::min(end, std::max(now_ms + 1, venue->next_tick_ms()));
      venue->OnTick(now_ms);
      if (!pong) continue;
      for (auto& [connection, payloads] : output.pings) {
        for (const std::string& payload : payloads) venue->OnPong(connection, payload, now_ms);
        payloads.clear();
      }
    }
  }
  /// What the connection got since the last call.
  std::vector<std::string> Taken(sim::ConnectionId connection = 1) {
    return std::exchange(output.sent[connection], {});
  }
  /// The same without data: answers to control messages.
  std::vector<std::string> Answers(sim::ConnectionId connection = 1) {
    std::vector<std::string> answers = Taken(connection);
    std::erase_if(answers, [](const std::string& text) {
      return text.rfind("{\"result\"", 0) != 0 && text.rfind("{\"code\"", 0) != 0 &&
             text.rfind("{\"error\"", 0) != 0;
    });
    return answers;
  }
  std::vector<nlohmann::json> Frames(sim::ConnectionId connection = 1) {
    std::vector<nlohmann::json> frames;
    for (const std::string& text : Taken(connection)) frames.push_back(nlohmann::json::parse(text));
    return frames;
  }
  sim::RestAnswer Get(std::string_view target) { return venue->OnRequest(target, now_ms); }
  nlohmann::json Json(std::string_view target) {
    const sim::RestAnswer answer = Get(target);
    CHECK(answer.status == 200);
    return nlohmann::json::parse(*answer.body);
  }

  std::int64_t now_ms;
  KeepingOutput output;
  std::unique_ptr<sim::BinanceVenue> venue;
};

}  // namespace virtufin::test
