// Any bytes as the data of an event for hello_c: its own JSON scan agrees with a JSON library.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/wire.hpp"
#include "virtufin/virtufin_worker_api_c.h"

extern "C" std::int32_t Process(const VirtufinHost* host, const std::uint8_t* in_buf,
                                std::int32_t in_len, std::uint8_t** out_buf, std::int32_t* out_len);
extern "C" void FreeResult(std::uint8_t* result);

using namespace virtufin;

namespace {

std::string ExpectedName(const std::string& text) {
  const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) return "world";
  const auto name = parsed.find("name");
  return name != parsed.end() && name->is_string() ? name->get<std::string>() : "world";
}

// Numbers that no double holds, and NUL bytes, are matters of taste: the library has its own.
bool MattersOfTaste(std::string_view text) {
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xef\xbb\xbf")) return true;
  std::size_t digits = 0;
  bool exponent = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      if (++digits >= (exponent ? 3u : 300u)) return true;
      continue;
    }
    if (c != '+' && c != '-') exponent = c == 'e' || c == 'E';
    digits = 0;
  }
  return false;
}

int DepthOf(std::string_view text) {
  int depth = 0, most = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') most = std::max(most, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return most;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (size > 65536 || DepthOf(text) > 60) return 0;
  if (MattersOfTaste(text)) return 0;
  const auto event = CloudEvent::Builder()
                         .Source("urn:fuzz")
                         .Type("any")
                         .DataContentType("application/json")
                         .BinaryData({data, size})
                         .Build();
  FUZZ_CHECK(event.ok());
  const auto input = EncodeCloudEvent(*event);
  FUZZ_CHECK(input.ok());
  std::uint8_t* out = nullptr;
  std::int32_t out_size = 0;
  FUZZ_CHECK(Process(nullptr, input->bytes().data(), static_cast<std::int32_t>(input->size()), &out,
                     &out_size) == 0);
  const auto response = DecodeWorkerResponse({out, static_cast<std::size_t>(out_size)});
  FUZZ_CHECK(response.ok() && response->event.has_value());
  const nlohmann::json reply = nlohmann::json::parse(response->event->data_text(), nullptr, false);
  FUZZ_CHECK(reply.is_object() && reply.size() == 1);
  FUZZ_CHECK(reply["message"] == "Hello, " + ExpectedName(text) + "!");
  FreeResult(out);
  return 0;
}
