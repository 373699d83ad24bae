// Reads the command line.
#include "arguments.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace quickstart {
namespace {

constexpr const char* kUsage =
    "usage: quickstart [--seconds <n>]\n"
    "       quickstart --recording [<ws> <http>] [--speed max|<n>x]\n"
    "Without arguments: the simulated venue, live, for 20 seconds.\n";

/// The number before `unit`, which must be all of the text.
std::optional<double> Number(const std::string& text, std::string_view unit) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || end != text.c_str() + text.size() - unit.size()) return std::nullopt;
  if (!std::string_view(text).ends_with(unit) || !(number > 0) || number > 1e6) return std::nullopt;
  return number;
}

std::nullopt_t Refuse(const std::string& why) {
  std::fprintf(stderr, "%s\n%s", why.c_str(), kUsage);
  return std::nullopt;
}

}  // namespace

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  bool seconds = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto is_value = [&](int at) {
      return at < argc && !std::string_view(argv[at]).starts_with("--");
    };
    if (name == "--recording") {
      arguments.live = false;
      if (is_value(i + 1) && is_value(i + 2)) {
        arguments.frames = argv[++i];
        arguments.answers = argv[++i];
      } else if (is_value(i + 1)) {
        return Refuse("--recording: expected two files, frames and answers, or none");
      }
    } else if (name == "--speed" && i + 1 < argc) {
      arguments.live = false;
      const std::string text = argv[++i];
      const auto factor = text == "max" ? std::optional<double>(0) : Number(text, "x");
      if (!factor) {
        return Refuse("--speed: expected max or a factor such as 1x, found '" + text + "'");
      }
      arguments.speed = *factor;
    } else if (name == "--seconds" && i + 1 < argc) {
      const std::string text = argv[++i];
      const auto wanted = Number(text, "");
      if (!wanted || *wanted < 4) {
        return Refuse("--seconds: expected at least 4, found '" + text + "'");
      }
      arguments.seconds = *wanted;
      seconds = true;
    } else {
      return Refuse("did not expect '" + name + "'");
    }
  }
  if (seconds && !arguments.live) return Refuse("--seconds: a recording ends by itself");
  return arguments;
}

}  // namespace quickstart
