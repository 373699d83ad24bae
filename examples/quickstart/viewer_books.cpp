// Applies snapshots and updates to plain ordered maps.
#include "viewer_books.hpp"

#include <nlohmann/json.hpp>
#include <string_view>

namespace quickstart {
namespace {

using virtufin::Decimal;

void Apply(const nlohmann::json& levels, BookSideMap& side) {
  for (const auto& level : levels) {
    const Decimal price = Decimal::Parse(level.at(0).get_ref<const std::string&>()).value();
    const Decimal quantity = Decimal::Parse(level.at(1).get_ref<const std::string&>()).value();
    if (quantity.IsZero()) {
      side.erase(price);
    } else {
      side.insert_or_assign(price, quantity);
    }
  }
}

}  // namespace

void ViewerBooks::OnEvent(const virtufin::CloudEvent& event) {
  const bool snapshot = event.type().ends_with(".orderbook.snapshotted");
  const std::string_view subject = event.subject();  // currency_pair/<pair>
  const auto data = nlohmann::json::parse(event.data_text());
  std::lock_guard lock(mutex_);
  ViewerBook& book = books_[std::string(subject.substr(subject.find('/') + 1))];
  if (snapshot) {
    book.bids.clear();
    book.asks.clear();
  }
  Apply(data.at(snapshot ? "bids" : "bids_delta"), book.bids);
  Apply(data.at(snapshot ? "asks" : "asks_delta"), book.asks);
  book.last_update_id = data.at("last_update_id").get<std::int64_t>();
  ++(snapshot ? book.snapshots : book.updates);
}

ViewerBook ViewerBooks::Of(const std::string& pair) const {
  std::lock_guard lock(mutex_);
  const auto it = books_.find(pair);
  return it == books_.end() ? ViewerBook() : it->second;
}

}  // namespace quickstart
