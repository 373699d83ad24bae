// The container of recordings: what is written is read, and what was cut or changed is noticed.
#include "exchange/recording/container.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/recording/bytes.hpp"
#include "exchange/recording/crc32.hpp"
#include "exchange/recording/layout.hpp"
#include "support/temporary_folder.hpp"
#include "unit/exchange/recording_fixture.hpp"
#include "virtufin/exchange/session_player.hpp"

using namespace virtufin;
using namespace virtufin::test;
using detail::ContainerReader;
using detail::Record;
using detail::RecordDirection;
using detail::RecordHead;
using detail::RecordKind;

namespace {

constexpr FeedTime kStart{1'790'000'000'000'000'000, 5'000'000'000};

detail::RecordingHeader Header() {
  detail::RecordingHeader header;
  header.venue = "binance";
  header.seed = 17;
  header.start = kStart;
  header.options = {{"stable_ms", "60000"}, {"universe", "ALL"}};
  return header;
}

FeedTime After(std::int64_t ns) { return {kStart.unix_ns + ns, kStart.monotonic_ns + ns}; }

struct Item {
  RecordHead head;
  std::string payload;
};

std::vector<Item> Items() {
  using enum RecordDirection;
  return {
      {{After(0), 0, 0, RecordKind::kStart, kIn, 0}, ""},
      {{After(1), 3, 0, RecordKind::kSubscribe, kIn, 0},
       detail::EncodeRequest({FeedChannel::kBook, "BTCUSDT", {{"levels", "5"}}})},
      {{After(1), 1, 0, RecordKind::kResult, kOut, 0}, ""},
      {{After(1'000), 0, 7, RecordKind::kOpen, kIn, 0}, ""},
      {{After(2'000), 0, 7, RecordKind::kText, kIn, 0}, "{\"e\":\"depthUpdate\"}"},
      {{After(2'000), 0, 7, RecordKind::kText, kOut, 1}, "{\"method\":\"SUBSCRIBE\"}"},
      {{After(9'000), 0xfedcba9876543210, 0, RecordKind::kHttp, kIn, 429},
       detail::EncodeAnswerHead({"", "", {{"retry-after", "3"}}}) + "body"},
      {{After(9'001), 0, 4'000'000'000, RecordKind::kClose, kIn, 0}, "reset"},
  };
}

struct Bytes {
  std::string all;
  std::vector<std::size_t> ends;  // of the header and of each record, the mark of the end included
};

void Add(Bytes& bytes, const RecordHead& head, std::string_view payload) {
  std::string record(detail::kRecordHeadBytes, '\0');
  detail::EncodeHead(record.data(), head, static_cast<std::uint32_t>(payload.size()));
  record.append(payload);
  detail::SealRecord(record.data(), bytes.ends.size() - 1);
  bytes.all += record;
  bytes.ends.push_back(bytes.all.size());
}

Bytes Written(const std::vector<Item>& items) {
  Bytes bytes;
  bytes.all = detail::EncodeHeader(Header());
  bytes.ends.push_back(bytes.all.size());
  for (const Item& item : items) Add(bytes, item.head, item.payload);
  Add(bytes, {items.back().head.time, 0, 0, RecordKind::kEnd, RecordDirection::kIn, 0}, "");
  return bytes;
}

/// How many whole records come before the end or the damage; what they are is compared.
struct Read {
  Status status;
  std::size_t records = 0;
  bool truncated = false;
  std::string reason;
};

Read ReadAll(const std::string& path) {
  Read out;
  auto reader = ContainerReader::Open(path);
  out.status = reader.status();
  if (!reader.ok()) return out;
  const std::vector<Item> items = Items();
  Record record;
  for (;;) {
    const Result<bool> next = reader->Next(record);
    out.status = next.status();
    if (!next.ok() || !*next) break;
    REQUIRE(out.records < items.size());
    const Item& item = items[out.records];
    CHECK(record.payload() == item.payload);
    CHECK(record.time.unix_ns == item.head.time.unix_ns);
    CHECK(record.time.monotonic_ns == item.head.time.monotonic_ns);
    CHECK(record.number == item.head.number);
    CHECK(record.connection == item.head.connection);
    CHECK(record.kind == item.head.kind);
    CHECK(record.direction == item.head.direction);
    CHECK(record.status == item.head.status);
    CHECK(record.index == out.records);
    ++out.records;
  }
  CHECK_FALSE(reader->Next(record).value_or(false));
  out.truncated = reader->truncated();
  out.reason = reader->truncated_reason();
  return out;
}

}  // namespace

// Pins EX-82.
TEST_CASE("the checksum is zlib's") {
  CHECK(detail::Crc32("123456789") == 0xcbf43926);
  CHECK(detail::Crc32("6789", detail::Crc32("12345")) == 0xcbf43926);
  CHECK(detail::Crc32("") == 0);
}

// Pins EX-82.
TEST_CASE("what is written to a recording is read from it") {
  TemporaryFolder folder;
  const Bytes bytes = Written(Items());
  WriteBytes(folder / "a", bytes.all);
  const Read read = ReadAll(folder / "a");
  CHECK(read.status.ok());
  CHECK(read.records == Items().size());
  CHECK_FALSE(read.truncated);
  const auto reader = ContainerReader::Open(folder / "a").value();
  CHECK(reader.header().venue == "binance");
  CHECK(reader.header().seed == 17);
  CHECK(reader.header().start.unix_ns == kStart.unix_ns);
  CHECK(reader.header().start.monotonic_ns == kStart.monotonic_ns);
  CHECK(reader.header().options == Header().options);
}

// Pins EX-82.
TEST_CASE("the bytes are those that the page on the format shows") {
  std::string head(detail::kRecordHeadBytes, '\0');
  detail::EncodeHead(head.data(),
                     {{0x0102030405060708, 0x1112131415161718},
                      0x2122232425262728,
                      0x31323334,
                      RecordKind::kText,
                      RecordDirection::kOut,
                      0x4142},
                     0);
  detail::SealRecord(head.data(), 0x5152535455565758);
  CHECK(head.substr(0, 8) == std::string(8, '\0'));
  CHECK(head.substr(8, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
  CHECK(head.substr(16, 8) == "\x18\x17\x16\x15\x14\x13\x12\x11");
  CHECK(head.substr(24, 8) == "\x28\x27\x26\x25\x24\x23\x22\x21");
  CHECK(head.substr(32, 8) == "\x58\x57\x56\x55\x54\x53\x52\x51");
  CHECK(head.substr(40, 4) == "\x34\x33\x32\x31");
  CHECK(head.substr(44, 8) == std::string("\x01\0\0\0\x01\x01\x42\x41", 8));
  CHECK(detail::LoadLe<std::uint32_t>(head.data() + 52) == detail::Crc32({head.data(), 52}));
  CHECK(detail::EncodeHeader(Header()).substr(0, 12) ==
        std::string("\x89VFR\r\n\x1a\n\x01\0\0\0", 12));
}

// Pins EX-84.
TEST_CASE("a recording cut at any byte is read to its last whole record") {
  TemporaryFolder folder;
  const Bytes bytes = Written(Items());
  for (std::size_t size = 0; size < bytes.all.size(); ++size) {
    CAPTURE(size);
    WriteBytes(folder / "a", std::string_view(bytes.all).substr(0, size));
    const Read read = ReadAll(folder / "a");
    if (size < bytes.ends[0]) {
      CHECK_FALSE(read.status.ok());
      continue;
    }
    std::size_t whole = 0;
    while (bytes.ends[whole + 1] <= size) ++whole;
    CHECK(read.status.ok());
    CHECK(read.records == whole);
    CHECK(read.truncated);
    CHECK(read.reason.starts_with("cut at byte " + std::to_string(bytes.ends[whole]) + ": "));
  }
}

// Pins EX-83.
TEST_CASE("a byte that was changed anywhere is noticed before it is used") {
  TemporaryFolder folder;
  const Bytes bytes = Written(Items());
  for (std::size_t at = 0; at < bytes.all.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      CAPTURE(at);
      CAPTURE(flip);
      std::string changed = bytes.all;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      WriteBytes(folder / "a", changed);
      const Read read = ReadAll(folder / "a");
      if (at < bytes.ends[0]) {
        CHECK((read.status.code() == StatusCode::kDataLoss ||
               read.status.code() == StatusCode::kInvalidArgument));
        CHECK(read.records == 0);
        continue;
      }
      std::size_t whole = 0;
      while (bytes.ends[whole + 1] <= at) ++whole;
      CHECK(read.status.code() == StatusCode::kDataLoss);
      CHECK(read.status.message().find("damaged at byte " + std::to_string(bytes.ends[whole])) !=
            std::string::npos);
      CHECK(read.records == whole);
    }
  }
}

// Pins EX-83.
TEST_CASE("another version of the format is named") {
  TemporaryFolder folder;
  std::string bytes = Written(Items()).all;
  bytes[detail::kAtVersion] = 2;
  WriteBytes(folder / "a", bytes);
  const Status status = ContainerReader::Open(folder / "a").status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message().find("expected format version 1, found 2") != std::string::npos);
  WriteBytes(folder / "b", "{\"not\":\"a recording, whatever its name says\"}");
  CHECK(ContainerReader::Open(folder / "b").status().code() == StatusCode::kInvalidArgument);
  WriteBytes(folder / "c", "");
  CHECK(ContainerReader::Open(folder / "c").status().code() == StatusCode::kInvalidArgument);
}

// Pins EX-83.
TEST_CASE("values that no recording has are refused though their checksums are right") {
  TemporaryFolder folder;
  constexpr std::int64_t kYear = 366LL * 86'400 * 1'000'000'000;
  const auto reads = [&](const RecordHead& last, std::size_t records) {
    std::vector<Item> items = Items();
    items.resize(records);
    Bytes bytes = Written(items);
    bytes.all.resize(bytes.ends[records]);
    bytes.ends.resize(records + 1);
    Add(bytes, last, "");
    WriteBytes(folder / "a", bytes.all);
    return ReadAll(folder / "a");
  };
  RecordHead head{After(20'000), 0, 0, RecordKind::kTick, RecordDirection::kIn, 0};
  const auto damaged = [&](const char* why) {
    const Read read = reads(head, 5);
    CHECK(read.status.code() == StatusCode::kDataLoss);
    CHECK(read.records == 5);
    CAPTURE(read.status.ToString());
    CHECK(read.status.message().find(why) != std::string::npos);
  };
  SUBCASE("time that goes back") {
    head.time.monotonic_ns = After(1'999).monotonic_ns;
    damaged("goes back");
  }
  SUBCASE("time that jumps") {
    head.time.monotonic_ns = After(2'000).monotonic_ns + kYear + 1;
    damaged("366 days");
  }
  SUBCASE("time that cannot be counted with") {
    head.time.monotonic_ns = std::numeric_limits<std::int64_t>::max();
    damaged("a time that no recording has");
    head.time = After(20'000);
    head.time.unix_ns = std::numeric_limits<std::int64_t>::min();
    damaged("a time that no recording has");
  }
  SUBCASE("a kind") {
    head.kind = static_cast<RecordKind>(99);
    damaged("a kind of record");
  }
  SUBCASE("a direction") {
    head.direction = static_cast<RecordDirection>(2);
    damaged("a kind of record");
  }
}

// Pins EX-92.
TEST_CASE("a payload of four gigabytes takes no memory") {
  TemporaryFolder folder;
  std::vector<Item> items = Items();
  items.resize(5);
  Bytes bytes = Written(items);
  bytes.all.resize(bytes.ends[5]);
  std::string head(detail::kRecordHeadBytes, '\0');
  detail::EncodeHead(head.data(), {After(20'000)}, 0);
  detail::SealRecord(head.data(), 5);
  detail::StoreLe(head.data(), std::uint32_t{0xfffffff0});
  detail::StoreLe(head.data() + detail::kAtHeadCrc,
                  detail::Crc32({head.data(), detail::kAtHeadCrc}));
  WriteBytes(folder / "a", bytes.all + head);
  std::filesystem::resize_file(folder / "a", std::uintmax_t{5} << 30);  // sparse
  auto reader = ContainerReader::Open(folder / "a").value();
  Record record;
  for (int i = 0; i < 5; ++i) REQUIRE(reader.Next(record).value());
  const Status status = reader.Next(record).status();
  CHECK(status.code() == StatusCode::kDataLoss);
  CAPTURE(status.ToString());
  CHECK(status.message().find("damaged at byte " + std::to_string(bytes.ends[5]) +
                              ": expected a payload of at most 67108864 bytes, found 4294967280") !=
        std::string::npos);
  CHECK(record.bytes.size() < 1'000);
}

// Pins EX-92.
TEST_CASE("what may stand behind one input is bounded") {
  TemporaryFolder folder;
  constexpr std::size_t kPart = 16 << 20;  // four of them and their heads are too much
  const RecordHead input{After(0), 0, 0, RecordKind::kTick, RecordDirection::kIn, 0};
  const RecordHead output{After(0), 0, 1, RecordKind::kText, RecordDirection::kOut, 1};
  const std::string payload(kPart, 'x');
  const auto written = [&](int before) {
    Bytes bytes = Written(Items());
    bytes.all.resize(bytes.ends[0]);
    bytes.ends.resize(1);
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || i == before) Add(bytes, input, "");
      Add(bytes, output, payload);
    }
    Add(bytes, {After(0), 0, 0, RecordKind::kEnd, RecordDirection::kIn, 0}, "");
    WriteBytes(folder / "a", bytes.all);
    return bytes;
  };
  const Bytes bytes = written(0);
  const Status status = ReadRecordingInfo(folder / "a").status();
  CHECK(status.code() == StatusCode::kDataLoss);
  CAPTURE(status.ToString());
  CHECK(status.message().find("damaged at byte " + std::to_string(bytes.ends[4]) +
                              ": expected at most 67108864 bytes of records behind one input") !=
        std::string::npos);
  written(3);
  CHECK(ReadRecordingInfo(folder / "a").value().records == 6);
}

// Pins EX-92.
TEST_CASE("subscriptions that are listed are bounded") {
  TemporaryFolder folder;
  constexpr int kParts = 17;  // of a mebibyte, of which sixteen and their heads are too much
  Bytes bytes = Written(Items());
  bytes.all.resize(bytes.ends[0]);
  bytes.ends.resize(1);
  const RecordHead head{After(0), 0, 0, RecordKind::kSubscribe, RecordDirection::kIn, 0};
  const auto request = [](int number) {
    return detail::EncodeRequest(
        {FeedChannel::kBook, std::to_string(number) + std::string(1 << 20, 'x'), {}});
  };
  const auto refused = static_cast<std::uint16_t>(StatusCode::kInvalidArgument);
  const auto add = [&](int number) {
    Add(bytes, head, request(number));
    Add(bytes, {After(0), 0, 0, RecordKind::kResult, RecordDirection::kOut, refused}, "");
  };
  for (int i = 0; i < 2 * kParts; ++i) add(i % 15);
  WriteBytes(folder / "a", bytes.all);
  CHECK(ReadRecordingInfo(folder / "a").value().subscriptions.size() == 15);
  const std::size_t last = bytes.all.size();
  add(15);
  add(16);
  WriteBytes(folder / "a", bytes.all);
  const Status status = ReadRecordingInfo(folder / "a").status();
  CHECK(status.code() == StatusCode::kDataLoss);
  CAPTURE(status.ToString());
  CHECK(status.message().find("damaged at byte " + std::to_string(last) + ": ") !=
        std::string::npos);
  Replay replay(folder / "a");
  CHECK(replay.player->Play(0).ToString() == status.ToString());
  CHECK(replay.player->counters().records == 4 * kParts);
  CHECK(replay.player->info().truncated);
}

// Pins EX-83.
TEST_CASE("a record that was taken out is missed") {
  TemporaryFolder folder;
  const Bytes bytes = Written(Items());
  std::string changed = bytes.all;
  changed.erase(bytes.ends[3], bytes.ends[4] - bytes.ends[3]);
  WriteBytes(folder / "a", changed);
  const Read read = ReadAll(folder / "a");
  CHECK(read.records == 3);
  CHECK(read.status.message().find("expected record 3, found 4") != std::string::npos);
}

// Pins EX-83.
TEST_CASE("payloads with impossible lengths are refused") {
  const std::string request =
      detail::EncodeRequest({FeedChannel::kBook, "BTCUSDT", {{"levels", "5"}}});
  CHECK(detail::DecodeRequest(request)->parameters.at(0).second == "5");
  for (std::size_t size = 0; size < request.size(); ++size) {
    CHECK_FALSE(detail::DecodeRequest(std::string_view(request).substr(0, size)).ok());
  }
  CHECK_FALSE(detail::DecodeRequest(request + "x").ok());
  std::string huge = request;
  huge.replace(1, 4, "\xff\xff\xff\xff");
  CHECK_FALSE(detail::DecodeRequest(huge).ok());
  std::string channel = request;
  channel[0] = 9;
  CHECK_FALSE(detail::DecodeRequest(channel).ok());

  const std::string answer = detail::EncodeAnswerHead({"late", "", {{"retry-after", "3"}}});
  CHECK(detail::DecodeAnswer(answer + "body")->body == "body");
  for (std::size_t size = 0; size < answer.size(); ++size) {
    CHECK_FALSE(detail::DecodeAnswer(std::string_view(answer).substr(0, size)).ok());
  }
  const std::string get = detail::EncodeGet("rest:/x", 5);
  CHECK(detail::DecodeGet(get)->url == "rest:/x");
  CHECK_FALSE(detail::DecodeGet(get + "x").ok());
}
