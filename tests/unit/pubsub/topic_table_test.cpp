// Topics: found among many, forgotten with their last subscription.
#include "pubsub/topic_table.hpp"

#include <doctest/doctest.h>

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
      core, "x", std::vector<std::string>{"x"},
      [](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; });
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
    if (targets == nullptr || targets->inlined.size() != 1 ||
        targets->inlined[0] != all[static_cast<std::size_t>(i)]) {
      ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(table.Find("topic.10000") == nullptr);
  CHECK(table.All().size() == 10'000);
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
  CHECK(before->inlined.size() == 2);  // a publisher's list never changes
  REQUIRE(table.Find("a") != nullptr);
  CHECK(table.Find("a")->inlined == std::vector{second});
  table.Remove("a", *second);
  table.Remove("a", *second);
  CHECK(table.Find("a") == nullptr);
  CHECK(table.size() == 1);
}

}  // namespace
}  // namespace virtufin::test
