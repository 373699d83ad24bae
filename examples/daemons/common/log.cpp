// Lines are put together first and written at once.
#include "daemons/common/log.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "virtufin/core/time.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::daemon {
namespace {

// What would end the line, or the string, is escaped; what is no UTF-8 replaced.
void Escape(std::string_view text, bool json, std::string& out) {
  const bool utf8 = IsUtf8(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", byte);
      out += code;
    } else if (json && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else {
      out += byte >= 0x80 && !utf8 ? '?' : c;
    }
  }
}

class StandardError final : public LogSink {
 public:
  StandardError(bool json, LogLevel least) : json_(json), least_(least) {}

  bool Enabled(LogLevel level) const noexcept override { return level >= least_; }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    // The audit is written at any level: who wants a quiet log wants to know who changed what.
    if (!Enabled(level) && component != "audit") return;
    try {
      const std::string time = WallClock().Now().ToString();
      std::string line;
      if (json_) {
        line = "{\"time\":\"" + time + "\",\"level\":\"" + Name(level) + "\",\"component\":\"";
        Escape(component, true, line);
        line += "\",\"message\":\"";
        Escape(text, true, line);
        line += "\"}\n";
      } else {
        line = time + " " + Name(level) + " ";
        Escape(component, false, line);
        line += ": ";
        Escape(text, false, line);
        line += "\n";
      }
      // A log that nobody reads any more is no reason to end.
      if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
    } catch (...) {  // no memory for a line
    }
  }

 private:
  static std::string Name(LogLevel level) {
    return std::string(kLevelNames[static_cast<std::size_t>(level)]);
  }

  const bool json_;
  const LogLevel least_;
};

}  // namespace

std::shared_ptr<LogSink> MakeLog(const Options& options) {
  return std::make_shared<StandardError>(options.log_format == "json", options.log_level);
}

}  // namespace virtufin::daemon
