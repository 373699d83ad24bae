// Acknowledgements and errors of Binance.
#include "exchange/binance/venue_answers.hpp"

#include <simdjson.h>

#include <charconv>

namespace virtufin::inline v0::detail {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxMessage = 300;
constexpr std::size_t kMaxAnswer = 64 * 1024;  // an acknowledgement lists no streams

std::optional<VenueError> ErrorIn(dom::element object) {
  VenueError error;
  std::string_view message;
  if (object["code"].get_int64().get(error.code)) return std::nullopt;
  if (object["msg"].get_string().get(message)) return std::nullopt;
  error.message = message.substr(0, kMaxMessage);
  return error;
}

}  // namespace

std::optional<ControlAnswer> ReadControlAnswer(std::string_view text) {
  dom::parser parser(kMaxAnswer);
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) || !root.is_object()) return std::nullopt;
  ControlAnswer answer;
  std::int64_t id = 0;
  if (!root["id"].get_int64().get(id)) answer.id = id;
  dom::element inner;
  auto error = ErrorIn(root);
  if (!root["error"].get(inner)) {
    answer.error = true;
    if (!error) error = ErrorIn(inner);
  }
  if (error) {
    answer.error = true;
    answer.code = error->code;
    answer.message = std::move(error->message);
  }
  return answer;
}

std::optional<VenueError> ReadVenueError(std::string_view body) {
  dom::parser parser(kMaxAnswer);
  dom::element root;
  if (parser.parse(body.data(), body.size()).get(root)) return std::nullopt;
  return ErrorIn(root);
}

std::optional<std::int64_t> BannedUntilUnixMs(std::string_view message) noexcept {
  constexpr std::string_view kBefore = "banned until ";
  constexpr std::int64_t kLeast = 1'000'000'000'000;  // 13 digits
  const auto at = message.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = message.substr(at + kBefore.size());
  std::int64_t ms = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), ms);
  if (read.ec != std::errc() || ms < kLeast || ms >= 10 * kLeast) return std::nullopt;
  return ms;
}

std::optional<std::int64_t> NumberHeader(std::span<const VenueHeader> headers,
                                         std::string_view name) noexcept {
  for (const VenueHeader& header : headers) {
    if (header.name != name) continue;
    const std::string_view text = header.value;
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && number >= 0) {
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace virtufin::inline v0::detail
