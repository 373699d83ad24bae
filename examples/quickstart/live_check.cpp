// Compares whole books with the venue's truth at the same update id.
#include "live_check.hpp"

#include <cstdio>
#include <utility>

#include "screen.hpp"

namespace quickstart {
namespace {

using virtufin::sim::BinanceVenue;
using virtufin::sim::FaultKind;

TopOfBook TopOf(std::int64_t id, const BookSideMap& bids, const BookSideMap& asks) {
  TopOfBook top;
  top.last_update_id = static_cast<std::uint64_t>(id);
  top.bid = bids.empty() ? "-" : bids.rbegin()->first.ToString();
  top.bid_qty = bids.empty() ? "-" : bids.rbegin()->second.ToString();
  top.ask = asks.empty() ? "-" : asks.begin()->first.ToString();
  top.ask_qty = asks.empty() ? "-" : asks.begin()->second.ToString();
  top.bids = bids.size();
  top.asks = asks.size();
  return top;
}

}  // namespace

LiveCheck::LiveCheck(virtufin::sim::BinanceVenueServer& venue, const Board& board,
                     const ViewerBooks& books, std::vector<std::string> pairs)
    : venue_(venue), board_(board), books_(books), names_(std::move(pairs)) {}

virtufin::Status LiveCheck::StopTrading() {
  return venue_.With([](BinanceVenue& venue, std::int64_t) { venue.StopTrading(); });
}

LiveCheck::Pair LiveCheck::Compare(const std::string& name, std::int64_t truth_id,
                                   const BookSideMap& bids, const BookSideMap& asks) const {
  const ViewerBook seen = books_.Of(name);
  const auto views = board_.pairs();
  const auto it = views.find(name);
  const PairView view = it == views.end() ? PairView() : it->second;
  Pair pair;
  pair.name = name;
  pair.venue = TopOf(truth_id, bids, asks);
  pair.adapter = TopOf(seen.last_update_id, seen.bids, seen.asks);
  pair.worker = view.top;
  if (view.trades > 0) {
    const auto ids = static_cast<std::uint64_t>(view.last_trade - view.first_trade + 1);
    pair.trades_missing = ids > view.trades ? ids - view.trades : 0;
  }
  if (view.state != "live") {
    pair.problem = "the feed is " + view.state;
  } else if (seen.last_update_id != truth_id) {
    pair.problem = "the adapter has not arrived at the venue's last update";
  } else if (seen.bids != bids || seen.asks != asks) {
    pair.problem = "the adapter's book differs from the venue's";
  } else if (!(pair.worker == pair.adapter)) {
    pair.problem = "the worker's book differs from the adapter's";
  }
  return pair;
}

void LiveCheck::Look() {
  pairs_.clear();
  (void)venue_.With([this](BinanceVenue& venue, std::int64_t) {
    gaps_ = venue.counters().fault(FaultKind::kGap);
    cuts_ = venue.counters().fault(FaultKind::kCut);
    for (std::size_t i = 0; i < venue.market().size(); ++i) {
      const std::int64_t id = venue.market().last_update_id(i);
      const auto* book = venue.market().BookAt(i, id);
      if (book != nullptr) {
        pairs_.push_back(Compare(venue.market().at(i).options.name, id, book->bids, book->asks));
      }
    }
  });
}

bool LiveCheck::AllEqual() {
  Look();
  if (pairs_.size() != names_.size()) return false;
  for (const Pair& pair : pairs_) {
    if (!pair.problem.empty()) return false;
  }
  return true;
}

void LiveCheck::Print() {
  const bool equal = AllEqual();
  std::printf("\nFinal books\n");
  std::uint64_t missing = 0;
  for (const Pair& pair : pairs_) {
    PrintBook("venue", pair.name, pair.venue);
    PrintBook("adapter", pair.name, pair.adapter);
    PrintBook("worker", pair.name, pair.worker);
    if (!pair.problem.empty()) std::printf("%-8s %s\n", "PROBLEM", pair.problem.c_str());
    missing += pair.trades_missing;
  }
  std::printf("\nFaults on the way: %llu diffs lost, %llu connections cut. Trades missing: %llu\n",
              static_cast<unsigned long long>(gaps_), static_cast<unsigned long long>(cuts_),
              static_cast<unsigned long long>(missing));
  std::printf("Books of venue, adapter and worker are %s\n", equal ? "equal" : "NOT equal");
}

}  // namespace quickstart
