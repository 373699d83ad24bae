// How values of records and of queries compare.
#include "state/json_value.hpp"

#include <limits>

namespace virtufin::inline v0::detail {
namespace {

__extension__ using Wide = __int128;
static_assert(std::numeric_limits<long double>::digits >= 64);

Wide WholeNumber(const Json& number) noexcept {
  if (number.is_number_unsigned()) return *number.get_ptr<const Json::number_unsigned_t*>();
  return *number.get_ptr<const Json::number_integer_t*>();
}

long double RealNumber(const Json& number) noexcept {
  if (number.is_number_float()) return *number.get_ptr<const Json::number_float_t*>();
  return static_cast<long double>(WholeNumber(number));
}

// Exact: 64 bits fit a long double, and JSON has neither NaN nor infinity.
std::strong_ordering OrderNumbers(const Json& a, const Json& b) noexcept {
  if (!a.is_number_float() && !b.is_number_float()) {
    const Wide left = WholeNumber(a), right = WholeNumber(b);
    return left < right   ? std::strong_ordering::less
           : left > right ? std::strong_ordering::greater
                          : std::strong_ordering::equal;
  }
  const long double left = RealNumber(a), right = RealNumber(b);
  return left < right   ? std::strong_ordering::less
         : left > right ? std::strong_ordering::greater
                        : std::strong_ordering::equal;
}

std::strong_ordering OrderTexts(std::string_view a, std::string_view b) noexcept {
  return a.compare(b) <=> 0;
}

}  // namespace

Value ValueOf(const Json& json) noexcept {
  switch (json.type()) {
    case Json::value_t::null:
      return {ValueKind::kNull, {}, &json};
    case Json::value_t::boolean:
      return {ValueKind::kBool, {}, &json};
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return {ValueKind::kNumber, {}, &json};
    case Json::value_t::string:
      return {ValueKind::kText, *json.get_ptr<const std::string*>(), &json};
    default:
      return {ValueKind::kOther, {}, &json};
  }
}

bool Equal(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.kind == ValueKind::kMissing) return false;
  if (a.kind == ValueKind::kOther) return *a.json == *b.json;
  return SortOrder(a, b) == 0;
}

std::optional<std::strong_ordering> Order(const Value& a, const Value& b) noexcept {
  if (a.kind != b.kind) return std::nullopt;
  switch (a.kind) {
    case ValueKind::kBool:
      return *a.json->get_ptr<const bool*>() <=> *b.json->get_ptr<const bool*>();
    case ValueKind::kNumber:
      return OrderNumbers(*a.json, *b.json);
    case ValueKind::kText:
      return OrderTexts(a.text, b.text);
    default:
      return std::nullopt;
  }
}

std::strong_ordering SortOrder(const Value& a, const Value& b) noexcept {
  if (a.kind != b.kind) return a.kind <=> b.kind;
  return Order(a, b).value_or(std::strong_ordering::equal);
}

Result<Path> ParsePath(std::string_view text, const std::string& where) {
  Path path;
  if (text == "key") return path;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t dot = std::min(text.find('.', start), text.size());
    if (dot == start) {
      return Status(
          StatusCode::kInvalidArgument, "state",
          where + ": expected a path such as market.world, found '" + std::string(text) + "'");
    }
    path.members.emplace_back(text.substr(start, dot - start));
    start = dot + 1;
  }
  return path;
}

Value RecordView::Find(const Path& path) {
  if (path.is_key()) return ValueOf(key_);
  if (!json_) json_ = Json::parse(value_, nullptr, false);
  const Json* at = &*json_;
  for (const std::string& member : path.members) {
    const auto* object = at->get_ptr<const Json::object_t*>();
    if (object == nullptr) return {};
    const auto found = object->find(member);
    if (found == object->end()) return {};
    at = &found->second;
  }
  return ValueOf(*at);
}

}  // namespace virtufin::inline v0::detail
