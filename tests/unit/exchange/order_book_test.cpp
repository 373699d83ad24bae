// OrderBook against a plain ordered map, and its limits.
#include "virtufin/exchange/order_book.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

using namespace virtufin;

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// g++ at -O1 inlines this half of the pair only and takes it for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

Level L(const std::string& price, const std::string& quantity) {
  return {Decimal::Parse(price).value(), Decimal::Parse(quantity).value()};
}

std::vector<std::string> Text(const BookSide& side) {
  std::vector<std::string> out;
  for (const Level& level : side) {
    out.push_back(level.price.ToString() + " x " + level.quantity.ToString());
  }
  return out;
}

using Lines = std::vector<std::string>;

template <class Compare>
class Reference {
 public:
  void Apply(const Level& level) {
    levels_.erase(level.price);
    if (!level.quantity.IsZero()) levels_.emplace(level.price, level);
  }
  std::vector<std::string> Text() const {
    std::vector<std::string> out;
    for (const auto& [price, level] : levels_) {
      out.push_back(level.price.ToString() + " x " + level.quantity.ToString());
    }
    return out;
  }

 private:
  std::map<Decimal, Level, Compare> levels_;
};

}  // namespace

// Pins EV-31.
TEST_CASE("a book shows both sides best first, with the text of the venue") {
  OrderBook book;
  REQUIRE(book.Assign(std::vector{L("0.35210000", "672.00000000"), L("0.35200000", "1144.0")},
                      std::vector{L("0.3529", "1"), L("0.3530", "007.50")}));
  CHECK(Text(book.bids()) == Lines{"0.35210000 x 672.00000000", "0.35200000 x 1144.0"});
  CHECK(Text(book.asks()) == Lines{"0.3529 x 1", "0.3530 x 007.50"});
  CHECK(book.bids().front().price.ToString() == "0.35210000");
  CHECK(book.bids(1).size() == 1);
  CHECK(book.bids(9).size() == 2);
  CHECK(Text(book.asks(1)) == Lines{"0.3529 x 1"});
  CHECK_FALSE(book.Crossed());
}

// Pins EX-30.
TEST_CASE("a level is found by value and takes the text written last") {
  OrderBook book;
  REQUIRE(book.Assign(std::vector{L("1.0", "5"), L("0.95", "2")}, {}));
  REQUIRE(book.Apply(std::vector{L("1.000", "6.0"), L("0.9500", "0.00")}, {}));
  CHECK(Text(book.bids()) == Lines{"1.000 x 6.0"});
}

// Pins EX-30.
TEST_CASE("removing an absent level changes nothing") {
  OrderBook book;
  REQUIRE(book.Assign(std::vector{L("1.0", "5")}, std::vector{L("1.1", "5")}));
  REQUIRE(book.Apply(std::vector{L("0.1234567", "0"), L("2", "0")}, std::vector{L("1", "0.0")}));
  CHECK(Text(book.bids()) == Lines{"1.0 x 5"});
  CHECK(Text(book.asks()) == Lines{"1.1 x 5"});
}

TEST_CASE("a book whose best bid reaches its best ask is crossed") {
  OrderBook book;
  CHECK_FALSE(book.Crossed());
  REQUIRE(book.Assign(std::vector{L("1.0", "5")}, std::vector{L("1.1", "5")}));
  CHECK_FALSE(book.Crossed());
  REQUIRE(book.Apply(std::vector{L("1.10", "1")}, {}));
  CHECK(book.Crossed());
}

TEST_CASE("a snapshot in any order gives the same book, the last mention of a price wins") {
  OrderBook book;
  REQUIRE(book.Assign(std::vector{L("1", "5"), L("3", "1"), L("2", "4"), L("3", "7"), L("9", "0")},
                      std::vector{L("5", "1"), L("4", "1"), L("4", "2")}));
  CHECK(Text(book.bids()) == Lines{"3 x 7", "2 x 4", "1 x 5"});
  CHECK(Text(book.asks()) == Lines{"4 x 2", "5 x 1"});
}

