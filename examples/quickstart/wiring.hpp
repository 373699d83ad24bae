// What both ways to run the quickstart share: the log, the topics, the worker, the viewers.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/event/topic.hpp"
#include "virtufin/platform/platform.hpp"

namespace quickstart {

/// Warnings and errors on stderr.
class StderrLog final : public virtufin::LogSink {
 public:
  bool Enabled(virtufin::LogLevel level) const noexcept override {
    return level >= virtufin::LogLevel::kWarn;
  }
  void Write(virtufin::LogLevel level, std::string_view component,
             std::string_view text) noexcept override;
};

/// Says what failed; 1.
int Failed(const virtufin::Status& status);

/// Where the events of some pairs of a venue, and the worker's replies to them, appear.
struct Topics {
  std::vector<std::string> books;    // snapshots and updates
  std::vector<std::string> others;   // quotes, trades
  std::vector<std::string> status;   // of each pair's feeds, and of the venue
  std::vector<std::string> replies;  // of the worker
};
Topics TopicsOf(std::string_view venue, const virtufin::World& world,
                const std::vector<std::string>& pairs);

/// Creates the native worker top_of_book on `topics` and starts it.
virtufin::Status StartWorker(virtufin::Platform& platform, const std::vector<std::string>& topics);

/// Shows every event of `topics` to `show`, on the thread that publishes it.
virtufin::Result<virtufin::Subscription> Watch(
    virtufin::PubSub& bus, const std::vector<std::string>& topics,
    std::function<void(const virtufin::CloudEvent&)> show);

}  // namespace quickstart
