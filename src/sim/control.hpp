// Control messages of a Binance connection: read, and what is wrong with them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtufin::inline v0::sim {

enum class ControlMethod : std::uint8_t {
  kSubscribe,
  kUnsubscribe,
  kList,
  kSetProperty,
  kGetProperty
};

struct ControlMessage {
  ControlMethod method = ControlMethod::kList;
  std::vector<std::string> streams;
  bool combined = false;  // kSetProperty
  std::string id;         // as JSON: 1, "abc" or null
};

struct ControlError {
  int code = 0;
  std::string message;
  std::string id;  // as JSON; empty: unknown
};

/// False: refused, `error` says so.
bool ParseControl(std::string_view text, ControlMessage& message, ControlError& error);

std::string ResultText(std::string_view result, std::string_view id);
std::string ErrorText(const ControlError& error, bool nested);

}  // namespace virtufin::inline v0::sim