TEST_CASE("prices that share no scale in 64 bits are still ordered exactly") {
  OrderBook book;
  REQUIRE(book.Assign(std::vector{L("100000000000.00000000", "1"), L("0.00000001", "2")},
                      std::vector{L("900000000000000000", "1"), L("0.000000000000000001", "2")}));
  REQUIRE(book.Apply(std::vector{L("5", "3"), L("100000000000", "0")},
                     std::vector{L("7.5", "3"), L("900000000000000000", "8")}));
  CHECK(Text(book.bids()) == Lines{"5 x 3", "0.00000001 x 2"});
  CHECK(Text(book.asks()) ==
        Lines{"0.000000000000000001 x 2", "7.5 x 3", "900000000000000000 x 8"});
  REQUIRE(book.Assign(std::vector{L("1", "1")}, {}));
  CHECK(Text(book.bids()) == Lines{"1 x 1"});
}

TEST_CASE("a diff that would store too many levels leaves the book unchanged") {
  OrderBook book(3);
  REQUIRE(book.Assign(std::vector{L("3", "1"), L("2", "1")}, {}));
  CHECK_FALSE(book.Apply(std::vector{L("4", "1"), L("5", "1")}, {}));
  CHECK_FALSE(book.Apply(std::vector{L("4", "1")},
                         std::vector{L("6", "1"), L("7", "1"), L("8", "1"), L("9", "1")}));
  CHECK(Text(book.bids()) == Lines{"3 x 1", "2 x 1"});
  CHECK(book.asks().empty());
  // Within the limit once removals, repeats and levels that are there are counted.
  CHECK(book.Apply(std::vector{L("3", "2"), L("4", "1"), L("4", "3"), L("5", "1"), L("5", "0"),
                               L("2", "0"), L("1", "1")},
                   {}));
  CHECK(Text(book.bids()) == Lines{"4 x 3", "3 x 2", "1 x 1"});
  CHECK_FALSE(book.Assign(std::vector{L("1", "1"), L("2", "1"), L("3", "1"), L("4", "1")}, {}));
  CHECK(book.bids().empty());
}

// Pins EX-30.
TEST_CASE("random changes give what an ordered map gives") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    OrderBook book;
    Reference<std::greater<>> bids;
    Reference<std::less<>> asks;
    const int range = seed % 2 == 0 ? 40 : 2000;
    for (int step = 0; step < 3000; ++step) {
      std::vector<Level> levels[2];
      for (auto& side : levels) {
        for (unsigned i = random() % 4; i > 0; --i) {
          const int tick = static_cast<int>(random()) % range;
          const int scale = static_cast<int>(random() % 4);
          const auto price = Decimal::FromCoefficient(tick, scale).value();
          const auto quantity = Decimal::FromCoefficient(random() % 3, 1).value();
          side.push_back({price, quantity});
        }
      }
      REQUIRE(book.Apply(levels[0], levels[1]));
      for (const Level& level : levels[0]) bids.Apply(level);
      for (const Level& level : levels[1]) asks.Apply(level);
      if (step % 100 == 99) {
        REQUIRE(Text(book.bids()) == bids.Text());
        REQUIRE(Text(book.asks()) == asks.Text());
      }
    }
  }
}

TEST_CASE("a book that has grown once allocates nothing") {
  std::vector<Level> bids, asks;
  for (int i = 0; i < 1000; ++i) {
    bids.push_back({Decimal::FromCoefficient(100'000 - i, 2).value(), L("1", "1").quantity});
    asks.push_back({Decimal::FromCoefficient(100'001 + i, 2).value(), L("1", "1").quantity});
  }
  OrderBook book;
  REQUIRE(book.Assign(bids, asks));
  const Level removed = {bids[5].price, Decimal()};
  const Level added = bids[5];
  REQUIRE(book.Apply({&removed, 1}, {}));
  REQUIRE(book.Apply({&added, 1}, {}));
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(book.Apply({&removed, 1}, {}));
    REQUIRE(book.Apply({&added, 1}, {&asks[static_cast<std::size_t>(i)], 1}));
  }
  CHECK(allocations == before);
}
