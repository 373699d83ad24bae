// Lines of a recording: read, bounded, split.
#include "exchange/recording/line_reader.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kMaxLine = kMaxEventBytes + 4096;

std::string_view Trim(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

/// "1633998512.0633569": seconds with at most nine decimals.
bool ParseSeconds(std::string_view text, std::int64_t& ns) noexcept {
  std::int64_t seconds = 0;
  std::int64_t fraction = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (at >= 10) return false;
    seconds = seconds * 10 + (text[at] - '0');
  }
  if (at == 0 || seconds > 9'000'000'000) return false;
  if (at < text.size()) {
    if (text[at++] != '.') return false;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      if (at - first >= 9) return false;
      fraction = fraction * 10 + (text[at] - '0');
    }
    if (at == first || at != text.size()) return false;
    for (std::size_t digits = at - first; digits < 9; ++digits) fraction *= 10;
  }
  ns = seconds * 1'000'000'000 + fraction;
  return true;
}

std::string Shown(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c < 127 ? c : '?';
  return out += text.size() > 40 ? "...'" : "'";
}

/// Empty: the line was split into `out`. Otherwise what is wrong with it.
std::string Split(std::string_view text, RecordedLine& out) {
  constexpr std::string_view kOpened = " <-> ";
  constexpr std::string_view kAnswered = " -> ";
  const bool starts_with_digit = text[0] >= '0' && text[0] <= '9';
  if (!starts_with_digit) {
    if (const auto at = text.rfind(kOpened); at != std::string_view::npos) {
      const auto time = text.substr(at + kOpened.size());
      if (ParseSeconds(time, out.unix_ns)) {
        out.kind = RecordedLine::Kind::kOpen;
        out.url = text.substr(0, at);
        return {};
      }
      return "expected unix seconds behind '<->', found " + Shown(time);
    }
    const auto at = text.find(kAnswered);
    if (at == std::string_view::npos) {
      return "expected '<unix seconds>: <frame>', '<url> <-> <unix seconds>' or '<url> -> <unix "
             "seconds>: <body>', found " +
             Shown(text);
    }
    out.kind = RecordedLine::Kind::kAnswer;
    out.url = text.substr(0, at);
    text.remove_prefix(at + kAnswered.size());
  }
  const auto colon = text.find(':');
  const auto time = text.substr(0, colon);
  if (!ParseSeconds(time, out.unix_ns)) {
    return "expected unix seconds with at most nine decimals, found " + Shown(time);
  }
  if (colon == std::string_view::npos) return "expected ': ' behind the time, found the end";
  out.body = Trim(text.substr(colon + 1));
  return out.body.empty() ? "expected a frame behind the time, found the end" : std::string();
}

}  // namespace

struct LineReader::Impl {
  Impl(std::string from, std::FILE* opened, Problems& to)
      : path(std::move(from)), file(opened), problems(to) {}
  ~Impl() { std::fclose(file); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::string path;
  std::FILE* file;
  std::vector<char> buffer = std::vector<char>(kChunk);
  std::size_t begin = 0;  // of what was read and not yet given out
  std::size_t end = 0;
  std::size_t number = 0;
  bool at_end = false;
  Problems& problems;

  void Report(std::string what) { problems.Add(path, number, std::move(what)); }

  bool Fill() {
    if (at_end) return false;
    if (begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    if (buffer.size() - end < kChunk) buffer.resize(buffer.size() * 2);
    const std::size_t got = std::fread(buffer.data() + end, 1, kChunk, file);
    end += got;
    at_end = got == 0;
    if (at_end && std::ferror(file) != 0) {
      ++number;
      Report("reading failed, the rest is missing");
      --number;
    }
    return !at_end;
  }

  /// The next line without its newline, cut and reported when it is too long. False at the end.
  bool Line(std::string_view& line, bool& too_long) {
    std::size_t searched = 0;
    too_long = false;
    while (true) {
      const char* from = buffer.data() + begin + searched;
      const auto* newline =
          static_cast<const char*>(std::memchr(from, '\n', end - begin - searched));
      if (newline != nullptr || (at_end && begin != end)) {
        const char* stop = newline != nullptr ? newline : buffer.data() + end;
        line = {buffer.data() + begin, static_cast<std::size_t>(stop - buffer.data()) - begin};
        begin = static_cast<std::size_t>(stop - buffer.data()) + (newline != nullptr ? 1 : 0);
        ++number;
        return true;
      }
      if (at_end) return false;
      if (end - begin > kMaxLine) {  // forget what was read of it, go on to its end
        too_long = true;
        begin = end = 0;
      }
      searched = end - begin;
      Fill();
    }
  }
};

LineReader::LineReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

Result<LineReader> LineReader::Open(const std::string& path, Problems& problems) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    const int reason = errno;
    return Status(reason == EACCES ? StatusCode::kPermissionDenied : StatusCode::kNotFound,
                  "exchange", "cannot open the recording " + path + ": " + std::strerror(reason));
  }
  return LineReader(std::make_unique<Impl>(path, file, problems));
}

bool LineReader::Next(RecordedLine& line) {
  std::string_view text;
  bool too_long = false;
  while (impl_->Line(text, too_long)) {
    if (too_long) {
      impl_->Report("expected a line of at most 16 MiB, found a longer one");
      continue;
    }
    text = Trim(text);
    if (text.empty() || text.substr(0, 15) == "configuration: ") continue;
    line = RecordedLine();
    line.number = impl_->number;
    std::string wrong = Split(text, line);
    if (wrong.empty()) return true;
    impl_->Report(std::move(wrong));
  }
  return false;
}

const std::string& LineReader::path() const noexcept { return impl_->path; }

}  // namespace virtufin::inline v0::detail
