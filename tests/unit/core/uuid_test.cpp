// Uuid: the canonical text, and random ids that never repeat across threads and forks.
#include "virtufin/core/uuid.hpp"
#include "virtufin/core/uuid_sequence.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

using virtufin::StatusCode;
using virtufin::Uuid;
using virtufin::UuidSequence;

namespace {

constexpr char kText[] = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

bool HasRepeats(std::vector<Uuid> ids) {
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) != ids.end();
}

std::string Refusal(std::string_view text) {
  return std::string(Uuid::Parse(text).status().message());
}

TEST_CASE("a sequence counts up in the last 56 bits and keeps version and variant") {
  const Uuid start = Uuid::Parse("01234567-89ab-4cde-bfff-fffffffffffe").value();
  UuidSequence ids(start);
  CHECK(ids.current() == start);
  CHECK(ids.Next().ToString() == "01234567-89ab-4cde-bfff-ffffffffffff");
  CHECK(ids.Next().ToString() == "01234567-89ab-4cde-bf00-000000000000");
  CHECK(ids.current().ToString() == "01234567-89ab-4cde-bf00-000000000000");
  CHECK(ids.Next().ToString() == "01234567-89ab-4cde-bf00-000000000001");
}

TEST_CASE("sequences of their own start give ids of their own, of version 4") {
  UuidSequence one;
  UuidSequence other;
  const Uuid id = one.Next();
  CHECK(id != other.Next());
  CHECK(id != one.Next());
  CHECK((id.bytes[6] >> 4) == 4);
  CHECK((id.bytes[8] >> 6) == 2);
}

}  // namespace

TEST_CASE("a uuid parses from its canonical text, bytes in the order of RFC 4122") {
  const Uuid uuid = *Uuid::Parse(kText);
  CHECK(uuid.bytes == std::array<std::uint8_t, 16>{0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
                                                   0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6});
  CHECK(uuid.ToString() == kText);
  CHECK(Uuid().ToString() == "00000000-0000-0000-0000-000000000000");
}

TEST_CASE("Format writes 36 bytes and no more") {
  char out[38];
  std::fill(out, out + sizeof(out), '#');
  Uuid::Parse(kText)->Format(out);
  CHECK(std::string_view(out, 38) == std::string(kText) + "##");
}

TEST_CASE("random uuids read back from their text") {
  std::mt19937_64 random(21);
  for (int i = 0; i < 20'000; ++i) {
    Uuid uuid;
    for (auto& byte : uuid.bytes) byte = static_cast<std::uint8_t>(random());
    REQUIRE(*Uuid::Parse(uuid.ToString()) == uuid);
  }
}

TEST_CASE("only the canonical text is accepted: a changed byte is refused or another uuid") {
  for (std::size_t place = 0; place < Uuid::kTextBytes; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = kText;
      text[place] = static_cast<char>(byte);
      const bool hyphen = place == 8 || place == 13 || place == 18 || place == 23;
      const bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      const auto uuid = Uuid::Parse(text);
      REQUIRE(uuid.ok() == (hyphen ? byte == '-' : digit));
      if (uuid.ok()) REQUIRE(uuid->ToString() == text);
    }
  }
}

TEST_CASE("a text that is no canonical uuid is refused with the position") {
  CHECK(Uuid::Parse("").status().code() == StatusCode::kInvalidArgument);
  CHECK(Refusal("") ==
        "uuid \"\": expected a lower-case hexadecimal digit at position 0, found the end");
  CHECK(Refusal("F81d4fae-7dec-11d0-a765-00a0c91e6bf6").find("at position 0, found 'F'") !=
        std::string::npos);
  CHECK(Refusal("f81d4fae7dec11d0a76500a0c91e6bf6").find("expected '-' at position 8") !=
        std::string::npos);
  CHECK(Refusal("{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}").find("found '{'") != std::string::npos);
  CHECK(Refusal(std::string(kText) + "0").find("expected the end at position 36, found '0'") !=
        std::string::npos);
  CHECK(Refusal(std::string(kText).substr(0, 35)).find("at position 35, found the end") !=
        std::string::npos);
  Uuid kept = *Uuid::Parse(kText);
  CHECK_FALSE(Uuid::TryParse("f81d4fae-7dec-11d0-a765-00a0c91e6bfg", kept));
  CHECK(kept.ToString() == kText);
}

