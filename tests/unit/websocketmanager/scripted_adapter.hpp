// An adapter that tests drive by hand: it takes what is in upper case, and stops when it may.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "support/gate.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/exchange/adapter.hpp"

namespace virtufin::test {

/// What the test and its adapters share.
struct Script {
  std::atomic<int> alive = 0, started = 0;
  std::atomic<bool> start_fails = false;
  std::atomic<bool> hangs = false;  // Stop runs into its deadline
  Gate inside;                      // Stop was called
  std::mutex mutex;
  std::map<std::string, SubscriptionState> states;  // by instrument; live otherwise
  std::map<std::string, int> references;            // by instrument, over all adapters
  std::map<std::string, int> republished;           // books, by instrument
  std::map<std::string, std::string> options;       // of the last one made

  int references_of(const std::string& instrument) {
    const std::lock_guard lock(mutex);
    return references[instrument];
  }
};

class ScriptedAdapter final : public ExchangeAdapter {
 public:
  explicit ScriptedAdapter(std::shared_ptr<Script> script) : script_(std::move(script)) {
    ++script_->alive;
  }
  ~ScriptedAdapter() override { --script_->alive; }

  std::string_view venue() const noexcept override { return "scripted"; }
  Status Start() override {
    if (script_->start_fails) {
      return Status(StatusCode::kResourceExhausted, "test", "no thread");
    }
    ++script_->started;
    return {};
  }
  Status Stop(std::chrono::milliseconds deadline) override {
    script_->inside.Open();
    if (CurrentThreadKind() != ThreadKind::kForeign) {
      return Status(StatusCode::kFailedPrecondition, "test", "not on this thread");
    }
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (script_->hangs && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    if (!script_->hangs) return {};
    return Status(StatusCode::kDeadlineExceeded, "test", "a handler did not return");
  }
  Result<FeedHandle> Subscribe(const FeedRequest& request) override {
    for (const char c : request.instrument) {
      if (c >= 'a' && c <= 'z') {
        return Status(StatusCode::kInvalidArgument, "test", "instrument: expected upper case");
      }
    }
    const std::lock_guard lock(script_->mutex);
    ++script_->references[request.instrument];
    given_.emplace(++last_, request);
    return last_;
  }
  Status Unsubscribe(FeedHandle handle) override {
    const std::lock_guard lock(script_->mutex);
    const auto at = given_.find(handle);
    if (at == given_.end()) return Status(StatusCode::kNotFound, "test", "no such handle");
    --script_->references[at->second.instrument];
    given_.erase(at);
    return {};
  }
  Status Republish(FeedHandle handle) override {
    const std::lock_guard lock(script_->mutex);
    const auto at = given_.find(handle);
    if (at == given_.end()) return Status(StatusCode::kNotFound, "test", "no such handle");
    if (at->second.channel != FeedChannel::kBook) {
      return Status(StatusCode::kUnimplemented, "test", "no book");
    }
    ++script_->republished[at->second.instrument];
    return {};
  }
  Result<SubscriptionStatus> StatusOf(FeedHandle handle) const override {
    const std::lock_guard lock(script_->mutex);
    const auto at = given_.find(handle);
    if (at == given_.end()) return Status(StatusCode::kNotFound, "test", "no such handle");
    SubscriptionStatus status;
    status.request = at->second;
    if (status.request.parameters.empty() && status.request.channel == FeedChannel::kCandle) {
      status.request.parameters = {{"interval", "1m"}};
    }
    const auto state = script_->states.find(status.request.instrument);
    status.state = state == script_->states.end() ? SubscriptionState::kLive : state->second;
    status.references = script_->references[status.request.instrument];
    return status;
  }
  Result<TopOfBook> TopOf(std::string_view instrument) const override {
    return Status(StatusCode::kNotFound, "test", "no top of " + std::string(instrument));
  }
  AdapterCounters counters() const override { return {}; }

 private:
  const std::shared_ptr<Script> script_;
  std::map<FeedHandle, FeedRequest> given_;
  FeedHandle last_ = 0;
};

}  // namespace virtufin::test
