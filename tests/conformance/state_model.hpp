// The part of the StateStore suite that compares random operations with a map.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/scale.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::test {

/// What a store must be indistinguishable from.
class StateModel {
 public:
  struct Record {
    std::string value, etag;
    std::int64_t expires = INT64_MAX;  // on `now`, in milliseconds
  };
  std::int64_t now = 0;

  const Record* Find(const std::string& key) const {
    const auto at = records_.find(key);
    return at == records_.end() || at->second.expires <= now ? nullptr : &at->second;
  }
  void Put(const std::string& key, Record record) { records_[key] = std::move(record); }
  void Erase(const std::string& key) { records_.erase(key); }
  std::string All(const std::string& prefix) const {
    std::string all;
    for (const auto& [key, record] : records_) {
      if (record.expires > now && key.starts_with(prefix)) all += key + "=" + record.value + ";";
    }
    return all;
  }

 private:
  std::map<std::string, Record> records_;
};

/// One random operation after the other on a store and its model.
class StateWalk {
 public:
  StateWalk(StateStore& store, ManualClock& clock, unsigned seed)
      : store_(store), clock_(clock), random_(seed) {}

  void Step() {
    const std::string key = Key();
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Set(key);
      case 4:
        return Delete(key);
      case 5:
        return Advance();
      case 6:
        return DeleteBulk();
      case 7:
        return GetBulk();
      case 8:
        return Query();
      default:
        return Get(key);
    }
  }

 private:
  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }
  std::string Key() {
    return std::string("k") + static_cast<char>('a' + Below(3)) + std::to_string(Below(6));
  }
  /// Mostly the right one, else none, an old one or a wrong one.
  std::string Etag(const std::string& key) {
    const StateModel::Record* record = model_.Find(key);
    switch (Below(4)) {
      case 0:
        return {};
      case 1:
        return old_etags_.empty() ? "0000000000000"
                                  : old_etags_[static_cast<std::size_t>(
                                        Below(static_cast<int>(old_etags_.size())))];
      default:
        return record == nullptr ? "" : record->etag;
    }
  }

  void Set(const std::string& key) {
    SetOptions options;
    options.create_only = Below(5) == 0;
    if (!options.create_only) options.etag = Etag(key);
    if (Below(3) == 0) options.ttl_ms = 1 + Below(3000);
    const std::string value = "{\"n\":" + std::to_string(++count_) + "}";
    const StateModel::Record* record = model_.Find(key);
    const auto written = store_.Set("s", key, value, options);
    if (options.create_only && record != nullptr) {
      CHECK(written.status().code() == StatusCode::kAlreadyExists);
    } else if (!options.etag.empty() && (record == nullptr || record->etag != options.etag)) {
      CHECK(written.status().code() == StatusCode::kAborted);
    } else {
      REQUIRE(written.ok());
      if (record != nullptr) old_etags_.push_back(record->etag);
      model_.Put(key,
                 {value, *written, options.ttl_ms == 0 ? INT64_MAX : model_.now + options.ttl_ms});
    }
  }

  void Delete(const std::string& key) {
    const std::string etag = Etag(key);
    const StateModel::Record* record = model_.Find(key);
    const auto deleted = store_.Delete("s", key, etag);
    if (!etag.empty() && (record == nullptr || record->etag != etag)) {
      CHECK(deleted.status().code() == StatusCode::kAborted);
      return;
    }
    REQUIRE(deleted.ok());
    CHECK(*deleted == (record != nullptr));
    model_.Erase(key);
  }

  void Get(const std::string& key) {
    const StateModel::Record* record = model_.Find(key);
    const auto item = store_.Get("s", key);
    if (record == nullptr) {
      CHECK(item.status().code() == StatusCode::kNotFound);
      return;
    }
    REQUIRE(item.ok());
    CHECK(item->value == record->value);
    CHECK(item->etag == record->etag);
  }

  void Advance() {
    const int ms = Below(700);
    clock_.Advance(std::chrono::milliseconds(ms));
    model_.now += ms;
  }

  std::vector<std::string> SomeKeys() {
    std::vector<std::string> keys;
    for (int i = Below(5); i > 0; --i) keys.push_back(Key());
    return keys;
  }

  void DeleteBulk() {
    const auto keys = SomeKeys();
    std::vector<std::string> expected;
    for (const std::string& key : keys) {
      if (model_.Find(key) != nullptr) expected.push_back(key);
      model_.Erase(key);
    }
    CHECK(store_.DeleteBulk("s", keys).value() == expected);
  }

  void GetBulk() {
    const auto keys = SomeKeys();
    std::string expected, found;
    for (const std::string& key : keys) {
      const StateModel::Record* record = model_.Find(key);
      if (record != nullptr) expected += key + "=" + record->value + ";";
    }
    const auto items = store_.GetBulk("s", keys);
    REQUIRE(items.ok());
    for (const StateItem& item : *items) found += item.key + "=" + item.value + ";";
    CHECK(found == expected);
  }

  void Query() {
    const std::string prefix = std::string("k") + static_cast<char>('a' + Below(3));
    const auto page = store_.Query("s", R"({"filter":{"PREFIX":{"key":")" + prefix + R"("}}})");
    REQUIRE(page.ok());
    std::string found;
    for (const StateItem& item : page->items) found += item.key + "=" + item.value + ";";
    CHECK(found == model_.All(prefix));
  }

  StateStore& store_;
  ManualClock& clock_;
  std::mt19937 random_;
  StateModel model_;
  std::vector<std::string> old_etags_;
  int count_ = 0;
};

// Pins ST-14.
TEST_CASE_TEMPLATE_DEFINE("random operations do what they do to a map", Driver, state_suite_model) {
  if (!Driver::kQuirks.expires_by_clock || !Driver::kQuirks.etags_never_return) return;
  for (unsigned seed = 1; seed <= static_cast<unsigned>(Scaled(20)); ++seed) {
    CAPTURE(seed);
    Driver driver;
    StateWalk walk(driver.store(), driver.clock(), seed);
    for (int i = 0; i < 1000; ++i) walk.Step();
  }
}

}  // namespace virtufin::test
