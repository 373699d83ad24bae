// Compares act by act, in recorded order.
#include "exchange/recording/replay_link.hpp"

#include <utility>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMostShown = 200;  // bytes of a text

std::string Show(RecordKind kind, std::uint32_t socket, std::string_view text) {
  std::string out(RecordKindName(kind));
  if (socket != 0) out += " on socket " + std::to_string(socket);
  if (text.empty()) return out;
  return out + " '" + std::string(text.substr(0, kMostShown)) +
         (text.size() > kMostShown ? "...'" : "'");
}

std::string ShowResult(std::uint64_t code, std::uint64_t number) {
  return "result with code " + std::to_string(code) + " and number " + std::to_string(number);
}

}  // namespace

void ReplayLink::Expect(const Record& output) {
  expected_.push_back(
      {static_cast<const RecordHead&>(output), output.index, std::string(output.payload())});
}

void ReplayLink::Diverge(const Expected* expected, const std::string& found) {
  if (diverged() || (expected == nullptr && at_end_)) return;
  std::string text;
  if (expected == nullptr) {
    text =
        "after record " +
        (expected_.empty() ? std::string("of the input") : std::to_string(expected_.back().index)) +
        ": expected nothing more";
  } else {
    const RecordHead& head = expected->head;
    std::string_view payload = expected->payload;
    if (head.kind == RecordKind::kHttp) {
      const auto get = DecodeGet(payload);
      if (get.ok()) payload = get->url;
    }
    text = "record " + std::to_string(expected->index) + ": expected " +
           (head.kind == RecordKind::kResult ? ShowResult(head.status, head.number)
                                             : Show(head.kind, head.connection, payload));
  }
  divergence_ = text + ", found " + found;
}

bool ReplayLink::Check(RecordKind kind, std::uint32_t socket, std::string_view text,
                       std::string_view recorded_text) {
  const Expected* const next = Next();
  if (next == nullptr || next->head.kind != kind || next->head.connection != socket ||
      recorded_text != text) {
    Diverge(next, Show(kind, socket, text));
    return false;
  }
  ++at_;
  return true;
}

void ReplayLink::Open(std::uint32_t socket, std::string_view url) {
  const Expected* const next = Next();
  Check(RecordKind::kOpen, socket, urls_.front().Relative(url),
        next == nullptr ? std::string_view() : next->payload);
}

bool ReplayLink::Send(std::uint32_t socket, std::string_view text) {
  const Expected* const next = Next();
  if (!Check(RecordKind::kText, socket, text,
             next == nullptr ? std::string_view() : next->payload)) {
    return true;
  }
  return next->head.status != 0;
}

void ReplayLink::Ping(std::uint32_t socket) { Check(RecordKind::kLife, socket, {}, {}); }
void ReplayLink::Close(std::uint32_t socket) { Check(RecordKind::kClose, socket, {}, {}); }

/// By its URL: the number may be another one.
void ReplayLink::Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) {
  const Expected* const next = Next();
  RecordedGet recorded;
  if (next != nullptr && next->head.kind == RecordKind::kHttp) {
    if (const auto get = DecodeGet(next->payload); get.ok()) recorded = *get;
  }
  const std::string relative = urls_.front().Relative(url);
  if (!Check(RecordKind::kHttp, 0, relative, recorded.url)) return;
  if (recorded.timeout_ms != timeout_ms) {
    return Diverge(next, "the same with a timeout of " + std::to_string(timeout_ms) + " ms");
  }
  requests_[next->head.number] = request;
}

void ReplayLink::Result(StatusCode code, std::uint64_t number) {
  const Expected* const next = Next();
  const auto status = static_cast<std::uint16_t>(code);
  if (next == nullptr || next->head.kind != RecordKind::kResult || next->head.status != status ||
      next->head.number != number) {
    return Diverge(next, ShowResult(status, number));
  }
  ++at_;
}

void ReplayLink::Finish() {
  if (const Expected* const next = Next(); next != nullptr) Diverge(next, "nothing");
  expected_.clear();
  at_ = 0;
}

std::uint64_t ReplayLink::TakeRequest(std::uint64_t request) {
  const auto at = requests_.find(request);
  if (at == requests_.end()) return 0;
  const std::uint64_t found = at->second;
  requests_.erase(at);
  return found;
}

}  // namespace virtufin::inline v0::detail
