// A simulated market asked by hand: its depth streams and snapshots as text, when the test wants
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/frames.hpp"
#include "sim/market.hpp"
#include "sim/random.hpp"
#include "sim/rest_texts.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::test {

class VenueTruth {
 public:
  VenueTruth(BinanceMarket market, std::uint32_t seed, int symbols)
      : random_(seed), style_{market == BinanceMarket::kUsdm, false, false} {
    std::vector<sim::SymbolOptions> options;
    for (int i = 0; i < symbols; ++i) {
      names_.push_back("SYM" + std::to_string(i) + "USDT");
      options.emplace_back().name = names_.back();
    }
    model_ =
        sim::MarketModel::Create(style_.usdm ? sim::VenueMarket::kUsdm : sim::VenueMarket::kSpot,
                                 options, seed, kDepth, kKeep)
            .value();
  }

  const std::vector<std::string>& symbols() const { return names_; }
  /// Some trading: each symbol changes up to `most` times.
  void Trade(int most) {
    time_ms_ += 100;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      for (std::int64_t n = random_.Below(most + 1); n > 0; --n) model_->Change(i, time_ms_);
    }
  }
  /// The venue restarts: ids go on from `base`, and books changed meanwhile without a diff.
  void Restart(std::int64_t base) {
    model_->Restart(base, time_ms_);
    for (auto& [stream, told] : told_) told = Ends();
  }

  /// `stream` hears of what happens from now on.
  void OpenStream(std::uint32_t stream) { told_[stream] = Ends(); }
  /// What happened to `symbol` since the last call for this `stream`, as a combined depth frame;
  /// empty when nothing did. Streams asked at different times cut the ids differently.
  std::string Diff(std::uint32_t stream, std::size_t symbol) {
    std::uint64_t& told = told_.at(stream)[symbol];
    const std::uint64_t begin = std::exchange(told, model_->at(symbol).end_update());
    if (begin == told) return {};
    return Event("depth@100ms", symbol,
                 sim::DepthFrame(style_, model_->at(symbol), begin, told, time_ms_));
  }
  std::string Ticker(std::size_t symbol) const {
    return Event("bookTicker", symbol, sim::BookTickerFrame(style_, model_->at(symbol), time_ms_));
  }
  /// The answer to a depth request, of the book as it was `lag` updates ago.
  std::string Snapshot(std::size_t index, std::size_t lag) {
    const sim::MarketModel::Symbol& symbol = model_->at(index);
    const std::uint64_t newest = symbol.end_update() - 1;
    return sim::DepthText(
        *model_, index, newest - std::min<std::uint64_t>(lag, newest - symbol.epochs.back().begin),
        kDepth, time_ms_);
  }

  /// The book of `symbol` when the venue had reached `id`; null when it never had.
  const sim::VenueBook* At(std::size_t symbol, std::int64_t id) {
    return model_->BookAt(symbol, id);
  }
  /// The id of the last update.
  std::int64_t last_id(std::size_t symbol) const { return model_->last_update_id(symbol); }

 private:
  static constexpr std::size_t kDepth = 30, kKeep = 100'000;

  std::vector<std::uint64_t> Ends() const {
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < names_.size(); ++i) ends.push_back(model_->at(i).end_update());
    return ends;
  }
  static std::string Lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return text;
  }
  std::string Event(std::string_view stream, std::size_t symbol, std::string_view data) const {
    return R"({"stream":")" + Lower(names_[symbol]) + "@" + std::string(stream) + R"(","data":)" +
           std::string(data) + "}";
  }

  sim::Random random_;
  sim::FrameStyle style_;
  std::vector<std::string> names_;
  std::unique_ptr<sim::MarketModel> model_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> told_;  // by symbol: what its diffs hold
  std::int64_t time_ms_ = 1'700'000'000'000;
};

}  // namespace virtufin::test
