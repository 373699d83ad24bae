// Level: one price of a book. Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include "virtufin/core/decimal.hpp"

namespace virtufin::inline v0 {

/// In a change of a book a quantity of zero removes the level.
struct Level {
  Decimal price;
  Decimal quantity;

  /// By value: 1.0 equals 1.00. [any]
  friend constexpr bool operator==(const Level&, const Level&) noexcept = default;
};

}  // namespace virtufin::inline v0
