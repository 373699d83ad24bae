// What every driver of the StateStore port must do.
//
// A driver's test includes this once and invokes VIRTUFIN_STATE_SUITE with a type that has
//   static constexpr virtufin::test::StateQuirks kQuirks;
//   virtufin::StateStore& store();   // a fresh store for each object of the type
//   virtufin::ManualClock& clock();  // where its times to live come from
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/state_model.hpp"
#include "conformance/state_queries.hpp"
#include "support/scale.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::test {

/// Where a driver differs; each field is asked by name in the tests that it switches.
struct StateQuirks {
  bool etags_never_return = true;  // a record made anew has none of its old etags
  bool expires_by_clock = true;    // times to live follow the clock of the test
};

template <class T>
StatusCode CodeOf(const Result<T>& result) {
  return result.status().code();
}

inline std::vector<std::string> KeysOf(const std::vector<StateItem>& items) {
  std::vector<std::string> keys;
  for (const StateItem& item : items) keys.push_back(item.key);
  return keys;
}

// Pins ST-1.
TEST_CASE_TEMPLATE_DEFINE("a record is read as it was written", Driver, state_suite_same_bytes) {
  Driver driver;
  StateStore& store = driver.store();
  const std::string large(1 << 20, 'x');
  for (std::string_view value : {std::string_view("{\"a\":1}"), std::string_view(""),
                                 std::string_view("\0\xff\0", 3), std::string_view(large)}) {
    auto etag = store.Set("s", "k", value);
    REQUIRE(etag.ok());
    auto item = store.Get("s", "k");
    REQUIRE(item.ok());
    CHECK(item->key == "k");
    CHECK(item->value == value);
    CHECK(item->etag == *etag);
  }
}

// Pins ST-2.
TEST_CASE_TEMPLATE_DEFINE("what is not there is NOT_FOUND and names its key", Driver,
                          state_suite_not_found) {
  Driver driver;
  StateStore& store = driver.store();
  const Status status = store.Get("s", "nothing").status();
  CHECK(status.code() == StatusCode::kNotFound);
  CHECK(status.message().find("nothing") != std::string_view::npos);
  CHECK(store.Delete("s", "nothing").value() == false);
  REQUIRE(store.Set("s", "k", "1").ok());
  CHECK(store.Delete("s", "k").value() == true);
  CHECK(store.Delete("s", "k").value() == false);
  CHECK(CodeOf(store.Get("s", "k")) == StatusCode::kNotFound);
}

// Pins ST-3.
TEST_CASE_TEMPLATE_DEFINE("records of different services do not meet", Driver,
                          state_suite_services) {
  Driver driver;
  StateStore& store = driver.store();
  REQUIRE(store.Set("a", "k", "of a").ok());
  REQUIRE(store.Set("ab", "k", "of ab").ok());
  REQUIRE(store.Set("a", "b||k", "of a, odd key").ok());
  REQUIRE(store.Set("a", "|k", "of a, odder key").ok());
  CHECK(store.Get("a", "k")->value == "of a");
  CHECK(store.Get("ab", "k")->value == "of ab");
  CHECK(KeysOf(store.Query("a", "{}")->items) == std::vector<std::string>{"b||k", "k", "|k"});
  CHECK(KeysOf(store.Query("ab", "")->items) == std::vector<std::string>{"k"});
  CHECK(store.Query("nobody", "{}")->items.empty());
  CHECK(store.Delete("a", "k").value());
  CHECK(store.Get("ab", "k")->value == "of ab");
}

// Pins ST-4.
TEST_CASE_TEMPLATE_DEFINE("a stale etag is ABORTED and changes nothing", Driver, state_suite_etag) {
  Driver driver;
  StateStore& store = driver.store();
  const std::string first = store.Set("s", "k", "1").value();
  const std::string second = store.Set("s", "k", "2").value();  // no etag: last write wins
  CHECK(first != second);
  CHECK(CodeOf(store.Set("s", "k", "3", {first})) == StatusCode::kAborted);
  CHECK(CodeOf(store.Delete("s", "k", first)) == StatusCode::kAborted);
  CHECK(CodeOf(store.Set("s", "k", "3", {"no etag of ours"})) == StatusCode::kAborted);
  CHECK(store.Get("s", "k")->value == "2");
  const std::string third = store.Set("s", "k", "3", {second}).value();
  CHECK(CodeOf(store.Set("s", "k", "4", {second})) == StatusCode::kAborted);
  CHECK(store.Get("s", "k")->etag == third);
  CHECK(store.Delete("s", "k", third).value());
  CHECK(CodeOf(store.Set("s", "k", "4", {third})) == StatusCode::kAborted);
  CHECK(CodeOf(store.Delete("s", "k", third)) == StatusCode::kAborted);
  CHECK(CodeOf(store.Get("s", "k")) == StatusCode::kNotFound);
  if (Driver::kQuirks.etags_never_return) {
    const std::string anew = store.Set("s", "k", "5").value();
    for (const std::string& old : {first, second, third}) {
      CHECK(anew != old);
      CHECK(CodeOf(store.Set("s", "k", "6", {old})) == StatusCode::kAborted);
    }
  }
}

