// Arrays of names and values, to and from maps.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "guard.hpp"

namespace virtufin::inline v0::c {

/// Errors: INVALID_ARGUMENT for a name that is there twice, or NULL for some pairs.
inline Status ReadPairs(const char* parameter, const virtufin_pair_t* pairs, std::size_t count,
                        std::map<std::string, std::string>& out) {
  if (pairs == nullptr && count != 0) return Missing(parameter);
  for (std::size_t i = 0; i < count; ++i) {
    if (out.emplace(View(pairs[i].name), View(pairs[i].value)).second) continue;
    return Invalid(std::string(parameter) + ": '" + std::string(View(pairs[i].name)) +
                   "' is there twice");
  }
  return {};
}

/// Borrowed from `range`, whose elements are pairs of strings.
template <class Range>
std::vector<virtufin_pair_t> ToPairs(const Range& range) {
  std::vector<virtufin_pair_t> pairs;
  for (const auto& [name, value] : range) pairs.push_back({Str(name), Str(value)});
  return pairs;
}

}  // namespace virtufin::inline v0::c
