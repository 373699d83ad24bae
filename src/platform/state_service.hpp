// virtufin.State over a StateStore: requests and answers are the canonical JSON of its messages.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0::detail {

/// As the store: what it waits for, this waits for. [any] [callback]
class StateService {
 public:
  /// What is referred to is borrowed; `services` are valid besides those that always are.
  /// `replay_run`: as WorkManagerOptions has it.
  StateService(StateStore& store, PubSub& bus, const Clock& clock,
               std::vector<std::string> services, std::string replay_run = {});

  /// Errors: UNIMPLEMENTED for another method; INVALID_ARGUMENT; the store's.
  Result<std::string> Invoke(std::string_view method, std::string_view json);

  /// Writes the records that always are there, unless they are.
  Status Seed();

 private:
  Result<std::string> SaveState(std::string_view json);
  Result<std::string> GetState(std::string_view json);
  Result<std::string> DeleteState(std::string_view json);
  Result<std::string> QueryState(std::string_view json);
  Result<std::string> GetBulkState(std::string_view json);
  Result<std::string> DeleteBulkState(std::string_view json);

  Status CheckService(std::string_view service) const;
  /// Deletes, and says in `value` what the record was. False: there was none.
  Result<bool> DeleteAndTell(const std::string& service, const std::string& key,
                             const std::string& etag, std::string& value);
  /// Empty, or why the change, which was made, was not published.
  std::string PublishChange(const CloudEvent::Stream& stream, const std::string& data);

  StateStore& store_;
  PubSub& bus_;
  const Clock& clock_;
  std::vector<std::string> services_;
  CloudEvent::Stream saved_, deleted_;
  const std::string replay_run_;
  std::atomic<std::uint64_t> changes_ = 0;  // told in a replay
};

}  // namespace virtufin::inline v0::detail