// Pins ST-6.
TEST_CASE_TEMPLATE_DEFINE("create_only writes only where nothing is", Driver,
                          state_suite_create_only) {
  Driver driver;
  StateStore& store = driver.store();
  SetOptions create;
  create.create_only = true;
  CHECK(store.Set("s", "k", "1", create).ok());
  CHECK(CodeOf(store.Set("s", "k", "2", create)) == StatusCode::kAlreadyExists);
  CHECK(store.Get("s", "k")->value == "1");
  CHECK(store.Delete("s", "k").value());
  CHECK(store.Set("s", "k", "3", create).ok());
  create.etag = "x";
  CHECK(CodeOf(store.Set("s", "k", "4", create)) == StatusCode::kInvalidArgument);
}

// Pins ST-7.
TEST_CASE_TEMPLATE_DEFINE("a record is gone when its time to live has passed", Driver,
                          state_suite_ttl) {
  if (!Driver::kQuirks.expires_by_clock) return;
  Driver driver;
  StateStore& store = driver.store();
  SetOptions second;
  second.ttl_ms = 1000;
  const std::string etag = store.Set("s", "k", "1", second).value();
  REQUIRE(store.Set("s", "stays", "2", second).ok());
  REQUIRE(store.Set("s", "stays", "3").ok());  // each Set sets the time anew: none
  driver.clock().Advance(std::chrono::milliseconds(999));
  CHECK(store.Get("s", "k").ok());
  CHECK(Ask(store, "{}") == "k stays");
  driver.clock().Advance(std::chrono::milliseconds(1));
  CHECK(CodeOf(store.Get("s", "k")) == StatusCode::kNotFound);
  CHECK(Ask(store, "{}") == "stays");
  const std::vector<std::string> keys = {"k", "stays"};
  CHECK(KeysOf(store.GetBulk("s", keys).value()) == std::vector<std::string>{"stays"});

  REQUIRE(store.Set("s", "k", "1", second).ok());
  driver.clock().Advance(std::chrono::seconds(1));
  CHECK(CodeOf(store.Set("s", "k", "2", {etag})) == StatusCode::kAborted);
  CHECK(store.Delete("s", "k").value() == false);
  REQUIRE(store.Set("s", "k", "1", second).ok());
  driver.clock().Advance(std::chrono::seconds(1));
  CHECK(store.DeleteBulk("s", keys).value() == std::vector<std::string>{"stays"});
  REQUIRE(store.Set("s", "k", "1", second).ok());
  driver.clock().Advance(std::chrono::seconds(1));
  SetOptions create;
  create.create_only = true;
  CHECK(store.Set("s", "k", "new", create).ok());
  driver.clock().Advance(std::chrono::hours(1000));
  CHECK(store.Get("s", "k")->value == "new");
  second.ttl_ms = INT64_MAX;  // no overflow into the past
  CHECK(store.Set("s", "k", "for ever", second).ok());
  CHECK(store.Get("s", "k").ok());
}

// Pins ST-8.
TEST_CASE_TEMPLATE_DEFINE("bulk calls take what is there and count it", Driver, state_suite_bulk) {
  Driver driver;
  StateStore& store = driver.store();
  for (const char* key : {"a", "b", "c"}) REQUIRE(store.Set("s", key, key).ok());
  const std::vector<std::string> keys = {"c", "nothing", "a", "c"};
  auto items = store.GetBulk("s", keys);
  REQUIRE(items.ok());
  CHECK(KeysOf(*items) == std::vector<std::string>{"c", "a", "c"});
  CHECK(items->at(1).value == "a");
  CHECK(items->at(1).etag == store.Get("s", "a")->etag);
  const std::vector<std::string> bad = {"a", ""};
  CHECK(CodeOf(store.GetBulk("s", bad)) == StatusCode::kInvalidArgument);
  CHECK(CodeOf(store.DeleteBulk("s", bad)) == StatusCode::kInvalidArgument);
  CHECK(store.Get("s", "a").ok());
  CHECK(store.DeleteBulk("s", keys).value() == std::vector<std::string>{"c", "a"});
  CHECK(Ask(store, "{}") == "b");
  CHECK(store.GetBulk("s", {}).value().empty());
  CHECK(store.DeleteBulk("s", {}).value().empty());
}

