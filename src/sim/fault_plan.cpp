// What goes wrong, as a script.
#include "sim/fault_plan.hpp"

#include <algorithm>
#include <charconv>

namespace virtufin::inline v0::sim {
namespace {

/// What follows a fault's name.
enum class Shape : std::uint8_t {
  kNone,            // nothing
  kOne,             // [one]
  kSymbol,          // SYMBOL
  kSymbolDuration,  // SYMBOL <ms>
  kCount,           // [<count>]
  kAmount,          // [<amount>], close codes
  kDuration,        // <ms>
  kAmountCount,     // <amount> [<count>]
  kAmountDuration,  // <amount> <ms>
};

struct Form {
  FaultKind kind;
  std::string_view name;
  Shape shape;
  std::string_view usage;
};
constexpr Form kForms[kFaultKinds] = {
    {FaultKind::kCut, "cut", Shape::kOne, "cut [one]"},
    {FaultKind::kClose, "close", Shape::kAmount, "close <code>"},
    {FaultKind::kStall, "stall", Shape::kOne, "stall [one]"},
    {FaultKind::kRefuse, "refuse", Shape::kDuration, "refuse <ms>"},
    {FaultKind::kDrop, "drop", Shape::kCount, "drop [<frames>]"},
    {FaultKind::kDelay, "delay", Shape::kAmountDuration, "delay <ms late> <for ms>"},
    {FaultKind::kGap, "gap", Shape::kSymbol, "gap <symbol>"},
    {FaultKind::kLostAck, "lostack", Shape::kCount, "lostack [<messages>]"},
    {FaultKind::kLateAck, "lateack", Shape::kCount, "lateack [<messages>]"},
    {FaultKind::kHttp, "http", Shape::kAmountCount, "http <status> [<answers>]"},
    {FaultKind::kTruncate, "truncate", Shape::kCount, "truncate [<answers>]"},
    {FaultKind::kSlow, "slow", Shape::kAmountCount, "slow <ms> [<answers>]"},
    {FaultKind::kNoAnswer, "noanswer", Shape::kCount, "noanswer [<answers>]"},
    {FaultKind::kOld, "old", Shape::kAmountCount, "old <updates> [<answers>]"},
    {FaultKind::kHalt, "halt", Shape::kSymbol, "halt <symbol>"},
    {FaultKind::kResume, "resume", Shape::kSymbol, "resume <symbol>"},
    {FaultKind::kSilent, "silent", Shape::kSymbolDuration, "silent <symbol> <ms>"},
    {FaultKind::kShutdown, "shutdown", Shape::kNone, "shutdown"},
    {FaultKind::kMute, "mute", Shape::kOne, "mute [one]"},
    {FaultKind::kHush, "hush", Shape::kOne, "hush [one]"},
    {FaultKind::kLose, "lose", Shape::kSymbol, "lose <symbol>"},
};

const Form& FormOf(FaultKind kind) { return kForms[static_cast<std::size_t>(kind)]; }

Status Bad(std::size_t line, const std::string& expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "sim",
                "fault script, line " + std::to_string(line) + ": expected " + expected +
                    ", found '" + std::string(found) + "'");
}

/// Words of a line, without its comment.
std::vector<std::string_view> Words(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos) return words;
    const auto end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

bool Number(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

struct Counts {
  std::size_t least, most;  // words after the name
};
Counts CountsOf(Shape shape) {
  switch (shape) {
    case Shape::kNone:
      return {0, 0};
    case Shape::kOne:
    case Shape::kCount:
      return {0, 1};
    case Shape::kSymbol:
    case Shape::kAmount:
    case Shape::kDuration:
      return {1, 1};
    case Shape::kAmountCount:
      return {1, 2};
    case Shape::kSymbolDuration:
    case Shape::kAmountDuration:
      return {2, 2};
  }
  return {0, 0};
}

/// The arguments in `words`. Empty: fine; else what was expected of the word at `wrong`.
std::string ReadArguments(Shape shape, const std::vector<std::string_view>& words, Fault& fault,
                          std::size_t& wrong) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    wrong = i;
    if (shape == Shape::kOne) {
      if (words[i] != "one") return "'one' or nothing";
      fault.one = true;
      continue;
    }
    const bool with_symbol = shape == Shape::kSymbol || shape == Shape::kSymbolDuration;
    if (with_symbol && i == 0) {
      fault.symbol = words[i];
      continue;
    }
    std::int64_t number = 0;
    if (!Number(words[i], number)) return "a number";
    const bool is_count = shape == Shape::kCount || shape == Shape::kDuration || i == 1;
    if (is_count && number == 0) return "a number from 1 on";
    (is_count ? fault.count : fault.amount) = number;
  }
  wrong = 0;
  const std::int64_t amount = fault.amount;
  if (fault.kind == FaultKind::kHttp && amount != 400 && amount != 403 && amount != 404 &&
      amount != 418 && amount != 429 && amount != 451 && (amount < 500 || amount > 599)) {
    return "one of the statuses 400, 403, 404, 418, 429, 451, 500 to 599";
  }
  if (fault.kind == FaultKind::kClose && (amount < 1000 || amount > 4999)) {
    return "a close code from 1000 to 4999";
  }
  return {};
}

}  // namespace

