// A simulated Binance: its time, its markets and its faults.
#include "sim/binance_venue.hpp"

#include <algorithm>

#include "sim/numbers.hpp"
#include "sim/venue_impl.hpp"

namespace virtufin::inline v0::sim {
namespace {

constexpr std::int64_t kFundingMs = 8 * 3'600'000;
constexpr std::uint16_t kGoingAway = 1001;

Status Bad(const std::string& what) { return Status(StatusCode::kInvalidArgument, "sim", what); }

/// What the market does, where the options leave it open.
void FillDefaults(VenueOptions& options) {
  const bool usdm = options.market == VenueMarket::kUsdm;
  const auto set = [](auto& value, auto fallback) {
    if (value == 0) value = fallback;
  };
  set(options.ping_interval_ms, std::int64_t{usdm ? 180'000 : 20'000});
  set(options.pong_timeout_ms, std::int64_t{usdm ? 600'000 : 60'000});
  set(options.max_messages_per_s, usdm ? 10 : 5);
  set(options.max_age_ms, std::int64_t{86'400'000});
  set(options.weight_limit, std::int64_t{usdm ? 2400 : 6000});
  if (usdm) options.snapshot_levels = std::min<std::size_t>(options.snapshot_levels, 1000);
  if (options.symbols.empty()) options.symbols = DefaultSymbols(options.market);
}

Status Check(const VenueOptions& options) {
  if (options.window_phases < 1 || options.window_phases > 100) {
    return Bad("window_phases: expected 1 to 100, found " + std::to_string(options.window_phases));
  }
  if (options.start_unix_ms <= 0) return Bad("start_unix_ms: expected a time after 1970");
  if (options.snapshot_levels < 1) return Bad("snapshot_levels: expected 1 or more, found 0");
  for (const std::int64_t each :
       {options.ack_delay_ms, options.ack_patience_ms, options.ping_interval_ms,
        options.pong_timeout_ms, options.max_age_ms, options.shutdown_notice_ms,
        options.weight_limit, options.ban_ms, options.retry_after_ms, options.snapshot_lag,
        options.answer_delay_ms}) {
    if (each < 0) return Bad("a time or limit: expected 0 or more, found " + std::to_string(each));
  }
  return {};
}

}  // namespace

BinanceVenue::Impl::Impl(VenueOptions given, std::unique_ptr<MarketModel> model, VenueOutput& to)
    : options(std::move(given)),
      market(std::move(model)),
      output(to),
      statuses(market->size(), "TRADING"),
      rest(options, *market, statuses, counters),
      changes(options.seed ^ 0xc4a26eULL),
      choices(options.seed ^ 0xc401ceULL),
      usdm(options.market == VenueMarket::kUsdm),
      now_us(options.start_unix_ms * 1000),
      symbols(market->size()) {
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].mark.perpetual = market->at(i).options.contract_type == "PERPETUAL";
    symbols[i].mark.rate = 10'000;
    ScheduleChange(i);
  }
  if (usdm) MoveMarks();
  for (std::size_t i = 0; i < options.faults.faults.size(); ++i) {
    At(now_us + options.faults.faults[i].at_ms * 1000, DueKind::kFault, i);
  }
}

void BinanceVenue::Impl::Advance(std::int64_t to_ms) {
  const std::int64_t to_us = to_ms * 1000;
  while (!due.empty() && due.top().at_us <= to_us) {
    const Due item = due.top();
    due.pop();
    now_us = std::max(now_us, item.at_us);
    Do(item);
  }
  now_us = std::max(now_us, to_us);
}

