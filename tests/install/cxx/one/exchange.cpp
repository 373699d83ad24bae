// Uses exchange: an order book, and the adapter with all that it links.
#include "virtufin/exchange/binance_adapter.hpp"
#include "virtufin/exchange/order_book.hpp"
#include "virtufin/pubsub/inproc.hpp"

int main() {
  using namespace virtufin;
  OrderBook book;
  const Level bid{*Decimal::Parse("100.10"), *Decimal::Parse("1.5")};
  if (!book.Assign({&bid, 1}, {}) || book.bids().front().price.ToString() != "100.10") return 1;

  Executor executor({}, WallClock(), NullLog());
  InprocBroker broker({executor, WallClock(), NullLog()});
  const auto adapter = MakeBinanceAdapter({}, broker, {executor, WallClock(), NullLog()});
  return adapter && (*adapter)->venue() == "binance" ? 0 : 2;  // never started: no socket
}
