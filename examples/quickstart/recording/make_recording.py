#!/usr/bin/env python3
"""Makes the recording that the quickstart plays: ten seconds of an invented spot market.

make_recording.py <folder>: writes spot.ws and spot.http there, always the same bytes. All prices,
sizes and ids come from a seeded generator. One diff of SOLUSDT is left out, so that the viewer sees
a gap and, half a second later, the snapshot that heals it.
"""
import json
import random
import sys

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
SECONDS = 10
LEVELS = 80
LOST = ("SOLUSDT", 40)  # symbol, number of the diff
PAIRS = [  # symbol, best bid in ticks, digits of the price, digits of the size, update id
    ("BTCUSDT", 8_764_310, 2, 5, 60_112_233_000),
    ("ETHUSDT", 297_415, 2, 4, 44_556_677_000),
    ("SOLUSDT", 12_466, 2, 3, 21_998_877_000),
    ("XRPUSDT", 18_402, 4, 1, 9_123_456_000),
    ("ADAUSDT", 3_341, 4, 1, 7_654_321_000),
]


class Market:
    def __init__(self, symbol, bid, price_digits, size_digits, update_id, seed):
        self.symbol = symbol
        self.random = random.Random(seed)
        self.price_digits, self.size_digits = price_digits, size_digits
        self.id = update_id
        self.sides = {"b": {}, "a": {}}
        for i in range(LEVELS):
            self.sides["b"][bid - i] = self.size()
            self.sides["a"][bid + 1 + i] = self.size()

    def size(self):
        return self.random.randint(1, 400) * 10 ** self.random.randint(0, self.size_digits - 1)

    def level(self, tick, size):
        price = f"{tick / 10 ** self.price_digits:.{self.price_digits}f}"
        return [price + "0" * (8 - self.price_digits), f"{size / 10 ** self.size_digits:.8f}"]

    def best(self):
        return max(self.sides["b"]), min(self.sides["a"])

    def set(self, side, tick, size, changes):
        self.id += 1
        changes[side][tick] = size
        if size:
            self.sides[side][tick] = size
        else:
            self.sides[side].pop(tick, None)

    def move(self, changes):
        """The touch moves by some ticks: what is in the way goes, what is left behind is filled."""
        step = self.random.choice([-2, -1, -1, 0, 0, 0, 1, 1, 2])
        bid, ask = self.best()
        for n in range(abs(step)):
            if step > 0:
                self.set("a", ask + n, 0, changes)
                self.set("b", bid + 1 + n, self.size(), changes)
            else:
                self.set("b", bid - n, 0, changes)
                self.set("a", ask - 1 - n, self.size(), changes)

    def diff(self):
        first, changes = self.id + 1, {"b": {}, "a": {}}
        self.move(changes)
        bid, ask = self.best()
        for _ in range(self.random.randint(2, 6)):
            depth = min(int(self.random.expovariate(0.2)), LEVELS - 5)
            side = self.random.choice("ba")
            tick = bid - depth if side == "b" else ask + depth
            gone = depth > 2 and self.random.random() < 0.2
            self.set(side, tick, 0 if gone else self.size(), changes)
        return first, changes

    def depth_frame(self, time_ms, first, changes):
        data = {"e": "depthUpdate", "E": time_ms, "s": self.symbol, "U": first, "u": self.id}
        for side, down in (("b", True), ("a", False)):
            data[side] = [self.level(*item) for item in sorted(changes[side].items(), reverse=down)]
        return {"stream": f"{self.symbol.lower()}@depth@100ms", "data": data}

    def ticker_frame(self):
        bid, ask = self.best()
        (b, bs), (a, as_) = self.level(bid, self.sides["b"][bid]), self.level(ask, self.sides["a"][ask])
        data = {"u": self.id, "s": self.symbol, "b": b, "B": bs, "a": a, "A": as_}
        return {"stream": f"{self.symbol.lower()}@bookTicker", "data": data}

    def snapshot(self):
        return {"lastUpdateId": self.id,
                "bids": [self.level(*i) for i in sorted(self.sides["b"].items(), reverse=True)],
                "asks": [self.level(*i) for i in sorted(self.sides["a"].items())]}


def text(value):
    return json.dumps(value, separators=(",", ":"))


def main(folder):
    markets = [Market(*pair, seed) for seed, pair in enumerate(PAIRS)]
    streams = "/".join(f"{m.symbol.lower()}@{s}" for m in markets for s in ("depth@100ms", "bookTicker"))
    frames, answers = [], []

    def answer(market, at):
        answers.append((at, f"https://api.binance.com/api/v3/depth?symbol={market.symbol}&limit=1000"
                            f" -> {at:.6f}: {text(market.snapshot())}\n"))

    for number in range(SECONDS * 10):
        for place, market in enumerate(markets):
            at = START + 0.1 * (number + 1) + 0.011 * place
            top = market.best()
            first, changes = market.diff()
            if (market.symbol, number) != LOST:
                frames.append((at, text(market.depth_frame(int(at * 1000) - 4, first, changes))))
            if market.best() != top or number % 7 == place:
                frames.append((at + 0.0007, text(market.ticker_frame())))
            if number == 2:
                answer(market, at + 0.004)
            if market.symbol == LOST[0] and number == LOST[1] + 6:
                answer(market, at + 0.004)
    with open(f"{folder}/spot.ws", "w", encoding="ascii") as file:
        file.write(f"wss://stream.binance.com:9443/stream?streams={streams} <-> {START:.6f}\n")
        file.writelines(f"{at:.7f}: {frame}\n" for at, frame in sorted(frames))
    with open(f"{folder}/spot.http", "w", encoding="ascii") as file:
        file.writelines(line for _, line in sorted(answers))


if __name__ == "__main__":
    main(sys.argv[1])
