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

/// True: `frame` is a whole depth diff or bookTicker; its texts are views of `text`, its levels of
/// `bids` and `asks`. False: no known shape, or something is wrong; frame and sides are
/// unspecified.
bool ReadKnownShape(BinanceMarket market, std::string_view text, BinanceFrame& frame,
                    LevelArray& bids, LevelArray& asks);

/// `@depth5`, `@depth20@100ms`: top levels only, in the shape of a diff on USD-M.
bool IsPartialDepth(std::string_view stream) noexcept;

}  // namespace virtufin::inline v0::detail
