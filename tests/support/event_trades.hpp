// Trades counted from published events alone, as an application that must not lose one would.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/event/message.hpp"

namespace virtufin::test {

/// Takes events of trade and status topics; says what is wrong with a stream of them.
class EventTrades {
 public:
  struct Tape {
    std::int64_t last_id = -1;
    std::uint64_t sequence = 0;
    std::uint64_t trades = 0, recovered = 0, missing = 0;  // missing: announced, and did not come
    bool anew =
        true;  // the first trade since a subscription began: what was before is not expected
    std::vector<std::pair<std::int64_t, std::int64_t>> announced;  // [from, to)
  };

  /// Empty: fine. `trade`: the payload when the event is a trade, else null.
  std::string Take(const Message& message, nlohmann::json& trade) {
    trade = nullptr;
    const std::string topic(message.topic());
    const bool tape = topic.find(".trade.tape.") != std::string::npos;
    if (!tape && topic.find(".feed.status.") == std::string::npos) return {};
    auto data = nlohmann::json::parse(message.event().data_text(), nullptr, false);
    if (data.is_discarded()) return topic + ": the data are no JSON";
    const std::string subject(message.event().subject());
    Tape& lane = tapes_[subject.substr(subject.find('/') + 1)];
    if (!tape) {
      if (data.value("channel", "") == "trade" && data.contains("expected")) {
        lane.announced.emplace_back(data.at("expected"), data.at("got"));
      }
      return {};
    }
    if (message.event().ExtensionNumber("sequence") != lane.sequence + 1) {
      return topic + ": a hole in the sequence";
    }
    ++lane.sequence;
    const std::int64_t id = data.at("trade_id");
    if (lane.last_id >= 0 && id <= lane.last_id) return topic + ": a trade came twice or too late";
    const std::int64_t expected = lane.anew ? id : lane.last_id + 1;
    lane.anew = false;
    for (std::int64_t lost = expected; lost < id; ++lost) {
      if (!Announced(lane, lost)) {
        return topic + ": trade " + std::to_string(lost) + " is missing and nobody said so";
      }
      ++lane.missing;
    }
    lane.last_id = id;
    ++lane.trades;
    if (data.value("recovered", false)) ++lane.recovered;
    trade = std::move(data);
    return {};
  }

  /// The subscription ended and will begin anew.
  void Unsubscribed(const std::string& pair) { tapes_[pair].anew = true; }

  const std::map<std::string, Tape>& tapes() const { return tapes_; }

 private:
  static bool Announced(const Tape& lane, std::int64_t id) {
    for (const auto& [from, to] : lane.announced) {
      if (from <= id && id < to) return true;
    }
    return false;
  }

  std::map<std::string, Tape> tapes_;
};

}  // namespace virtufin::test
