// Frames in exactly the shape and field order that the venue sends today, read without an index.
//
// A shortcut in front of the general reader, for what arrives thousands of times a second: about
// half of a frame's cost is simdjson's index over it. Whatever differs in one byte from a known
// shape is left to the general reader, which decides; both give the same frame (test, fuzz target).
#pragma once

#include <string_view>

#include "exchange/binance/reader.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0::detail {

/// Keeps one frame for each shape: a further one writes only what can differ.
class KnownShapes {
 public:
  explicit KnownShapes(BinanceMarket market) noexcept;
  /// A whole depth diff or bookTicker: its texts are views of `text`, its levels of `bids` and
  /// `asks`. Null: no known shape, or something is wrong; the sides are unspecified then. Borrowed
  /// until the next call.
  const BinanceFrame* Read(std::string_view text, LevelArray& bids, LevelArray& asks);

 private:
  BinanceMarket market_;
  BinanceFrame depth_, ticker_;
};

/// `@depth5`, `@depth20@100ms`: top levels only, in the shape of a diff on USD-M.
bool IsPartialDepth(std::string_view stream) noexcept;

}  // namespace virtufin::inline v0::detail
