// Checks payloads whose kind is known at run time.
#include <array>
#include <cstddef>

#include "event/payload/every.hpp"

namespace virtufin::inline v0 {
namespace {

using Check = Status (*)(std::string_view json);

template <class T>
Status CheckAs(std::string_view json) {
  T ignored;
  return ReadPayload(json, ignored);
}

template <class... T>
constexpr std::array<Check, sizeof...(T)> ChecksOf(detail::PayloadTypes<T...>) {
  return {&CheckAs<T>...};
}

constexpr std::array<Check, kPayloadKinds> kChecks = ChecksOf(detail::EveryPayload());

}  // namespace

Status CheckPayload(PayloadKind kind, std::string_view json) {
  return kChecks[static_cast<std::size_t>(kind)](json);
}

Status CheckPayload(const CloudEvent& event) {
  const PayloadInfo* const info = FindPayload(event.type());
  if (info == nullptr) {
    return Status(
        StatusCode::kNotFound, "event",
        "type: expected one with a payload of ours, found '" + std::string(event.type()) + "'");
  }
  return CheckPayload(info->kind, event.data_text());
}

}  // namespace virtufin::inline v0