void BinanceVenue::Impl::Do(const Due& item) {
  if (item.kind == DueKind::kChange) return ChangeOf(item.id);
  if (item.kind == DueKind::kMarks) return MoveMarks();
  if (item.kind == DueKind::kFault) {
    if (!faults_ended) DoFault(options.faults.faults[item.id]);
    return;
  }
  if (item.kind == DueKind::kStream) {
    const auto stream = streams_by_id.find(item.id);
    if (stream != streams_by_id.end()) WindowEnds(*stream->second);
    return;
  }
  if (item.kind == DueKind::kAge) {
    if (faults_ended || connections.count(item.id) == 0) return;
    ++counters.age_cuts;
    return Drop(item.id);
  }
  VenueConnection* const connection = Find(item.id);
  if (connection == nullptr) return;
  if (item.kind == DueKind::kPing) return PingNow(*connection);
  if (item.kind == DueKind::kLate) return ReleaseHeld(*connection);
  if (item.kind == DueKind::kLeave) return Close(item.id, kGoingAway, "server shutdown");
  // kPongDue
  const bool missing = !connection->pings.empty() &&
                       connection->pings.front().sent_us <= now_us - options.pong_timeout_ms * 1000;
  if (!missing) return;
  ++counters.pong_cuts;
  Drop(item.id);
}

void BinanceVenue::Impl::ScheduleChange(std::size_t symbol) {
  const std::int64_t rate = market->at(symbol).options.changes_per_s;
  if (rate <= 0) return;
  At(now_us + 1 + changes.Below(2'000'000 / rate), DueKind::kChange, symbol);
}

void BinanceVenue::Impl::ChangeOf(std::size_t index) {
  if (!trading) return;
  ScheduleChange(index);
  SymbolState& state = symbols[index];
  if (!Trading(index)) return;
  if (now_us < state.silent_until_us) return Count(FaultKind::kSilent);
  const MarketModel::Changed changed = market->Change(index, now_ms());
  const MarketModel::Symbol& symbol = market->at(index);
  for (std::size_t i = symbol.trades.size() - changed.trades; i < symbol.trades.size(); ++i) {
    const VenueTrade& trade = symbol.trades[i];
    for (VenueStream* const stream : state.trades) {
      Emit(*stream, TradeFrame(stream->style, symbol, trade, now_ms()));
    }
    if (trade.fund) continue;
    for (VenueStream* const stream : state.klines) {
      RollCandle(*stream, trade.time_ms);
      stream->candle.Add(trade);
    }
    state.day.Add(trade);
    state.changed_ms = now_ms();
  }
  for (std::size_t i = symbol.aggregates.size() - changed.aggregates; i < symbol.aggregates.size();
       ++i) {
    for (VenueStream* const stream : state.aggregates) {
      Emit(*stream, AggTradeFrame(stream->style, symbol, symbol.aggregates[i], now_ms()));
    }
  }
  if (!changed.top) return;
  for (VenueStream* const stream : state.tickers) {
    Emit(*stream, BookTickerFrame(stream->style, symbol, now_ms()));
  }
}

