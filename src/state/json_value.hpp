// What a path of a query leads to in a record, and how such values compare.
#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

using Json = nlohmann::json;

/// In the order that sorting uses.
enum class ValueKind : std::uint8_t { kMissing, kNull, kBool, kNumber, kText, kOther };

/// Borrows what it was made of.
struct Value {
  ValueKind kind = ValueKind::kMissing;
  std::string_view text = {};  // of kText
  const Json* json = nullptr;  // of the others but kMissing
};
Value ValueOf(const Json& json) noexcept;
inline Value ValueOf(std::string_view text) noexcept { return {ValueKind::kText, text, nullptr}; }

/// Same kind and same content; numbers by value: 1 equals 1.0. Nothing equals what is missing.
bool Equal(const Value& a, const Value& b);
/// Nothing between different kinds, and for kinds without an order (missing, null, kOther).
std::optional<std::strong_ordering> Order(const Value& a, const Value& b) noexcept;
/// For sorting: by kind, then as Order; what has no order is equal.
std::strong_ordering SortOrder(const Value& a, const Value& b) noexcept;

/// Where a value lies: the record's key, or members of its JSON value.
struct Path {
  std::vector<std::string> members;  // empty: the key
  bool is_key() const noexcept { return members.empty(); }
};
/// Errors: INVALID_ARGUMENT; `where` names the place in the query.
Result<Path> ParsePath(std::string_view text, const std::string& where);

/// One record while a query looks at it; its value is parsed when a path first needs it.
class RecordView {
 public:
  RecordView(std::string_view key, std::string_view value) noexcept : key_(key), value_(value) {}
  /// Borrowed until the view is gone. Missing, too, in a value that is no JSON.
  Value Find(const Path& path);
  std::string_view key() const noexcept { return key_; }

 private:
  std::string_view key_, value_;
  std::optional<Json> json_;
};

}  // namespace virtufin::inline v0::detail
