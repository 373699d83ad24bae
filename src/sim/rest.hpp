// The REST interface of a simulated Binance: answers, weights, limits and bans.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/binance_venue.hpp"
#include "sim/random.hpp"

namespace virtufin::inline v0::sim {

class RestDesk {
 public:
  /// All are borrowed. `statuses`: of the symbols, by index.
  RestDesk(const VenueOptions& options, MarketModel& market,
           const std::vector<std::string>& statuses, VenueCounters& counters);

  RestAnswer Answer(std::string_view target, std::int64_t now_ms);
  /// One of the faults of answers.
  void Inject(const Fault& fault);
  void EndFaults() { pending_ = {}; }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  struct Call {
    std::string path;  // without /api/v3/ or /fapi/v1/
    Query query;
    std::int64_t now_ms = 0;

    /// Null when absent.
    const std::string* Find(std::string_view name) const;
  };
  struct Pending {  // a fault that hits the next answers
    std::int64_t amount = 0, left = 0;
  };

  /// True when the next answer is hit; `amount` is the fault's.
  bool Hit(FaultKind kind, std::int64_t& amount);
  void Spoil(RestAnswer& answer);
  /// Charges the call. False: refused, `answer` says so.
  bool Charge(std::int64_t weight, std::int64_t now_ms, RestAnswer& answer);
  bool Banned(std::int64_t now_ms, RestAnswer& answer);
  void Ban(std::int64_t now_ms);
  void RefuseForNow(std::int64_t now_ms, RestAnswer& answer);
  static void FailAs(std::int64_t status, RestAnswer& answer);
  std::int64_t WeightOf(const Call& call) const;
  void Dispatch(const Call& call, RestAnswer& answer);

  void Depth(const Call& call, RestAnswer& answer);
  void AggTrades(const Call& call, RestAnswer& answer);
  void Klines(const Call& call, RestAnswer& answer);
  void ExchangeInfo(const Call& call, RestAnswer& answer);
  /// Null: answered with an error.
  const MarketModel::Symbol* SymbolOf(const Call& call, RestAnswer& answer) const;
  /// False: answered with an error. Absent: `out` stays.
  static bool Number(const Call& call, std::string_view name, std::int64_t& out,
                     RestAnswer& answer);

  const VenueOptions& options_;
  MarketModel& market_;
  const std::vector<std::string>& statuses_;
  VenueCounters& counters_;
  Random random_;
  bool usdm_;
  std::int64_t minute_ = 0, used_ = 0;
  int refused_ = 0;  // in this minute
  std::int64_t banned_until_ms_ = 0, next_ban_ms_ = 0;
  std::array<std::vector<Pending>, kFaultKinds> pending_;
};

}  // namespace virtufin::inline v0::sim
