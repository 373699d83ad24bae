// Routes frames, answers and ticks to the streams that are subscribed.
#include "exchange/binance/market_feed.hpp"

#include <algorithm>
#include <utility>

#include "exchange/binance/instrument_watch.hpp"
#include "exchange/binance/market_symbol.hpp"
#include "exchange/market_payloads.hpp"

namespace virtufin::inline v0::detail {
namespace {

/// A venue's clock that jumps back by more starts anew; by less, it is a late duplicate.
constexpr std::int64_t kClockJump = 60'000'000'000;

Status Refused(StatusCode code, std::string message) {
  return Status(code, "exchange", std::move(message));
}

bool IsInterval(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 16 && text.find_first_of("/ \"\\?&#") == text.npos;
}

/// False: a duplicate. True: `newest` is now `time`.
bool IsNewer(std::int64_t time, std::int64_t& newest) noexcept {
  if (time <= newest && newest - time < kClockJump) return false;
  newest = time;
  return true;
}

}  // namespace

std::string LowerCase(std::string_view symbol) {
  std::string out(symbol);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string MarketStreamName(const MarketRequest& request) {
  std::string stream = LowerCase(request.symbol);
  const bool all = request.symbol.empty();
  switch (request.channel) {
    case FeedChannel::kTrade:
      return stream.append(request.aggregate ? "@aggTrade" : "@trade");
    case FeedChannel::kCandle:
      return stream.append("@kline_").append(request.interval);
    case FeedChannel::kTicker:
      if (all) return "!miniTicker@arr";
      return stream.append(request.mini ? "@miniTicker" : "@ticker");
    case FeedChannel::kMark:
    case FeedChannel::kFunding:
      return (all ? std::string("!markPrice@arr") : stream.append("@markPrice")) +
             (request.slow ? "" : "@1s");
    default:
      return {};
  }
}

struct BinanceMarketFeed::Impl {
  Impl(BinanceMarket m, const BinanceMarketFeedOptions& o, const FeedIdentity& i, StatusBoard& b,
       Clock& c, MarketFeedSink& s, BinanceFetcher& f)
      : market(m), core(o, i, b, c, s, f), instruments(core, m) {
    core.instruments = &instruments;
  }

  BinanceMarket market;
  MarketCore core;
  InstrumentWatch instruments;
  SymbolTable<MarketSymbol> symbols;
  std::unique_ptr<MarketTrack> all_tickers, all_marks, all_fundings;
  std::vector<MarketTrack*> tracks;  // all of the above and of the symbols
  std::map<std::string, std::vector<MarketTrack*>, std::less<>> streams;
  std::vector<MarketRequest> listings;  // instrument and status

  Status Check(const MarketRequest& request) const;
  MarketSymbol& SymbolOf(std::string_view name);
  MarketTrack* Find(const MarketRequest& request) const;
  MarketTrack& MakeTrack(const MarketRequest& request);
  void DestroyTrack(const MarketRequest& request, MarketTrack* track);
  void LinkStream(const std::string& stream, MarketTrack& track, FeedTime now);

  void ForgetFunding(std::string_view name);
  bool HasRoom(std::string_view name) const;
  MarketSymbol* SymbolFor(std::string_view name, bool create);
  void OnTrade(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void OnCandle(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void OnTickers(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void OnMarks(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void OnMark(MarketSymbol& symbol, bool mark, bool funding, FeedTime now, const BinanceMark& data);
  bool Carries(const MarketTrack* track, std::string_view stream) const;
  void NoteSent(FeedTime now, EventTime time) noexcept {
    if (time.source == TimeSource::kVenue) core.NoteVenueTime(time.unix_ns - now.unix_ns);
  }
};

Status BinanceMarketFeed::Impl::Check(const MarketRequest& request) const {
  const FeedChannel channel = request.channel;
  if (channel == FeedChannel::kBook || channel == FeedChannel::kQuote) {
    return Refused(StatusCode::kInvalidArgument, "channel: books and quotes have their own feed");
  }
  const bool usdm = channel == FeedChannel::kMark || channel == FeedChannel::kFunding;
  if (usdm && market == BinanceMarket::kSpot) {
    return Refused(StatusCode::kUnimplemented, "channel: spot has no mark price and no funding");
  }
  const bool one = channel == FeedChannel::kTrade || channel == FeedChannel::kCandle;
  if (request.symbol.empty() && one) {
    return Refused(StatusCode::kInvalidArgument, "symbol: expected a name, found none");
  }
  if (channel == FeedChannel::kCandle && !IsInterval(request.interval)) {
    return Refused(
        StatusCode::kInvalidArgument,
        "interval: expected the venue's text, such as 1m; found '" + request.interval + "'");
  }
  if (!request.symbol.empty()) {
    const auto stream = core.identity.Stream("feed.changed", request.symbol, TimeSource::kReceive);
    if (!stream.ok()) return stream.status();
    if (!HasRoom(request.symbol)) {
      return Refused(StatusCode::kResourceExhausted,
                     "expected at most " + std::to_string(core.options.max_symbols) + " symbols");
    }
  }
  return {};
}

/// Symbols count while something of theirs is subscribed; of those that are not, only the topics'
/// sequences stay.
bool BinanceMarketFeed::Impl::HasRoom(std::string_view name) const {
  const MarketSymbol* const known = symbols.Find(name);
  if (known != nullptr && known->Subscribed()) return true;
  const std::size_t most = core.options.max_symbols;
  if (symbols.all().size() < most) return true;
  if (known == nullptr && symbols.all().size() >= 4 * most) return false;
  std::size_t subscribed = 0;
  for (const auto& symbol : symbols.all()) subscribed += symbol->Subscribed() ? 1 : 0;
  return subscribed < most;
}

MarketSymbol& BinanceMarketFeed::Impl::SymbolOf(std::string_view name) {
  MarketSymbol* const symbol = symbols.Find(name);
  return symbol != nullptr ? *symbol : symbols.Add(std::make_unique<MarketSymbol>(name));
}

MarketTrack* BinanceMarketFeed::Impl::Find(const MarketRequest& request) const {
  if (request.symbol.empty()) {
    return request.channel == FeedChannel::kTicker    ? all_tickers.get()
           : request.channel == FeedChannel::kMark    ? all_marks.get()
           : request.channel == FeedChannel::kFunding ? all_fundings.get()
                                                      : nullptr;
  }
  const MarketSymbol* const symbol = symbols.Find(request.symbol);
  if (symbol == nullptr) return nullptr;
  switch (request.channel) {
    case FeedChannel::kTrade:
      return symbol->trades[request.aggregate ? 1 : 0].get();
    case FeedChannel::kCandle: {
      const std::size_t index = symbol->CandleIndex(request.interval);
      return index < symbol->candles.size() ? symbol->candles[index].get() : nullptr;
    }
    case FeedChannel::kTicker:
      return symbol->tickers[request.mini ? 1 : 0].get();
    case FeedChannel::kMark:
      return symbol->mark.get();
    case FeedChannel::kFunding:
      return symbol->funding.get();
    default:
      return nullptr;
  }
}

MarketTrack& BinanceMarketFeed::Impl::MakeTrack(const MarketRequest& request) {
  const FeedChannel channel = request.channel;
  const auto plain = [&](std::unique_ptr<MarketTrack>& at) -> MarketTrack& {
    std::int64_t stale = core.options.mark_stale_ms;
    if (channel == FeedChannel::kTicker) {
      // USD-M sends those of one symbol every other second.
      const bool slow = market == BinanceMarket::kUsdm && !request.symbol.empty();
      stale = core.options.ticker_stale_ms * (slow ? 2 : 1);
    }
    at = std::make_unique<MarketTrack>(core, channel, request.symbol, stale);
    return *at;
  };
  if (channel == FeedChannel::kFunding) ForgetFunding(request.symbol);
  if (request.symbol.empty()) {
    return plain(channel == FeedChannel::kTicker ? all_tickers
                 : channel == FeedChannel::kMark ? all_marks
                                                 : all_fundings);
  }
  MarketSymbol& symbol = SymbolOf(request.symbol);
  if (channel == FeedChannel::kTicker) return plain(symbol.tickers[request.mini ? 1 : 0]);
  if (channel == FeedChannel::kMark) return plain(symbol.mark);
  if (channel == FeedChannel::kFunding) return plain(symbol.funding);
  if (channel == FeedChannel::kTrade) {
    if (symbol.trade_topic == nullptr) {
      symbol.trade_topic =
          std::make_unique<MarketTopic>(core.identity, "trade.tape", "trade.executed", symbol.name);
    }
    auto& track = symbol.trades[request.aggregate ? 1 : 0];
    track = std::make_unique<TradeTrack>(core, symbol.name, request.aggregate, *symbol.trade_topic,
                                         symbol.last_trades[request.aggregate ? 1 : 0]);
    return *track;
  }
  const std::size_t index = symbol.CandleIndex(request.interval);
  if (index == symbol.candle_topics.size()) {
    symbol.candle_topics.push_back(
        std::make_unique<CandleTopic>(core.identity, request.interval, symbol.name));
    symbol.candles.emplace_back();
  }
  symbol.candles[index] =
      std::make_unique<CandleTrack>(core, symbol.name, *symbol.candle_topics[index]);
  return *symbol.candles[index];
}

/// Whoever subscribes gets the rate of today, though it was told to others before.
void BinanceMarketFeed::Impl::ForgetFunding(std::string_view name) {
  for (const auto& symbol : symbols.all()) {
    if (!name.empty() && symbol->name != name) continue;
    symbol->funding_rate.clear();
    symbol->next_funding_ns = symbol->funding_ns = -1;
  }
}

void BinanceMarketFeed::Impl::DestroyTrack(const MarketRequest& request, MarketTrack* track) {
  std::erase(tracks, track);
  for (auto stream = streams.begin(); stream != streams.end();) {
    std::erase(stream->second, track);
    stream = stream->second.empty() ? streams.erase(stream) : std::next(stream);
  }
  for (auto* const group : {&all_tickers, &all_marks, &all_fundings}) {
    if (group->get() == track) return group->reset();
  }
  MarketSymbol& symbol = SymbolOf(request.symbol);
  if (request.channel == FeedChannel::kTrade) return symbol.trades[request.aggregate].reset();
  if (request.channel == FeedChannel::kTicker) return symbol.tickers[request.mini].reset();
  if (request.channel == FeedChannel::kMark) return symbol.mark.reset();
  if (request.channel == FeedChannel::kFunding) return symbol.funding.reset();
  symbol.candles[symbol.CandleIndex(request.interval)].reset();
}

/// A stream that another channel has live already is live for this one.
void BinanceMarketFeed::Impl::LinkStream(const std::string& stream, MarketTrack& track,
                                         FeedTime now) {
  std::vector<MarketTrack*>& linked = streams[stream];
  if (std::find(linked.begin(), linked.end(), &track) != linked.end()) return;
  linked.push_back(&track);
  for (const std::uint32_t connection : std::vector(linked.front()->connections())) {
    track.OnLive(connection, now);
  }
}

bool BinanceMarketFeed::Impl::Carries(const MarketTrack* track, std::string_view stream) const {
  if (track == nullptr) return false;
  if (stream.empty()) return true;  // not combined: it cannot tell
  const auto linked = streams.find(stream);
  return linked != streams.end() &&
         std::find(linked->second.begin(), linked->second.end(), track) != linked->second.end();
}

void BinanceMarketFeed::Impl::OnTrade(std::uint32_t connection, FeedTime now,
                                      const BinanceFrame& frame) {
  MarketSymbol* const symbol = symbols.Find(frame.symbol);
  const std::size_t which = frame.kind == BinanceKind::kAggTrade ? 1 : 0;
  if (symbol == nullptr || symbol->trades[which] == nullptr) {
    ++core.counts.unsubscribed;
    return;
  }
  const std::string_view condition = frame.trade.condition;
  if (which == 1 || condition.empty() || condition == "MARKET") {  // others are in no candle
    for (const auto& candle : symbol->candles) {
      if (candle != nullptr) candle->NoteTrade(now);
    }
  }
  symbol->trades[which]->OnTrade(connection, now, frame.trade);
}

void BinanceMarketFeed::Impl::OnCandle(std::uint32_t connection, FeedTime now,
                                       const BinanceFrame& frame) {
  MarketSymbol* const symbol = symbols.Find(frame.symbol);
  const std::size_t index = symbol == nullptr ? 0 : symbol->CandleIndex(frame.candle.interval);
  if (symbol == nullptr || index >= symbol->candles.size() || symbol->candles[index] == nullptr) {
    ++core.counts.unsubscribed;
    return;
  }
  NoteSent(now, frame.time);
  symbol->candles[index]->OnCandle(connection, now, frame);
}

MarketSymbol* BinanceMarketFeed::Impl::SymbolFor(std::string_view name, bool create) {
  MarketSymbol* const symbol = symbols.Find(name);
  if (symbol != nullptr || !create || symbols.all().size() >= core.options.max_symbols) {
    return symbol;
  }
  return &symbols.Add(std::make_unique<MarketSymbol>(name));
}

void BinanceMarketFeed::Impl::OnTickers(std::uint32_t connection, FeedTime now,
                                        const BinanceFrame& frame) {
  const bool group =
      Carries(all_tickers.get(), frame.stream) && frame.kind == BinanceKind::kMiniTicker;
  if (group) all_tickers->NoteData(connection, now);
  for (const BinanceTicker& ticker : frame.tickers) {
    MarketSymbol* const symbol = SymbolFor(ticker.symbol, group);
    MarketTrack* const own = symbol == nullptr ? nullptr : symbol->tickers[ticker.mini].get();
    const bool carried = Carries(own, frame.stream);
    if (symbol == nullptr || (!group && !carried)) {
      ++core.counts.unsubscribed;
      continue;
    }
    if (carried) own->NoteData(connection, now);
    NoteSent(now, ticker.time);
    if (!IsNewer(ticker.time.unix_ns, symbol->ticker_ns[ticker.mini])) {
      ++core.counts.duplicates;
      continue;
    }
    if (symbol->ticker_topic == nullptr) {
      symbol->ticker_topic = std::make_unique<MarketTopic>(core.identity, "ticker.update",
                                                           "ticker.updated", symbol->name);
    }
    WriteTicker(core.payload, ticker);
    core.Publish(symbol->ticker_topic->channel, symbol->ticker_topic->sequence,
                 core.Moment(now, ticker.time));
  }
}

void BinanceMarketFeed::Impl::OnMarks(std::uint32_t connection, FeedTime now,
                                      const BinanceFrame& frame) {
  const bool marks = Carries(all_marks.get(), frame.stream);
  const bool fundings = Carries(all_fundings.get(), frame.stream);
  if (marks) all_marks->NoteData(connection, now);
  if (fundings) all_fundings->NoteData(connection, now);
  for (const BinanceMark& data : frame.marks) {
    MarketSymbol* const symbol = SymbolFor(data.symbol, marks || fundings);
    const bool mark = symbol != nullptr && Carries(symbol->mark.get(), frame.stream);
    const bool funding = symbol != nullptr && Carries(symbol->funding.get(), frame.stream);
    if (symbol == nullptr || !(marks || fundings || mark || funding)) {
      ++core.counts.unsubscribed;
      continue;
    }
    if (mark) symbol->mark->NoteData(connection, now);
    if (funding) symbol->funding->NoteData(connection, now);
    NoteSent(now, data.time);
    OnMark(*symbol, marks || mark, fundings || funding, now, data);
  }
}

void BinanceMarketFeed::Impl::OnMark(MarketSymbol& symbol, bool mark, bool funding, FeedTime now,
                                     const BinanceMark& data) {
  const std::int64_t sent = data.time.unix_ns;
  const bool new_mark = mark && IsNewer(sent, symbol.mark_ns);
  const bool new_funding = funding && IsNewer(sent, symbol.funding_ns);
  if (!new_mark && !new_funding) ++core.counts.duplicates;
  if (new_mark) {
    if (symbol.mark_topic == nullptr) {
      symbol.mark_topic =
          std::make_unique<MarketTopic>(core.identity, "mark.price", "mark.updated", symbol.name);
    }
    WriteMark(core.payload, data);
    core.Publish(symbol.mark_topic->channel, symbol.mark_topic->sequence,
                 core.Moment(now, data.time));
  }
  if (!new_funding || data.funding_rate.empty()) return;
  if (data.funding_rate == symbol.funding_rate && data.next_funding_ns == symbol.next_funding_ns) {
    return;
  }
  symbol.funding_rate = data.funding_rate;
  symbol.next_funding_ns = data.next_funding_ns;
  if (symbol.funding_topic == nullptr) {
    symbol.funding_topic = std::make_unique<MarketTopic>(core.identity, "funding.rate",
                                                         "funding.updated", symbol.name);
  }
  WriteFunding(core.payload, data.funding_rate, data.next_funding_ns);
  core.Publish(symbol.funding_topic->channel, symbol.funding_topic->sequence,
               core.Moment(now, data.time));
}

BinanceMarketFeed::BinanceMarketFeed(BinanceMarket market, const BinanceMarketFeedOptions& options,
                                     const FeedIdentity& identity, StatusBoard& statuses,
                                     Clock& clock, MarketFeedSink& sink, BinanceFetcher& fetcher)
    : impl_(std::make_unique<Impl>(market, options, identity, statuses, clock, sink, fetcher)) {}
BinanceMarketFeed::~BinanceMarketFeed() = default;

void BinanceMarketFeed::Start(FeedTime now) { RefreshInstruments(now); }

void BinanceMarketFeed::RefreshInstruments(FeedTime now) {
  impl_->core.cause.New();
  impl_->instruments.Refresh(now);
}

Status BinanceMarketFeed::Subscribe(const MarketRequest& request, FeedTime now) {
  Impl& impl = *impl_;
  impl.core.cause.New();
  const auto known = [&](const std::vector<MarketRequest>& list) {
    return std::find(list.begin(), list.end(), request) != list.end();
  };
  if (Status checked = impl.Check(request); !checked.ok()) return checked;
  if (request.channel == FeedChannel::kInstrument || request.channel == FeedChannel::kStatus) {
    if (known(impl.listings)) return {};
    impl.listings.push_back(request);
    impl.instruments.Want(request.channel, request.symbol, now);
    return {};
  }
  MarketTrack* track = impl.Find(request);
  if (track == nullptr) {
    track = &impl.MakeTrack(request);
    impl.tracks.push_back(track);
  } else if (known(track->requests)) {
    return {};
  }
  track->requests.push_back(request);
  if (request.channel == FeedChannel::kCandle && request.open) {
    static_cast<CandleTrack*>(track)->wants_open = true;
  }
  impl.LinkStream(MarketStreamName(request), *track, now);
  return {};
}

void BinanceMarketFeed::Unsubscribe(const MarketRequest& request) {
  Impl& impl = *impl_;
  if (request.channel == FeedChannel::kInstrument || request.channel == FeedChannel::kStatus) {
    if (std::erase(impl.listings, request) == 0) return;
    for (const MarketRequest& other : impl.listings) {
      if (other.channel == request.channel && other.symbol == request.symbol) return;
    }
    return impl.instruments.Drop(request.channel, request.symbol);
  }
  MarketTrack* const track = impl.Find(request);
  if (track == nullptr || std::erase(track->requests, request) == 0) return;
  if (track->requests.empty()) return impl.DestroyTrack(request, track);
  const std::string stream = MarketStreamName(request);
  bool linked = false, open = false;
  for (const MarketRequest& other : track->requests) {
    linked |= MarketStreamName(other) == stream;
    open |= other.open;
  }
  if (request.channel == FeedChannel::kCandle) static_cast<CandleTrack*>(track)->wants_open = open;
  if (!linked) std::erase(impl.streams[stream], track);
}

MarketStatus BinanceMarketFeed::StatusOf(const MarketRequest& request) const {
  const auto known = [&](const std::vector<MarketRequest>& list) {
    return std::find(list.begin(), list.end(), request) != list.end();
  };
  if (request.channel == FeedChannel::kInstrument || request.channel == FeedChannel::kStatus) {
    if (known(impl_->listings)) return impl_->instruments.status();
  } else if (const MarketTrack* const track = impl_->Find(request);
             track != nullptr && known(track->requests)) {
    return track->status();
  }
  return {SubscriptionState::kStopped, "not subscribed", 0};
}

void BinanceMarketFeed::OnStreamLive(std::string_view stream, std::uint32_t connection,
                                     FeedTime now) {
  impl_->core.cause.New();
  const auto linked = impl_->streams.find(stream);
  if (linked == impl_->streams.end()) return;
  for (MarketTrack* const track : linked->second) track->OnLive(connection, now);
}

void BinanceMarketFeed::OnStreamEnded(std::string_view stream, std::uint32_t connection,
                                      FeedTime now, std::string_view reason) {
  impl_->core.cause.New();
  const auto linked = impl_->streams.find(stream);
  if (linked == impl_->streams.end()) return;
  for (MarketTrack* const track : linked->second) track->OnEnded(connection, now, reason, true);
}

void BinanceMarketFeed::OnConnectionLost(std::uint32_t connection, FeedTime now,
                                         std::string_view reason) {
  impl_->core.cause.New();
  impl_->core.silent_sockets.Remove(connection);
  for (MarketTrack* const track : impl_->tracks) track->OnEnded(connection, now, reason, false);
}

void BinanceMarketFeed::OnSilent(std::uint32_t connection, FeedTime now) {
  impl_->core.cause.New();
  impl_->core.silent_sockets.Add(connection);
  for (MarketTrack* const track : impl_->tracks) track->OnSocketsChanged(now);
}

void BinanceMarketFeed::OnFlows(std::uint32_t connection, FeedTime now) {
  impl_->core.cause.New();
  if (!impl_->core.silent_sockets.Remove(connection)) return;
  for (MarketTrack* const track : impl_->tracks) track->OnSocketsChanged(now);
}

void BinanceMarketFeed::OnHeld(std::int64_t ns) {
  for (MarketTrack* const track : impl_->tracks) track->OnHeld(ns);
}

bool BinanceMarketFeed::IsTraded(std::string_view symbol) const {
  return impl_->core.IsTraded(symbol);
}

void BinanceMarketFeed::OnFrame(std::uint32_t connection, FeedTime now, const BinanceFrame& frame) {
  impl_->core.cause.New();
  switch (frame.kind) {
    case BinanceKind::kAggTrade:
    case BinanceKind::kTrade:
      return impl_->OnTrade(connection, now, frame);
    case BinanceKind::kKline:
      return impl_->OnCandle(connection, now, frame);
    case BinanceKind::kTicker:
    case BinanceKind::kMiniTicker:
      return impl_->OnTickers(connection, now, frame);
    case BinanceKind::kMarkPrice:
      return impl_->OnMarks(connection, now, frame);
    default:
      return;
  }
}

void BinanceMarketFeed::OnAnswer(std::uint64_t fetch, FeedTime now, std::string_view body) {
  impl_->core.cause.New();
  const auto asked = impl_->core.fetches.find(fetch);
  if (asked == impl_->core.fetches.end()) return;
  FetchOwner* const owner = asked->second;
  impl_->core.fetches.erase(asked);
  owner->OnAnswer(now, body);
}

void BinanceMarketFeed::OnFetchFailed(std::uint64_t fetch, FeedTime now, std::string_view reason) {
  impl_->core.cause.New();
  const auto asked = impl_->core.fetches.find(fetch);
  if (asked == impl_->core.fetches.end()) return;
  FetchOwner* const owner = asked->second;
  impl_->core.fetches.erase(asked);
  owner->OnFetchFailed(now, reason);
}

void BinanceMarketFeed::OnTick(FeedTime now) {
  MarketCore& core = impl_->core;
  core.cause.New();
  if (now.monotonic_ns < core.next_due_ns) return;
  core.next_due_ns = BinanceFeed::kNoTick;
  impl_->instruments.OnTick(now);
  for (MarketTrack* const track : impl_->tracks) track->OnTick(now);
}

std::int64_t BinanceMarketFeed::next_tick_ns() const noexcept { return impl_->core.next_due_ns; }

bool BinanceMarketFeed::instruments_known() const noexcept { return impl_->instruments.known(); }

std::int64_t BinanceMarketFeed::instruments_read_ns() const noexcept {
  return impl_->instruments.read_ns();
}

bool BinanceMarketFeed::FindInstrument(std::string_view symbol, MarketInstrument& out) const {
  return impl_->instruments.Find(symbol, out);
}

std::int64_t BinanceMarketFeed::request_weight_per_minute() const noexcept {
  return impl_->instruments.request_weight();
}

const MarketFeedCounters& BinanceMarketFeed::counters() const noexcept {
  return impl_->core.counts;
}

}  // namespace virtufin::inline v0::detail
