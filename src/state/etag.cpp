// Etags: numbers that are not used twice, and their text.
#include <cstring>

#include "virtufin/core/uuid.hpp"
#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kDigits = 13;  // of 5 bits; as text it fits a std::string without the heap
constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";

// A bijection that looks random (splitmix64): consecutive counts get unlike texts, so that nobody
// takes the next etag for this one plus one.
std::uint64_t Mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

EtagSource::EtagSource() noexcept : base_(0) {
  const Uuid random = Uuid::V4();
  std::uint64_t words[2];
  std::memcpy(words, random.bytes.data(), sizeof(words));
  base_ = words[0] ^ Mix(words[1]);  // six bits of a version 4 UUID are constant
}

std::uint64_t EtagSource::Next() noexcept {
  return Mix(base_ + count_.fetch_add(1, std::memory_order_relaxed));
}

std::string EtagText(std::uint64_t etag) {
  std::string text(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; etag >>= 5) text[i] = kAlphabet[etag & 31];
  return text;
}

bool ReadEtag(std::string_view text, std::uint64_t& out) noexcept {
  if (text.size() != kDigits || text[0] > 'f') return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == kAlphabet.npos) return false;
    value = value << 5 | digit;
  }
  out = value;
  return true;
}

}  // namespace virtufin::inline v0
