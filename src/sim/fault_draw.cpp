// What goes wrong, drawn from a seed.
#include <algorithm>

#include "sim/fault_plan.hpp"
#include "sim/random.hpp"

namespace virtufin::inline v0::sim {
namespace {

/// The arguments of a random fault of this kind. `longest`: nothing lasts longer.
void DrawArguments(Fault& fault, Random& random, std::int64_t longest,
                   const std::vector<std::string>& symbols) {
  const auto lasts = [&](std::int64_t most) { return 1 + random.Below(std::min(most, longest)); };
  constexpr std::int64_t kStatuses[] = {429, 429, 418, 500, 502, 503, 403};
  constexpr std::int64_t kCodes[] = {1000, 1001, 1006 + 5, 1012, 3000};
  if (!symbols.empty()) {
    fault.symbol =
        symbols[static_cast<std::size_t>(random.Below(static_cast<std::int64_t>(symbols.size())))];
  }
  switch (fault.kind) {
    case FaultKind::kCut:
    case FaultKind::kStall:
    case FaultKind::kMute:
    case FaultKind::kHush:
      fault.one = random.Percent(60);
      break;
    case FaultKind::kClose:
      fault.amount = kCodes[random.Below(std::size(kCodes))];
      break;
    case FaultKind::kRefuse:
      fault.count = lasts(5'000);
      break;
    case FaultKind::kDrop:
      fault.count = 1 + random.Below(20);
      break;
    case FaultKind::kDelay:
      fault.amount = 50 + random.Below(3'000);
      fault.count = lasts(4'000);
      break;
    case FaultKind::kHttp:
      fault.amount = kStatuses[random.Below(std::size(kStatuses))];
      fault.count = 1 + random.Below(3);
      break;
    case FaultKind::kSlow:
      fault.amount = 500 + random.Below(15'000);
      fault.count = 1 + random.Below(3);
      break;
    case FaultKind::kOld:
      fault.amount = 1 + random.Below(60);
      fault.count = 1 + random.Below(4);
      break;
    case FaultKind::kSilent:
      fault.count = lasts(20'000);
      break;
    case FaultKind::kLostAck:
    case FaultKind::kLateAck:
    case FaultKind::kTruncate:
    case FaultKind::kNoAnswer:
      fault.count = 1 + random.Below(3);
      break;
    case FaultKind::kGap:
    case FaultKind::kHalt:
    case FaultKind::kResume:
    case FaultKind::kShutdown:
    case FaultKind::kLose:
      break;
  }
}

bool NeedsSymbol(FaultKind kind) {
  return kind == FaultKind::kGap || kind == FaultKind::kHalt || kind == FaultKind::kResume ||
         kind == FaultKind::kSilent || kind == FaultKind::kLose;
}

}  // namespace

FaultPlan FaultPlan::Draw(std::uint64_t seed, std::int64_t until_ms, double per_minute,
                          const std::vector<std::string>& symbols) {
  Random random(seed ^ 0xfa017ULL);
  FaultPlan plan;
  const auto wanted = static_cast<std::int64_t>(per_minute * static_cast<double>(until_ms) / 60e3);
  for (std::int64_t n = 0; n < wanted; ++n) {
    Fault fault;
    fault.at_ms = random.Below(until_ms);
    fault.kind = static_cast<FaultKind>(random.Below(kFaultKinds));
    if (fault.kind == FaultKind::kResume) continue;  // follows a halt
    if (NeedsSymbol(fault.kind) && symbols.empty()) continue;
    DrawArguments(fault, random, until_ms - fault.at_ms, symbols);
    if (!NeedsSymbol(fault.kind)) fault.symbol.clear();
    if (fault.kind == FaultKind::kHalt) {
      Fault resume = fault;
      resume.kind = FaultKind::kResume;
      resume.at_ms += 1 + random.Below(std::min<std::int64_t>(15'000, until_ms - fault.at_ms));
      plan.faults.push_back(resume);
    }
    plan.faults.push_back(std::move(fault));
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at_ms < b.at_ms; });
  return plan;
}

}  // namespace virtufin::inline v0::sim
