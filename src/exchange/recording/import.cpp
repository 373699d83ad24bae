// A session lives on recorded time, answered from what was recorded, and is recorded itself.
#include "virtufin/exchange/recording_import.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "exchange/binance/session.hpp"
#include "exchange/binance/streams.hpp"
#include "exchange/recording/imported_answers.hpp"
#include "exchange/recording/line_reader.hpp"
#include "exchange/recording/recorder.hpp"
#include "exchange/recording/session_tap.hpp"
#include "net/url.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kStartNs = 1'000'000'000;  // monotonic
constexpr std::int64_t kDayNs = 86'400'000'000'000, kYearNs = 365 * kDayNs;
constexpr std::size_t kBufferBytes = std::size_t{64} << 20;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "exchange", std::move(message));
}

/// The streams that a URL names: "...?streams=a/b", ".../ws/a/b".
std::vector<std::string> StreamsOf(std::string_view url) {
  constexpr std::string_view kQuery = "?streams=";
  constexpr std::string_view kPath = "/ws/";
  std::string_view names;
  if (const auto query = url.find(kQuery); query != url.npos) {
    names = url.substr(query + kQuery.size());
    names = names.substr(0, names.find('&'));
  } else if (const auto path = url.find(kPath); path != url.npos) {
    names = url.substr(path + kPath.size());
    names = names.substr(0, names.find('?'));
  }
  std::vector<std::string> streams;
  while (!names.empty()) {
    const std::size_t slash = std::min(names.find('/'), names.size());
    if (slash > 0) streams.push_back(net::PercentDecode(names.substr(0, slash)));
    names.remove_prefix(std::min(slash + 1, names.size()));
  }
  return streams;
}

/// Of a frame of a combined stream, which begins with its name; else empty.
std::string_view StreamOf(std::string_view frame) noexcept {
  constexpr std::string_view kName = "{\"stream\":\"";
  if (!frame.starts_with(kName)) return {};
  frame.remove_prefix(kName.size());
  const auto end = frame.find('"');
  return end == frame.npos ? std::string_view() : frame.substr(0, end);
}

BinanceMarket MarketOf(std::string_view url) noexcept {
  const bool usdm = url.find("://fstream.") != url.npos || url.find("://fapi.") != url.npos;
  return usdm ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
}

/// Why a recorder ended.
class LastError final : public LogSink {
 public:
  bool Enabled(LogLevel level) const noexcept override { return level >= LogLevel::kError; }
  void Write(LogLevel, std::string_view, std::string_view text) noexcept override { what = text; }
  std::string what;  // written by the recorder's thread before it ends
};

/// The venue of a session: what it asks for comes from the recording.
class Importer final : public VenueLink, public BinanceSessionSink {
 public:
  Importer(const RecordingImportOptions& options, RecordingImport& report)
      : options_(options), report_(report) {}

  Status Build();
  Status Run();

 private:
  struct Socket {
    std::uint32_t number = 0;
    bool open = false;
  };
  struct Stream {
    std::vector<FeedHandle> handles;  // none: no subscription brings it
    BinanceRoute route = BinanceRoute::kPublic;
  };
  /// What happens at a time of its own.
  struct Due {
    enum class Kind : std::uint8_t { kOpen, kAck, kAnswer } kind;
    std::uint32_t socket = 0;
    std::uint64_t number = 0;  // of a message, of a request
    std::optional<ImportedAnswer> answer = {};
  };

  BinanceSessionOptions SessionOptions(BinanceMarket market) const;
  FeedTime Now() const noexcept { return {start_unix_ns_ + now_ns_ - kStartNs, now_ns_}; }
  std::int64_t LineNs() const noexcept;
  void Report(const std::string& file, std::size_t line, std::string what);
  void ReadLine();
  bool CheckLine();
  void Connect();
  void Disconnect();
  Stream& Want(std::string_view name);
  void Drop(Stream& stream);
  bool PlayLine();
  bool PlayFrame();
  bool IsAnswerDue() const;
  void PlayDue();
  void PlayAnswer(const Due& due);

  void Publish(const Message&) override {}
  void Open(std::uint32_t socket, std::string_view url) override;
  bool Send(std::uint32_t socket, std::string_view text) override;
  void Ping(std::uint32_t) override {}
  void Close(std::uint32_t socket) override;
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override;