// Pins ST-9.
TEST_CASE_TEMPLATE_DEFINE("bad arguments are refused and named", Driver, state_suite_arguments) {
  Driver driver;
  StateStore& store = driver.store();
  const std::string long_text(kMaxStateKeyBytes + 1, 'k');
  const std::string longest(kMaxStateKeyBytes, 'k');
  struct Case {
    std::string service, key, named;
  };
  for (const Case& c :
       {Case{"", "k", "service"}, Case{"a|b", "k", "service"}, Case{"a|", "k", "service"},
        Case{long_text, "k", "service"}, Case{"\xff", "k", "service"}, Case{"s", "", "key"},
        Case{"s", long_text, "key"}, Case{"s", "\xc0\x80", "key"}, Case{"s", "\xed\xa0\x80", "key"},
        Case{"s", std::string("a\0b", 3), "key"}}) {
    CAPTURE(c.named);
    for (const Status& status :
         {store.Get(c.service, c.key).status(), store.Set(c.service, c.key, "v").status(),
          store.Delete(c.service, c.key).status()}) {
      CHECK(status.code() == StatusCode::kInvalidArgument);
      CHECK(status.message().find(c.named) != std::string_view::npos);
    }
  }
  CHECK(store.Set(longest, longest, "v").ok());
  CHECK(store.Get(longest, longest)->value == "v");
  CHECK(store.Set("s", "\xf0\x9f\x92\xb6 \xe2\x82\xac", "v").ok());
  CHECK(CodeOf(store.Query("a|b", "{}")) == StatusCode::kInvalidArgument);
  SetOptions negative;
  negative.ttl_ms = -1;
  CHECK(CodeOf(store.Set("s", "k", "v", negative)) == StatusCode::kInvalidArgument);
  const std::string large(kMaxStateValueBytes + 1, 'x');
  CHECK(CodeOf(store.Set("s", "k", large)) == StatusCode::kInvalidArgument);
  CHECK(store.Set("s", "k", std::string_view(large).substr(1)).ok());
}

/// Threads that read, add one and write under the etag they read.
template <class Store>
std::uint64_t CountTogether(Store& store, int threads, int each) {
  std::atomic<std::uint64_t> aborted = 0;
  std::vector<std::thread> counters;
  for (int t = 0; t < threads; ++t) {
    counters.emplace_back([&] {
      for (int done = 0; done < each;) {
        auto item = store.Get("s", "counter");
        if (!item.ok()) std::abort();
        const std::string next = std::to_string(std::stoi(item->value) + 1);
        auto written = store.Set("s", "counter", next, {item->etag});
        if (written.ok()) {
          ++done;
        } else if (written.status().code() == StatusCode::kAborted) {
          ++aborted;
        } else {
          std::abort();
        }
      }
    });
  }
  for (std::thread& counter : counters) counter.join();
  return aborted;
}

// Pins ST-5.
TEST_CASE_TEMPLATE_DEFINE("no increment is lost between threads that compare etags", Driver,
                          state_suite_compare_and_set) {
  Driver driver;
  StateStore& store = driver.store();
  REQUIRE(store.Set("s", "counter", "0").ok());
  const int each = Scaled(250);
  CountTogether(store, 4, each);
  CHECK(store.Get("s", "counter")->value == std::to_string(4 * each));
}

// Pins ST-5.
TEST_CASE_TEMPLATE_DEFINE("of many threads that create one record, one succeeds", Driver,
                          state_suite_create_race) {
  Driver driver;
  StateStore& store = driver.store();
  for (int round = 0; round < Scaled(50); ++round) {
    const std::string key = "lease" + std::to_string(round);
    std::atomic<int> created = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        SetOptions create;
        create.create_only = true;
        if (store.Set("s", key, std::to_string(t), create).ok()) ++created;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(created == 1);
  }
}

// Pins ST-1.
TEST_CASE_TEMPLATE_DEFINE("a reader sees a whole value, never half of one", Driver,
                          state_suite_whole_values) {
  Driver driver;
  StateStore& store = driver.store();
  REQUIRE(store.Set("s", "k", std::string(100, 'a')).ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= Scaled(500); ++i) {
      const auto letter = static_cast<char>('a' + i % 26);
      if (!store.Set("s", "k", std::string(100 + static_cast<std::size_t>(i) * 37 % 9000, letter))
               .ok()) {
        std::abort();
      }
    }
    done = true;
  });
  bool whole = true;
  std::size_t reads = 0;
  while (!done || reads == 0) {
    auto item = store.Get("s", "k");
    auto page = store.Query("s", "{}");
    REQUIRE(item.ok());
    REQUIRE(page.ok());
    for (const std::string* value : {&item->value, &page->items.at(0).value}) {
      whole = whole && value->find_first_not_of(value->front()) == std::string::npos;
    }
    ++reads;
  }
  writer.join();
  CHECK(whole);
}

}  // namespace virtufin::test

/// Runs the suite for `driver`; once per translation unit.
#define VIRTUFIN_STATE_SUITE(driver)                              \
  namespace virtufin::test {                                      \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_same_bytes, driver);      \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_not_found, driver);       \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_services, driver);        \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_etag, driver);            \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_create_only, driver);     \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_ttl, driver);             \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_bulk, driver);            \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_arguments, driver);       \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_compare_and_set, driver); \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_create_race, driver);     \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_whole_values, driver);    \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_filters, driver);         \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_sorts, driver);           \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_pages, driver);           \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_large_answers, driver);   \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_bad_queries, driver);     \
  TEST_CASE_TEMPLATE_INVOKE(state_suite_model, driver);           \
  }                                                               \
  static_assert(true, "wants a semicolon")
