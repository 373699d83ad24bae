// Connections: the sockets of one market, the streams on them, and the control messages by which
// streams come and go.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/binance/streams.hpp"
#include "exchange/binance/venue_answers.hpp"
#include "exchange/rate_limiter.hpp"
#include "exchange/venue_link.hpp"
#include "virtufin/core/backoff.hpp"

namespace virtufin::inline v0::detail {

struct BinanceSessionOptions;

struct ConnectionCounters {
  std::uint64_t connects = 0, opens = 0, closes = 0, half_open = 0, shutdowns = 0;
  std::uint64_t rotations = 0;         // sockets replaced while they were open
  std::uint64_t rotations_failed = 0;  // given up before the new socket took over
  std::uint64_t reconnects = 0;        // opens in a place that had an open socket before
  std::uint64_t silences = 0;          // sockets without data for canary_ms
  std::uint64_t muted = 0;             // of those, ended by us
  std::uint64_t acks = 0, acks_lost = 0, refusals = 0, acks_unknown = 0, messages_sent = 0;
};

struct ConnectionSlot;
struct VenueSocket;

/// A stream that somebody wants or wanted.
struct VenueStream {
  enum class State : std::uint8_t {
    kIdle,     // the venue does not send it
    kAsking,   // asked for
    kLive,     // acknowledged, or its data came
    kLeaving,  // asked to end
  };
  std::string name;
  BinanceRoute route = BinanceRoute::kPublic;
  bool depth = false;
  std::string symbol;  // empty: all

  int references = 0;
  State state = State::kIdle;
  bool was_live = false;           // once at least
  std::int64_t since_unix_ns = 0;  // of the state
  std::string reason;              // why it is not live

  // Of Connections alone.
  ConnectionSlot* slot = nullptr;
  bool is_canary = false;             // nobody subscribed it
  std::unique_ptr<VenueStream> twin;  // the same stream on the socket that is to take over
  VenueStream* primary = nullptr;     // of a twin: whose
  std::int64_t live_since_ns = 0;     // monotonic
  bool renew = false;                 // end it, and ask again
  bool refused = false;               // never ask again; of a twin: on that socket
  bool maybe_on = false;              // asked for on this socket: the venue may be sending it
  int refusals = 0;                   // in a row, for reasons that may pass
  bool listed = false;                // in its slot's list of what is to be sent
  int asks = 0;                       // in a row without an answer
  std::int64_t first_asked_ns = 0;    // of those
  std::int64_t asked_by = 0;          // the last message that named it
  std::size_t max_batch = SIZE_MAX;   // smaller after a refusal: one of a batch was at fault
};

/// The canary of the sockets of a route.
struct CanaryState {
  CanaryState(const BinanceSessionOptions& options, BinanceRoute route);
  std::string name;
  std::string frame;     // how its frames begin
  bool known = false;    // the venue has sent it once: its silence means something
  bool refused = false;  // the venue does not know it
};

/// What happened; called from inside functions of Connections, which it may not call.
class ConnectionsOwner {
 public:
  virtual ~ConnectionsOwner() = default;
  virtual void OnSocketOpen(std::uint32_t socket, BinanceRoute route, FeedTime now) = 0;
  /// Of one that was open, or of an attempt. All its streams are idle. `retry_ms` 0: it is not
  /// opened again.
  virtual void OnSocketClosed(std::uint32_t socket, BinanceRoute route, bool was_open, FeedTime now,
                              std::string_view reason, std::int64_t retry_ms) = 0;
  /// No data for too long, as `reason` says; later: they come again, unless it closes.
  virtual void OnSocketSilent(std::uint32_t socket, BinanceRoute route, FeedTime now,
                              std::string_view reason) = 0;
  virtual void OnSocketFlows(std::uint32_t socket, BinanceRoute route, FeedTime now) = 0;
  /// True: the venue lists it, and says that it is halted or closed.
  virtual bool IsHalted(std::string_view symbol) = 0;
  virtual void OnStreamLive(const VenueStream& stream, std::uint32_t socket, FeedTime now) = 0;
  /// The socket goes on.
  virtual void OnStreamEnded(const VenueStream& stream, std::uint32_t socket, FeedTime now,
                             std::string_view reason) = 0;
  /// The venue refuses it, for good. The owner lets go of it later.
  virtual void OnStreamRefused(const VenueStream& stream, FeedTime now,
                               std::string_view reason) = 0;
  /// Its state or its reason is another one, whatever else is told.
  virtual void OnStreamState(const VenueStream& stream) = 0;
};

/// [owner] for everything.
class Connections {
 public:
  /// All references are borrowed while this lives; of `options` nothing is by market any more.
  Connections(const BinanceSessionOptions& options, VenueLink& link, ConnectionsOwner& owner,
              std::shared_ptr<RateLimiter> connects);
  ~Connections();

  void Start() noexcept { running_ = true; }
  /// Closes all sockets, `reason` for each.
  void Stop(FeedTime now, std::string_view reason);

  /// One more user of a stream. Borrowed until the last user lets go.
  VenueStream& Want(const StreamPlan& plan, FeedTime now);
  void LetGo(VenueStream& stream, FeedTime now);
  /// Ends it at the venue and asks for it again. No effect for one that is not live.
  void Renew(std::string_view name);

  /// The socket that carries a live stream; 0: none does.
  std::uint32_t SocketOf(const VenueStream& stream) const noexcept;
  /// The socket that is to take over from that one, when the stream is live there, too; else 0.
  static std::uint32_t NextSocketOf(const VenueStream& stream) noexcept;
  std::size_t open_sockets() const noexcept { return open_; }
  /// Streams to be asked for or asked to end, and those without an answer yet.
  std::size_t waiting() const noexcept;
  /// 0: none is open.
  std::uint32_t newest_open() const noexcept;
  bool empty() const noexcept { return slots_.empty(); }

