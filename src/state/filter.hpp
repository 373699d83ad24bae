// The filter of a query: read from JSON, checked, and asked of one record at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "state/json_value.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct Filter {
  enum class Op : std::uint8_t { kAll, kEq, kNeq, kGt, kGte, kLt, kLte, kIn, kPrefix, kAnd, kOr };
  Op op = Op::kAll;
  Path path;                  // all but kAll, kAnd and kOr
  Json operand;               // of kEq to kPrefix; kIn: an array
  std::vector<Filter> parts;  // of kAnd and kOr
};

/// `{}` is kAll. Errors: INVALID_ARGUMENT naming the place in the query.
Result<Filter> ParseFilter(Json json);
bool Matches(const Filter& filter, RecordView& record);
/// What every key that matches begins with; borrowed from `filter`.
std::string_view KeyPrefix(const Filter& filter) noexcept;

}  // namespace virtufin::inline v0::detail
