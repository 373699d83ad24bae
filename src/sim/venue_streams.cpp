// The streams of a simulated Binance: who gets what, and when.
#include <algorithm>

#include "sim/venue_impl.hpp"

namespace virtufin::inline v0::sim {

std::vector<VenueStream*>* BinanceVenue::Impl::ListOf(const StreamSpec& spec) {
  switch (spec.kind) {
    case StreamKind::kDepth:
    case StreamKind::kPartialDepth:
      return &symbols[spec.symbol].depths;
    case StreamKind::kBookTicker:
      return &symbols[spec.symbol].tickers;
    case StreamKind::kAggTrade:
      return &symbols[spec.symbol].aggregates;
    case StreamKind::kTrade:
      return &symbols[spec.symbol].trades;
    case StreamKind::kKline:
      return &symbols[spec.symbol].klines;
    default:
      return nullptr;
  }
}

VenueStream& BinanceVenue::Impl::Join(VenueConnection& connection, const std::string& name,
                                      const StreamSpec& spec) {
  const bool windows = spec.kind == StreamKind::kDepth || spec.kind == StreamKind::kPartialDepth;
  const int phase = windows ? connection.phase : 0;
  std::string key = name + "\n" + std::to_string(phase);
  if (connection.target.microseconds) key += 'u';
  auto& slot = streams[key];
  if (slot == nullptr) {
    slot = std::make_unique<VenueStream>();
    slot->id = ++stream_ids;
    slot->name = name;
    slot->key = std::move(key);
    slot->combined_head = "{\"stream\":\"" + name + "\",\"data\":";
    slot->spec = spec;
    slot->style = {usdm, connection.target.microseconds, options.extra_fields};
    slot->offset_ms = spec.period_ms * phase / options.window_phases;
    if (spec.kind != StreamKind::kAllMiniTickers && spec.kind != StreamKind::kAllMarkPrices) {
      const MarketModel::Symbol& symbol = market->at(spec.symbol);
      slot->told = symbol.end_update();
      if (spec.kind == StreamKind::kKline) {
        slot->candle = CandleOf(symbol, spec.candle, spec.candle.OpenOf(now_ms()));
        slot->candle_told = slot->candle.count;
      }
    }
    if (auto* const list = ListOf(spec); list != nullptr) list->push_back(slot.get());
    streams_by_id[slot->id] = slot.get();
    if (spec.period_ms > 0) ScheduleStream(*slot);
  }
  slot->subscribers.push_back(&connection);
  return *slot;
}

void BinanceVenue::Impl::Leave(VenueConnection& connection, VenueStream& stream) {
  std::erase(stream.subscribers, &connection);
  std::erase(stream.lost, &connection);
  if (!stream.subscribers.empty() || !stream.lost.empty()) return;
  if (auto* const list = ListOf(stream.spec); list != nullptr) std::erase(*list, &stream);
  streams_by_id.erase(stream.id);
  const std::string key = stream.key;  // the stream ends here
  streams.erase(key);
}

void BinanceVenue::Impl::ScheduleStream(const VenueStream& stream) {
  const std::int64_t period = stream.spec.period_ms;
  const std::int64_t since = now_ms() - stream.offset_ms;
  At((since / period * period + period + stream.offset_ms) * 1000, DueKind::kStream, stream.id);
}

void BinanceVenue::Impl::WindowEnds(VenueStream& stream) {
  ScheduleStream(stream);
  const FrameStyle& style = stream.style;
  switch (stream.spec.kind) {
    case StreamKind::kAllMiniTickers:
      return Emit(stream, AllMiniTickers(stream));
    case StreamKind::kAllMarkPrices:
      return Emit(stream, AllMarkPrices(stream));
    case StreamKind::kKline:
      return KlineWindow(stream);
    default:
      break;
  }
  const MarketModel::Symbol& symbol = market->at(stream.spec.symbol);
  SymbolState& state = symbols[stream.spec.symbol];
  switch (stream.spec.kind) {
    case StreamKind::kDepth:
    case StreamKind::kPartialDepth: {
      // A diff needs the update before its first one.
      const std::uint64_t begin = std::max(stream.told, symbol.first_update + 1);
      const std::uint64_t end = symbol.end_update();
      if (begin >= end) return;
      stream.told = end;
      if (stream.omit_next) {
        stream.omit_next = false;
        return Count(FaultKind::kGap);
      }
      return Emit(stream,
                  stream.spec.kind == StreamKind::kDepth
                      ? DepthFrame(style, symbol, begin, end, now_ms())
                      : PartialDepthFrame(style, symbol, begin, stream.spec.levels, now_ms()));
    }
    case StreamKind::kTicker:
      if (!Trading(symbol.index)) return;
      return Emit(stream,
                  TickerFrame(style, symbol, state.day.At(now_ms(), symbol.first_price), now_ms()));
    case StreamKind::kMiniTicker:
      if (!Trading(symbol.index)) return;
      return Emit(stream, MiniTickerFrame(style, symbol, state.day.At(now_ms(), symbol.first_price),
                                          now_ms()));
    case StreamKind::kMarkPrice:
      return Emit(stream, MarkPriceFrame(style, symbol, state.mark, now_ms()));
    default:
      return;
  }
}

void BinanceVenue::Impl::RollCandle(VenueStream& stream, std::int64_t to_ms) {
  const MarketModel::Symbol& symbol = market->at(stream.spec.symbol);
  while (stream.candle.close_ms < to_ms) {
    // Of a halted symbol the venue has no candles.
    if (Trading(symbol.index) || stream.candle.count > 0) {
      Emit(stream,
           KlineFrame(stream.style, symbol, stream.spec.interval, stream.candle, true, now_ms()));
    }
    VenueCandle next;
    next.open_ms = stream.candle.close_ms + 1;
    next.close_ms = stream.spec.candle.CloseOf(next.open_ms);
    next.open = next.close = next.high = next.low = stream.candle.close;
    stream.candle = next;
    stream.candle_told = 0;
  }
}

void BinanceVenue::Impl::KlineWindow(VenueStream& stream) {
  if (stream.candle.close_ms < now_ms()) return RollCandle(stream, now_ms());
  // As recorded: without a new trade there is nothing to tell.
  if (!Trading(stream.spec.symbol) || stream.candle.count == stream.candle_told) return;
  stream.candle_told = stream.candle.count;
  Emit(stream, KlineFrame(stream.style, market->at(stream.spec.symbol), stream.spec.interval,
                          stream.candle, false, now_ms()));
}

std::string BinanceVenue::Impl::AllMiniTickers(VenueStream& stream) {
  std::string out = "[";
  const auto add = [&](std::size_t index) {
    const MarketModel::Symbol& symbol = market->at(index);
    if (out.size() > 1) out += ',';
    out += MiniTickerFrame(stream.style, symbol,
                           symbols[index].day.At(now_ms(), symbol.first_price), now_ms());
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].changed_ms > stream.sent_ms) add(i);
  }
  // Of a venue's thousands of symbols one always has traded.
  if (out.size() == 1 && !symbols.empty()) add(0);
  stream.sent_ms = now_ms();
  return out + "]";
}

