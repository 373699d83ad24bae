// What the encoders share: an event with, perhaps, further extensions stamped on it.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <string_view>

#include "event/block.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/encoded_bytes.hpp"

namespace virtufin::inline v0::detail {

/// Everything is borrowed. `stamped` are string entries whose names the event does not have.
struct EncodeInput {
  const EventBlock& event;
  std::span<const Entry* const> stamped = {};
};

Result<EncodedBytes> EncodeJsonOf(const EncodeInput& input);
Result<EncodedBytes> EncodeWireOf(const EncodeInput& input);

/// Calls f(name, entry) for every extension.
template <class F>
void ForEachExtension(const EncodeInput& input, F f) {
  for (const Entry& entry : std::span(input.event.shared, input.event.shared_count)) f(entry);
  for (const Entry& entry : std::span(input.event.own(), input.event.own_count)) f(entry);
  for (const Entry* entry : input.stamped) f(*entry);
}

/// The text of a boolean or an integer.
class ScalarText {
 public:
  explicit ScalarText(const Entry& entry) noexcept {
    if (entry.kind == ValueKind::kBool) {
      text_ = entry.value.boolean ? "true" : "false";
    } else {
      const auto end =
          std::to_chars(digits_.data(), digits_.data() + digits_.size(), entry.value.integer);
      text_ = {digits_.data(), static_cast<std::size_t>(end.ptr - digits_.data())};
    }
  }
  ScalarText(const ScalarText&) = delete;
  ScalarText& operator=(const ScalarText&) = delete;
  std::string_view text() const noexcept { return text_; }

 private:
  std::array<char, 12> digits_;
  std::string_view text_;
};

Status NoMemory();

}  // namespace virtufin::inline v0::detail
