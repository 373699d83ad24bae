// The memory store: its bound, and what an expired record gives back.
#include "virtufin/state/memory.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace virtufin;

namespace {

struct Fixture {
  ManualClock clock{Timestamp()};
  MemoryStoreOptions options{.max_bytes = 10'000};
  std::unique_ptr<StateStore> store = MakeMemoryStore(clock, options);
};

}  // namespace

// Pins ST-15.
TEST_CASE_FIXTURE(Fixture, "a full memory store refuses, changes nothing and says how full it is") {
  REQUIRE(store->Set("s", "a", std::string(5000, 'a')).ok());
  const Status full = store->Set("s", "b", std::string(5000, 'b')).status();
  CHECK(full.code() == StatusCode::kResourceExhausted);
  CHECK(full.message().find("10000") != std::string_view::npos);
  CHECK(store->Get("s", "b").status().code() == StatusCode::kNotFound);
  CHECK(store->Set("s", "a", std::string(9900, 'a')).status().code() ==
        StatusCode::kResourceExhausted);
  CHECK(store->Get("s", "a")->value == std::string(5000, 'a'));
  CHECK(store->Set("s", "a", std::string(9800, 'a')).ok());  // the old value makes room
  CHECK(store->Delete("s", "a").value());
  CHECK(store->Set("s", "b", std::string(5000, 'b')).ok());
}

// Pins ST-15.
TEST_CASE_FIXTURE(Fixture, "a full memory store makes room of records whose time has passed") {
  SetOptions brief;
  brief.ttl_ms = 1000;
  for (int i = 0; i < 60; ++i) {
    REQUIRE(store->Set("s", std::to_string(i), "x", brief).ok());
  }
  CHECK(store->Set("s", "large", std::string(9000, 'x')).status().code() ==
        StatusCode::kResourceExhausted);
  clock.Advance(std::chrono::seconds(1));
  CHECK(store->Set("s", "large", std::string(9000, 'x')).ok());
}

// Pins ST-15.
TEST_CASE_FIXTURE(Fixture, "records that come and go leave no room taken") {
  SetOptions brief;
  brief.ttl_ms = 10;
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i % 50);
    REQUIRE(store
                ->Set("s", key, std::string(static_cast<std::size_t>(i % 60), 'x'),
                      i % 3 == 0 ? brief : SetOptions())
                .ok());
    if (i % 7 == 0) REQUIRE(store->Delete("s", std::to_string(i % 41)).ok());
    clock.Advance(std::chrono::milliseconds(1));
  }
  for (int i = 0; i < 50; ++i) REQUIRE(store->Delete("s", std::to_string(i)).ok());
  CHECK(store->Set("s", "k", std::string(10'000 - 128 - 4, 'x')).ok());
}

TEST_CASE_FIXTURE(Fixture, "a value that is deeply nested costs no deep stack") {
  ManualClock other{Timestamp()};
  auto large = MakeMemoryStore(other);
  REQUIRE(large
              ->Set("s", "k",
                    R"({"a":)" + std::string(2'000'000, '[') + std::string(2'000'000, ']') + "}")
              .ok());
  CHECK(large->Query("s", R"({"filter":{"EQ":{"a":[[]]}},"sort":[{"key":"a"}]})")->items.empty());
  CHECK(large->Query("s", R"({"sort":[{"key":"a"}]})")->items.size() == 1);
}
