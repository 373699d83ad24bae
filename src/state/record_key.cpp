// The address of a record and the checks of what is written.
#include <cstring>

#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0 {
namespace {

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "state", std::move(message));
}

bool AllAscii(std::string_view text) noexcept {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    if ((word & 0x8080808080808080u) != 0) return false;
  }
  for (; left > 0; ++at, --left) {
    if ((*at & 0x80) != 0) return false;
  }
  return true;
}

/// Bytes of the UTF-8 sequence that `text` begins with, 0 when it is none (RFC 3629).
std::size_t SequenceBytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool too_long = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second > 0x9f;
  const bool too_large = lead == 0xf4 && second > 0x8f;
  return too_long || surrogate || too_large ? 0 : size;
}

bool IsUtf8(std::string_view text) noexcept {
  if (AllAscii(text)) return true;
  while (!text.empty()) {
    const std::size_t size = SequenceBytes(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
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
