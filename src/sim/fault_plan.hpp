// FaultPlan: what goes wrong on a simulated venue, and when: as a script or drawn from a seed.
//
// Script: one fault a line, `<at_ms> <fault> [arguments]`, `#` starts a comment. `at_ms` counts
// from the venue's start.
//
//   12000 cut                 every connection ends without a close frame (`cut one`: one of them)
//   13000 close 1001          every connection is closed with that code
//   15000 stall               half-open: every connection stays, nothing comes or goes (`stall
//   one`) 18000 refuse 3000         for 3 s new connections are refused
//   20000 drop 25             the next 25 data frames are lost
//   21000 delay 800 3000      for 3 s data frames come 800 ms late
//   24000 gap BTCUSDT         the next depth diff of the symbol is lost, on every connection
//   25000 lostack 2           the next 2 control messages are not answered
//   26000 lateack 2           the next 2 are answered only when data have come
//   30000 http 429 3          the next 3 REST answers have that status: 400 403 404 418 429 451 5xx
//   31000 truncate 2          the next 2 bodies end in the middle
//   32000 slow 5000 2         the next 2 answers take 5 s
//   33000 noanswer 2          the next 2 are never answered
//   34000 old 50 3            the next 3 depth answers are 50 updates old
//   40000 halt BTCUSDT        the symbol's status is HALT (USD-M: SETTLING): it stops trading
//   50000 resume BTCUSDT      TRADING again
//   55000 silent BTCUSDT 90000  it trades, but for 90 s nothing happens to it
//   60000 shutdown            serverShutdown is announced; the cut follows by the venue's options
//   70000 mute                every connection carries no stream data any more, until it ends;
//                             pings and control messages are answered (`mute one`)
//   72000 hush                nothing at all is sent on them any more, no pong and no close frame
//                             either; they are read, and cut by the venue's rules (`hush one`)
//   74000 lose BTCUSDT        the symbol's depth streams, wherever they are subscribed, end without
//                             a word; subscribed anew they are back
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::sim {

enum class FaultKind : std::uint8_t {
  kCut,
  kClose,
  kStall,
  kRefuse,
  kDrop,
  kDelay,
  kGap,
  kLostAck,
  kLateAck,
  kHttp,
  kTruncate,
  kSlow,
  kNoAnswer,
  kOld,
  kHalt,
  kResume,
  kSilent,
  kShutdown,
  kMute,
  kHush,
  kLose,
};
inline constexpr std::size_t kFaultKinds = 21;

/// "cut" and so on; static storage.
std::string_view FaultKindName(FaultKind kind) noexcept;

struct Fault {
  std::int64_t at_ms = 0;  // from the venue's start
  FaultKind kind = FaultKind::kCut;
  std::string symbol;       // kGap, kHalt, kResume, kSilent, kLose
  bool one = false;         // kCut, kStall, kMute, kHush: a single connection
  std::int64_t amount = 0;  // close code, HTTP status, milliseconds late or slow, updates old
  std::int64_t count = 1;   // how many frames, acks or answers; kDelay, kRefuse, kSilent: for how
                            // many milliseconds

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// The line that Parse reads as this fault.
std::string FaultText(const Fault& fault);

struct FaultPlan {
  std::vector<Fault> faults;  // by at_ms; equal times in the order given

  /// Errors: INVALID_ARGUMENT naming the line, what was expected and what was found.
  static Result<FaultPlan> Parse(std::string_view script);

  /// Faults of every kind at random times in [0, until_ms), about `per_minute`; whatever lasts a
  /// given time is over, and every halted symbol trades again, by `until_ms`. Durations follow
  /// `until_ms`, so that short runs see short faults. Same arguments, same plan.
  static FaultPlan Draw(std::uint64_t seed, std::int64_t until_ms, double per_minute,
                        const std::vector<std::string>& symbols);
};

}  // namespace virtufin::inline v0::sim
