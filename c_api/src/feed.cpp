// The noun feed: start, subscribe, unsubscribe, republish, stop, top of book.
#include <map>
#include <string>
#include <vector>

#include "guard.hpp"
#include "handles.hpp"
#include "pairs.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

using virtufin::Decimal;
using virtufin::FeedChannel;
using virtufin::Status;
using virtufin::TopOfBook;
using virtufin::WebSocketManager;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::View;

namespace {

using Request = Status (WebSocketManager::*)(std::string_view, std::string_view,
                                             const std::vector<std::string>&,
                                             const WebSocketManager::Parameters&);

/// What subscribe, unsubscribe and republish have in common: all but the function they call.
virtufin_status_t Ask(Request ask, virtufin_platform_t* platform, virtufin_str_t id,
                      virtufin_str_t channel, const virtufin_str_t* instruments, size_t count,
                      const virtufin_pair_t* parameters, size_t parameter_count,
                      virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}});
    if (status.ok() && count != 0) status = Require({{"instruments", instruments}});
    if (status.ok() && parameter_count != 0) status = Require({{"parameters", parameters}});
    if (!status.ok()) return status;
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.emplace_back(View(instruments[i]));
    WebSocketManager::Parameters pairs;
    for (size_t i = 0; i < parameter_count; ++i) {
      pairs.emplace_back(View(parameters[i].name), View(parameters[i].value));
    }
    return ((*platform->platform->feeds())->*ask)(View(id), View(channel), names, pairs);
  });
}

virtufin_decimal_t ToC(const Decimal& value) { return {value.coefficient(), value.scale(), 0}; }

void Fill(const TopOfBook& from, virtufin_top_of_book_t& to) {
  to.source =
      from.channel == FeedChannel::kQuote ? VIRTUFIN_TOP_FROM_QUOTE : VIRTUFIN_TOP_FROM_BOOK;
  to.bid_price = ToC(from.bid.price);
  to.bid_quantity = ToC(from.bid.quantity);
  to.ask_price = ToC(from.ask.price);
  to.ask_quantity = ToC(from.ask.quantity);
  to.update_id = from.update_id;
  to.event_unix_ns = from.event_unix_ns;
  to.receive_unix_ns = from.receive_unix_ns;
}

}  // namespace

virtufin_status_t virtufin_feed_start(virtufin_platform_t* platform, virtufin_str_t venue,
                                      const virtufin_pair_t* options, size_t option_count,
                                      const virtufin_pair_t* tags, size_t tag_count,
                                      virtufin_text_t** id, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"id", id}});
    std::map<std::string, std::string> settings, labels;
    if (status.ok()) status = virtufin::c::ReadPairs("options", options, option_count, settings);
    if (status.ok()) status = virtufin::c::ReadPairs("tags", tags, tag_count, labels);
    if (!status.ok()) return status;
    return virtufin::c::GiveHandle(id, [&](virtufin_text& text) {
      auto started = (*platform->platform->feeds())->StartFeed(View(venue), settings, labels);
      if (started.ok()) text.text = std::move(*started);
      return started.status();
    });
  });
}

virtufin_status_t virtufin_feed_subscribe(virtufin_platform_t* platform, virtufin_str_t id,
                                          virtufin_str_t channel, const virtufin_str_t* instruments,
                                          size_t instrument_count,
                                          const virtufin_pair_t* parameters, size_t parameter_count,
                                          virtufin_error_t** error) {
  return Ask(&WebSocketManager::SubscribeFeed, platform, id, channel, instruments, instrument_count,
             parameters, parameter_count, error);
}

virtufin_status_t virtufin_feed_unsubscribe(virtufin_platform_t* platform, virtufin_str_t id,
                                            virtufin_str_t channel,
                                            const virtufin_str_t* instruments,
                                            size_t instrument_count,
                                            const virtufin_pair_t* parameters,
                                            size_t parameter_count, virtufin_error_t** error) {
  return Ask(&WebSocketManager::UnsubscribeFeed, platform, id, channel, instruments,
             instrument_count, parameters, parameter_count, error);
}

virtufin_status_t virtufin_feed_republish(virtufin_platform_t* platform, virtufin_str_t id,
                                          virtufin_str_t channel, const virtufin_str_t* instruments,
                                          size_t instrument_count,
                                          const virtufin_pair_t* parameters, size_t parameter_count,
                                          virtufin_error_t** error) {
  return Ask(&WebSocketManager::RepublishFeed, platform, id, channel, instruments, instrument_count,
             parameters, parameter_count, error);
}

virtufin_status_t virtufin_feed_stop(virtufin_platform_t* platform, virtufin_str_t id,
                                     virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    return (*platform->platform->feeds())->StopFeed(View(id));
  });
}

virtufin_status_t virtufin_feed_get_top_of_book(virtufin_platform_t* platform, virtufin_str_t id,
                                                virtufin_str_t instrument,
                                                virtufin_top_of_book_t* top,
                                                virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return virtufin::c::Missing("platform");
    if (top == nullptr) return virtufin::c::Missing("top");
    const auto found = (*platform->platform->feeds())->TopOf(View(id), View(instrument));
    if (!found.ok()) return found.status();
    virtufin_top_of_book_t known{};
    Fill(*found, known);
    return virtufin::c::WriteStruct(known, top);
  });
}
