// LiveCheck: are the books the same at the venue, in the adapter's events and in the worker?
#pragma once

#include <string>
#include <vector>

#include "board.hpp"
#include "sim/venue_server.hpp"
#include "viewer_books.hpp"

namespace quickstart {

/// Everything is for the thread that owns it.
class LiveCheck {
 public:
  /// All borrowed; `books` is what the adapter's events say.
  LiveCheck(virtufin::sim::BinanceVenueServer& venue, const Board& board, const ViewerBooks& books,
            std::vector<std::string> pairs);

  /// Nothing happens in the venue's books any more.
  virtufin::Status StopTrading();
  /// Every book is live, has arrived at the venue's last update, and has its levels.
  bool AllEqual();
  /// The last books of all three, what is wrong, and the verdict of AllEqual.
  void Print();

 private:
  struct Pair {
    std::string name, problem;
    TopOfBook venue, adapter, worker;
    std::uint64_t trades_missing = 0;
  };
  Pair Compare(const std::string& name, std::int64_t truth_id, const BookSideMap& bids,
               const BookSideMap& asks) const;
  void Look();

  virtufin::sim::BinanceVenueServer& venue_;
  const Board& board_;
  const ViewerBooks& books_;
  const std::vector<std::string> names_;
  std::vector<Pair> pairs_;
  std::uint64_t gaps_ = 0, cuts_ = 0;
};

}  // namespace quickstart
