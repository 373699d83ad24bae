// The noun decimal: exact numbers as text and as integers of one scale.
#include "virtufin/core/decimal.hpp"

#include "guard.hpp"

using virtufin::Decimal;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::c::Guard;

size_t virtufin_decimal_format(virtufin_decimal_t value, char out[VIRTUFIN_DECIMAL_TEXT_BYTES]) {
  static_assert(Decimal::kMaxTextBytes < VIRTUFIN_DECIMAL_TEXT_BYTES);
  size_t size = 0;
  Guard(nullptr, [&] {
    const auto decimal = Decimal::FromCoefficient(value.coefficient, value.scale);
    if (decimal.ok()) size = decimal->Format(out);
    return Status();
  });
  if (out != nullptr) out[size] = '\0';
  return size;
}

virtufin_status_t virtufin_decimal_at_scale(virtufin_decimal_t value, int32_t scale, int64_t* out,
                                            virtufin_error_t** error) {
  return Guard(error, [&] {
    if (out == nullptr) return virtufin::c::Missing("out");
    std::int64_t number = value.coefficient;
    bool fits = value.scale >= 0 && scale <= Decimal::kMaxScale && scale >= value.scale;
    for (int i = value.scale; fits && i < scale; ++i) {
      fits = !__builtin_mul_overflow(number, std::int64_t{10}, &number);
    }
    if (!fits) {
      return Status(StatusCode::kOutOfRange, "c_api",
                    "scale: expected one that holds the value, of " + std::to_string(value.scale) +
                        " to 18, found " + std::to_string(scale));
    }
    *out = number;
    return Status();
  });
}
