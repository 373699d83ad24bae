// Books rebuilt from published events alone, as an application that only sees the bus would.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "virtufin/core/decimal.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::test {

/// A book as plain ordered maps of the venue's numbers.
struct PlainBook {
  std::map<virtufin::Decimal, virtufin::Decimal> bids, asks;

  static void Set(std::map<virtufin::Decimal, virtufin::Decimal>& side,
                  const virtufin::Decimal& price, const virtufin::Decimal& quantity) {
    if (quantity.IsZero()) {
      side.erase(price);
    } else {
      side.insert_or_assign(price, quantity);
    }
  }
  friend bool operator==(const PlainBook&, const PlainBook&) = default;
};

/// Takes events of any order-book, quote or status topic; says what is wrong with a stream of them.
class EventBooks {
 public:
  struct Book {
    PlainBook levels;
    std::int64_t last_id = 0;
    std::uint64_t sequence = 0;
    bool live = false;
    bool silent = false;  // was live until the feed became stale
    std::string feed_state = "none";
    std::uint64_t snapshots = 0, updates = 0;
  };

  /// Empty: fine. Else what an application would complain about. `changed`: the book whose levels
  /// the event changed, or null.
  std::string Take(const virtufin::Message& message, const Book*& changed) {
    changed = nullptr;
    const std::string topic(message.topic());
    const virtufin::CloudEvent& event = message.event();
    const auto data = nlohmann::json::parse(event.data_text(), nullptr, false);
    if (data.is_discarded()) return topic + ": the data are no JSON";
    const std::string subject(event.subject());
    const std::string pair = subject.substr(subject.find('/') + 1);
    Book& book = books_[pair];
    if (topic.find(".feed.status.") != std::string::npos) {
      // Other channels of the instrument have states of their own.
      if (data.value("channel", "book") != "book") return {};
      book.feed_state = data.at("state");
      // Stale is silence: the book goes on where it stopped. All else needs a snapshot.
      const bool silent = book.feed_state == "stale" && (book.live || book.silent);
      if (book.feed_state == "live" && book.silent) book.live = true;
      if (book.feed_state != "live") book.live = false;
      book.silent = silent;
      return {};
    }
    const bool snapshot = topic.find(".orderbook.snapshot.") != std::string::npos;
    if (!snapshot && topic.find(".orderbook.update.") == std::string::npos) return {};

    if (event.ExtensionNumber("sequence") != book.sequence + 1) {
      return topic + ": a hole in the sequence";
    }
    ++book.sequence;
    changed = &book;
    return snapshot ? TakeSnapshot(book, data) : TakeUpdate(book, data);
  }

  const std::map<std::string, Book>& books() const { return books_; }

 private:
  static virtufin::Decimal Number(const nlohmann::json& text) {
    return virtufin::Decimal::Parse(text.get<std::string>()).value();
  }
  static void Apply(std::map<virtufin::Decimal, virtufin::Decimal>& side,
                    const nlohmann::json& levels) {
    for (const auto& level : levels) PlainBook::Set(side, Number(level[0]), Number(level[1]));
  }
  static std::string TakeSnapshot(Book& book, const nlohmann::json& data) {
    if (data.at("state") != "live") return "a snapshot that is not live";
    book.levels = {};
    Apply(book.levels.bids, data.at("bids"));
    Apply(book.levels.asks, data.at("asks"));
    book.last_id = data.at("last_update_id");
    book.live = true;
    ++book.snapshots;
    return {};
  }
  static std::string TakeUpdate(Book& book, const nlohmann::json& data) {
    if (!book.live) return "an update while the book is not live";
    const std::int64_t first = data.at("first_update_id");
    const std::int64_t last = data.at("last_update_id");
    if (last <= book.last_id && !data.contains("prev_update_id")) return "an update goes back";
    if (data.contains("prev_update_id")) {
      if (data.at("prev_update_id") != book.last_id) return "an update that does not follow";
    } else if (first > book.last_id + 1) {
      return "an update that leaves a hole";
    }
    Apply(book.levels.bids, data.at("bids_delta"));
    Apply(book.levels.asks, data.at("asks_delta"));
    book.last_id = last;
    ++book.updates;
    return {};
  }

  std::map<std::string, Book> books_;
};

}  // namespace virtufin::test
