// Uuid: random ids without a system call each, ids out of names, and the canonical text.
#include "virtufin/core/uuid.hpp"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/chacha20.hpp"
#include "core/parse_error.hpp"
#include "core/sha1.hpp"
#include "core/words.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::Each;
using detail::Load4;
using detail::Load8;

/// Random bytes of one thread: ChaCha20 under a key from the system; the first words of each batch
/// become the next key. Trivially destructible: this code is linked into worker libraries.
struct Pool {
  static constexpr std::uint32_t kKeyWords = 8;
  static constexpr std::uint32_t kWords = 64;
  static constexpr std::uint32_t kBatchesPerKey = 4'096;

  std::uint32_t words[kWords];
  std::uint32_t used;          // words given out; kWords: empty
  std::uint32_t batches_left;  // until the key comes from the system again
  clockid_t owner;
};
thread_local constinit Pool pool{{}, Pool::kWords, 0, 0};

/// Differs between threads and between a process and its fork, and costs no system call: the C
/// library derives it from the thread id that it refreshes in the child of a fork.
clockid_t ThreadKey() noexcept {
  clockid_t key = 0;
  if (pthread_getcpuclockid(pthread_self(), &key) != 0) std::abort();
  return key;
}

void FillFromSystem(void* to, std::size_t size) noexcept {
  // Up to 256 bytes come whole, once the system has gathered enough at its start.
  while (getrandom(to, size, 0) != static_cast<ssize_t>(size)) {
    if (errno != EINTR) std::abort();  // ids that repeat are worse
  }
}

[[gnu::noinline]] void Refill(clockid_t owner) noexcept {
  std::uint32_t key[Pool::kKeyWords];
  if (pool.owner != owner || pool.batches_left == 0) {
    FillFromSystem(key, sizeof(key));
    pool.owner = owner;
    pool.batches_left = Pool::kBatchesPerKey;
  } else {
    std::memcpy(key, pool.words, sizeof(key));
  }
  detail::ChaCha20FourBlocks(key, pool.words);
  pool.used = Pool::kKeyWords;
  --pool.batches_left;
}

/// A name space, then names.
detail::Sha1 InSpace(const Uuid& seed) noexcept {
  detail::Sha1 sha;
  sha.Add(seed.bytes.data(), seed.bytes.size());
  return sha;
}

void AddNumber(detail::Sha1& sha, std::uint64_t number) noexcept {
  std::uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  sha.Add(bytes, sizeof(bytes));
}

void AddNames(detail::Sha1& sha, std::span<const std::string_view> names) noexcept {
  for (const std::string_view name : names) {
    AddNumber(sha, name.size());
    sha.Add(name.data(), name.size());
  }
}

Uuid FinishV5(detail::Sha1& sha) noexcept {
  const auto digest = sha.Finish();
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), digest.data(), uuid.bytes.size());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x50);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

struct HexPairs {
  char text[256][2];
};

constexpr HexPairs kHex = [] {
  constexpr char kDigits[] = "0123456789abcdef";
  HexPairs table{};
  for (int i = 0; i < 256; ++i) {
    table.text[i][0] = kDigits[i >> 4];
    table.text[i][1] = kDigits[i & 15];
  }
  return table;
}();

/// Where the two digits of byte i stand in the text.
constexpr std::uint8_t kPlace[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

/// Eight digits to four bytes in `out`; false unless all are lower-case hexadecimal.
bool ReadEight(std::uint64_t text, std::uint8_t* out) noexcept {
  // The low half of '0'..'9' is the value, that of 'a'..'f' the value less 9.
  const std::uint64_t values = (text & Each(0x0f)) + (text >> 6 & Each(1)) * 9;
  const std::uint64_t letters = (values + Each(6)) >> 4 & Each(1);
  // Right exactly when writing the values gives the text back.
  const bool right =
      (values & Each(0xf0)) == 0 && values + Each('0') + letters * ('a' - '0' - 10) == text;
  std::uint64_t pairs = (values << 4 | values >> 8) & 0x00ff00ff00ff00ff;
  pairs = (pairs | pairs >> 8) & 0x0000ffff0000ffff;
  detail::Store4(out, static_cast<std::uint32_t>(pairs | pairs >> 16));
  return right;
}

detail::ParseError FindError(std::string_view text) noexcept {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  for (std::size_t i = 0; i < Uuid::kTextBytes; ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (i < text.size() && (hyphen ? text[i] == '-' : digit(text[i]))) continue;
    return {i, hyphen ? "'-'" : "a lower-case hexadecimal digit"};
  }
  return {Uuid::kTextBytes, "the end"};
}

}  // namespace

Uuid Uuid::V4() noexcept {
  const clockid_t key = ThreadKey();
  if (pool.used == Pool::kWords || pool.owner != key) Refill(key);
  using Halves = std::array<std::uint64_t, 2>;
  constexpr auto kFree = std::bit_cast<Halves>(std::array<std::uint8_t, 16>{
      255, 255, 255, 255, 255, 255, 0x0f, 255, 0x3f, 255, 255, 255, 255, 255, 255, 255});
  constexpr auto kFixed = std::bit_cast<Halves>(
      std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0});
  Halves halves;
  std::memcpy(halves.data(), pool.words + pool.used, sizeof(halves));
  pool.used += 4;
  halves[0] = (halves[0] & kFree[0]) | kFixed[0];
  halves[1] = (halves[1] & kFree[1]) | kFixed[1];
  return std::bit_cast<Uuid>(halves);
}

Uuid Uuid::V5(const Uuid& seed, std::string_view name) noexcept {
  detail::Sha1 sha = InSpace(seed);
  sha.Add(name.data(), name.size());
  return FinishV5(sha);
}

Uuid Uuid::V5(const Uuid& seed, std::span<const std::string_view> names) noexcept {
  detail::Sha1 sha = InSpace(seed);
  AddNames(sha, names);
  return FinishV5(sha);
}

Uuid Uuid::V5(const Uuid& seed, std::span<const std::string_view> names,
              std::uint64_t number) noexcept {
  detail::Sha1 sha = InSpace(seed);
  AddNames(sha, names);
  AddNumber(sha, sizeof(number));
  AddNumber(sha, number);
  return FinishV5(sha);
}

bool Uuid::TryParse(std::string_view text, Uuid& out) noexcept {
  if (text.size() != kTextBytes) return false;
  const char* const at = text.data();
  if (at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-') return false;
  Uuid uuid;
  std::uint8_t* const bytes = uuid.bytes.data();
  if (!ReadEight(Load8(at), bytes) || !ReadEight(Load4(at + 9) | Load4(at + 14) << 32, bytes + 4) ||
      !ReadEight(Load4(at + 19) | Load4(at + 24) << 32, bytes + 8) ||
      !ReadEight(Load8(at + 28), bytes + 12)) {
    return false;
  }
  out = uuid;
  return true;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  Uuid uuid;
  if (TryParse(text, uuid)) return uuid;
  return detail::ParseFailure("uuid", text, FindError(text));
}

void Uuid::Format(char* out) const noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::memcpy(out + kPlace[i], kHex.text[bytes[i]], 2);
  }
  out[8] = out[13] = out[18] = out[23] = '-';
}

std::string Uuid::ToString() const {
  std::string text(kTextBytes, '\0');
  Format(text.data());
  return text;
}

}  // namespace virtufin::inline v0
