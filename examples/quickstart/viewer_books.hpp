// ViewerBooks: the adapter's books as an application sees them, rebuilt from its events alone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "virtufin/core/decimal.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace quickstart {

using BookSideMap = std::map<virtufin::Decimal, virtufin::Decimal>;  // price to quantity

struct ViewerBook {
  BookSideMap bids, asks;
  std::int64_t last_update_id = 0;
  std::uint64_t snapshots = 0, updates = 0;
};

/// Everything is callable from any thread.
class ViewerBooks {
 public:
  /// A snapshot or an update.
  void OnEvent(const virtufin::CloudEvent& event);
  /// A copy; empty for a pair that was never seen.
  ViewerBook Of(const std::string& pair) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ViewerBook> books_;
};

}  // namespace quickstart
