// The text around a filter: members, order, page, and the token that names a place in an order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "state/json_value.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct Sort {
  Path path;
  bool descending = false;
};
using Sorts = std::vector<Sort>;

/// Where a record stands in an order: what each sort finds in it, then its key.
struct Position {
  /// Arrays of one scalar; of nothing when it is missing, of {} when it has no order.
  std::vector<Json> values;
  std::string key;
};
Position PositionOf(const Sorts& sorts, RecordView& record);
bool Before(const Sorts& sorts, const Position& a, const Position& b) noexcept;

struct QueryText {
  Json filter = Json::object();
  Sorts sorts;
  std::size_t limit = 0;
  std::string token;
  // The same for two queries of one service that differ in their page at most.
  std::uint64_t print = 0;
};
/// Errors: INVALID_ARGUMENT naming the member.
Result<QueryText> ReadQueryText(std::string_view service, std::string_view query);

/// `print` keeps it from being used with another query.
std::string WriteToken(const Position& position, std::uint64_t print);
/// Errors: INVALID_ARGUMENT when no WriteToken with these `print` and number of sorts wrote it.
Result<Position> ReadToken(std::string_view token, std::uint64_t print, std::size_t sorts);

}  // namespace virtufin::inline v0::detail
