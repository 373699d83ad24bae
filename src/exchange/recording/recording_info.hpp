// What a recording says of itself, as it is read.
#pragma once

#include <set>
#include <string>

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
  void Take(const Record& record);
  /// After the end, or at damage.
  void End(const ContainerReader& reader);
  RecordingInfo info;

 private:
  std::set<std::string, std::less<>> requests_;  // as recorded
};

}  // namespace virtufin::inline v0::detail
