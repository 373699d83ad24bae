// Gathers the quickstart's figures.
#include "board.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "virtufin/event/market_payloads.hpp"

namespace quickstart {
namespace {

using Json = nlohmann::json;
using namespace virtufin;

/// Without parsing a whole snapshot on the publisher's thread.
std::uint64_t LastUpdateId(std::string_view json) {
  constexpr std::string_view kName = "\"last_update_id\":";
  const std::size_t at = json.find(kName);
  if (at == std::string_view::npos) return 0;
  return std::strtoull(json.data() + at + kName.size(), nullptr, 10);
}

std::string Text(const Json& data, const char* name) {
  auto it = data.find(name);
  return it != data.end() && it->is_string() ? it->get<std::string>() : "-";
}

}  // namespace

std::string Board::Key(std::string_view pair, std::uint64_t id) {
  return std::string(pair) + ' ' + std::to_string(id);
}

void Board::OnAdapterEvent(const CloudEvent& event, Clock::time_point frame_at) {
  const PayloadInfo* const info = FindPayload(event.type());
  if (info == nullptr) return;
  const bool book =
      info->kind == PayloadKind::kOrderBookSnapshot || info->kind == PayloadKind::kOrderBookUpdate;
  const bool trade = info->kind == PayloadKind::kTradeExecuted;
  const std::uint64_t id = book ? LastUpdateId(event.data_text()) : 0;
  const auto data = trade ? ReadPayload<TradeExecuted>(event.data_text()).value() : TradeExecuted();
  std::lock_guard lock(mutex_);
  ++events_;
  PairView& pair = pairs_[std::string(SubjectId(event))];
  if (trade) {
    pair.trade = data.price.ToString();
    pair.last_trade = data.trade_id;
    if (pair.trades++ == 0) pair.first_trade = pair.last_trade;
    return;
  }
  if (!book) {
    ++pair.quotes;
    return;
  }
  ++pair.books;
  const std::string key = Key(std::string(SubjectId(event)), id);
  if (auto it = early_.find(key); it != early_.end()) {
    Answered(frame_at, it->second);
    early_.erase(it);
  } else {
    open_[key] = frame_at;
  }
}

void Board::Answered(Clock::time_point frame, Clock::time_point reply) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(reply - frame).count();
  const auto bounded = static_cast<std::uint32_t>(std::clamp<std::int64_t>(ns, 0, UINT32_MAX));
  window_ns_.push_back(bounded);
  all_ns_.push_back(bounded);
  answered_.notify_all();
}

void Board::OnReply(const CloudEvent& event) {
  const auto now = Clock::now();
  const Json data = Json::parse(event.data_text());
  TopOfBook top;
  top.last_update_id = data.value("last_update_id", std::uint64_t{0});
  top.bid = Text(data, "bid");
  top.bid_qty = Text(data, "bid_qty");
  top.ask = Text(data, "ask");
  top.ask_qty = Text(data, "ask_qty");
  top.spread = Text(data, "spread");
  top.bids = data.at("levels").value("bids", std::size_t{0});
  top.asks = data.at("levels").value("asks", std::size_t{0});
  const std::string pair = data.value("pair", "");

  std::lock_guard lock(mutex_);
  ++replies_;
  const std::string key = Key(pair, top.last_update_id);
  if (auto it = open_.find(key); it != open_.end()) {
    Answered(it->second, now);
    open_.erase(it);
  } else {
    early_[key] = now;
  }
  pairs_[pair].top = std::move(top);
}

void Board::OnFeedStatus(const CloudEvent& event) {
  const auto data = ReadPayload<FeedStatus>(event.data_text()).value();
  const std::string state(FeedStateName(data.state));
  std::string line = state + (data.reason.empty() ? "" : ": ") + data.reason;
  if (data.scope != FeedScope::kInstrument) {
    return Note(std::string(FeedScopeName(data.scope)) + " " + line);
  }
  line.insert(0, "feed ");
  if (data.channel.value_or("book") != "book") return;
  const std::string pair(SubjectId(event));
  std::lock_guard lock(mutex_);
  std::string& before = pairs_[pair].state;
  const bool worth_a_line = state == "gap" || before == "gap" || before == "resync";
  before = state;
  if (!worth_a_line) return;
  line.insert(0, pair + std::string(pair.size() < 10 ? 11 - pair.size() : 1, ' '));
  notes_.push_back(std::move(line));
}

void Board::Note(std::string line) {
  std::lock_guard lock(mutex_);
  notes_.push_back(std::move(line));
}

std::string Board::Latency(std::vector<std::uint32_t> ns) {
  if (ns.empty()) return "-";
  auto at = [&](double share) {
    const auto i = static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1));
    std::nth_element(ns.begin(), ns.begin() + static_cast<std::ptrdiff_t>(i), ns.end());
    return ns[i] / 1e3;
  };
  char text[64];
  std::snprintf(text, sizeof(text), "p50 %.0f us  p99 %.0f us", at(0.5), at(0.99));
  return text;
}

View Board::Take(double elapsed_s) {
  std::lock_guard lock(mutex_);
  const double rate =
      static_cast<double>(events_ - events_before_) / std::max(elapsed_s - taken_s_, 1e-9);
  char text[160];
  std::snprintf(text, sizeof(text), "%6.1f s  %zu pairs  %.0f events/s  frame to worker reply %s",
                elapsed_s, pairs_.size(), rate, Latency(std::exchange(window_ns_, {})).c_str());
  events_before_ = events_;
  taken_s_ = elapsed_s;
  return {text, pairs_, std::exchange(notes_, {})};
}

View Board::Totals(double elapsed_s) {
  std::lock_guard lock(mutex_);
  char text[256];
  std::snprintf(text, sizeof(text),
                "In all: %.2f s, %zu pairs, %llu events, %llu worker replies, %.0f events/s, "
                "frame to worker reply %s",
                elapsed_s, pairs_.size(), static_cast<unsigned long long>(events_),
                static_cast<unsigned long long>(replies_),
                static_cast<double>(events_) / std::max(elapsed_s, 1e-9), Latency(all_ns_).c_str());
  return {text, pairs_, std::exchange(notes_, {})};
}

bool Board::AwaitReplies(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  return answered_.wait_for(lock, limit, [&] { return open_.empty(); });
}

std::map<std::string, PairView> Board::pairs() const {
  std::lock_guard lock(mutex_);
  return pairs_;
}

}  // namespace quickstart