  const RecordingImportOptions& options_;
  RecordingImport& report_;
  Problems problems_;
  std::optional<LineReader> frames_;
  ImportedAnswers answers_;
  LastError why_;
  std::unique_ptr<ManualClock> clock_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<SessionTap> tap_;
  std::unique_ptr<BinanceSession> session_;
  RecordedLine line_;  // the next of `frames_`
  bool has_line_ = false;
  bool connected_ = false;   // the recorded connection
  std::string only_stream_;  // of it, when its URL names one
  std::map<std::string, Stream, std::less<>> streams_;
  std::map<BinanceRoute, Socket> sockets_;  // the session's
  std::multimap<std::int64_t, Due> due_;    // by monotonic time
  std::int64_t start_unix_ns_ = 0, now_ns_ = kStartNs;
};

BinanceSessionOptions Importer::SessionOptions(BinanceMarket market) const {
  const BinanceAdapterOptions defaults;
  BinanceSessionOptions to;
  static_cast<BinanceAdapterOptions&>(to) = options_.adapter;
  to.feed.market = market;
  to.stream_url = to.rest_url = to.ca_file = to.ca_pem = to.record_path = {};
  to.public_path = defaults.public_path;
  to.market_path = defaults.market_path;
  to.check_symbols = to.check_symbols && answers_.HasInstruments();
  // Nothing in the text proves life, and whoever recorded it asked for everything at once.
  to.canary_ms = to.book_idle_ms = to.ping_ms = to.life_timeout_ms = 0;
  to.rotate_after_ms = to.instruments_poll_ms = to.banned_until_unix_ns = 0;
  to.streams_per_connection = to.max_subscriptions;
  to.messages_per_second = 1'000'000;
  to.reconnect_first_ms = to.reconnect_max_ms = 1;
  to.connect_timeout_ms = BinanceFeedOptions::kMaxMs;  // until the recorded one is open
  std::vector<std::string> streams;
  if (line_.kind == RecordedLine::Kind::kOpen) streams = StreamsOf(line_.url);
  if (streams.empty()) streams.emplace_back(StreamOf(line_.body));
  for (const std::string& stream : streams) {
    if (const auto speed = DepthSpeedOf(market, stream)) {
      to.depth_speed_ms = *speed;
      break;
    }
  }
  return to;
}

Status Importer::Build() {
  auto frames = LineReader::Open(options_.frames_path, problems_);
  if (!frames.ok()) return frames.status();
  frames_.emplace(std::move(*frames));
  for (const std::string& path : options_.answers_paths) {
    if (Status read = answers_.Read(path, problems_); !read.ok()) return read;
  }
  do {
    has_line_ = frames_->Next(line_);
    start_unix_ns_ = line_.unix_ns;
  } while (has_line_ && !CheckLine());
  if (!has_line_) {
    return Invalid("expected '<url> <-> <unix seconds>' or '<unix seconds>: <frame>' in " +
                   options_.frames_path + ", found " +
                   (problems_.all.empty() ? "nothing" : problems_.all.front().ToString()));
  }
  const std::string url = line_.url.empty() ? answers_.first_url() : std::string(line_.url);
  if (!options_.market && url.empty()) {
    return Invalid("market: the recording names no URL that tells it, and no option does");
  }
  connected_ = line_.kind != RecordedLine::Kind::kOpen;
  clock_ = std::make_unique<ManualClock>(Timestamp::FromUnixNanos(start_unix_ns_));
  recorder_ = std::make_unique<Recorder>(RecorderOptions{options_.path, kBufferBytes, 0}, why_);
  tap_ = std::make_unique<SessionTap>(*this, *recorder_);
  auto session = BinanceSession::Create(SessionOptions(options_.market.value_or(MarketOf(url))),
                                        *clock_, *tap_, *this);
  if (!session.ok()) return session.status();
  session_ = std::move(*session);
  tap_->Attach(*session_);
  if (Status s = recorder_->Start(HeaderOf(session_->options(), Now())); !s.ok()) {
    return Status(s.code(), "exchange", "path: " + std::string(s.message()));
  }
  return tap_->Start(Now());
}

/// A deadline of the session comes before what happens at the same time, answers before frames.
Status Importer::Run() {
  bool room = true;
  while (room && (has_line_ || IsAnswerDue())) {
    const std::int64_t line_ns = has_line_ ? LineNs() : kNever;
    const std::int64_t due_ns = due_.empty() ? kNever : due_.begin()->first;
    const std::int64_t tick_ns = session_->next_tick_ns();
    if (tick_ns <= std::min(line_ns, due_ns)) {
      now_ns_ = std::max(now_ns_, tick_ns);
      tap_->OnTick(Now());
    } else if (due_ns <= line_ns) {
      PlayDue();
    } else {
      now_ns_ = line_ns;
      if (PlayLine()) ReadLine();
    }
    room = recorder_->AwaitRoom();
  }
  Status written = recorder_->Stop(std::chrono::hours(1));
  report_.problems = std::move(problems_.all);
  report_.problem_count = problems_.count;
  if (recorder_->lost() == 0) return written;
  return Status(StatusCode::kDataLoss, "exchange", "path: " + why_.what);
}

