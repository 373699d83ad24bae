// Topics: found among many, forgotten with their last subscription.
#include "pubsub/topic_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pubsub/gate.hpp"
#include "pubsub/inline_subscription.hpp"
#include "pubsub/topic_hash.hpp"
#include "support/bus.hpp"

namespace virtufin::test {
namespace {

using detail::BrokerCore;
using detail::InlineSubscription;
using detail::TopicTable;

std::shared_ptr<InlineSubscription> Make(const std::shared_ptr<BrokerCore>& core) {
  return std::make_shared<InlineSubscription>(
      core, "x", detail::TopicNames{{"x"}, {}},
      [](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; }, true);
}

TEST_CASE("each of ten thousand topics finds its own subscriptions") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  TopicTable table;
  std::vector<std::shared_ptr<InlineSubscription>> all;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(Make(core));
    table.Add("topic." + std::to_string(i), all.back());
  }
  CHECK(table.size() == 10'000);
  int wrong = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto targets = table.Find("topic." + std::to_string(i));
    if (!targets || targets->inlined().size() != 1 || !targets->queued().empty() ||
        targets->inlined()[0] != all[static_cast<std::size_t>(i)]) {
      ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK_FALSE(table.Find("topic.10000"));
  CHECK(table.All().size() == 10'000);
  table.Clear();
  CHECK(table.size() == 0);
  CHECK_FALSE(table.Find("topic.1"));
  table.Remove("topic.1", *all[1]);
}

TEST_CASE("a topic is forgotten with its last subscription") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  TopicTable table;
  const auto first = Make(core);
  const auto second = Make(core);
  table.Add("a", first);
  table.Add("a", second);
  table.Add("b", first);
  const auto before = table.Find("a");
  table.Remove("a", *first);
  CHECK(before->inlined().size() == 2);  // a publisher's list never changes
  const auto after = table.Find("a");
  REQUIRE(after);
  REQUIRE(after->inlined().size() == 1);
  CHECK(after->inlined()[0] == second);
  CHECK(after->topic() == "a");
  table.Remove("a", *second);
  table.Remove("a", *second);
  CHECK_FALSE(table.Find("a"));
  CHECK(table.size() == 1);
}

TEST_CASE("topics removed in any order leave the others where they are found") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  TopicTable table;
  const auto subscription = Make(core);
  const auto topic = [](int i) { return "topic." + std::to_string(i); };
  std::vector<bool> there(2000, false);
  std::mt19937 random(7);
  int wrong = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto i = random() % there.size();
    if (there[i]) {
      table.Remove(topic(static_cast<int>(i)), *subscription);
    } else {
      table.Add(topic(static_cast<int>(i)), subscription);
    }
    there[i] = !there[i];
    const auto probe = random() % there.size();
    const auto found = table.Find(topic(static_cast<int>(probe)));
    if (static_cast<bool>(found) != there[probe]) ++wrong;
    if (found && found->topic() != topic(static_cast<int>(probe))) ++wrong;
  }
  CHECK(wrong == 0);
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (there[i]) table.Remove(topic(static_cast<int>(i)), *subscription);
  }
  CHECK(table.size() == 0);
  CHECK(table.All().empty());
}

TEST_CASE("lists that publishers hold outlive their topic and end with the last of them") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  TopicTable table;
  auto subscription = Make(core);
  const std::weak_ptr<InlineSubscription> alive = subscription;
  table.Add("a", subscription);
  for (int i = 0; i < 3; ++i) CHECK(table.Find("a"));  // held and given back
  auto first = table.Find("a");
  auto second = table.Find("a");
  table.Remove("a", *subscription);
  subscription = nullptr;
  REQUIRE_FALSE(alive.expired());
  CHECK(first->inlined().size() == 1);
  first = {};
  CHECK_FALSE(alive.expired());
  CHECK(second->topic() == "a");
  second = {};
  CHECK(alive.expired());
}

constexpr std::uint64_t kSeed = 0x0123456789abcdef;

