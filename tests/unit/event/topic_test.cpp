// Topic segments: which bytes stay, which are encoded, and that nothing collides.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "virtufin/event/topic.hpp"

using namespace virtufin;

// Pins TOP-1.
TEST_CASE("letters, digits, underscore and hyphen stay as they are") {
  const std::string plain = "ABCXYZabcxyz0189_-";
  CHECK(TopicSegment(plain) == plain);
  CHECK(TopicSegment("BTCUSDT_261225") == "BTCUSDT_261225");
  CHECK(TopicSegment("").empty());
}

// Pins TOP-1.
TEST_CASE("every other byte becomes a percent sign and two upper-case digits") {
  CHECK(TopicSegment("BRK.B") == "BRK%2EB");
  CHECK(TopicSegment("EUR/USD") == "EUR%2FUSD");
  CHECK(TopicSegment("50% off") == "50%25%20off");
  CHECK(TopicSegment("1d@+08:00") == "1d%40%2B08%3A00");
  CHECK(TopicSegment("\xe5\xb8\x81USDT") == "%E5%B8%81USDT");
  CHECK(TopicSegment(std::string_view("\0\xff", 2)) == "%00%FF");
}

// Pins TOP-1.
TEST_CASE("different bytes give different segments without a dot or a wildcard") {
  std::set<std::string> segments;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string segment = TopicSegment(std::string(1, static_cast<char>(byte)));
    CHECK(segment.find_first_of(".*>") == std::string::npos);
    CHECK(segments.insert(segment).second);
  }
}

TEST_CASE("a segment is appended to what is there") {
  std::string topic = "act.exchange.binance.trade.tape.";
  AppendTopicSegment(topic, "A.B");
  CHECK(topic == "act.exchange.binance.trade.tape.A%2EB");
}
