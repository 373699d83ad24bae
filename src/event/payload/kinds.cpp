// What is known about each kind of payload.
#include <array>
#include <cstddef>

#include "event/payload/codec.hpp"
#include "event/payload/every.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::PayloadCodec;
using detail::PayloadSpec;

template <class T>
constexpr PayloadInfo InfoAs() {
  using Spec = PayloadSpec<T>;
  std::string_view open_type;
  if constexpr (requires { Spec::kOpenType; }) open_type = Spec::kOpenType;
  return {T::kKind, Spec::kName, Spec::kTopic, Spec::kType, open_type, PayloadCodec<T>::kFields};
}

template <class... T>
constexpr std::array<PayloadInfo, sizeof...(T)> InfosOf(detail::PayloadTypes<T...>) {
  return {InfoAs<T>()...};
}

constexpr std::array<PayloadInfo, kPayloadKinds> kInfos = InfosOf(detail::EveryPayload());

static_assert(
    [] {
      for (std::size_t i = 0; i < kPayloadKinds; ++i) {
        if (static_cast<std::size_t>(kInfos[i].kind) != i) return false;
      }
      return true;
    }(),
    "they stand in the order of PayloadKind");

bool TakePrefix(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::span<const PayloadInfo> AllPayloads() noexcept { return kInfos; }

const PayloadInfo& PayloadInfoOf(PayloadKind kind) noexcept {
  return kInfos[static_cast<std::size_t>(kind)];
}

const PayloadInfo* FindPayload(std::string_view event_type) noexcept {
  if (!TakePrefix(event_type, "com.virtufin.")) return nullptr;
  const bool market = TakePrefix(event_type, "exchange.");
  if (market) {
    const std::size_t dot = event_type.find('.');  // behind the venue
    if (dot == 0 || dot == std::string_view::npos) return nullptr;
    event_type.remove_prefix(dot + 1);
  }
  for (const PayloadInfo& info : kInfos) {
    if (IsMarketKind(info.kind) != market || event_type.empty()) continue;
    if (event_type == info.type || event_type == info.open_type) return &info;
  }
  return nullptr;
}

std::string_view SubjectId(const CloudEvent& event) noexcept {
  const std::string_view subject = event.subject();
  const std::size_t slash = subject.find('/');
  return slash == std::string_view::npos ? std::string_view() : subject.substr(slash + 1);
}

}  // namespace virtufin::inline v0