std::string BinanceVenue::Impl::AllMarkPrices(const VenueStream& stream) {
  std::string out = "[";
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (i > 0) out += ',';
    out += MarkPriceFrame(stream.style, market->at(i), symbols[i].mark, now_ms());
  }
  return out + "]";
}

void BinanceVenue::Impl::Emit(VenueStream& stream, const std::string& payload) {
  VenueText raw, combined;  // made once, shared by all who get it
  for (VenueConnection* const connection : stream.lost) {
    if (!connection->stalled && !connection->muted) Count(FaultKind::kLose);
  }
  for (VenueConnection* const connection : stream.subscribers) {
    if (connection->stalled || connection->muted) continue;
    VenueText& text = connection->target.combined ? combined : raw;
    if (text == nullptr) {
      text = std::make_shared<const std::string>(
          connection->target.combined ? stream.combined_head + payload + "}" : payload);
    }
    Deliver(*connection, stream, text);
  }
}

void BinanceVenue::Impl::Deliver(VenueConnection& connection, const VenueStream& stream,
                                 const VenueText& text) {
  if (drop_left > 0) {
    --drop_left;
    return Count(FaultKind::kDrop);
  }
  ++counters.frames;
  if (now_us < delay_until_us) {
    Count(FaultKind::kDelay);
    std::int64_t late_us = now_us + delay_us;
    if (!connection.held.empty()) late_us = std::max(late_us, connection.held.back().due_us);
    connection.held.push_back({late_us, text, true});
    At(late_us, DueKind::kLate, connection.id);
  } else {
    Send(connection, text);
  }
  if (!connection.acks.empty()) ReleaseAcks(connection, &stream);
}

}  // namespace virtufin::inline v0::sim
