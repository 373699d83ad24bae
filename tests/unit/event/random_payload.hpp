// Payloads of seeded values, made by their own lists of members.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "event/payload/codec.hpp"
#include "event/payload/every.hpp"

namespace virtufin::test {

class RandomPayload {
 public:
  explicit RandomPayload(std::uint64_t seed) : engine_(seed) {}

  template <class T>
  T Make() {
    T payload;
    std::apply([&](const auto&... field) { (Set(payload.*field.member), ...); },
               detail::PayloadSpec<T>::kFields);
    return payload;
  }

 private:
  std::uint64_t Below(std::uint64_t n) { return engine_() % n; }

  void Set(Decimal& out) {
    const auto digits = static_cast<int>(Below(19));
    auto coefficient = static_cast<std::int64_t>(engine_());
    for (int i = digits; i < 18; ++i) coefficient /= 10;
    std::string text =
        Decimal::FromCoefficient(coefficient, static_cast<int>(Below(19))).value().ToString();
    if (Below(4) == 0 && text.find('.') != std::string::npos) text += "00";
    Decimal::TryParse(text, out);
  }
  void Set(Timestamp& out) {
    const auto ns = static_cast<std::int64_t>(engine_() % 4'000'000'000'000'000'000);
    out = Below(2) == 0 ? Timestamp::FromUnixNanos(ns) : Timestamp::FromUnixMillis(ns / 1'000'000);
  }
  void Set(std::int64_t& out) {
    out = Below(8) == 0 ? std::numeric_limits<std::int64_t>::min()
                        : static_cast<std::int64_t>(engine_() >> Below(64));
  }
  void Set(bool& out) { out = Below(2) == 0; }
  void Set(std::string& out) {
    constexpr const char* kPieces[] = {"a",    "BTC",      "\"", "\\", "\n",
                                       "\x01", "\xc3\xa9", " ",  "/",  "\xf0\x9f\x90\x84"};
    out.clear();
    for (std::uint64_t n = Below(12); n > 0; --n) out += kPieces[Below(std::size(kPieces))];
  }
  template <class E>
  requires std::is_enum_v<E>
  void Set(E& out) { out = static_cast<E>(Below(detail::kEnumNames<E>.size())); }
  void Set(Level& out) {
    Set(out.price);
    Set(out.quantity);
  }
  template <class V>
  void Set(std::vector<V>& out) {
    out.clear();
    for (std::uint64_t n = Below(6); n > 0; --n) Set(out.emplace_back());
  }
  void Set(DecimalsByName& out) {
    out.clear();
    for (std::uint64_t n = Below(6); n > 0; --n) {
      std::string name;
      Set(name);
      Set(out[name]);
    }
  }
  template <class V>
  void Set(std::optional<V>& out) {
    out.reset();
    if (Below(2) == 0) Set(out.emplace());
  }

  std::mt19937_64 engine_;
};

}  // namespace virtufin::test
