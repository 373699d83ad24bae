// SessionTap: passes on what a BinanceSession is given and does, and writes it down.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/session.hpp"
#include "exchange/recording/recorder.hpp"

namespace virtufin::inline v0::detail {

/// Options that may hold secrets or the user's own paths: never in a recording.
bool IsNeverRecorded(std::string_view key) noexcept;

/// Addresses of a session without the host and what else was configured of them.
class RecordedUrls {
 public:
  /// `options` as the session resolved them.
  explicit RecordedUrls(const BinanceSessionOptions& options);
  /// "rest:/api/v3/depth?symbol=BTCUSDT", "stream:/stream"; "other:" for what is none of ours.
  std::string Relative(std::string_view url) const;

 private:
  std::string rest_;
  std::vector<std::string> streams_;  // longest first
};

/// What is needed to make the same session again. `options` as the session resolved them.
RecordingHeader HeaderOf(const BinanceSessionOptions& options, FeedTime now);

/// Stands between an adapter and its session, and between the session and its link. Every input is
/// written before it is passed on, every output before the next input. [owner]
class SessionTap final : public VenueLink, public VenueEvents {
 public:
  /// Borrowed while the tap lives. The session is made with the tap as its link and then attached.
  SessionTap(VenueLink& link, Recorder& recorder) : link_(&link), recorder_(&recorder) {}
  void Attach(BinanceSession& session);

  Status Start(FeedTime now);
  void Stop(FeedTime now);
  Result<FeedHandle> Subscribe(const FeedRequest& request, FeedTime now);
  Status Unsubscribe(FeedHandle handle, FeedTime now);
  Status Republish(FeedHandle handle, FeedTime now);
  void SetBannedUntil(std::int64_t unix_ns, FeedTime now);
  void OnOpen(std::uint32_t socket, FeedTime now) override;
  void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) override;
  void OnSignOfLife(std::uint32_t socket, FeedTime now) override;
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) override;
  void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) override;
  void OnTick(FeedTime now);
  void OnHeld(std::int64_t held_ns, FeedTime now);

  void Open(std::uint32_t socket, std::string_view url) override;
  bool Send(std::uint32_t socket, std::string_view text) override;
  void Ping(std::uint32_t socket) override;
  void Close(std::uint32_t socket) override;
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override;

 private:
  void In(RecordKind kind, FeedTime now, std::uint32_t socket = 0, std::uint64_t number = 0,
          std::initializer_list<std::string_view> payload = {}, std::uint16_t status = 0);
  void Out(RecordKind kind, std::uint32_t socket, std::uint64_t number, std::string_view payload,
           std::uint16_t status = 0);
  Status Told(Status status);

  VenueLink* link_;
  Recorder* recorder_;
  BinanceSession* session_ = nullptr;
  std::vector<RecordedUrls> urls_;  // one, once attached
  FeedTime now_;                    // of the input that is being carried out
};

}  // namespace virtufin::inline v0::detail
