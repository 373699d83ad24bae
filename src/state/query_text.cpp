// Reads the members of a query, and writes and reads page tokens.
#include "state/query_text.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "virtufin/core/base64.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Invalid(const std::string& where, std::string_view expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "state",
                where + ": expected " + std::string(expected) + ", found " + std::string(found));
}

/// Watches the parser for what it lets pass: depth, and a member named twice, of which it would
/// keep the last.
class Watch {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        names_.emplace_back();
        too_deep_ |= names_.size() > static_cast<std::size_t>(kMaxJsonDepth);
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        names_.pop_back();
        break;
      case Json::parse_event_t::key: {
        auto& names = names_.back();
        const auto& name = parsed.get_ref<const std::string&>();
        if (std::find(names.begin(), names.end(), name) != names.end()) twice_ = name;
        if (names.size() < kMembers) names.push_back(name);
        too_many_ |= names.size() == kMembers;
        break;
      }
      default:
        break;
    }
    return true;
  }
  Status status() const {
    if (too_deep_) return Invalid("query", "a depth of " + std::to_string(kMaxJsonDepth), "more");
    if (too_many_) return Invalid("query", "fewer than 256 members an object", "more");
    if (!twice_.empty()) return Invalid("query", "each member once", "'" + twice_ + "' twice");
    return {};
  }

 private:
  static constexpr std::size_t kMembers = 256;  // keeps the search for doubles cheap
  std::vector<std::vector<std::string>> names_;
  bool too_deep_ = false, too_many_ = false;
  std::string twice_;
};

std::uint64_t Fingerprint(std::string_view text, std::uint64_t hash) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV
  return hash;
}

Status ReadSort(const Json& json, std::size_t index, Sorts& sorts) {
  const std::string where = "sort[" + std::to_string(index) + "]";
  if (!json.is_object()) return Invalid(where, "an object", json.type_name());
  Sort sort;
  bool has_key = false;
  for (const auto& [member, value] : json.items()) {
    const std::string inside = where + "." + member;
    if (member != "key" && member != "order") {
      return Invalid(where, "key and order", "'" + member + "'");
    }
    if (!value.is_string()) return Invalid(inside, "text", value.type_name());
    const auto& text = value.get_ref<const std::string&>();
    if (member == "key") {
      auto path = ParsePath(text, inside);
      if (!path.ok()) return path.status();
      sort.path = std::move(*path);
      has_key = true;
    } else if (text == "ASC" || text == "DESC") {
      sort.descending = text == "DESC";
    } else {
      return Invalid(inside, "ASC or DESC", "'" + text + "'");
    }
  }
  if (!has_key) return Invalid(where, "a member key", "none");
  sorts.push_back(std::move(sort));
  return {};
}

Status ReadSorts(const Json& json, Sorts& sorts) {
  if (!json.is_array()) return Invalid("sort", "an array", json.type_name());
  if (json.size() > StateQuery::kMaxSorts) {
    return Invalid("sort", "at most " + std::to_string(StateQuery::kMaxSorts) + " paths",
                   std::to_string(json.size()));
  }
  for (const Json& one : json) {
    if (Status status = ReadSort(one, sorts.size(), sorts); !status.ok()) return status;
  }
  return {};
}

Status ReadPage(const Json& json, QueryText& out) {
  if (!json.is_object()) return Invalid("page", "an object", json.type_name());
  for (const auto& [member, value] : json.items()) {
    if (member == "limit") {
      if (!value.is_number_unsigned()) {
        return Invalid("page.limit", "a whole number, 0 or more",
                       value.is_number() ? "another number" : value.type_name());
      }
      out.limit = value.get<std::size_t>();
    } else if (member == "token") {
      if (!value.is_string()) return Invalid("page.token", "text", value.type_name());
      out.token = value.get_ref<const std::string&>();
    } else {
      return Invalid("page", "limit and token", "'" + member + "'");
    }
  }
  return {};
}

