// Topics: found among many, forgotten with their last subscription.
#include "pubsub/topic_table.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "pubsub/inline_subscription.hpp"
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

}  // namespace
}  // namespace virtufin::test
