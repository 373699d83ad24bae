// A request in the canonical JSON of its message: members by either spelling of their names, values
// as Protobuf's JSON allows them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// Errors: INVALID_ARGUMENT for what is too large, too deep, or no object.
Result<nlohmann::json> ParseRequest(std::string_view json);

/// INVALID_ARGUMENT of the component `gateway`.
Status InvalidRequest(std::string message);

/// Reads the fields of one request, whose names have static storage; null and what is missing stay
/// as they are. The first error is kept.
class RequestReader {
 public:
  /// `request` is borrowed.
  explicit RequestReader(const nlohmann::json& request) : request_(request) {}

  RequestReader& Text(std::string_view field, std::string& out);
  RequestReader& Texts(std::string_view field, std::vector<std::string>& out);
  RequestReader& Flag(std::string_view field, bool& out);
  /// 0 or more; also as text.
  RequestReader& Number(std::string_view field, std::int64_t max, std::int64_t& out);
  /// Errors: INVALID_ARGUMENT naming a field that is wrong, or that nothing above reads.
  Status Finish() const;

 private:
  /// `field` is written as in the schema: create_only. Null: not there.
  const nlohmann::json* Find(std::string_view field);
  void Fail(std::string_view field, std::string_view expected, const nlohmann::json& found);

  const nlohmann::json& request_;
  std::size_t read_ = 0;
  std::vector<std::string_view> known_;
  Status status_;
};

}  // namespace virtufin::inline v0::detail
