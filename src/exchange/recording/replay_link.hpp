// ReplayLink: what a session does, compared with what was recorded of it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "exchange/recording/session_tap.hpp"

namespace virtufin::inline v0::detail {

/// Carries nothing out. The first difference is kept; after it nothing is compared any more.
class ReplayLink final : public VenueLink {
 public:
  /// Addresses are compared as they were recorded. The session is made with this link first.
  void Attach(const BinanceSession& session) { urls_.assign(1, RecordedUrls(session.options())); }

  /// What is recorded behind the input that comes next. The payload is copied.
  void Expect(const Record& output);
  /// `at_end`: the recording was cut behind this input, so not all that it led to is known.
  void Begin(bool at_end) noexcept { at_end_ = at_end; }
  /// What a call on the session answered.
  void Result(StatusCode code, std::uint64_t number = 0);
  /// Nothing more comes of the input.
  void Finish();

  /// The number by which the session asked for what was recorded as `request`; 0: it never did.
  std::uint64_t TakeRequest(std::uint64_t request);

  bool diverged() const noexcept { return !divergence_.empty(); }
  const std::string& divergence() const noexcept { return divergence_; }

  void Open(std::uint32_t socket, std::string_view url) override;
  bool Send(std::uint32_t socket, std::string_view text) override;
  void Ping(std::uint32_t socket) override;
  void Close(std::uint32_t socket) override;
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override;

 private:
  struct Expected {
    RecordHead head;
    std::uint64_t index;
    std::string payload;
  };
  const Expected* Next() const noexcept {
    return at_ < expected_.size() ? &expected_[at_] : nullptr;
  }
  bool Check(RecordKind kind, std::uint32_t socket, std::string_view text,
             std::string_view recorded_text);
  void Diverge(const Expected* expected, const std::string& found);

  std::vector<RecordedUrls> urls_;  // one, once attached
  std::vector<Expected> expected_;  // of one input
  std::size_t at_ = 0;              // the next of these
  bool at_end_ = false;
  std::map<std::uint64_t, std::uint64_t> requests_;  // as recorded, to those of the session
  std::string divergence_;
};

}  // namespace virtufin::inline v0::detail