TEST_CASE("uuids are ordered as their texts are") {
  std::mt19937_64 random(22);
  for (int i = 0; i < 1'000; ++i) {
    Uuid a = Uuid::V4();
    Uuid b = a;
    b.bytes[random() % 16] = static_cast<std::uint8_t>(random());
    REQUIRE((a < b) == (a.ToString() < b.ToString()));
    REQUIRE((a == b) == (a.ToString() == b.ToString()));
  }
}

TEST_CASE("V4 sets version and variant and leaves 122 bits to chance") {
  constexpr int kCount = 20'000;
  std::array<int, 128> ones{};
  for (int i = 0; i < kCount; ++i) {
    const Uuid uuid = Uuid::V4();
    REQUIRE((uuid.bytes[6] & 0xf0) == 0x40);
    REQUIRE((uuid.bytes[8] & 0xc0) == 0x80);
    for (std::size_t bit = 0; bit < 128; ++bit) {
      ones[bit] += uuid.bytes[bit / 8] >> (7 - bit % 8) & 1;
    }
  }
  int free_bits = 0;
  for (const int count : ones) {
    if (count == 0 || count == kCount) continue;
    ++free_bits;
    // Ten standard deviations around one half.
    REQUIRE(count > kCount / 2 - 710);
    REQUIRE(count < kCount / 2 + 710);
  }
  CHECK(free_bits == 122);
}

// Pins CO-10.
TEST_CASE("V5 gives the UUIDs of RFC 4122's name spaces") {
  const Uuid dns = *Uuid::Parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  CHECK(Uuid::V5(dns, "www.example.com").ToString() == "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  CHECK(Uuid::V5(dns, "").ToString() == "4ebd0208-8328-5d69-8c44-ec50939c0967");
  CHECK(Uuid::V5(Uuid(), "www.example.com") != Uuid::V5(dns, "www.example.com"));
}

TEST_CASE("V5 of several names tells where one ends") {
  const Uuid seed = *Uuid::Parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  const std::string_view names[] = {"urn:a", "binance.trade"};
  CHECK(Uuid::V5(seed, names, 42).ToString() == "82500dee-368d-545d-b8a7-7bda2af3e1d8");
  const std::string_view number("\0\0\0\0\0\0\0\x2a", 8);
  const std::string_view with_number[] = {names[0], names[1], number};
  CHECK(Uuid::V5(seed, with_number) == Uuid::V5(seed, names, 42));
  const std::string_view cut_early[] = {"a", "bc"};
  const std::string_view cut_late[] = {"ab", "c"};
  const std::string_view cut_never[] = {"abc"};
  const std::string_view empty_last[] = {"abc", ""};
  std::vector<Uuid> all = {Uuid::V5(seed, cut_early), Uuid::V5(seed, cut_late),
                           Uuid::V5(seed, cut_never), Uuid::V5(seed, empty_last),
                           Uuid::V5(seed, "abc"),     Uuid::V5(seed, cut_never, 0)};
  for (std::uint64_t i = 0; i < 10'000; ++i) all.push_back(Uuid::V5(seed, names, i));
  CHECK_FALSE(HasRepeats(all));
  for (const Uuid& uuid : all) {
    REQUIRE((uuid.bytes[6] & 0xf0) == 0x50);
    REQUIRE((uuid.bytes[8] & 0xc0) == 0x80);
  }
}

// Pins CO-10.
TEST_CASE("V4 does not repeat within and across threads") {
  std::mutex mutex;
  std::vector<Uuid> ids;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<Uuid> mine;
      for (int i = 0; i < 10'000; ++i) mine.push_back(Uuid::V4());
      const std::lock_guard lock(mutex);
      ids.insert(ids.end(), mine.begin(), mine.end());
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(ids.size() == 40'000);
  CHECK_FALSE(HasRepeats(ids));
}

// Pins CO-10.
TEST_CASE("V4 does not repeat in the child of a fork") {
  std::vector<Uuid> ids{Uuid::V4()};  // the child inherits what is left of this batch
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int i = 0; i < 64; ++i) {
      const Uuid uuid = Uuid::V4();
      if (write(ends[1], uuid.bytes.data(), 16) != 16) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  for (Uuid uuid; read(ends[0], uuid.bytes.data(), 16) == 16;) ids.push_back(uuid);
  close(ends[0]);
  int state = 0;
  REQUIRE(waitpid(child, &state, 0) == child);
  CHECK(state == 0);
  CHECK(ids.size() == 65);
  for (int i = 0; i < 64; ++i) ids.push_back(Uuid::V4());
  CHECK_FALSE(HasRepeats(ids));
}