  void OnOpen(std::uint32_t number, FeedTime now);
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason);
  enum class Life : std::uint8_t {
    kNone,    // not open: ignore what came on it
    kOpen,    //
    kAsking,  // open, with streams whose first data are of interest
    kCanary,  // open, and nobody but us wants this frame
  };
  /// A frame came.
  Life OnLife(std::uint32_t socket, FeedTime now, std::string_view text);
  /// It was data of a stream.
  void OnFlow(std::uint32_t socket, std::string_view stream, FeedTime now);
  /// Pump may have to do something earlier, because of OnLife and OnFlow. Once for each.
  bool TakeNews() noexcept;
  /// Its socket has had no data for `canary_ms`.
  bool IsSilent(const VenueStream& stream) const noexcept;
  /// The link answers pings by itself; that counts.
  void OnPing(std::uint32_t socket, FeedTime now);
  void OnData(std::uint32_t number, std::string_view name, FeedTime now);
  void OnAnswer(std::uint32_t number, const ControlAnswer& answer, FeedTime now);
  /// For so long we read nothing from any socket: that was no silence.
  void OnHeld(std::int64_t ns) noexcept;
  /// The venue is about to cut this one.
  void OnShutdown(std::uint32_t socket, FeedTime now);

  /// Opens, sends, pings and gives up what is due.
  void Pump(FeedTime now);
  /// When Pump may do something; monotonic.
  std::int64_t NextNs(FeedTime now) const;

  const ConnectionCounters& counters() const noexcept { return counts_; }

 private:
  using Slot = ConnectionSlot;

  Slot* FindSlot(std::uint32_t socket) noexcept;
  Slot& SlotFor(BinanceRoute route, FeedTime now);
  static void List(VenueStream& stream);
  void SetState(VenueStream& stream, VenueStream::State state, FeedTime now,
                std::string_view reason);
  static void TakeOut(VenueStream& stream);
  void Forget(VenueStream& stream, FeedTime now);

  std::string UrlOf(BinanceRoute route) const;
  void Connect(Slot& slot, FeedTime now);
  void End(Slot& slot, FeedTime now, std::string_view reason, bool close, bool again);
  void Drop(VenueSocket& socket, bool close);

  // The data path (canary.cpp).
  CanaryState& CanaryOn(BinanceRoute route) noexcept;
  const CanaryState& CanaryOn(BinanceRoute route) const noexcept;
  bool IsWatched(const Slot& slot) const noexcept;
  const VenueStream* SubscribedCanary(const Slot& slot) const noexcept;
  std::int64_t SilenceLimit(const Slot& slot) const noexcept;
  static void DropCanary(Slot& slot);
  void PumpCanary(Slot& slot, FeedTime now);
  bool PumpData(Slot& slot, FeedTime now);
  std::int64_t DataNextNs(const Slot& slot) const noexcept;
  bool IsCanary(const Slot& slot, std::string_view text) const noexcept;
  void OnCanary(Slot& slot, FeedTime now);
  void Hear(Slot& slot);
  void NoteData(Slot& slot, FeedTime now);

  // Rotation (rotation.cpp).
  std::int64_t RotateAtNs(const Slot& slot) const noexcept;
  void StartRotation(Slot& slot, FeedTime now);
  void PumpRotation(Slot& slot, FeedTime now);
  bool Covers(const Slot& slot, FeedTime now) const noexcept;
  void TakeOver(Slot& slot, FeedTime now, std::string_view reason, bool close);
  void EndSuccessor(Slot& slot, FeedTime now, std::string_view reason, bool close);
  static void OnTwinRefused(VenueStream& twin, std::string_view reason);
  static void AddTwin(VenueStream& stream);
  static void DropTwin(VenueStream& stream);
  static bool MergeTwin(VenueStream& stream);
  std::int64_t RotationNextNs(const Slot& slot, FeedTime now) const;

  void PumpSlot(Slot& slot, FeedTime now);
  bool PumpLife(Slot& slot, FeedTime now);
  bool PumpAcks(Slot& slot, FeedTime now);
  void PumpControl(Slot& slot, FeedTime now);
  bool SendBatch(Slot& slot, bool subscribe, FeedTime now);
  void OnAcknowledged(Slot& slot, std::size_t index, FeedTime now);
  void OnRefused(Slot& slot, std::size_t index, const ControlAnswer& answer, FeedTime now);
  void OnRefusedAlone(VenueStream& stream, const ControlAnswer& answer, std::string_view reason,
                      FeedTime now);
  static void AskLater(VenueStream& stream, FeedTime now);
  void Move(VenueStream& stream, FeedTime now);
  std::int64_t NextNs(const Slot& slot, FeedTime now) const;

  const BinanceSessionOptions& options_;
  VenueLink* link_;
  ConnectionsOwner* owner_;
  std::shared_ptr<RateLimiter> connects_;
  CanaryState canaries_[2];  // by route
  bool news_ = false;
  bool running_ = false;
  std::map<std::string, std::unique_ptr<VenueStream>, std::less<>> streams_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::pair<std::uint32_t, Slot*>> sockets_;  // by number
  std::uint64_t slots_made_ = 0;
  std::size_t open_ = 0;  // sockets
  std::uint32_t last_socket_ = 0;
  std::int64_t last_id_ = 0;  // of control messages
  ConnectionCounters counts_;
};

}  // namespace virtufin::inline v0::detail
