// Sha1 against the vectors of RFC 3174, FIPS 180 and lengths around its block.
#include "core/sha1.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace virtufin::detail {
namespace {

std::string Hex(std::array<std::uint8_t, 20> digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string Digest(std::string_view text) {
  Sha1 sha;
  sha.Add(text.data(), text.size());
  return Hex(sha.Finish());
}

TEST_CASE("SHA-1 gives the digests of RFC 3174 and FIPS 180") {
  CHECK(Digest("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(Digest("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(Digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(Digest(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  std::string digits;
  for (int i = 0; i < 80; ++i) digits += "01234567";
  CHECK(Digest(digits) == "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

TEST_CASE("SHA-1 pads right at every length around its block") {
  // Digests of n bytes 'x', hashed once more as one text; from an independent implementation.
  Sha1 all;
  for (std::size_t size = 0; size <= 200; ++size) {
    const std::string digest = Digest(std::string(size, 'x'));
    all.Add(digest.data(), digest.size());
  }
  CHECK(Hex(all.Finish()) == "1f67da40a499e887e43c141418cc90ce5c8f9002");
}

TEST_CASE("SHA-1 does not depend on how its input is cut") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Sha1 sha;
    sha.Add(text.data(), cut);
    sha.Add(text.data() + cut, text.size() - cut);
    REQUIRE(Hex(sha.Finish()) == Digest(text));
  }
}

}  // namespace
}  // namespace virtufin::detail
