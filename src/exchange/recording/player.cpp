// Merges frames, answers and the feed's deadlines on recorded time.
#include "virtufin/exchange/player.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "exchange/recording/pace.hpp"
#include "net/url.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::uint32_t kFirstConnection = 1;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "exchange", std::move(message));
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// The value of `name=` in a URL's query; empty when there is none.
std::string_view Parameter(std::string_view url, std::string_view name) noexcept {
  for (auto at = url.find('?'); at != std::string_view::npos; at = url.find('&', at + 1)) {
    const auto rest = url.substr(at + 1);
    if (rest.substr(0, name.size()) != name || rest.substr(name.size(), 1) != "=") continue;
    const auto value = rest.substr(name.size() + 1);
    return value.substr(0, value.find('&'));
  }
  return {};
}

/// "a@depth/b@bookTicker" to A and B.
void AddSymbolsOfStreams(std::string_view streams, std::vector<std::string>& symbols) {
  while (!streams.empty()) {
    const auto slash = std::min(streams.find('/'), streams.size());
    const auto stream = streams.substr(0, slash);
    streams.remove_prefix(std::min(slash + 1, streams.size()));
    const auto at = stream.find('@');
    if (at == 0 || at == std::string_view::npos || stream[0] == '!') continue;
    symbols.push_back(UpperCase(net::PercentDecode(stream.substr(0, at))));
  }
}

bool IsUsdm(std::string_view url) noexcept {
  return url.find("://fstream.") != std::string_view::npos ||
         url.find("://fapi.") != std::string_view::npos;
}

struct Answer {
  enum class State : std::uint8_t { kWaiting, kAsked, kPlayed };
  std::size_t line = 0;
  std::int64_t unix_ns = 0;
  std::string symbol, body;
  State state = State::kWaiting;
  std::int64_t due_ns = 0;    // when asked for
  std::uint64_t request = 0;  // by which request
};

}  // namespace

BinanceFeedOptions RecordingPlayerOptions::Historical() {
  BinanceFeedOptions options;
  options.historical = true;
  options.world = "hyp.replay";
  return options;
}

struct RecordingPlayer::Impl final : BinanceFeedSink {
  Impl(const RecordingPlayerOptions& o, PubSub& b, RecordingReader&& f)
      : options(o), bus(b), frames(std::move(f)) {}

  RecordingPlayerOptions options;
  PubSub& bus;
  RecordingReader frames;
  std::optional<RecordingReader> answers_file;
  std::vector<Answer> answers;  // by recorded time
  std::vector<Answer*> asked;   // of those, in the order they are due
  std::unique_ptr<BinanceFeed> feed;
  RecordedLine line;  // the next of `frames`
  bool has_line = false;
  bool opened = false;
  std::uint32_t connection = kFirstConnection;
  std::int64_t start_ns = 0;
  std::int64_t now_ns = 0;
  std::vector<RecordingProblem> item_problems;
  RecordingCounters counts;

  void Publish(const Message& message) override {
    if (!bus.Publish(message).ok()) ++counts.not_published;
  }
  void FetchSnapshot(std::string_view symbol, std::uint64_t request) override;
  void CancelSnapshot(std::string_view symbol, std::uint64_t request) override;

  void ReadLine() { has_line = frames.Next(line); }
  void LoadAnswers(std::vector<std::string>& symbols, std::optional<BinanceMarket>& market);
  Answer* DueAnswer() const noexcept { return asked.empty() ? nullptr : asked.front(); }
  void MoveTo(std::int64_t unix_ns);
  FeedTime Now() const noexcept { return {now_ns, now_ns}; }
  void Open();
  void PlayLine();
  void PlayAnswer(Answer& answer);
  void Report(const RecordingReader& file, std::size_t number, std::string what);
};

void RecordingPlayer::Impl::Report(const RecordingReader& file, std::size_t number,
                                   std::string what) {
  if (item_problems.size() >= RecordingReader::kMaxProblems) return;
  item_problems.push_back({file.path(), number, std::move(what)});
}

