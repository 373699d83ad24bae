// What of a payload is not as expected: odd texts, and the words of the errors.
#include "event/payload/reader.hpp"

#include <utility>

#include "event/json_scan.hpp"
#include "event/text.hpp"
#include "virtufin/core/decimal.hpp"

namespace virtufin::inline v0::detail {
namespace {

// What was found, for an error text.
std::string Shown(std::string_view text) { return OneLine(text, 48); }

}  // namespace

bool PayloadReader::ReadName(std::string_view& name) {
  if (!ReadText(name)) return fault_ == Fault::kNone ? Broken("expected a member name") : false;
  SkipSpace();
  if (!Take(':')) return Broken("expected ':'");
  SkipSpace();
  return true;
}

bool PayloadReader::ReadOddText(std::string_view& text) {
  JsonScan scan({at_, static_cast<std::size_t>(end_ - at_)});
  JsonScan::String string;
  if (!scan.ReadString(string)) {
    at_ = scan.at();
    return Broken(scan.fault().what);
  }
  at_ = scan.at();
  text = string.raw;
  if (string.escapes) {
    text_.resize(string.raw.size());
    const char* const end = Unescape(string.raw, text_.data());
    text_.resize(static_cast<std::size_t>(end - text_.data()));
    text = text_;
  }
  return true;
}

bool PayloadReader::SkipValue() noexcept {
  JsonScan scan({at_, static_cast<std::size_t>(end_ - at_)});
  const bool valid = scan.ReadValue();
  at_ = scan.at();
  return valid || Broken(scan.fault().what);
}

bool PayloadReader::Wrong(std::string_view member, std::string_view expected, const char* start,
                          std::string item) {
  if (fault_ == Fault::kNone) {
    fault_ = Fault::kWrong;
    expected_ = expected;
    wrong_at_ = start;
    item_ = std::move(item);
  }
  if (member_.empty()) member_ = member;
  return false;
}

bool PayloadReader::Twice(std::string_view member, std::string item) {
  fault_ = Fault::kTwice;
  member_ = member;
  item_ = std::move(item);
  return false;
}

std::string PayloadReader::ItemIndex(std::size_t index) {
  std::string text(1, '[');
  text += std::to_string(index);
  text += ']';
  return text;
}

std::string PayloadReader::ItemName(std::string_view name) { return '.' + Shown(name); }

bool PayloadReader::Missing(std::string_view member, std::string_view expected) {
  fault_ = Fault::kMissing;
  member_ = member;
  expected_ = expected;
  return false;
}

bool PayloadReader::Broken(const char* what) noexcept {
  if (fault_ == Fault::kNone) {
    fault_ = Fault::kBroken;
    broken_what_ = what;
    wrong_at_ = at_;
  }
  return false;
}

Status PayloadReader::BrokenError(std::string_view payload, const char* what,
                                  const char* at) const {
  return Status(StatusCode::kInvalidArgument, "event",
                std::string(payload)
                    .append(": expected JSON, found a fault at byte ")
                    .append(std::to_string(at - begin_))
                    .append(": ")
                    .append(at == end_ ? "the text ends too early" : what));
}

Status PayloadReader::Error(std::string_view payload) const {
  if (fault_ == Fault::kBroken) return BrokenError(payload, broken_what_, wrong_at_);
  std::string text(payload);
  if (!member_.empty()) text.append(".").append(member_);
  text.append(item_).append(": expected ");
  StatusCode code = StatusCode::kInvalidArgument;
  switch (fault_) {
    case Fault::kTwice:
      text += "one, found it twice";
      break;
    case Fault::kMissing:
      text.append(expected_).append(", found nothing of that name");
      break;
    default: {
      const std::string_view rest(wrong_at_, static_cast<std::size_t>(end_ - wrong_at_));
      JsonScan scan(rest);
      if (!scan.ReadValue()) return BrokenError(payload, scan.fault().what, scan.at());
      const std::string_view found =
          rest.substr(0, static_cast<std::size_t>(scan.at() - wrong_at_));
      text.append(expected_).append(", found ").append(Shown(found));
      if (expected_ == kDecimalExpected && found.starts_with('"')) {
        const Status why = Decimal::Parse(found.substr(1, found.size() - 2)).status();
        if (why.code() == StatusCode::kOutOfRange) {
          code = StatusCode::kOutOfRange;
          text.append(": ").append(why.message());
        }
      }
    }
  }
  return Status(code, "event", std::move(text));
}

}  // namespace virtufin::inline v0::detail
