// Gives a session what it was given, at the recorded times.
#include "virtufin/exchange/session_player.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "exchange/recording/pace.hpp"
#include "exchange/recording/recording_info.hpp"
#include "exchange/recording/replay_link.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {

using detail::ContainerReader;
using detail::Record;
using detail::RecordDirection;
using detail::RecordKind;

namespace {

std::string At(const Record& record) {
  return "record " + std::to_string(record.index) + " at byte " + std::to_string(record.offset) +
         ": ";
}

}  // namespace

struct SessionPlayer::Impl final : detail::BinanceSessionSink {
  Impl(SessionPlayerOptions o, PubSub& b, ManualClock& c, ContainerReader&& r)
      : options(std::move(o)), bus(b), clock(c), reader(std::move(r)), info(reader.header()) {}

  Status Build();
  void ReadNext();
  void ReadInput();
  void MoveTo(std::int64_t monotonic_ns);
  Status Give(const Record& record);
  Status GiveAnswer(const Record& record);
  void Settle();
  void Publish(const Message& message) override;

  SessionPlayerOptions options;
  PubSub& bus;
  ManualClock& clock;
  ContainerReader reader;
  detail::InfoBuilder info;
  detail::ReplayLink link;
  std::unique_ptr<detail::BinanceSession> session;
  Record current, next;  // inputs
  bool has_next = false;
  std::int64_t clock_ns = 0;   // recorded time at which `clock` stands
  std::uint64_t settled = 0;   // events that were waited for
  Status status, read_status;  // of playing; of reading ahead, which ends playing later
  SessionPlayerCounters counts;
};

Status SessionPlayer::Impl::Build() {
  if (!options.world.starts_with("hyp.") || !World::Parse(options.world).ok()) {
    return Status(StatusCode::kInvalidArgument, "exchange",
                  "option world: expected 'hyp.<name>', found '" + options.world + "'");
  }
  auto session_options = detail::RecordedOptions(reader.header(), info.info);
  if (!session_options.ok()) return session_options.status();
  BinanceFeedOptions& feed = session_options->feed;
  feed.historical = true;
  feed.world = options.world;
  feed.run_id = options.run_id;
  if (options.run_seed == Uuid()) {
    const std::array<std::string_view, 4> names = {"recording", reader.header_bytes(),
                                                   options.world, options.run_id};
    options.run_seed = Uuid::V5(Uuid(), names);
  }
  feed.run_seed = options.run_seed;
  auto made = detail::BinanceSession::Create(*session_options, clock, link, *this);
  if (!made.ok()) return made.status();
  session = std::move(*made);
  link.Attach(*session);
  clock_ns = reader.header().start.monotonic_ns;
  ReadNext();
  return {};
}

/// The next record, whatever it is.
void SessionPlayer::Impl::ReadNext() {
  const Result<bool> read = reader.Next(next);
  has_next = read.ok() && *read;
  read_status = read.status();
  if (has_next && info.Take(next)) return;
  if (has_next) read_status = reader.Refuse(next, info.kTooMany);
  has_next = false;
  info.End(reader);
}

/// The next input becomes the current one; the link learns what followed from it.
void SessionPlayer::Impl::ReadInput() {
  std::swap(current, next);
  ReadNext();
  while (has_next && next.direction == RecordDirection::kOut) {
    link.Expect(next);
    ++counts.records;
    ReadNext();
  }
  link.Begin(!has_next && reader.truncated());
}

void SessionPlayer::Impl::Settle() {
  settled = counts.events;
  if (!options.settle) return;
  if (Status done = options.settle(); !done.ok() && status.ok()) status = std::move(done);
}

void SessionPlayer::Impl::Publish(const Message& message) {
  ++counts.events;
  if (const Status taken = bus.Publish(message); !taken.ok()) {
    ++counts.not_published;
    if (status.ok()) {
      status = Status(
          taken.code(), "exchange",
          At(current) + "expected the bus to take event " + std::string(message.event().id()) +
              " on " + std::string(message.topic()) + " for everybody, found " + taken.ToString());
    }
  }
  if (counts.events - settled >= SessionPlayerOptions::kSettleEvents) Settle();
}

/// Whoever waits for a time before the record is served first.
void SessionPlayer::Impl::MoveTo(std::int64_t monotonic_ns) {
  if (monotonic_ns <= clock_ns) return;
  clock.Advance(std::chrono::nanoseconds(monotonic_ns - clock_ns));
  clock_ns = monotonic_ns;
  Settle();
}

Status SessionPlayer::Impl::GiveAnswer(const Record& record) {
  const auto answer = detail::DecodeAnswer(record.payload());
  if (!answer.ok()) return answer.status();
  const std::uint64_t request = link.TakeRequest(record.number);
  if (request == 0) {
    return Status(StatusCode::kDataLoss, "exchange",
                  "expected an answer to a request, found one to request " +
                      std::to_string(record.number) + ", which is not open");
  }
  std::vector<detail::VenueHeader> headers;
  for (const auto& [name, value] : answer->headers) headers.push_back({name, value});
  session->OnAnswer(request, record.time, {record.status, answer->error, answer->body, headers});
  ++counts.answers;
  return {};
}

