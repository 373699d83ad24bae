// Gathers and prints the quickstart's figures.
#include "board.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace quickstart {
namespace {

using Json = nlohmann::json;
using virtufin::CloudEvent;

std::string PairOf(const CloudEvent& event) {
  const std::string_view subject = event.subject();  // currency_pair/<pair>, instrument/<id>
  return std::string(subject.substr(subject.find('/') + 1));
}

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

void Board::OnAdapterEvent(const CloudEvent& event) {
  std::uint64_t id = 0;
  const bool book = event.type().ends_with(".orderbook.updated") ||
                    event.type().ends_with(".orderbook.snapshotted");
  if (book) id = LastUpdateId(event.data_text());
  std::lock_guard lock(mutex_);
  ++events_;
  if (!book) return;
  const std::string key = Key(PairOf(event), id);
  if (auto it = early_.find(key); it != early_.end()) {
    Answered(frame_at_, it->second);
    early_.erase(it);
  } else {
    open_[key] = frame_at_;
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
  const Json data = Json::parse(event.data_text());
  const std::string state = data.value("state", "unknown");
  const std::string reason = data.value("reason", "");
  const std::string pair = PairOf(event);
  std::lock_guard lock(mutex_);
  std::string& feed = pairs_[pair].feed;
  const bool worth_a_line = state == "gap" || (feed == "gap" && state != "gap") || feed == "resync";
  feed = state;
  if (worth_a_line) {
    std::printf("        %-10s feed %s%s%s\n", pair.c_str(), state.c_str(),
                reason.empty() ? "" : ": ", reason.c_str());
  }
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

void Board::PrintPairs() const {
  for (const auto& [name, pair] : pairs_) {
    std::printf("        %-10s bid %14s x %-14s ask %14s x %-14s spread %-12s %s\n", name.c_str(),
                pair.top.bid.c_str(), pair.top.bid_qty.c_str(), pair.top.ask.c_str(),
                pair.top.ask_qty.c_str(), pair.top.spread.c_str(), pair.feed.c_str());
  }
}

void Board::Print(double elapsed_s) {
  std::lock_guard lock(mutex_);
  const double rate =
      static_cast<double>(events_ - events_before_) / std::max(elapsed_s - printed_s_, 1e-9);
  std::printf("%6.1f s  %zu pairs  %.0f events/s  frame to worker reply %s\n", elapsed_s,
              pairs_.size(), rate, Latency(std::move(window_ns_)).c_str());
  PrintPairs();
  std::fflush(stdout);
  window_ns_.clear();
  events_before_ = events_;
  printed_s_ = elapsed_s;
}

void Board::PrintTotals(double elapsed_s) {
  std::lock_guard lock(mutex_);
  std::printf("\nIn all: %.2f s, %zu pairs, %llu events, %llu worker replies, %.0f events/s\n",
              elapsed_s, pairs_.size(), static_cast<unsigned long long>(events_),
              static_cast<unsigned long long>(replies_),
              static_cast<double>(events_) / std::max(elapsed_s, 1e-9));
  std::printf("Frame to worker reply: %s\n", Latency(all_ns_).c_str());
  PrintPairs();
}

bool Board::AwaitReplies(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  return answered_.wait_for(lock, limit, [&] { return open_.empty(); });
}

std::map<std::string, TopOfBook> Board::books() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, TopOfBook> books;
  for (const auto& [name, pair] : pairs_) books[name] = pair.top;
  return books;
}

}  // namespace quickstart
