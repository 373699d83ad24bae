// The address of a record and the checks of what is written.
#include <cstring>

#include "virtufin/core/utf8.hpp"
#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0 {
namespace {

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "state", std::move(message));
}

Status CheckPart(const char* what, std::string_view text) {
  if (text.empty()) return Invalid(std::string(what) + ": expected text, found none");
  if (text.size() > kMaxStateKeyBytes) {
    return Invalid(std::string(what) + ": expected at most " + std::to_string(kMaxStateKeyBytes) +
                   " bytes, found " + std::to_string(text.size()));
  }
  if (std::memchr(text.data(), '\0', text.size()) != nullptr || !IsUtf8(text)) {
    return Invalid(std::string(what) + ": expected UTF-8 without NUL, found other bytes");
  }
  return {};
}

}  // namespace

Status RecordKey::AssignService(std::string_view service) {
  size_ = 0;
  if (Status status = CheckPart("service", service); !status.ok()) return status;
  if (service.find('|') != std::string_view::npos) {
    return Invalid("service: expected no '|', found '" + std::string(service) + "'");
  }
  std::memcpy(text_, service.data(), service.size());
  std::memcpy(text_ + service.size(), "||", 2);
  size_ = service.size() + 2;
  return {};
}

Status RecordKey::Assign(std::string_view service, std::string_view key) {
  if (Status status = AssignService(service); !status.ok()) return status;
  if (Status status = CheckPart("key", key); !status.ok()) return status;
  std::memcpy(text_ + size_, key.data(), key.size());
  size_ += key.size();
  return {};
}

Status CheckSet(std::string_view value, const SetOptions& options) {
  if (value.size() > kMaxStateValueBytes) {
    return Invalid("value: expected at most " + std::to_string(kMaxStateValueBytes) +
                   " bytes, found " + std::to_string(value.size()));
  }
  if (options.ttl_ms < 0) {
    return Invalid("ttl_ms: expected 0 or more, found " + std::to_string(options.ttl_ms));
  }
  if (options.create_only && !options.etag.empty()) {
    return Invalid("etag: expected none under create_only, found one");
  }
  return {};
}

Status AnswerBytes::Add(std::string_view key, std::string_view value) {
  const bool first = bytes_ == 0;
  bytes_ += key.size() + value.size();
  if (first || bytes_ <= kMaxStateAnswerBytes) return {};
  return Status(StatusCode::kResourceExhausted, "state",
                "keys: expected records of at most " + std::to_string(kMaxStateAnswerBytes) +
                    " bytes together, found more");
}

}  // namespace virtufin::inline v0
