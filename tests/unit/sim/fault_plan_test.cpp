// Fault scripts: what they say, what is wrong with them, and those drawn from a seed.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "sim/fault_plan.hpp"

using namespace virtufin;
using sim::Fault;
using sim::FaultKind;
using sim::FaultPlan;

TEST_CASE("every fault is read, in the order of time") {
  const auto plan = FaultPlan::Parse(R"(# what happens on the way
12000 cut
12500 cut one
13000 close 1001
15000 stall one   # half-open
18000 refuse 3000
20000 drop 25
20001 drop
21000 delay 800 3000
24000 gap BTCUSDT
25000 lostack 2
26000 lateack
30000 http 429 3
31000 truncate 2
32000 slow 5000
33000 noanswer
34000 old 50 3

40000 halt BTCUSDT
50000 resume BTCUSDT
55000 silent BTCUSDT 90000
60000 shutdown
70000 mute
70001 mute one
72000 hush
72001 hush one
74000 lose BTCUSDT
1 http 503
)");
  REQUIRE(plan.ok());
  const std::vector<Fault> expected = {
      {1, FaultKind::kHttp, "", false, 503, 1},
      {12000, FaultKind::kCut, "", false, 0, 1},
      {12500, FaultKind::kCut, "", true, 0, 1},
      {13000, FaultKind::kClose, "", false, 1001, 1},
      {15000, FaultKind::kStall, "", true, 0, 1},
      {18000, FaultKind::kRefuse, "", false, 0, 3000},
      {20000, FaultKind::kDrop, "", false, 0, 25},
      {20001, FaultKind::kDrop, "", false, 0, 1},
      {21000, FaultKind::kDelay, "", false, 800, 3000},
      {24000, FaultKind::kGap, "BTCUSDT", false, 0, 1},
      {25000, FaultKind::kLostAck, "", false, 0, 2},
      {26000, FaultKind::kLateAck, "", false, 0, 1},
      {30000, FaultKind::kHttp, "", false, 429, 3},
      {31000, FaultKind::kTruncate, "", false, 0, 2},
      {32000, FaultKind::kSlow, "", false, 5000, 1},
      {33000, FaultKind::kNoAnswer, "", false, 0, 1},
      {34000, FaultKind::kOld, "", false, 50, 3},
      {40000, FaultKind::kHalt, "BTCUSDT", false, 0, 1},
      {50000, FaultKind::kResume, "BTCUSDT", false, 0, 1},
      {55000, FaultKind::kSilent, "BTCUSDT", false, 0, 90000},
      {60000, FaultKind::kShutdown, "", false, 0, 1},
      {70000, FaultKind::kMute, "", false, 0, 1},
      {70001, FaultKind::kMute, "", true, 0, 1},
      {72000, FaultKind::kHush, "", false, 0, 1},
      {72001, FaultKind::kHush, "", true, 0, 1},
      {74000, FaultKind::kLose, "BTCUSDT", false, 0, 1},
  };
  REQUIRE(plan.value().faults.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(plan.value().faults[i] == expected[i]);
    const auto again = FaultPlan::Parse(FaultText(expected[i]));
    REQUIRE(again.ok());
    CHECK(again.value().faults == std::vector<Fault>{expected[i]});
  }
}

TEST_CASE("a bad script is refused with its line, what was expected and what was found") {
  struct Row {
    const char *script, *message;
  };
  const Row rows[] = {
      {"soon cut", "line 1: expected milliseconds from the start, found 'soon'"},
      {"-5 cut", "line 1: expected milliseconds from the start, found '-5'"},
      {"5", "line 1: expected a fault after the time, found ''"},
      {"5 cut\n\n6 explode", "line 3: expected one of cut close stall"},
      {"5 cut two", "line 1: expected 'one' or nothing as in 'cut [one]', found 'two'"},
      {"5 gap", "line 1: expected 'gap <symbol>', found '0 arguments'"},
      {"5 mute two", "line 1: expected 'one' or nothing as in 'mute [one]', found 'two'"},
      {"5 hush one two", "line 1: expected 'hush [one]', found '2 arguments'"},
      {"5 lose", "line 1: expected 'lose <symbol>', found '0 arguments'"},
      {"5 shutdown now", "line 1: expected 'shutdown', found '1 arguments'"},
      {"5 http 200", "expected one of the statuses 400, 403, 404, 418, 429, 451, 500 to 599"},
      {"5 http 429 many", "expected a number as in 'http <status> [<answers>]', found 'many'"},
      {"5 drop 0", "expected a number from 1 on as in 'drop [<frames>]', found '0'"},
      {"5 delay 5", "expected 'delay <ms late> <for ms>', found '1 arguments'"},
      {"5 close 12", "expected a close code from 1000 to 4999 as in 'close <code>', found '12'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.script);
    const auto plan = FaultPlan::Parse(row.script);
    REQUIRE(!plan.ok());
    CHECK(plan.status().code() == StatusCode::kInvalidArgument);
    CAPTURE(std::string(plan.status().message()));
    CHECK(plan.status().message().find(row.message) != std::string_view::npos);
  }
  CHECK(FaultPlan::Parse("").value().faults.empty());
  CHECK(FaultPlan::Parse("  # nothing\n\t\r\n").value().faults.empty());
}

TEST_CASE("drawn faults are of every kind, reproducible, and over in time") {
  std::set<FaultKind> kinds;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const FaultPlan plan = FaultPlan::Draw(seed, 60'000, 30, {"A", "B"});
    CHECK(plan.faults == FaultPlan::Draw(seed, 60'000, 30, {"A", "B"}).faults);
    std::set<std::string> halted;
    for (const Fault& fault : plan.faults) {
      kinds.insert(fault.kind);
      const bool named = fault.kind == FaultKind::kGap || fault.kind == FaultKind::kHalt ||
                         fault.kind == FaultKind::kResume || fault.kind == FaultKind::kSilent ||
                         fault.kind == FaultKind::kLose;
      CHECK(fault.symbol.empty() == !named);
      CHECK(fault.at_ms >= 0);
      CHECK(fault.at_ms <= 60'000);
      if (fault.kind == FaultKind::kHalt) halted.insert(fault.symbol);
      if (fault.kind == FaultKind::kResume) halted.erase(fault.symbol);
      const bool lasts = fault.kind == FaultKind::kRefuse || fault.kind == FaultKind::kDelay ||
                         fault.kind == FaultKind::kSilent;
      if (lasts) CHECK(fault.at_ms + fault.count <= 60'001);
      const auto again = FaultPlan::Parse(FaultText(fault));
      REQUIRE(again.ok());
      CHECK(again.value().faults.at(0) == fault);
    }
    CHECK(halted.empty());
  }
  CHECK(kinds.size() == sim::kFaultKinds);
}