void BinanceVenue::Impl::MoveMarks() {
  At(now_us + 1'000'000, DueKind::kMarks, 0);
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const MarketModel::Symbol& symbol = market->at(i);
    MarkPrice& mark = symbols[i].mark;
    const std::int64_t last = symbol.last_price * symbol.tick * PowerOfTen(8 - symbol.tick_scale);
    const bool moves = options.mark_moves;
    mark.mark = last + (moves ? last / 100'000 * choices.Below(11) : 0);
    mark.index = last - (moves ? last / 100'000 * choices.Below(11) : 0);
    mark.settle = (mark.mark + mark.index) / 2;
    if (moves) mark.rate += choices.Below(41) - 20;
    mark.next_funding_ms = now_ms() / kFundingMs * kFundingMs + kFundingMs;
  }
}

void BinanceVenue::Impl::DoFault(const Fault& fault) {
  const MarketModel::Symbol* const symbol = market->Find(fault.symbol);
  switch (fault.kind) {
    case FaultKind::kCut:
    case FaultKind::kClose:
    case FaultKind::kStall:
    case FaultKind::kMute:
    case FaultKind::kHush:
      return HitConnections(fault);
    case FaultKind::kRefuse:
      refuse_until_us = std::max(refuse_until_us, now_us + fault.count * 1000);
      return;
    case FaultKind::kDrop:
      drop_left += fault.count;
      return;
    case FaultKind::kDelay:
      delay_us = fault.amount * 1000;
      delay_until_us = now_us + fault.count * 1000;
      return;
    case FaultKind::kGap:
      if (symbol == nullptr) return;
      for (VenueStream* const stream : symbols[symbol->index].depths) stream->omit_next = true;
      return;
    case FaultKind::kLostAck:
      lost_acks_left += fault.count;
      return;
    case FaultKind::kLateAck:
      late_acks_left += fault.count;
      return;
    case FaultKind::kHttp:
    case FaultKind::kTruncate:
    case FaultKind::kSlow:
    case FaultKind::kNoAnswer:
    case FaultKind::kOld:
      return rest.Inject(fault);
    case FaultKind::kHalt:
    case FaultKind::kResume:
      if (symbol == nullptr) return;
      Count(fault.kind);
      return SetStatus(symbol->index, fault.kind == FaultKind::kResume ? "TRADING"
                                      : usdm                           ? "SETTLING"
                                                                       : "HALT");
    case FaultKind::kSilent:
      if (symbol == nullptr) return;
      symbols[symbol->index].silent_until_us = now_us + fault.count * 1000;
      return;
    case FaultKind::kShutdown:
      return AnnounceShutdown();
    case FaultKind::kLose:
      if (symbol != nullptr) LoseDepth(symbol->index);
      return;
  }
}

void BinanceVenue::Impl::HitConnections(const Fault& fault) {
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : connections) {
    const bool already = (fault.kind == FaultKind::kMute && connection->muted) ||
                         (fault.kind == FaultKind::kHush && connection->hushed);
    if (!connection->stalled && !already) ids.push_back(id);
  }
  if (fault.one && !ids.empty()) {
    ids = {ids[static_cast<std::size_t>(choices.Below(static_cast<std::int64_t>(ids.size())))]};
  }
  for (const ConnectionId id : ids) {
    Count(fault.kind);
    if (fault.kind == FaultKind::kCut) {
      Drop(id);
    } else if (fault.kind == FaultKind::kClose) {
      Close(id, static_cast<std::uint16_t>(fault.amount), "closed by the venue");
    } else if (fault.kind == FaultKind::kStall) {
      connections[id]->stalled = true;
      output.Stall(id);
    } else {
      Silence(*connections[id], fault.kind);
    }
  }
}

void BinanceVenue::Impl::Silence(VenueConnection& connection, FaultKind kind) {
  connection.muted = true;
  std::erase_if(connection.held, [](const auto& each) { return each.data; });
  if (kind != FaultKind::kHush) return;
  connection.hushed = true;
  connection.held.clear();
  connection.acks.clear();
  output.Hush(connection.id);
}

void BinanceVenue::Impl::LoseDepth(std::size_t symbol) {
  for (VenueStream* const stream : symbols[symbol].depths) {
    stream->lost.insert(stream->lost.end(), stream->subscribers.begin(), stream->subscribers.end());
    stream->subscribers.clear();
  }
}

void BinanceVenue::Impl::AnnounceShutdown() {
  for (const auto& [id, connection] : connections) {
    if (connection->stalled) continue;
    Count(FaultKind::kShutdown);
    At(now_us + options.shutdown_notice_ms * 1000, DueKind::kLeave, id);
    if (connection->muted) continue;
    std::string text = ShutdownFrame({usdm, connection->target.microseconds, false}, now_ms());
    if (connection->target.combined && choices.Percent(50)) {
      text.insert(0, "{\"stream\":\"serverShutdown\",\"data\":").append("}");
    }
    Send(*connection, std::make_shared<const std::string>(std::move(text)));
  }
}

// --- The public face.

