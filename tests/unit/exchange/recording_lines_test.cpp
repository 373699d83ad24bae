// LineReader: good lines, and lines that are cut or broken.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "exchange/recording/line_reader.hpp"

using namespace virtufin;
using detail::LineReader, detail::Problems, detail::RecordedLine;

namespace {

class File {
 public:
  explicit File(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }
  ~File() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() /
                       ("recording_lines_test." + std::to_string(::getpid())))
                          .string();
};

std::vector<std::string> Lines(LineReader& reader) {
  std::vector<std::string> out;
  RecordedLine line;
  while (reader.Next(line)) {
    const char* kinds[] = {"open", "frame", "answer"};
    out.push_back(std::to_string(line.number) + " " + kinds[static_cast<int>(line.kind)] + " " +
                  std::to_string(line.unix_ns) + " " + std::string(line.url) + " " +
                  std::string(line.body));
  }
  return out;
}

std::vector<std::string> Shown(const Problems& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems.all) {
    out.push_back(std::to_string(problem.line) + ": " + problem.what);
  }
  return out;
}

}  // namespace

TEST_CASE("frames, answers, the opened URL and lines that mean nothing") {
  File file(
      "wss://x.example:9443/stream?streams=a@depth/b@depth <-> 1633998511.159679\n"
      "configuration: {\"a\": 1}\n"
      "1633998512.0633569: {\"a\":1}\n"
      "1633998513: {\"b\": \" -> 5: \"}\r\n"
      "https://x.example/depth?symbol=A&limit=1000 -> 1633998512.320639: {\"c\":\"x: y\"}\n"
      "\n");
  Problems problems;
  auto reader = LineReader::Open(file.path(), problems).value();
  CHECK(Lines(reader) ==
        std::vector<std::string>{
            "1 open 1633998511159679000 wss://x.example:9443/stream?streams=a@depth/b@depth ",
            "3 frame 1633998512063356900  {\"a\":1}",
            "4 frame 1633998513000000000  {\"b\": \" -> 5: \"}",
            "5 answer 1633998512320639000 https://x.example/depth?symbol=A&limit=1000 "
            "{\"c\":\"x: y\"}"});
  CHECK(problems.count == 0);
}

// Pins EX-51.
TEST_CASE("a broken line is reported with its number, the others are given out") {
  File file(
      "wss://x.example/stream <-> soon\n"
      "1633998512.1: {}\n"
      "1633998512.1234567891: {}\n"
      "{\"stream\":\"x\"}\n"
      "1633998512\n"
      "1633998512.5:\n"
      "12345678901: {}\n"
      "1633998512.: {}\n"
      "https://x.example/depth -> x: {}\n"
      "1633998514.5: {\"last\":1}");
  Problems problems;
  auto reader = LineReader::Open(file.path(), problems).value();
  CHECK(Lines(reader) == std::vector<std::string>{"2 frame 1633998512100000000  {}",
                                                  "10 frame 1633998514500000000  {\"last\":1}"});
  const std::string seconds = "expected unix seconds with at most nine decimals, found ";
  CHECK(Shown(problems) ==
        std::vector<std::string>{
            "1: expected unix seconds behind '<->', found 'soon'",
            "3: " + seconds + "'1633998512.1234567891'",
            "4: expected '<unix seconds>: <frame>', '<url> <-> <unix seconds>' or '<url> -> "
            "<unix seconds>: <body>', found '{\"stream\":\"x\"}'",
            "5: expected ': ' behind the time, found the end",
            "6: expected a frame behind the time, found the end", "7: " + seconds + "'12345678901'",
            "8: " + seconds + "'1633998512.'", "9: " + seconds + "'x'"});
  CHECK(problems.all[0].ToString() ==
        file.path() + ":1: expected unix seconds behind '<->', found 'soon'");
}

TEST_CASE("lines longer than a read, and one longer than any frame may be") {
  const std::string frame = "1: {\"x\":\"" + std::string(200'000, 'x') + "\"}\n";
  File file(frame + "2: " + std::string((std::size_t{16} << 20) + 70'000, 'y') + "\n" + frame);
  Problems problems;
  auto reader = LineReader::Open(file.path(), problems).value();
  RecordedLine line;
  REQUIRE(reader.Next(line));
  CHECK(line.body.size() == frame.size() - 4);
  REQUIRE(reader.Next(line));
  CHECK(line.number == 3);
  CHECK(line.body.size() == frame.size() - 4);
  CHECK_FALSE(reader.Next(line));
  CHECK(Shown(problems) ==
        std::vector<std::string>{"2: expected a line of at most 16 MiB, found a longer one"});
}

TEST_CASE("problems beyond the bound are counted, not listed") {
  std::string lines;
  for (int i = 0; i < 1500; ++i) lines += "broken\n";
  File file(lines);
  Problems problems;
  auto reader = LineReader::Open(file.path(), problems).value();
  CHECK(Lines(reader).empty());
  CHECK(problems.all.size() == RecordingImport::kMostProblems);
  CHECK(problems.count == 1500);
}

// Pins EX-51.
TEST_CASE("a file that is not there is an error with its name") {
  Problems problems;
  const auto reader = LineReader::Open("/nowhere/x.ws", problems);
  REQUIRE_FALSE(reader.ok());
  CHECK(reader.status().code() == StatusCode::kNotFound);
  CHECK(reader.status().message().find("/nowhere/x.ws") != std::string_view::npos);
}