void RecordingPlayer::Impl::LoadAnswers(std::vector<std::string>& symbols,
                                        std::optional<BinanceMarket>& market) {
  RecordedLine answer;
  while (answers_file->Next(answer)) {
    const std::string symbol = net::PercentDecode(Parameter(answer.url, "symbol"));
    if (answer.kind != RecordedLine::Kind::kAnswer || symbol.empty() ||
        answer.url.find("/depth?") == std::string_view::npos) {
      Report(*answers_file, answer.number, "expected the answer of '.../depth?symbol=...'");
      continue;
    }
    if (!market) market = IsUsdm(answer.url) ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
    symbols.push_back(symbol);
    Answer& kept = answers.emplace_back();
    kept.line = answer.number;
    kept.unix_ns = answer.unix_ns;
    kept.symbol = symbol;
    kept.body = answer.body;
  }
  std::stable_sort(answers.begin(), answers.end(),
                   [](const Answer& a, const Answer& b) { return a.unix_ns < b.unix_ns; });
}

void RecordingPlayer::Impl::FetchSnapshot(std::string_view symbol, std::uint64_t request) {
  const auto of_symbol = [symbol](const Answer* answer) { return answer->symbol == symbol; };
  // One is on its way since an earlier request.
  if (std::any_of(asked.begin(), asked.end(), of_symbol)) return;
  const auto next = std::find_if(answers.begin(), answers.end(), [&](const Answer& answer) {
    return answer.state == Answer::State::kWaiting && of_symbol(&answer);
  });
  if (next == answers.end()) {
    ++counts.unanswered;
    return;
  }
  next->state = Answer::State::kAsked;
  next->due_ns = std::max(next->unix_ns, now_ns);
  next->request = request;
  const auto later = std::find_if(asked.begin(), asked.end(), [&](const Answer* other) {
    return other->due_ns > next->due_ns;
  });
  asked.insert(later, &*next);
}

/// The answer is for the next request of the symbol.
void RecordingPlayer::Impl::CancelSnapshot(std::string_view symbol, std::uint64_t) {
  std::erase_if(asked, [symbol](Answer* answer) {
    if (answer->symbol != symbol) return false;
    answer->state = Answer::State::kWaiting;
    answer->request = 0;
    return true;
  });
}

/// Time goes forward only; what is due in the feed on the way happens at its own time.
void RecordingPlayer::Impl::MoveTo(std::int64_t unix_ns) {
  for (std::int64_t due = feed->next_tick_ns(); due <= unix_ns; due = feed->next_tick_ns()) {
    now_ns = std::max(now_ns, due);
    feed->OnTick(Now());
    if (Answer* answer = DueAnswer(); answer != nullptr && answer->due_ns < unix_ns) return;
  }
  now_ns = std::max(now_ns, unix_ns);
}

void RecordingPlayer::Impl::Open() {
  if (opened) feed->OnClose(connection++, Now(), "the recording opened a new connection");
  opened = true;
  feed->OnOpen(connection, Now());
  for (const std::string& symbol : feed->symbols()) feed->OnLive(connection, symbol, Now());
  if (!options.snapshots_first) return;
  for (Answer& answer : answers) {
    if (answer.state != Answer::State::kPlayed) PlayAnswer(answer);
  }
}

void RecordingPlayer::Impl::PlayAnswer(Answer& answer) {
  answer.state = Answer::State::kPlayed;
  std::erase(asked, &answer);
  ++counts.answers;
  const std::int64_t received = std::max(answer.unix_ns, now_ns);
  const Status status =
      feed->OnSnapshot(answer.symbol, answer.request, {received, now_ns}, answer.body);
  if (!status.ok()) Report(*answers_file, answer.line, std::string(status.message()));
}

void RecordingPlayer::Impl::PlayLine() {
  switch (line.kind) {
    case RecordedLine::Kind::kOpen:
      Open();
      break;
    case RecordedLine::Kind::kFrame: {
      if (!opened) Open();
      ++counts.frames;
      const BinanceFrame& frame = feed->OnFrame(connection, Now(), line.body);
      if (frame.kind == BinanceKind::kMalformed) {
        Report(frames, line.number, "bad frame: " + std::string(frame.error));
      }
      break;
    }
    case RecordedLine::Kind::kAnswer:
      Report(frames, line.number, "expected a frame, found the answer of a request");
      break;
  }
  ReadLine();
}

