// Any bytes as the body of a failed gateway call: a message comes out, and the right one of a
// body as hosts write it.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/check.hpp"
#include "worker/error_body.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const std::string message = virtufin::detail::MessageOfErrorBody(body);
  FUZZ_CHECK(message.size() <= body.size());

  using nlohmann::json;
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || parsed.size() != 1 || !parsed.contains("error")) return 0;
  const json& error = parsed["error"];
  if (!error.is_object() || error.size() != 2 || !error.contains("code") ||
      !error["code"].is_number() || !error.contains("message") || !error["message"].is_string()) {
    return 0;
  }
  // A name written twice or in escapes is not how hosts write it.
  if (body.find("\\u") != std::string::npos || body.find('\0') != std::string::npos ||
      body.find("\"message\"") != body.rfind("\"message\"")) {
    return 0;
  }
  FUZZ_CHECK(message == error["message"].get<std::string>());
  return 0;
}
