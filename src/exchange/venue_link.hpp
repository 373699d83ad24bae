// VenueLink: the sockets and HTTP requests of one adapter, as its session sees them.
//
// Port: over the network (net_venue_link.cpp), and simulated by tests on a manual clock. A session
// is pure: it has no thread, no timer and no socket; what happens comes in by VenueEvents, what it
// wants goes out by VenueLink, and both are used by one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

struct VenueHeader {
  std::string_view name, value;  // the name in lower case
};

/// Borrowed for the call.
struct VenueAnswer {
  int status = 0;          // HTTP status; 0: no complete answer, `error` says why
  std::string_view error;  // secrets removed
  std::string_view body;
  std::span<const VenueHeader> headers;
};

/// What happens on a link. Never called from inside a call on the link.
class VenueEvents {
 public:
  virtual ~VenueEvents() = default;
  virtual void OnOpen(std::uint32_t socket, FeedTime now) = 0;
  /// `text` is a whole text message, followed by kBufferPadding readable bytes where the link can.
  virtual void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) = 0;
  /// A ping or a pong of the venue arrived (a ping has been answered).
  virtual void OnSignOfLife(std::uint32_t socket, FeedTime now) = 0;
  /// The socket could not be opened, or ended otherwise than by Close. Its last event.
  virtual void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) = 0;
  /// Once for each Get.
  virtual void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) = 0;
};

class VenueLink {
 public:
  virtual ~VenueLink() = default;
  /// The caller chooses numbers that rise and are never used again.
  virtual void Open(std::uint32_t socket, std::string_view url) = 0;
  /// False: not open (any more), or its send buffer is full; nothing was sent.
  virtual bool Send(std::uint32_t socket, std::string_view text) = 0;
  virtual void Ping(std::uint32_t socket) = 0;
  /// No event of this socket follows.
  virtual void Close(std::uint32_t socket) = 0;
  virtual void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) = 0;
};

}  // namespace virtufin::inline v0::detail
