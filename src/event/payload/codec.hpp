// PayloadCodec: reads and writes one payload by its list of members.
//
// Members in the order of the list, without white space, are what we and the adapters write: they
// are compared with constants. Everything else is looked up by name.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "event/payload/spec.hpp"
#include "event/payload/values.hpp"
#include "virtufin/event/payload.hpp"

namespace virtufin::inline v0::detail {

/// What a member holds.
template <class F>
struct FieldTraits;
template <class T, class V>
struct FieldTraits<Field<T, V>> {
  using Type = V;
  static constexpr bool kOptional = false;
  static constexpr bool kFlag = false;
};
template <class T, class V>
struct FieldTraits<Field<T, std::optional<V>>> {
  using Type = V;
  static constexpr bool kOptional = true;
  static constexpr bool kFlag = false;
};
template <class T>
struct FieldTraits<Flag<T>> {
  using Type = bool;
  static constexpr bool kOptional = false;
  static constexpr bool kFlag = true;
};

template <class T>
using FieldList = std::remove_cvref_t<decltype(PayloadSpec<T>::kFields)>;

/// The member at index I of the list.
template <class T, std::size_t I>
struct TraitsOf : FieldTraits<std::tuple_element_t<I, FieldList<T>>> {
  using Traits = FieldTraits<std::tuple_element_t<I, FieldList<T>>>;
  using ValueType = Value<typename Traits::Type>;
  static constexpr std::string_view kName = std::get<I>(PayloadSpec<T>::kFields).name;
  static constexpr bool kRequired = !Traits::kOptional && !Traits::kFlag;
  /// `,"name":`
  static constexpr std::array<char, kName.size() + 4> kText = [] {
    std::array<char, kName.size() + 4> text{',', '"'};
    std::size_t at = 2;
    for (const char c : kName) text[at++] = c;
    text[at++] = '"';
    text[at] = ':';
    return text;
  }();
  static constexpr auto& In(T& payload) noexcept {
    return payload.*std::get<I>(PayloadSpec<T>::kFields).member;
  }
  static constexpr const auto& In(const T& payload) noexcept {
    return payload.*std::get<I>(PayloadSpec<T>::kFields).member;
  }
};

template <class T>
class PayloadCodec {
  static constexpr std::size_t kCount = std::tuple_size_v<FieldList<T>>;
  static constexpr auto kIndices = std::make_index_sequence<kCount>();

  template <std::size_t I>
  using Member = TraitsOf<T, I>;

 public:
  static constexpr std::array<PayloadField, kCount> kFields =
      []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{
        PayloadField{Member<I>::kName, Member<I>::ValueType::kExpected, Member<I>::kRequired}...};
  }
  (kIndices);

