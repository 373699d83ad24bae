// top_of_book: rebuilds order books from published events alone and replies with the best levels.
//
// Input: act.exchange.<venue>.orderbook.snapshot.<pair> and .orderbook.update.<pair>.
// Reply to <world>.exchange.<venue>.orderbook.changed.<pair>:
//   {pair, last_update_id, bid, bid_qty, ask, ask_qty, spread, mid, levels:{bids, asks}}
// A hole in the extension `sequence` means that the bus lost an event: the book is dropped and the
// worker waits for the next snapshot.
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/core/decimal.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace {

using Json = nlohmann::json;
using virtufin::CloudEvent;
using virtufin::Decimal;
using virtufin::LogLevel;
using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::TopicSegment;

struct Book {
  std::map<Decimal, Decimal, std::greater<>> bids;  // price -> quantity, best first
  std::map<Decimal, Decimal> asks;
  std::uint64_t last_update_id = 0;
  std::uint64_t sequence = 0;
  bool live = false;
};

Status Invalid(const std::string& what) {
  return Status(StatusCode::kInvalidArgument, "top_of_book", what);
}

/// Sets or, with a quantity of zero, removes every ["price", "qty"] of `levels`.
template <class Side>
Status Apply(const Json& levels, Side& side) {
  for (const Json& level : levels) {
    auto price = Decimal::Parse(level.at(0).get_ref<const std::string&>());
    if (!price.ok()) return price.status();
    auto quantity = Decimal::Parse(level.at(1).get_ref<const std::string&>());
    if (!quantity.ok()) return quantity.status();
    if (quantity->IsZero()) {
      side.erase(*price);
    } else {
      side.insert_or_assign(*price, *quantity);
    }
  }
  return {};
}

class TopOfBook final : public virtufin::Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const std::size_t slash = event.subject().find('/');  // currency_pair/<pair>, instrument/<id>
    if (slash == std::string_view::npos) {
      return Invalid("subject: expected <kind>/<pair>, found '" + std::string(event.subject()) +
                     "'");
    }
    const std::string pair(event.subject().substr(slash + 1));
    const Json data = Json::parse(event.data_text(), nullptr, false);
    if (!data.is_object()) return Invalid("data: expected a JSON object");
    Book& book = books_[pair];
    if (event.type().ends_with(".orderbook.snapshotted")) {
      book = Book();
      book.live = data.value("state", "live") == "live";
      if (Status status = Fill(data, "bids", "asks", book); !status.ok()) return status;
    } else if (event.type().ends_with(".orderbook.updated")) {
      if (!Follows(event, pair, book)) return std::optional<CloudEvent>();
      if (Status status = Fill(data, "bids_delta", "asks_delta", book); !status.ok()) return status;
    } else {
      return std::optional<CloudEvent>();
    }
    book.sequence = event.ExtensionNumber("sequence").value_or(0);
    if (!book.live) return std::optional<CloudEvent>();
    return Reply(event, pair, book);
  }

 private:
  static bool Follows(const CloudEvent& event, const std::string& pair, Book& book) {
    if (!book.live) return false;
    if (event.ExtensionNumber("sequence") == book.sequence + 1) return true;
    book.live = false;
    if (auto* context = virtufin::WorkerContext::Current()) {
      context->Log(LogLevel::kWarn, pair + ": an event is missing, waiting for a snapshot");
    }
    return false;
  }

  static Status Fill(const Json& data, const char* bids, const char* asks, Book& book) {
    try {
      if (Status status = Apply(data.at(bids), book.bids); !status.ok()) return status;
      if (Status status = Apply(data.at(asks), book.asks); !status.ok()) return status;
      book.last_update_id = data.at("last_update_id").get<std::uint64_t>();
      return {};
    } catch (const Json::exception& error) {
      book.live = false;
      return Invalid(error.what());
    }
  }

  static Result<std::optional<CloudEvent>> Reply(const CloudEvent& event, const std::string& pair,
                                                 const Book& book) {
    Json reply = {{"pair", pair},
                  {"last_update_id", book.last_update_id},
                  {"levels", {{"bids", book.bids.size()}, {"asks", book.asks.size()}}}};
    if (!book.bids.empty()) {
      reply["bid"] = book.bids.begin()->first.ToString();
      reply["bid_qty"] = book.bids.begin()->second.ToString();
    }
    if (!book.asks.empty()) {
      reply["ask"] = book.asks.begin()->first.ToString();
      reply["ask_qty"] = book.asks.begin()->second.ToString();
    }
    if (!book.bids.empty() && !book.asks.empty()) {
      const Decimal& bid = book.bids.begin()->first;
      const Decimal& ask = book.asks.begin()->first;
      if (auto spread = Subtract(ask, bid); spread.ok()) reply["spread"] = spread->ToString();
      if (auto sum = Add(ask, bid); sum.ok()) {
        if (auto mid = Half(*sum); mid.ok()) reply["mid"] = mid->ToString();
      }
    }
    const std::string venue(event.ExtensionText("exchange"));
    CloudEvent::Builder builder;
    builder.Source("urn:com.virtufin.worker.topofbook")
        .Type("com.virtufin.exchange." + venue + ".orderbook.changed")
        .Subject(event.subject())
        .Extension("exchange", std::string_view(venue))
        .Extension("publishtopic",
                   std::string_view(std::string(event.ExtensionText("marketworld")) + ".exchange." +
                                    venue + ".orderbook.changed." + TopicSegment(pair)))
        .JsonData(reply.dump());
    if (auto time = event.time()) builder.Time(*time);
    auto built = builder.Build();
    if (!built.ok()) return built.status();
    return std::optional<CloudEvent>(std::move(*built));
  }

  std::map<std::string, Book> books_;
};

}  // namespace

VIRTUFIN_EXPORT_WORKER(TopOfBook)