/// What of a text takes part in sorting: tokens carry it. Cut between two characters.
std::string_view SortedPart(std::string_view text) noexcept {
  constexpr std::size_t kMost = 512;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

Position PositionOf(const Sorts& sorts, RecordView& record) {
  Position position;
  position.key = record.key();
  position.values.reserve(sorts.size());
  for (const Sort& sort : sorts) {
    Json kept = Json::array();
    const Value value = record.Find(sort.path);
    if (value.kind == ValueKind::kText) {
      kept.push_back(std::string(SortedPart(value.text)));
    } else if (value.kind == ValueKind::kOther) {
      kept.push_back(Json::object());
    } else if (value.kind != ValueKind::kMissing) {
      kept.push_back(*value.json);
    }
    position.values.push_back(std::move(kept));
  }
  return position;
}

bool Before(const Sorts& sorts, const Position& a, const Position& b) noexcept {
  const auto value = [](const Json& kept) {
    return kept.empty() ? Value{} : ValueOf(kept.front());
  };
  for (std::size_t i = 0; i < sorts.size(); ++i) {
    const auto order = SortOrder(value(a.values[i]), value(b.values[i]));
    if (order != 0) return sorts[i].descending ? order > 0 : order < 0;
  }
  return a.key < b.key;
}

Result<QueryText> ReadQueryText(std::string_view service, std::string_view query) {
  QueryText out;
  if (query.size() > StateQuery::kMaxBytes) {
    return Invalid("query", "at most " + std::to_string(StateQuery::kMaxBytes) + " bytes",
                   std::to_string(query.size()));
  }
  Watch watch;
  Json json = query.empty() ? Json::object() : Json::parse(query, std::ref(watch), false);
  if (!json.is_object()) {
    return Invalid("query", "a JSON object", json.is_discarded() ? "no JSON" : json.type_name());
  }
  if (Status status = watch.status(); !status.ok()) return status;
  std::string same = std::string(service) + "|";  // of all queries that go through the same pages
  for (auto& [member, value] : json.items()) {
    Status status;
    if (member == "filter") {
      out.filter = std::move(value);
      same += "filter" + out.filter.dump();
    } else if (member == "sort") {
      status = ReadSorts(value, out.sorts);
      if (status.ok()) same += "sort" + value.dump();
    } else if (member == "page") {
      status = ReadPage(value, out);
    } else {
      status = Invalid("query", "filter, sort and page", "'" + member + "'");
    }
    if (!status.ok()) return status;
  }
  out.print = Fingerprint(same, 0xcbf29ce484222325u);
  return out;
}

std::string WriteToken(const Position& position, std::uint64_t print) {
  Json json = Json::array({print});
  for (const Json& value : position.values) json.push_back(value);
  json.push_back(position.key);
  const std::string text = json.dump();
  std::string token(Base64Size(text.size()), '\0');
  WriteBase64(AsBytes(text), token.data());
  return token;
}

Result<Position> ReadToken(std::string_view token, std::uint64_t print, std::size_t sorts) {
  const Status invalid = Invalid("page.token", "the token of an answer to this query", "another");
  std::vector<std::uint8_t> bytes(Base64Bytes(token.size()));
  std::uint8_t* const end = ReadBase64(token, bytes.data());
  if (end == nullptr) return invalid;
  const Json json = Json::parse(bytes.data(), end, nullptr, false);
  if (!json.is_array() || json.size() != sorts + 2) return invalid;
  if (!json.front().is_number_unsigned() || json.front().get<std::uint64_t>() != print ||
      !json.back().is_string()) {
    return invalid;
  }
  Position position;
  position.key = json.back().get_ref<const std::string&>();
  for (std::size_t i = 1; i <= sorts; ++i) {
    const Json& value = json[i];
    // Flat, so that a copy needs no deep stack.
    if (!value.is_array() || value.size() > 1) return invalid;
    if (!value.empty() && value.front().is_structured() && !value.front().empty()) return invalid;
    position.values.push_back(value);
  }
  return position;
}

}  // namespace virtufin::inline v0::detail
