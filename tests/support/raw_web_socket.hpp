// The client's end of a WebSocket, frame by frame, on a RawClient.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "support/raw_client.hpp"

namespace virtufin {

inline std::string Handshake(const std::string& target, const std::string& more = "") {
  return "GET " + target +
         " HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         more + "\r\n";
}

// A client's frame, masked.
inline std::string Frame(int opcode, std::string_view payload, bool last = true) {
  std::string frame;
  frame += static_cast<char>((last ? 0x80 : 0) | opcode);
  const int bytes = payload.size() < 126 ? 0 : payload.size() < 65'536 ? 2 : 8;
  frame += static_cast<char>(0x80 | (bytes == 0 ? payload.size() : bytes == 2 ? 126U : 127U));
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    frame += static_cast<char>(payload.size() >> shift & 0xff);
  }
  const char mask[4] = {1, 2, 3, 4};
  frame.append(mask, 4);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  }
  return frame;
}

struct ServerFrame {
  int opcode = -1;  // -1: the connection ended
  std::string payload;

  int code() const {  // of a close frame
    if (payload.size() < 2) return -1;
    return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
  }
};

inline ServerFrame ReadFrame(RawClient& client) {
  if (!client.FillTo(2)) return {};
  const std::string head = client.Take(2);
  CHECK((static_cast<unsigned char>(head[0]) & 0xf0) == 0x80);  // whole, no extension
  std::size_t size = static_cast<unsigned char>(head[1]);
  CHECK(size < 128);
  const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (!client.FillTo(more)) return {};
  if (more > 0) size = 0;
  for (const char c : client.Take(more)) size = size << 8 | static_cast<unsigned char>(c);
  if (!client.FillTo(size)) return {};
  return {head[0] & 0x0f, client.Take(size)};
}

}  // namespace virtufin
