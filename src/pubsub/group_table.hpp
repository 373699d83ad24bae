// GroupTable: the groups of a broker by name.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pubsub/pattern.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {
namespace detail {

struct Attempt;
struct BrokerCore;
class GroupMember;
class GroupQueue;

/// Everything is [any].
class GroupTable {
 public:
  /// A new member, registered with `core`, of the group `options.group`.
  std::shared_ptr<GroupMember> Join(const std::shared_ptr<BrokerCore>& core, Executor& executor,
                                    std::string name, TopicNames names, MessageHandler handler,
                                    const SubscribeOptions& options);
  /// The last member of a queue ends it.
  void Leave(GroupMember& member, const std::shared_ptr<GroupQueue>& queue);
  /// Gives what an ended queue had left to another queue of the group that wants it; how much none
  /// wanted.
  std::size_t Redistribute(const std::string& group, std::vector<Attempt> attempts);

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::shared_ptr<GroupQueue>>> groups_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
