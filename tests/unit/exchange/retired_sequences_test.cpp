// What a feed keeps of symbols that come and go: numbers that go on, and no more than that.
#include "exchange/retired_sequences.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

#include "exchange/symbol_table.hpp"

using virtufin::detail::RetiredSequences;
using virtufin::detail::SymbolTable;

// Pins EX-56.
TEST_CASE("a topic that comes back goes on with its numbers") {
  RetiredSequences<2> retired(100);
  CHECK(retired.Take("A") == std::array<std::uint64_t, 2>{0, 0});
  retired.Keep("A", {7, 9});
  retired.Keep("B", {3, 0});
  CHECK(retired.size() == 2);
  CHECK(retired.Take("A") == std::array<std::uint64_t, 2>{7, 9});
  CHECK(retired.size() == 1);
  CHECK(retired.Take("A") == std::array<std::uint64_t, 2>{0, 0});
}

// Pins EX-56.
TEST_CASE("however many topics leave, few are kept, and no number is used twice") {
  constexpr std::size_t kMost = 100;
  RetiredSequences<1> retired(kMost);
  std::map<std::string, std::uint64_t> last;
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const std::string name = "S" + std::to_string(random() % 1'000);
    const std::uint64_t begin = retired.Take(name)[0];
    REQUIRE(begin >= last[name]);
    last[name] = begin + random() % 5;
    retired.Keep(name, {last[name]});
    REQUIRE(retired.size() <= kMost);
  }
  // Who left last is remembered exactly.
  retired.Keep("X", {1'000'000});
  retired.Keep("Y", {5});
  CHECK(retired.Take("Y")[0] == 5);
  CHECK(retired.Take("X")[0] == 1'000'000);
}

TEST_CASE("symbols are found while others come and go") {
  struct Named {
    std::string name;
  };
  SymbolTable<Named> table;
  std::map<std::string, const Named*> all;
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string name = "S" + std::to_string(random() % 300);
    if (random() % 3 == 0) name += "-with-a-long-tail";
    Named* const found = table.Find(name);
    const auto known = all.find(name);
    REQUIRE(found == (known == all.end() ? nullptr : known->second));
    if (found == nullptr) {
      auto made = std::make_unique<Named>();
      made->name = name;
      all[name] = &table.Add(std::move(made));
    } else if (random() % 2 == 0) {
      all.erase(name);
      table.Remove(*found);
    }
    REQUIRE(table.all().size() == all.size());
  }
  for (const auto& [name, symbol] : all) CHECK(table.Find(name) == symbol);
}