  static bool Read(PayloadReader& from, T& out) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      (Clear<I>(out), ...);
      const char* const start = from.at();
      if (!from.Open()) return from.Wrong({}, "a JSON object", start);
      std::uint32_t seen = 0;
      if (!(TakeInOrder<I>(from, out, seen) && ...)) return false;
      while (from.more()) {
        if (!TakeAny(from, out, seen)) return false;
      }
      constexpr std::uint32_t kAll = ((Member<I>::kRequired ? 1u << I : 0u) | ...);
      if ((seen & kAll) != kAll) return SayMissing(from, kAll & ~seen);
      return from.End();
    }
    (kIndices);
  }

  static std::size_t Bytes(const T& payload) noexcept {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (BytesOf<I>(payload) + ...) + 2;
    }
    (kIndices);
  }

  /// Writes at most Bytes(payload) at `start`; returns the end.
  static char* Write(const T& payload, char* start) noexcept {
    PayloadText to(start);
    [&]<std::size_t... I>(std::index_sequence<I...>) { (Put<I>(to, payload), ...); }
    (kIndices);
    if (to.at() == start) to.Char('{');
    *start = '{';  // over the first comma
    to.Char('}');
    return to.at();
  }

 private:
  static_assert(kCount <= 32, "the members seen are bits of one word");

  template <std::size_t I>
  static void Clear(T& out) noexcept {
    if constexpr (Member<I>::kOptional) Member<I>::In(out).reset();
    if constexpr (Member<I>::kFlag) Member<I>::In(out) = false;
  }

  /// False only for a fault: a member that is not the next one may come later.
  template <std::size_t I>
  static bool TakeInOrder(PayloadReader& from, T& out, std::uint32_t& seen) {
    constexpr const auto& kText = Member<I>::kText;
    if (!from.more() || !from.TakeBytes<kText.size() - 1>(kText.data() + 1)) return true;
    from.SkipSpace();
    return TakeValue<I>(from, out, seen);
  }

  static bool TakeAny(PayloadReader& from, T& out, std::uint32_t& seen) {
    std::string_view name;
    if (!from.ReadName(name)) return false;
    bool taken = true;
    const bool known = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((name == Member<I>::kName && (taken = TakeValue<I>(from, out, seen), true)) || ...);
    }
    (kIndices);
    return known ? taken : from.SkipValue() && from.Next();
  }

  template <std::size_t I>
  static bool TakeValue(PayloadReader& from, T& out, std::uint32_t& seen) {
    using M = Member<I>;
    constexpr std::uint32_t kBit = 1u << I;
    if ((seen & kBit) != 0) return from.Twice(M::kName);
    seen |= kBit;
    const char* const start = from.at();
    if constexpr (!M::kRequired) {
      if (from.TakeBytes<4>("null")) return from.Next();
    }
    bool read = false;
    if constexpr (M::kOptional) {
      read = M::ValueType::Read(from, M::In(out).emplace());
    } else {
      read = M::ValueType::Read(from, M::In(out));
    }
    return read ? from.Next() : from.Wrong(M::kName, M::ValueType::kExpected, start);
  }

  static bool SayMissing(PayloadReader& from, std::uint32_t missing) {
    const PayloadField& first = kFields[static_cast<std::size_t>(std::countr_zero(missing))];
    return from.Missing(first.name, first.expected);
  }

  template <std::size_t I>
  static std::size_t BytesOf(const T& payload) noexcept {
    using M = Member<I>;
    if constexpr (M::kOptional) {
      if (!M::In(payload)) return 0;
      return M::kText.size() + M::ValueType::Bytes(*M::In(payload));
    } else {
      return M::kText.size() + M::ValueType::Bytes(M::In(payload));
    }
  }

  template <std::size_t I>
  static void Put(PayloadText& to, const T& payload) noexcept {
    using M = Member<I>;
    if constexpr (M::kOptional || M::kFlag) {
      if (!M::In(payload)) return;
    }
    to.Bytes<M::kText.size()>(M::kText.data());
    if constexpr (M::kOptional) {
      M::ValueType::Write(to, *M::In(payload));
    } else {
      M::ValueType::Write(to, M::In(payload));
    }
  }
};

}  // namespace virtufin::inline v0::detail

namespace virtufin::inline v0 {

template <Payload T>
Status ReadPayload(std::string_view json, T& out) {
  detail::PayloadReader from(json);
  if (detail::PayloadCodec<T>::Read(from, out)) return {};
  return from.Error(detail::PayloadSpec<T>::kName);
}

template <Payload T>
void AppendPayload(std::string& json, const T& payload) {
  const std::size_t size = json.size();
  json.resize(size + detail::PayloadCodec<T>::Bytes(payload));
  char* const start = json.data() + size;
  json.resize(size +
              static_cast<std::size_t>(detail::PayloadCodec<T>::Write(payload, start) - start));
}

}  // namespace virtufin::inline v0

/// The two functions for one struct, made here.
#define VIRTUFIN_PAYLOAD(T)                          \
  template Status ReadPayload(std::string_view, T&); \
  template void AppendPayload(std::string&, const T&)
