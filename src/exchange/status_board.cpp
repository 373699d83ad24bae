// Makes feed.status events.
#include "exchange/status_board.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMaxReasonBytes = 4096;

}  // namespace

Message StatusBoard::Make(std::string_view symbol, const StatusFields& status,
                          const EventMoment& moment) {
  if (changes) changes(symbol);
  Line* line = lines_.Find(symbol);
  if (line == nullptr) {
    line = &lines_.Add(std::make_unique<Line>(*identity_, symbol));
    line->sequence = retired_.Take(symbol)[0];
  }
  StatusFields fields = status;
  fields.reason = fields.reason.substr(0, kMaxReasonBytes);
  WriteStatus(payload_, fields);
  const std::string venue = symbol.empty() ? "exchange/" + identity_->venue : std::string();
  // Bounded in size by the line above, so it can be made.
  return line->channel.Make(payload_.text(), ++line->sequence, moment, venue).value();
}

void StatusBoard::Retire(std::string_view symbol) {
  Line* const line = lines_.Find(symbol);
  if (line == nullptr) return;
  retired_.Keep(symbol, {line->sequence});
  lines_.Remove(*line);
}

}  // namespace virtufin::inline v0::detail
