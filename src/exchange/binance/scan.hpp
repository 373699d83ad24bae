// Reads a whole message strictly, field by field, before it is known what the message is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/letters.hpp"
#include "exchange/binance/reader.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0::detail {

/// The fields with longer names that some decoded message needs; one bit each.
enum Field : std::uint32_t {
  kPrevId = 1u << 0,
  kSnapshotId = 1u << 1,
  kBids = 1u << 2,
  kAsks = 1u << 3,
  kStream = 1u << 4,
  kData = 1u << 5,
  kResult = 1u << 6,
  kId = 1u << 7,
  kCode = 1u << 8,
  kMessage = 1u << 9,
  kErrorField = 1u << 10,
  kLetter = 1u << 30,  // a name of one letter
  kOther = 1u << 31,
};

/// The type that the venue gives itself, or kUnknown.
BinanceKind KindOfEvent(std::string_view event) noexcept;

/// Everything one message told. Texts are views of the scanner's buffer.
struct Scan {
  std::uint32_t seen = 0;   // fields that came, of any type
  std::uint32_t typed = 0;  // fields that came with the type they must have
  bool array = false;       // the payload is an array of messages
  bool bids_read = false, asks_read = false;
  bool b_levels = false, a_levels = false;  // `b`, `a` came as an array of levels
  std::string_view event;                   // of an array: of its first message
  std::uint64_t letters_seen = 0;           // by any message of an array
  std::string_view stream;
  std::int64_t snapshot_id = 0, prev_id = 0;
  std::int64_t code = 0;
  std::string_view message, result;
  BinanceControl::Id id = BinanceControl::Id::kNone;
  std::int64_t id_number = 0;
  std::string_view id_text;
  std::uint64_t bad_elements = 0;
  std::array<std::string_view, 8> other;  // longer names we do not know
  std::size_t others = 0;

  bool Has(std::uint32_t fields) const noexcept { return (typed & fields) == fields; }
  bool Saw(std::uint32_t fields) const noexcept { return (seen & fields) == fields; }
};

/// One field named by a letter. False: not JSON.
bool ReadLetterInto(Letters& into, char name, od::value value);
/// All fields of an object; the longer names are walked. `twice`: set when a letter came again.
/// False: not JSON.
bool ReadLettersOf(od::object object, Letters& into, bool& twice);

/// Members are the result of the last Read, borrowed until the next one. [owner]
class Scanner {
 public:
  /// False: not one whole JSON object or array; `error` says why.
  bool Read(std::string_view text);
  /// Keeps the first.
  bool Fail(std::string_view what) {
    if (error.empty()) error = what;
    return false;
  }

  Scan scan;
  Letters letters;  // of the message, or of the last one of an array
  Letters candle;   // of its `k`
  LevelArray bids, asks;
  std::vector<BinanceTicker> tickers;  // of an array
  std::vector<BinanceMark> marks;
  std::string error;

 private:
  bool Open(std::string_view text);
  bool ReadRoot();
  bool ReadArray(od::array array);
  bool ReadObject(od::object object, bool root);
  bool ReadField(Field field, od::value value, bool root);
  bool ReadLetter(char name, od::value value);
  bool ReadCandle(od::value value);
  bool ReadData(od::value value);
  bool ReadLevels(od::value value, bool bid);
  bool ReadId(od::value value);
  bool ReadRaw(od::value value, std::string_view& out);
  bool ReadNumber(Field field, od::value value, std::int64_t& out);
  void TakeElement();

  od::parser parser_;
  od::document document_;
  std::vector<char> buffer_;
};

}  // namespace virtufin::inline v0::detail
