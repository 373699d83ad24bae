// The generator behind random ids gives the key stream of RFC 8439.
#include "core/chacha20.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

namespace {

/// The first 32 bytes of one block, in hexadecimal.
std::string Block(const std::uint32_t (&key)[8], int block) {
  std::uint32_t words[64];
  virtufin::detail::ChaCha20FourBlocks(key, words);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int word = 0; word < 8; ++word) {
    for (int shift = 0; shift < 32; shift += 8) {
      const std::uint32_t byte = words[4 * word + block] >> shift & 0xff;
      text.append({kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return text;
}

}  // namespace

TEST_CASE("the blocks of ChaCha20 are those of RFC 8439, appendix A.1") {
  const std::uint32_t zero[8] = {};
  CHECK(Block(zero, 0) == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
  CHECK(Block(zero, 1) == "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed");
  const std::uint32_t last_byte_one[8] = {0, 0, 0, 0, 0, 0, 0, 0x01000000};
  CHECK(Block(last_byte_one, 1) ==
        "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a");
  const std::uint32_t second_byte_ff[8] = {0xff00};
  CHECK(Block(second_byte_ff, 2) ==
        "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca");
}

TEST_CASE("the fourth block differs from the first three and follows the key") {
  const std::uint32_t zero[8] = {};
  const std::uint32_t one[8] = {1};
  // Made with an independent implementation.
  CHECK(Block(zero, 3) == "1320a058d7b3566bd520daaa3ed2bf0ac5b8b120fb852773c3639734b45c91a4");
  CHECK(Block(zero, 3) != Block(one, 3));
}