std::string_view FaultKindName(FaultKind kind) noexcept { return FormOf(kind).name; }

std::string FaultText(const Fault& fault) {
  std::string text = std::to_string(fault.at_ms) + " " + std::string(FaultKindName(fault.kind));
  const Shape shape = FormOf(fault.kind).shape;
  const bool symbol = shape == Shape::kSymbol || shape == Shape::kSymbolDuration;
  const bool amount =
      shape == Shape::kAmount || shape == Shape::kAmountCount || shape == Shape::kAmountDuration;
  const bool count = shape == Shape::kCount || shape == Shape::kDuration ||
                     shape == Shape::kAmountCount || shape == Shape::kAmountDuration ||
                     shape == Shape::kSymbolDuration;
  if (fault.one) text += " one";
  if (symbol) text += " " + fault.symbol;
  if (amount) text += " " + std::to_string(fault.amount);
  if (count) text += " " + std::to_string(fault.count);
  return text;
}

Result<FaultPlan> FaultPlan::Parse(std::string_view script) {
  FaultPlan plan;
  for (std::size_t number = 1; !script.empty(); ++number) {
    const auto end = std::min(script.find('\n'), script.size());
    std::vector<std::string_view> words = Words(script.substr(0, end));
    script.remove_prefix(std::min(end + 1, script.size()));
    if (words.empty()) continue;
    Fault fault;
    if (!Number(words[0], fault.at_ms)) {
      return Bad(number, "milliseconds from the start", words[0]);
    }
    if (words.size() == 1) return Bad(number, "a fault after the time", "");
    const auto form = std::find_if(std::begin(kForms), std::end(kForms),
                                   [&](const Form& each) { return each.name == words[1]; });
    if (form == std::end(kForms)) {
      std::string names;
      for (const Form& each : kForms) names += (names.empty() ? "" : " ") + std::string(each.name);
      return Bad(number, "one of " + names, words[1]);
    }
    fault.kind = form->kind;
    words.erase(words.begin(), words.begin() + 2);
    const Counts counts = CountsOf(form->shape);
    std::size_t wrong = 0;
    if (words.size() < counts.least || words.size() > counts.most) {
      return Bad(number, "'" + std::string(form->usage) + "'",
                 std::to_string(words.size()) + " arguments");
    }
    if (const std::string expected = ReadArguments(form->shape, words, fault, wrong);
        !expected.empty()) {
      return Bad(number, expected + " as in '" + std::string(form->usage) + "'", words[wrong]);
    }
    plan.faults.push_back(std::move(fault));
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at_ms < b.at_ms; });
  return plan;
}

}  // namespace virtufin::inline v0::sim
