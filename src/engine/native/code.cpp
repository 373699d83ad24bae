// Worker code that is given or read.
#include "engine/native/code.hpp"

#include <cstring>

#include "virtufin/engine/code_file.hpp"

namespace virtufin::inline v0::detail {
Status SystemError(StatusCode code, const std::string& what, int error) {
  return {code, "engine", what + ": " + std::strerror(error)};
}

Result<CodeBytes> CodeBytes::Of(const WorkerCode& code, std::size_t max_bytes) {
  CodeBytes code_bytes;
  if (code.path.empty()) {
    if (code.content.size() > max_bytes) {
      return Status(StatusCode::kResourceExhausted, "engine",
                    "code of " + std::to_string(code.content.size()) + " bytes, at most " +
                        std::to_string(max_bytes) + " are loaded");
    }
    code_bytes.borrowed_ = code.content;
    return Result<CodeBytes>(std::move(code_bytes));
  }
  auto read = ReadCodeFile(code.path, max_bytes, "engine");
  if (!read.ok()) return read.status();
  code_bytes.owned_ = *std::move(read);
  return Result<CodeBytes>(std::move(code_bytes));
}

}  // namespace virtufin::inline v0::detail
