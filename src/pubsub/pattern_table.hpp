// PatternTable: who gets the events of all topics that fit a pattern.
//
// The patterns are a tree of segments, so that those which cannot match cost nothing. What a topic
// matches is remembered for each topic until a pattern comes or goes; a pattern's own subscriptions
// come and go without that.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/targets.hpp"

namespace virtufin::inline v0 {
namespace detail {

class InprocSubscription;

/// One pattern somebody subscribed to, and its subscriptions. Everything is [any].
class PatternEntry {
 public:
  explicit PatternEntry(std::string_view pattern) : pattern_(pattern) {}
  std::string_view pattern() const noexcept { return pattern_; }
  /// Null when nobody listens any more.
  Targets::Ref targets() const {
    const std::lock_guard lock(mutex_);
    return targets_.Lend();
  }
  void Replace(Targets::Owner& targets) {
    const std::lock_guard lock(mutex_);
    std::swap(targets_, targets);
  }

 private:
  const std::string pattern_;
  mutable std::mutex mutex_;
  Targets::Owner targets_;
};

/// The patterns that a topic matches.
using PatternMatch = std::shared_ptr<const std::vector<std::shared_ptr<PatternEntry>>>;

/// Everything is [any].
class PatternTable {
 public:
  /// No pattern exists: nothing to find.
  bool empty() const noexcept { return count_.load(std::memory_order_acquire) == 0; }
  /// Not null.
  PatternMatch Find(std::string_view topic) const;

  void Add(std::string_view pattern, const Targets::Queued& subscription);
  void Add(std::string_view pattern, const Targets::Inlined& subscription);
  void Remove(std::string_view pattern, const InprocSubscription& subscription);

  std::size_t size() const noexcept { return count_.load(std::memory_order_acquire); }
  std::size_t remembered() const;  // topics whose match is remembered
  /// Each subscription at least once.
  std::vector<std::shared_ptr<InprocSubscription>> All() const;
  std::vector<std::shared_ptr<InlineSubscription>> AllInline() const;
  void Clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class Value>
  using ByText = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  struct Node {
    ByText<std::unique_ptr<Node>> children;  // by segment; "*" among them
    std::shared_ptr<PatternEntry> ends;      // the pattern that ends here
    std::shared_ptr<PatternEntry> rest;      // the pattern that ends with `>` behind here
    bool empty() const noexcept { return children.empty() && ends == nullptr && rest == nullptr; }
  };
  // What was found in one state of the tree. Bounded: topics come from outside.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::uint64_t epoch = 0;
    ByText<PatternMatch> matches;
  };
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kMaxRemembered = 256;  // topics a shard

  static void Match(const Node& node, std::string_view topic,
                    std::vector<std::shared_ptr<PatternEntry>>& found);
  static std::shared_ptr<PatternEntry>& Seek(Node& root, std::string_view pattern);
  static bool Erase(Node& node, std::string_view pattern);
  template <class Change>
  void Edit(std::string_view pattern, Change change);
  template <class Visit>
  static void VisitEntries(const Node& node, Visit visit);
  void Forget();

  mutable std::mutex mutex_;  // taken after a shard's
  Node root_;
  std::atomic<std::size_t> count_{0};    // patterns; written under mutex_
  std::atomic<std::uint64_t> epoch_{1};  // changes with the set of patterns; written under mutex_
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
