// The options of a Binance adapter as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0::detail {

/// Every key, in the order of BinanceAdapterOptions::Keys, with what Set would take for it.
std::vector<std::pair<std::string, std::string>> OptionValues(const BinanceAdapterOptions& options);

}  // namespace virtufin::inline v0::detail
