// A replay of a recording: what it publishes, and the books that this makes.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/event_books.hpp"
#include "virtufin/exchange/session_player.hpp"

namespace virtufin::test {

/// Keeps every event, and checks that books can be rebuilt from them.
class BookBus final : public PubSub {
 public:
  Status Publish(const Message& message) override {
    const EventBooks::Book* changed = nullptr;
    CHECK(books.Take(message, changed) == "");
    messages.push_back(message);
    return {};
  }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "test", "publish only");
  }
  EventBooks books;
  std::vector<Message> messages;
};

struct ImportedReplay {
  explicit ImportedReplay(const std::string& path) {
    SessionPlayerOptions options;
    options.path = path;
    auto opened = SessionPlayer::Open(options, bus, clock);
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    player = std::move(*opened);
  }
  BookBus bus;
  ManualClock clock{Timestamp::FromUnixMillis(0)};
  std::unique_ptr<SessionPlayer> player;
};

}  // namespace virtufin::test
