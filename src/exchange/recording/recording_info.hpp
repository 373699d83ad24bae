// What a recording says of itself, as it is read.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "exchange/binance/session.hpp"
#include "exchange/recording/container.hpp"
#include "virtufin/exchange/session_player.hpp"

namespace virtufin::inline v0::detail {

/// The session's options as recorded, with our defaults for what is not; `info` learns which are
/// not known. Addresses stand for those that were not recorded.
/// Errors: INVALID_ARGUMENT naming the option.
Result<BinanceSessionOptions> RecordedOptions(const RecordingHeader& header, RecordingInfo& info);

class InfoBuilder {
 public:
  explicit InfoBuilder(const RecordingHeader& header);
  /// False: more subscriptions than a recording may have.
  bool Take(const Record& record);
  static constexpr std::string_view kTooMany = "expected at most 16 MiB of different subscriptions";
  /// After the end, or at damage.
  void End(const ContainerReader& reader);
  RecordingInfo info;

 private:
  std::set<std::string, std::less<>> requests_;  // as recorded
  std::uint64_t request_bytes_ = 0;
};

}  // namespace virtufin::inline v0::detail