/// Behind the last line only what was recorded, and what belongs to it, still happens: no retries.
bool Importer::IsAnswerDue() const {
  return std::any_of(due_.begin(), due_.end(), [this](const auto& one) {
    return one.second.answer.has_value() || one.first <= now_ns_;
  });
}

// ---- the recorded side -------------------------------------------------------------------------

/// Time goes forward only.
std::int64_t Importer::LineNs() const noexcept {
  return std::max(now_ns_, line_.unix_ns - start_unix_ns_ + kStartNs);
}

void Importer::Report(const std::string& file, std::size_t line, std::string what) {
  problems_.Add(file, line, std::move(what));
}

void Importer::ReadLine() {
  do {
    has_line_ = frames_->Next(line_);
  } while (has_line_ && !CheckLine());
  // When the connection before it was lost is not recorded.
  if (has_line_ && line_.kind == RecordedLine::Kind::kOpen && connected_) Disconnect();
}

/// One wrong time would hold up all lines behind it.
bool Importer::CheckLine() {
  if (line_.kind == RecordedLine::Kind::kAnswer) {
    Report(frames_->path(), line_.number, "expected a frame, found the answer of a request");
    return false;
  }
  const bool open = line_.kind == RecordedLine::Kind::kOpen;
  if (line_.unix_ns - Now().unix_ns <= (open ? kYearNs : kDayNs)) return true;
  Report(frames_->path(), line_.number,
         std::string("expected a time within a ") + (open ? "year" : "day") +
             " of the line before, found " + std::to_string(line_.unix_ns / 1'000'000'000));
  return false;
}

void Importer::Connect() {
  connected_ = true;
  const std::vector<std::string> names = StreamsOf(line_.url);
  only_stream_ = names.size() == 1 ? names.front() : std::string();
  for (auto at = streams_.begin(); at != streams_.end();) {
    const bool stays =
        names.empty() || std::find(names.begin(), names.end(), at->first) != names.end();
    if (!stays) Drop(at->second);
    at = stays ? std::next(at) : streams_.erase(at);
  }
  for (const auto& [_, socket] : sockets_)
    due_.emplace(now_ns_, Due{Due::Kind::kOpen, socket.number});
  for (const std::string& name : names) Want(name);
}

void Importer::Disconnect() {
  connected_ = false;
  for (const auto& [_, socket] : std::exchange(sockets_, {})) {
    tap_->OnClosed(socket.number, Now(), "the recording opened a new connection");
  }
}

Importer::Stream& Importer::Want(std::string_view name) {
  const auto [at, added] = streams_.try_emplace(std::string(name));
  Stream& stream = at->second;
  if (!added) return stream;
  const BinanceSessionOptions& session = session_->options();
  const auto requests = RequestsOf(session.feed.market, session.depth_speed_ms, name);
  if (requests.empty()) {
    Report(frames_->path(), line_.number,
           "stream '" + at->first + "': no subscription of an adapter brings it, it is left out");
  }
  for (const FeedRequest& request : requests) {
    stream.route = PlanStream(session.feed.market, session.depth_speed_ms, request)->route;
    auto handle = tap_->Subscribe(request, Now());
    if (handle.ok()) {
      stream.handles.push_back(*handle);
    } else {
      Report(frames_->path(), line_.number, std::string(handle.status().message()));
    }
  }
  return stream;
}

void Importer::Drop(Stream& stream) {
  for (const FeedHandle handle : stream.handles) (void)tap_->Unsubscribe(handle, Now()).ok();
}

/// False: what it led to comes first.
bool Importer::PlayLine() {
  if (line_.kind == RecordedLine::Kind::kFrame) return PlayFrame();
  Connect();
  return true;
}

bool Importer::PlayFrame() {
  const std::string_view named = StreamOf(line_.body);
  const std::string_view name = named.empty() ? only_stream_ : named;
  const auto leave_out = [&](std::string what) {
    ++report_.left_out;
    if (!what.empty()) Report(frames_->path(), line_.number, std::move(what));
    return true;
  };
  if (name.empty()) {
    return leave_out("expected '{\"stream\":\"<name>\",...', or a URL that names one stream");
  }
  const bool known = streams_.contains(name);
  const Stream& stream = Want(name);
  if (stream.handles.empty()) return leave_out({});
  if (!known) return false;
  const auto socket = sockets_.find(stream.route);
  if (socket == sockets_.end() || !socket->second.open) {
    return leave_out("expected a frame behind the opening of its connection");
  }
  const std::uint64_t bad = session_->books().frame_counters().of(BinanceKind::kMalformed);
  tap_->OnFrame(socket->second.number, Now(), line_.body);
  ++report_.frames;
  if (session_->books().frame_counters().of(BinanceKind::kMalformed) != bad) {
    BinanceDecoder decoder(session_->options().feed.market);
    Report(frames_->path(), line_.number,
           "bad frame: " + std::string(decoder.Decode(line_.body).error));
  }
  return true;
}

// ---- the session's side ------------------------------------------------------------------------

void Importer::PlayDue() {
  now_ns_ = std::max(now_ns_, due_.begin()->first);
  const Due due = std::move(due_.extract(due_.begin()).mapped());
  if (due.kind == Due::Kind::kAnswer) return PlayAnswer(due);
  for (auto& [_, socket] : sockets_) {
    if (socket.number != due.socket) continue;
    if (due.kind == Due::Kind::kOpen) {
      socket.open = true;
      return tap_->OnOpen(due.socket, Now());
    }
    return tap_->OnFrame(due.socket, Now(),
                         "{\"result\":null,\"id\":" + std::to_string(due.number) + "}");
  }
}

void Importer::PlayAnswer(const Due& due) {
  const auto failures = [this] {
    return session_->counters().requests_failed + session_->books().counters().snapshots_failed;
  };
  VenueAnswer answer;
  answer.error = "the recording has no answer to this at this time";
  if (due.answer) answer = {200, {}, due.answer->body, {}};
  const std::uint64_t failed = failures();
  tap_->OnAnswer(due.number, Now(), answer);
  if (!due.answer) return;
  ++report_.answers;
  if (failures() != failed) {
    Report(due.answer->file, due.answer->line, "the answer is not what was asked for");
  }
}

void Importer::Open(std::uint32_t socket, std::string_view url) {
  const BinanceSessionOptions& session = session_->options();
  const bool market = session.feed.market == BinanceMarket::kUsdm &&
                      url.starts_with(session.stream_url + session.market_path);
  sockets_[market ? BinanceRoute::kMarket : BinanceRoute::kPublic] = {socket, false};
  if (connected_) due_.emplace(now_ns_, Due{Due::Kind::kOpen, socket});
}

/// The number of a message stands at its end.
bool Importer::Send(std::uint32_t socket, std::string_view text) {
  std::uint64_t number = 0;
  const std::string_view digits = text.substr(text.rfind(':') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  due_.emplace(now_ns_, Due{Due::Kind::kAck, socket, number});
  return true;
}

void Importer::Close(std::uint32_t socket) {
  std::erase_if(sockets_, [socket](const auto& one) { return one.second.number == socket; });
}

/// One that was recorded too late for this request is there for the next.
void Importer::Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) {
  const std::int64_t ends_ns = now_ns_ + timeout_ms * 1'000'000;
  const ImportedAnswer* const found = answers_.Find(url);
  if (found == nullptr) {
    ++report_.unanswered;
    due_.emplace(now_ns_, Due{Due::Kind::kAnswer, 0, request});
    return;
  }
  const std::int64_t recorded_ns = found->unix_ns - start_unix_ns_ + kStartNs;
  const bool in_time = recorded_ns <= ends_ns;
  due_.emplace(in_time ? std::max(recorded_ns, now_ns_) : ends_ns,
               Due{Due::Kind::kAnswer, 0, request,
                   in_time ? std::optional(answers_.Take(url)) : std::nullopt});
}

}  // namespace
}  // namespace detail

std::string RecordingProblem::ToString() const {
  return file + ":" + std::to_string(line) + ": " + what;
}

Result<RecordingImport> ImportRecording(const RecordingImportOptions& options) {
  RecordingImport report;
  detail::Importer importer(options, report);
  if (Status built = importer.Build(); !built.ok()) return built;
  if (Status run = importer.Run(); !run.ok()) return run;
  return report;
}

}  // namespace virtufin::inline v0
