// Bounds requests before they are parsed, and takes their fields out.
#include "platform/json_request.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

/// Refuses what is too deep before it is parsed: copies and texts of it would recurse.
bool TooDeep(std::string_view json) {
  int depth = 0;
  bool text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (text) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        text = false;
    } else if (c == '"') {
      text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// createOnly of create_only.
std::string CamelCase(std::string_view field) {
  std::string name;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '_' && i + 1 < field.size()) {
      name += static_cast<char>(field[++i] - 'a' + 'A');
    } else {
      name += field[i];
    }
  }
  return name;
}

}  // namespace

Status InvalidRequest(std::string message) {
  return Status(StatusCode::kInvalidArgument, "gateway", std::move(message));
}

Result<Json> ParseRequest(std::string_view json) {
  if (json.size() > kMaxEventBytes || TooDeep(json)) {
    return InvalidRequest("request: expected at most " + std::to_string(kMaxEventBytes) +
                          " bytes and a depth of " + std::to_string(kMaxJsonDepth));
  }
  Json request = Json::parse(json, nullptr, false);
  if (!request.is_object()) return InvalidRequest("request: expected a JSON object");
  return request;
}

const Json* RequestReader::Find(std::string_view field) {
  known_.push_back(field);
  const std::string camel = CamelCase(field);
  auto found = request_.find(camel);
  if (camel != field) {
    const auto plain = request_.find(field);
    if (found == request_.end()) found = plain;
    if (plain != request_.end() && found != plain) Fail(field, "one spelling, not two", *plain);
  }
  if (found == request_.end()) return nullptr;
  ++read_;
  return found->is_null() ? nullptr : &*found;
}

void RequestReader::Fail(std::string_view field, std::string_view expected, const Json& found) {
  if (!status_.ok()) return;
  status_ = InvalidRequest(std::string(field) + ": expected " + std::string(expected) + ", found " +
                           found.type_name());
}

RequestReader& RequestReader::Text(std::string_view field, std::string& out) {
  const Json* const found = Find(field);
  if (found == nullptr) return *this;
  if (!found->is_string()) {
    Fail(field, "text", *found);
  } else {
    out = found->get_ref<const std::string&>();
  }
  return *this;
}

RequestReader& RequestReader::Texts(std::string_view field, std::vector<std::string>& out) {
  const Json* const found = Find(field);
  if (found == nullptr) return *this;
  if (!found->is_array()) {
    Fail(field, "an array of texts", *found);
    return *this;
  }
  for (const Json& one : *found) {
    if (!one.is_string()) {
      Fail(field, "an array of texts", one);
      return *this;
    }
    out.push_back(one.get_ref<const std::string&>());
  }
  return *this;
}

RequestReader& RequestReader::Flag(std::string_view field, bool& out) {
  const Json* const found = Find(field);
  if (found == nullptr) return *this;
  if (!found->is_boolean()) {
    Fail(field, "true or false", *found);
  } else {
    out = found->get<bool>();
  }
  return *this;
}

RequestReader& RequestReader::Number(std::string_view field, std::int64_t max, std::int64_t& out) {
  const Json* const found = Find(field);
  if (found == nullptr) return *this;
  std::uint64_t number = 0;
  bool whole = found->is_number_unsigned();
  if (whole) {
    number = found->get<std::uint64_t>();
  } else if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  }
  if (!whole || number > static_cast<std::uint64_t>(max)) {
    Fail(field, "a whole number from 0 to " + std::to_string(max), *found);
  } else {
    out = static_cast<std::int64_t>(number);
  }
  return *this;
}

Status RequestReader::Finish() const {
  if (!status_.ok() || read_ == request_.size()) return status_;
  std::string expected;
  for (const std::string_view field : known_) {
    expected += (expected.empty() ? "" : ", ") + std::string(field);
  }
  const auto is_known = [&](const std::string& member) {
    return std::any_of(known_.begin(), known_.end(), [&](std::string_view field) {
      return member == field || member == CamelCase(field);
    });
  };
  std::string found;
  for (const auto& [member, value] : request_.items()) {
    if (!is_known(member)) found = member;
  }
  return InvalidRequest("request: expected " + expected + ", found " + found);
}

}  // namespace virtufin::inline v0::detail