Status SessionPlayer::Impl::Give(const Record& record) {
  const FeedTime now = record.time;
  const bool given = record.direction == RecordDirection::kIn;
  switch (given ? record.kind : RecordKind::kEnd) {
    case RecordKind::kText:
      ++counts.frames;
      session->OnFrame(record.connection, now, record.payload());
      return {};
    case RecordKind::kHttp:
      return GiveAnswer(record);
    case RecordKind::kOpen:
      session->OnOpen(record.connection, now);
      return {};
    case RecordKind::kClose:
      session->OnClosed(record.connection, now, record.payload());
      return {};
    case RecordKind::kLife:
      session->OnSignOfLife(record.connection, now);
      return {};
    case RecordKind::kTick:
      session->OnTick(now);
      return {};
    case RecordKind::kHeld:
      if (record.number > static_cast<std::uint64_t>(now.monotonic_ns)) {
        return Status(StatusCode::kDataLoss, "exchange",
                      "expected a pause of reading before now, found one of " +
                          std::to_string(record.number) + " ns");
      }
      session->OnHeld(static_cast<std::int64_t>(record.number), now);
      return {};
    case RecordKind::kStart:
      link.Result(session->Start(now).code());
      return {};
    case RecordKind::kStop:
      session->Stop(now);
      return {};
    case RecordKind::kSubscribe: {
      const auto request = detail::DecodeRequest(record.payload());
      if (!request.ok()) return request.status();
      const auto handle = session->Subscribe(*request, now);
      link.Result(handle.status().code(), handle.ok() ? *handle : 0);
      return {};
    }
    case RecordKind::kUnsubscribe:
      link.Result(session->Unsubscribe(record.number, now).code());
      return {};
    case RecordKind::kRepublish:
      link.Result(session->Republish(record.number, now).code());
      return {};
    case RecordKind::kBan:
      session->SetBannedUntil(static_cast<std::int64_t>(record.number), now);
      return {};
    default:
      return Status(StatusCode::kDataLoss, "exchange",
                    "expected something that a session is given, found " +
                        std::string(detail::RecordKindName(record.kind)));
  }
}

SessionPlayer::SessionPlayer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SessionPlayer::~SessionPlayer() = default;

Result<std::unique_ptr<SessionPlayer>> SessionPlayer::Open(const SessionPlayerOptions& options,
                                                           PubSub& bus, ManualClock& clock) {
  auto reader = ContainerReader::Open(options.path);
  if (!reader.ok()) return reader.status();
  auto impl = std::make_unique<Impl>(options, bus, clock, std::move(*reader));
  if (Status status = impl->Build(); !status.ok()) return status;
  return std::unique_ptr<SessionPlayer>(new SessionPlayer(std::move(impl)));
}

bool SessionPlayer::Next() {
  Impl& impl = *impl_;
  if (!impl.status.ok()) return false;
  if (!impl.has_next) {
    impl.status = impl.read_status;
    return false;
  }
  impl.ReadInput();
  const Record& record = impl.current;
  ++impl.counts.records;
  impl.MoveTo(record.time.monotonic_ns);
  if (!impl.status.ok()) return false;
  const Status given = impl.Give(record);
  impl.link.Finish();
  if (impl.counts.events != impl.settled) impl.Settle();
  if (!given.ok()) {
    impl.status = Status(given.code(), "exchange", At(record) + std::string(given.message()));
  } else if (impl.link.diverged() && impl.status.ok()) {
    impl.status = Status(StatusCode::kAborted, "exchange", At(record) + impl.link.divergence());
  }
  if (impl.status.ok() && !impl.has_next) impl.status = impl.read_status;
  return true;
}

std::optional<std::int64_t> SessionPlayer::next_offset_ns() const {
  const Impl& impl = *impl_;
  if (!impl.status.ok() || !impl.has_next) return std::nullopt;
  return impl.next.time.monotonic_ns - impl.info.info.start_monotonic_ns;
}

Status SessionPlayer::Play(double speed, std::stop_token stop) {
  detail::PlayAtPace(
      speed, std::move(stop), [this] { return next_offset_ns(); }, [this] { Next(); });
  Impl& impl = *impl_;
  if (!impl.has_next && impl.status.ok()) impl.status = impl.read_status;
  return impl.status;
}

const Status& SessionPlayer::status() const noexcept { return impl_->status; }
const RecordingInfo& SessionPlayer::info() const noexcept { return impl_->info.info; }
const SessionPlayerCounters& SessionPlayer::counters() const noexcept { return impl_->counts; }
const BinanceFeed& SessionPlayer::books() const noexcept { return impl_->session->books(); }

}  // namespace virtufin::inline v0
