// Filters: bounded in depth and number when read, so that asking them is bounded too.
#include "state/filter.hpp"

#include <algorithm>
#include <utility>

#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Op = Filter::Op;

struct Name {
  std::string_view text;
  Op op;
};
constexpr Name kNames[] = {{"EQ", Op::kEq},   {"NEQ", Op::kNeq},       {"GT", Op::kGt},
                           {"GTE", Op::kGte}, {"LT", Op::kLt},         {"LTE", Op::kLte},
                           {"IN", Op::kIn},   {"PREFIX", Op::kPrefix}, {"AND", Op::kAnd},
                           {"OR", Op::kOr}};

Status Invalid(const std::string& where, std::string_view expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "state",
                where + ": expected " + std::string(expected) + ", found " + std::string(found));
}

class Reader {
 public:
  Result<Filter> Read(Json& json, const std::string& where, int depth) {
    if (!json.is_object()) return Invalid(where, "an object", json.type_name());
    if (json.empty()) return Filter{};
    if (json.size() != 1) {
      return Invalid(where, "one operator", std::to_string(json.size()) + ": join them by AND");
    }
    const std::string& name = json.begin().key();
    const auto known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](auto& n) { return n.text == name; });
    if (known == std::end(kNames)) {
      return Invalid(where, "EQ, NEQ, GT, GTE, LT, LTE, IN, PREFIX, AND or OR", "'" + name + "'");
    }
    if (Status status = Count(where, 1); !status.ok()) return status;
    const std::string inside = where + "." + name;
    Json& content = json.begin().value();
    if (known->op == Op::kAnd || known->op == Op::kOr) {
      return ReadList(known->op, content, inside, depth + 1);
    }
    return ReadComparison(known->op, content, inside);
  }

 private:
  Status Count(const std::string& where, std::size_t more) {
    count_ += more;
    if (count_ <= static_cast<std::size_t>(StateQuery::kMaxFilters)) return {};
    return Invalid(
        where, "at most " + std::to_string(StateQuery::kMaxFilters) + " operators and values of IN",
        "more");
  }

  Result<Filter> ReadList(Op op, Json& content, const std::string& where, int depth) {
    if (!content.is_array() || content.empty()) {
      return Invalid(where, "an array of at least one filter",
                     content.is_array() ? "none" : content.type_name());
    }
    if (depth > StateQuery::kMaxDepth) {
      return Invalid(where, "AND and OR at most " + std::to_string(StateQuery::kMaxDepth) + " deep",
                     "more");
    }
    Filter filter;
    filter.op = op;
    for (Json& part : content) {
      auto read = Read(part, where + "[" + std::to_string(filter.parts.size()) + "]", depth);
      if (!read.ok()) return read.status();
      filter.parts.push_back(std::move(*read));
    }
    return filter;
  }

  Result<Filter> ReadComparison(Op op, Json& content, const std::string& where) {
    if (!content.is_object() || content.size() != 1) {
      return Invalid(where, "an object with one path",
                     content.is_object() ? std::to_string(content.size()) : content.type_name());
    }
    auto path = ParsePath(content.begin().key(), where);
    if (!path.ok()) return path.status();
    Json& operand = content.begin().value();
    if (op == Op::kPrefix && !operand.is_string()) {
      return Invalid(where, "text", operand.type_name());
    }
    if (op == Op::kIn) {
      if (!operand.is_array()) return Invalid(where, "an array", operand.type_name());
      if (Status status = Count(where, operand.size()); !status.ok()) return status;
    }
    const bool ordered = op >= Op::kGt && op <= Op::kLte;
    if (ordered && !operand.is_number() && !operand.is_string() && !operand.is_boolean()) {
      return Invalid(where, "a number, text or a boolean", operand.type_name());
    }
    Filter filter;
    filter.op = op;
    filter.path = std::move(*path);
    filter.operand = std::move(operand);
    return filter;
  }

  std::size_t count_ = 0;
};

bool MatchesOrder(Op op, const Value& found, const Value& operand) noexcept {
  const auto order = Order(found, operand);
  if (!order) return false;
  switch (op) {
    case Op::kGt:
      return *order > 0;
    case Op::kGte:
      return *order >= 0;
    case Op::kLt:
      return *order < 0;
    default:
      return *order <= 0;
  }
}

}  // namespace

Result<Filter> ParseFilter(Json json) { return Reader().Read(json, "filter", 0); }

bool Matches(const Filter& filter, RecordView& record) {
  const auto matches = [&](const Filter& part) { return Matches(part, record); };
  switch (filter.op) {
    case Op::kAll:
      return true;
    case Op::kAnd:
      return std::all_of(filter.parts.begin(), filter.parts.end(), matches);
    case Op::kOr:
      return std::any_of(filter.parts.begin(), filter.parts.end(), matches);
    default:
      break;
  }
  const Value found = record.Find(filter.path);
  switch (filter.op) {
    case Op::kEq:
      return Equal(found, ValueOf(filter.operand));
    case Op::kNeq:
      return !Equal(found, ValueOf(filter.operand));
    case Op::kIn:
      return std::any_of(filter.operand.begin(), filter.operand.end(),
                         [&](const Json& one) { return Equal(found, ValueOf(one)); });
    case Op::kPrefix:
      return found.kind == ValueKind::kText && found.text.starts_with(ValueOf(filter.operand).text);
    default:
      return MatchesOrder(filter.op, found, ValueOf(filter.operand));
  }
}

std::string_view KeyPrefix(const Filter& filter) noexcept {
  if (filter.op == Op::kAnd) {
    std::string_view longest;
    for (const Filter& part : filter.parts) {
      const std::string_view prefix = KeyPrefix(part);
      if (prefix.size() > longest.size()) longest = prefix;
    }
    return longest;
  }
  const bool narrows = filter.op == Op::kPrefix || filter.op == Op::kEq;
  if (!narrows || !filter.path.is_key()) return {};
  return ValueOf(filter.operand).text;
}

}  // namespace virtufin::inline v0::detail
