// Uuid: random bytes drawn from the system in batches, and the canonical text.
#include "virtufin/core/uuid.hpp"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/parse_error.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kPoolBytes = 256;  // getrandom gives up to 256 bytes whole

/// Random bytes of one thread. Trivially destructible: this code is linked into worker libraries.
struct Pool {
  std::uint8_t bytes[kPoolBytes];
  std::uint32_t used;
  clockid_t owner;
};
thread_local constinit Pool pool{{}, kPoolBytes, 0};

/// Differs between threads and between a process and its fork, and costs no system call: the C
/// library derives it from the thread id that it refreshes in the child of a fork.
clockid_t ThreadKey() noexcept {
  clockid_t key = 0;
  if (pthread_getcpuclockid(pthread_self(), &key) != 0) std::abort();
  return key;
}

[[gnu::noinline]] void Refill(clockid_t owner) noexcept {
  std::size_t filled = 0;
  while (filled < kPoolBytes) {
    const ssize_t got = getrandom(pool.bytes + filled, kPoolBytes - filled, 0);
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      std::abort();  // ids that repeat are worse
    }
  }
  pool.used = 0;
  pool.owner = owner;
}

struct HexPairs {
  char text[256][2];
  std::uint8_t value[256];  // of one digit, 0xff: no lower-case hexadecimal digit
};

constexpr HexPairs MakeHexPairs() {
  constexpr char kDigits[] = "0123456789abcdef";
  HexPairs table{};
  for (int i = 0; i < 256; ++i) {
    table.text[i][0] = kDigits[i >> 4];
    table.text[i][1] = kDigits[i & 15];
    table.value[i] = 0xff;
  }
  for (std::uint8_t i = 0; i < 16; ++i) {
    table.value[static_cast<unsigned char>(kDigits[i])] = i;
  }
  return table;
}

constexpr HexPairs kHex = MakeHexPairs();

/// Where the two digits of byte i stand in the text.
constexpr std::uint8_t kPlace[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

constexpr bool IsHyphenPlace(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

std::uint8_t DigitValue(char c) noexcept { return kHex.value[static_cast<unsigned char>(c)]; }

detail::ParseError FindError(std::string_view text) noexcept {
  for (std::size_t i = 0; i < Uuid::kTextBytes; ++i) {
    const bool hyphen = IsHyphenPlace(i);
    if (i < text.size() && (hyphen ? text[i] == '-' : DigitValue(text[i]) != 0xff)) continue;
    return {i, hyphen ? "'-'" : "a lower-case hexadecimal digit"};
  }
  return {Uuid::kTextBytes, "the end"};
}

}  // namespace

Uuid Uuid::V4() noexcept {
  const clockid_t key = ThreadKey();
  if (pool.used == kPoolBytes || pool.owner != key) Refill(key);
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), pool.bytes + pool.used, uuid.bytes.size());
  pool.used += static_cast<std::uint32_t>(uuid.bytes.size());
  uuid.bytes[6] = static_cast<std::uint8_t>(0x40 | (uuid.bytes[6] & 0x0f));
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
  return uuid;
}

bool Uuid::TryParse(std::string_view text, Uuid& out) noexcept {
  if (text.size() != kTextBytes) return false;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  Uuid uuid;
  unsigned wrong = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    const unsigned high = DigitValue(text[kPlace[i]]);
    const unsigned low = DigitValue(text[kPlace[i] + 1u]);
    wrong |= high | low;
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (wrong > 0x0f) return false;
  out = uuid;
  return true;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  Uuid uuid;
  if (TryParse(text, uuid)) return uuid;
  return detail::ParseFailure("uuid", text, FindError(text));
}

void Uuid::Format(char* out) const noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    std::memcpy(out + kPlace[i], kHex.text[bytes[i]], 2);
  out[8] = out[13] = out[18] = out[23] = '-';
}

std::string Uuid::ToString() const {
  std::string text(kTextBytes, '\0');
  Format(text.data());
  return text;
}

}  // namespace virtufin::inline v0