BinanceVenue::BinanceVenue(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
BinanceVenue::~BinanceVenue() = default;

Result<std::unique_ptr<BinanceVenue>> BinanceVenue::Create(VenueOptions options,
                                                           VenueOutput& output) {
  FillDefaults(options);
  if (Status checked = Check(options); !checked.ok()) return checked;
  auto market = MarketModel::Create(options.market, options.symbols, options.seed, options.depth,
                                    options.keep_updates);
  if (!market.ok()) return market.status();
  for (const Fault& fault : options.faults.faults) {
    if (fault.symbol.empty() || market.value()->Find(fault.symbol) != nullptr) continue;
    return Bad("fault '" + FaultText(fault) + "': the venue has no symbol '" + fault.symbol + "'");
  }
  return std::unique_ptr<BinanceVenue>(new BinanceVenue(
      std::make_unique<Impl>(std::move(options), std::move(market).value(), output)));
}

int BinanceVenue::Accept(ConnectionId connection, std::string_view target, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  return impl_->Accept(connection, target);
}

void BinanceVenue::OnText(ConnectionId id, std::string_view text, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  if (auto* const connection = impl_->Find(id)) impl_->OnText(*connection, text);
}

void BinanceVenue::OnPing(ConnectionId id, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  if (auto* const connection = impl_->Find(id)) (void)impl_->CountMessage(*connection);
}

void BinanceVenue::OnPong(ConnectionId id, std::string_view payload, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  if (auto* const connection = impl_->Find(id)) impl_->OnPong(*connection, payload);
}

void BinanceVenue::OnClosed(ConnectionId connection, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  impl_->Forget(connection);
}

RestAnswer BinanceVenue::OnRequest(std::string_view target, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  return impl_->rest.Answer(target, std::max(now_ms, impl_->now_ms()));
}

void BinanceVenue::OnTick(std::int64_t now_ms) { impl_->Advance(now_ms); }

std::int64_t BinanceVenue::next_tick_ms() const noexcept {
  return impl_->due.empty() ? kNoTick : (impl_->due.top().at_us + 999) / 1000;
}

Status BinanceVenue::Inject(const Fault& fault, std::int64_t now_ms) {
  impl_->Advance(now_ms);
  if (!fault.symbol.empty() && impl_->market->Find(fault.symbol) == nullptr) {
    return Status(StatusCode::kNotFound, "sim", "no symbol '" + fault.symbol + "'");
  }
  impl_->DoFault(fault);
  return {};
}

Status BinanceVenue::SetStatus(std::string_view symbol, std::string_view status,
                               std::int64_t now_ms) {
  impl_->Advance(now_ms);
  const auto* const found = impl_->market->Find(symbol);
  if (found == nullptr) {
    return Status(StatusCode::kNotFound, "sim", "no symbol '" + std::string(symbol) + "'");
  }
  impl_->SetStatus(found->index, status);
  return {};
}

void BinanceVenue::EndFaults() {
  impl_->faults_ended = true;
  impl_->refuse_until_us = impl_->delay_until_us = 0;
  impl_->drop_left = impl_->lost_acks_left = impl_->late_acks_left = 0;
  impl_->rest.EndFaults();
  for (auto& [key, stream] : impl_->streams) stream->omit_next = false;
}

void BinanceVenue::StopTrading() { impl_->trading = false; }

const VenueOptions& BinanceVenue::options() const noexcept { return impl_->options; }
MarketModel& BinanceVenue::market() noexcept { return *impl_->market; }
const VenueCounters& BinanceVenue::counters() const noexcept { return impl_->counters; }

std::string_view BinanceVenue::status(std::string_view symbol) const noexcept {
  const auto* const found = impl_->market->Find(symbol);
  return found == nullptr ? std::string_view() : impl_->statuses[found->index];
}

Result<VenueCandle> BinanceVenue::CandleAt(std::string_view symbol, std::string_view interval,
                                           std::int64_t open_ms) const {
  const auto* const found = impl_->market->Find(symbol);
  if (found == nullptr) {
    return Status(StatusCode::kNotFound, "sim", "no symbol '" + std::string(symbol) + "'");
  }
  CandleInterval cut;
  if (!CandleInterval::Parse(interval, impl_->options.market, 0, cut)) {
    return Bad("interval: expected 1m, 1h and so on, found '" + std::string(interval) + "'");
  }
  if (cut.OpenOf(open_ms) != open_ms) {
    return Bad("open_ms: expected when a candle opens, found " + std::to_string(open_ms));
  }
  return CandleOf(*found, cut, open_ms);
}

}  // namespace virtufin::inline v0::sim
