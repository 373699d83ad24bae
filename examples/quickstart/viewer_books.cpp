// Applies snapshots and updates to plain ordered maps.
#include "viewer_books.hpp"

#include <vector>

#include "virtufin/event/market_payloads.hpp"

namespace quickstart {
namespace {

using namespace virtufin;

void Apply(const std::vector<Level>& levels, BookSideMap& side) {
  for (const Level& level : levels) {
    if (level.quantity.IsZero()) {
      side.erase(level.price);
    } else {
      side.insert_or_assign(level.price, level.quantity);
    }
  }
}

}  // namespace

void ViewerBooks::OnEvent(const CloudEvent& event) {
  const PayloadInfo* const info = FindPayload(event.type());
  const bool snapshot = info != nullptr && info->kind == PayloadKind::kOrderBookSnapshot;
  std::lock_guard lock(mutex_);
  ViewerBook& book = books_[std::string(SubjectId(event))];
  if (snapshot) {
    const auto all = ReadPayload<OrderBookSnapshot>(event.data_text()).value();
    book.bids.clear();
    book.asks.clear();
    Apply(all.bids, book.bids);
    Apply(all.asks, book.asks);
    book.last_update_id = all.last_update_id;
    ++book.snapshots;
  } else {
    const auto change = ReadPayload<OrderBookUpdate>(event.data_text()).value();
    Apply(change.bids_delta, book.bids);
    Apply(change.asks_delta, book.asks);
    book.last_update_id = change.last_update_id;
    ++book.updates;
  }
}

ViewerBook ViewerBooks::Of(const std::string& pair) const {
  std::lock_guard lock(mutex_);
  const auto it = books_.find(pair);
  return it == books_.end() ? ViewerBook() : it->second;
}

}  // namespace quickstart