TEST_CASE("topics that differ in one byte or in length differ in all parts of their hash") {
  std::vector<std::size_t> low(64, 0);
  std::vector<std::size_t> high(64, 0);
  std::set<std::size_t> hashes;
  std::size_t topics = 0;
  for (std::size_t length = 0; length < 64; ++length) {
    std::string topic(length, 'a');
    for (std::size_t at = 0; at <= length; ++at) {
      if (at < length) topic[at] = 'b';
      const std::size_t hash = detail::TopicHash(topic, kSeed);
      if (at < length) topic[at] = 'a';
      hashes.insert(hash);
      ++low[hash & 63];
      ++high[hash >> 58];
      ++topics;
    }
  }
  CHECK(hashes.size() == topics);
  // 33 in each of 64 drawers as a mean: one of 80 would be no chance.
  CHECK(*std::max_element(low.begin(), low.end()) < 80);
  CHECK(*std::max_element(high.begin(), high.end()) < 80);
}

TEST_CASE("every byte of a topic alone reaches every bit of its hash, so shards and slots") {
  for (const std::size_t length : {1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63}) {
    for (std::size_t at = 0; at < length; ++at) {
      CAPTURE(length);
      CAPTURE(at);
      std::string topic(length, 'm');
      std::set<std::size_t> shards;
      std::set<std::size_t> slots;
      std::size_t changed = 0;
      topic[at] = 'A';
      const std::size_t first = detail::TopicHash(topic, kSeed);
      for (char letter = 'A'; letter <= 'Z'; ++letter) {
        topic[at] = letter;
        const std::size_t hash = detail::TopicHash(topic, kSeed);
        changed |= hash ^ first;
        shards.insert(hash & 63);
        slots.insert(hash >> 6 & 63);
      }
      CHECK(changed == ~std::size_t{0});
      CHECK(shards.size() > 10);  // 21 of 64 as a mean
      CHECK(slots.size() > 10);
    }
  }
}

TEST_CASE("topics told apart by their last two letters spread over the shards") {
  for (const char* name :
       {"", "x.", "trades.binance.spot.SYMBOL", "orders.binance.account-of-many."}) {
    CAPTURE(name);
    std::vector<std::size_t> shards(64, 0);
    for (char one = 'A'; one <= 'Z'; ++one) {
      for (char two = 'A'; two <= 'Z'; ++two) {
        ++shards[detail::TopicHash(std::string(name) + one + two, kSeed) & 63];
      }
    }
    CHECK(std::count(shards.begin(), shards.end(), 0) <= 8);
    CHECK(*std::max_element(shards.begin(), shards.end()) < 40);  // 11 as a mean
  }
}

TEST_CASE("another seed brings other topics together") {
  std::set<std::string> one;
  std::size_t both = 0;
  std::size_t other = 0;
  for (int i = 0; i < 6400; ++i) {
    const std::string topic = "trades.binance.spot." + std::to_string(i);
    if ((detail::TopicHash(topic, kSeed) & 63) == 0) one.insert(topic);
  }
  for (const std::string& topic : one) {
    std::size_t& sum = (detail::TopicHash(topic, ~kSeed) & 63) == 0 ? both : other;
    ++sum;
  }
  CHECK(one.size() > 50);
  CHECK(both < other / 4);
}

TEST_CASE("a gate counts those that went through past the bits it has for them") {
  detail::Gate gate((std::uint64_t{1} << 44) - 2);
  for (int i = 0; i < 4; ++i) {
    CHECK(gate.Enter());
    CHECK(gate.busy());
    CHECK_FALSE(gate.Pass());
  }
  CHECK(gate.passed() == (std::uint64_t{1} << 44) + 2);
  CHECK_FALSE(gate.busy());
  CHECK(gate.Enter());
  const auto closing = gate.Close();
  CHECK(closing.first);
  CHECK_FALSE(closing.empty);
  CHECK_FALSE(gate.Enter());
  CHECK_FALSE(gate.Leave());  // the one that was refused
  CHECK(gate.Pass());
  CHECK_FALSE(gate.Close().first);
  CHECK(gate.passed() == (std::uint64_t{1} << 44) + 3);
}

}  // namespace
}  // namespace virtufin::test