RecordingPlayer::RecordingPlayer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RecordingPlayer::~RecordingPlayer() = default;

Result<std::unique_ptr<RecordingPlayer>> RecordingPlayer::Open(
    const RecordingPlayerOptions& options, PubSub& bus, Clock& clock) {
  auto frames = RecordingReader::Open(options.frames_path);
  if (!frames.ok()) return frames.status();
  auto impl = std::make_unique<Impl>(options, bus, std::move(*frames));
  std::vector<std::string> symbols;
  std::optional<BinanceMarket> market = options.market;
  impl->ReadLine();
  if (impl->has_line && impl->line.kind == RecordedLine::Kind::kOpen) {
    const std::string_view url = impl->line.url;
    if (!market) market = IsUsdm(url) ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
    AddSymbolsOfStreams(Parameter(url, "streams"), symbols);
  }
  if (!options.answers_path.empty()) {
    auto answers = RecordingReader::Open(options.answers_path);
    if (!answers.ok()) return answers.status();
    impl->answers_file.emplace(std::move(*answers));
    impl->LoadAnswers(symbols, market);
  }
  if (!market) {
    return Invalid("market: the recording names no URL that tells it, and no option does");
  }
  if (symbols.empty()) {
    return Invalid(
        "expected symbols in '?streams=' of the first line or in '/depth?symbol=' of the "
        "answers, found none");
  }
  impl->options.feed.market = *market;
  auto feed = BinanceFeed::Create(impl->options.feed, clock, *impl);
  if (!feed.ok()) return feed.status();
  impl->feed = std::move(*feed);
  impl->start_ns = impl->now_ns = impl->has_line ? impl->line.unix_ns : 0;
  for (const std::string& symbol : symbols) {
    if (Status status = impl->feed->Subscribe(symbol, impl->Now()); !status.ok()) return status;
  }
  return std::unique_ptr<RecordingPlayer>(new RecordingPlayer(std::move(impl)));
}

bool RecordingPlayer::Next() {
  Impl& impl = *impl_;
  while (true) {
    Answer* const answer = impl.DueAnswer();
    const bool answer_first =
        answer != nullptr && (!impl.has_line || answer->due_ns <= impl.line.unix_ns);
    if (!answer_first && !impl.has_line) return false;
    impl.MoveTo(answer_first ? answer->due_ns : impl.line.unix_ns);
    // A deadline on the way may have asked for an answer that comes before.
    if (Answer* const now_first = impl.DueAnswer();
        now_first != answer && (!impl.has_line || now_first->due_ns <= impl.line.unix_ns)) {
      continue;
    }
    if (answer_first) {
      impl.PlayAnswer(*answer);
    } else {
      impl.PlayLine();
    }
    return true;
  }
}

std::optional<std::int64_t> RecordingPlayer::next_offset_ns() {
  const Answer* const answer = impl_->DueAnswer();
  if (answer == nullptr && !impl_->has_line) return std::nullopt;
  std::int64_t next = answer == nullptr ? kNever : answer->due_ns;
  if (impl_->has_line) next = std::min(next, impl_->line.unix_ns);
  return std::max(next, impl_->now_ns) - impl_->start_ns;
}

void RecordingPlayer::Play(double speed, std::stop_token stop) {
  detail::PlayAtPace(
      speed, std::move(stop), [this] { return next_offset_ns(); }, [this] { Next(); });
}

BinanceMarket RecordingPlayer::market() const noexcept { return impl_->options.feed.market; }
std::vector<std::string> RecordingPlayer::symbols() const { return impl_->feed->symbols(); }
const BinanceFeed& RecordingPlayer::feed() const noexcept { return *impl_->feed; }
const RecordingCounters& RecordingPlayer::counters() const noexcept { return impl_->counts; }

std::vector<RecordingProblem> RecordingPlayer::problems() const {
  std::vector<RecordingProblem> all = impl_->frames.problems();
  if (impl_->answers_file) {
    const auto& more = impl_->answers_file->problems();
    all.insert(all.end(), more.begin(), more.end());
  }
  all.insert(all.end(), impl_->item_problems.begin(), impl_->item_problems.end());
  return all;
}

}  // namespace virtufin::inline v0
