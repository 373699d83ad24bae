// A faulty session is recorded and lived again, with workers of every kind: the same bytes on every
// topic, whatever the pace, the cores, the time zone, the locale and how slow a worker is.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/scale.hpp"
#include "support/temporary_folder.hpp"

using namespace virtufin::test;

namespace {

bool IsSet(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "1";
}

/// False, with a message, when there is no such program.
bool HasProgram(const std::string& name) {
  if (std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0) return true;
  if (IsSet("VIRTUFIN_TESTS_REQUIRE_ALL")) FAIL("there is no ", name);
  MESSAGE("skipped: there is no " << name);
  return false;
}

void Run(const std::string& command) {
  CAPTURE(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

std::string Quoted(const std::string& text) { return "'" + text + "'"; }

struct Replay {
  std::map<std::string, std::string> topics;  // "<events> <digest>"
  std::vector<std::string> events;            // "<topic> <event>"

  std::uint64_t Count(const std::string& topic) const {
    const auto found = topics.find(topic);
    return found == topics.end() ? 0 : std::stoull(found->second);
  }
  std::uint64_t CountAll(std::string_view in_name) const {
    std::uint64_t all = 0;
    for (const auto& [topic, what] : topics) {
      if (topic.find(in_name) != topic.npos) all += std::stoull(what);
    }
    return all;
  }
};

Replay ReadReplay(const std::string& path) {
  std::ifstream in(path);
  Replay replay;
  std::string line;
  while (std::getline(in, line) && !line.empty()) {
    const std::size_t blank = line.find(' ');
    replay.topics[line.substr(0, blank)] = line.substr(blank + 1);
  }
  while (std::getline(in, line)) replay.events.push_back(line);
  return replay;
}

/// A recording and its replays, each in a process of its own.
class Session {
 public:
  explicit Session(int seconds) {
    Run(std::string(REPLAY_DRIVER) + " record " + Quoted(folder_ / "recording") + " " +
        std::to_string(seconds));
  }
  Replay Play(const std::string& before = {}, const std::string& after = {}) {
    const std::string output = folder_ / ("replay-" + std::to_string(++plays_));
    Run(before + " " + REPLAY_DRIVER + " play " + Quoted(folder_ / "recording") + " " +
        Quoted(output) + " " + after);
    return ReadReplay(output);
  }
  std::string recording() const { return folder_ / "recording"; }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  int plays_ = 0;
};

void CheckSame(const Replay& expected, const Replay& found) {
  for (const auto& topic : expected.topics) {
    CAPTURE(topic.first);
    const auto same = found.topics.find(topic.first);
    CHECK((same == found.topics.end() ? "nothing" : same->second) == topic.second);
  }
  CHECK(found.topics.size() == expected.topics.size());
  const auto at = std::mismatch(expected.events.begin(), expected.events.end(),
                                found.events.begin(), found.events.end());
  if (at.first == expected.events.end() && at.second == found.events.end()) return;
  const std::string none = "nothing";
  FAIL_CHECK("event ", at.first - expected.events.begin(), ": expected ",
             at.first == expected.events.end() ? none : *at.first, ", found ",
             at.second == found.events.end() ? none : *at.second);
}

/// The values of "id" and "source", which stand next to each other.
std::string IdAndSource(const std::string& event) {
  const std::size_t from = event.find("\"id\":");
  const std::size_t source = event.find("\"source\":", from);
  return event.substr(from, event.find(',', source) - from);
}

}  // namespace

// Pins EX-110, EX-112.
TEST_CASE("a faulty session with workers is the same in every replay") {
  const int seconds = Scaled(600);
  Session session(seconds);
  const Replay once = session.Play();

  // Everything that could differ is in it.
  CHECK(once.CountAll(".orderbook.update.") > 1000 * static_cast<std::uint64_t>(seconds) / 600);
  CHECK(once.CountAll(".orderbook.snapshot.") > 3);  // one of each symbol, and resyncs
  CHECK(once.CountAll("-dead") > 0);
  for (const char* const topic :
       {"replay.answer", "replay.plain.ten", "replay.plain.hundred", "replay.plain.pulse",
        "replay.plain.farewell", "replay.quotes.made", "replay.timers.due", "state.change"}) {
    CAPTURE(topic);
    CHECK(once.Count(topic) > 0);
  }
  // Workers of one source, timers and a swap of code make no id twice; a dead letter is its event.
  std::set<std::string> ids;
  for (const std::string& event : once.events) {
    if (event.find("-dead ") < event.find('{')) continue;
    CAPTURE(event);
    REQUIRE(ids.insert(IdAndSource(event)).second);
    CHECK(event.find("\"walltime\"") == event.npos);
    CHECK(event.find("\"clocktype\":\"historical\"") != event.npos);
  }

  SUBCASE("again") { CheckSame(once, session.Play()); }
  SUBCASE("with slow workers") { CheckSame(once, session.Play("REPLAY_BUSY_US=700")); }
  SUBCASE("on one core") {
    if (!HasProgram("taskset")) return;
    CheckSame(once, session.Play("taskset -c 0"));
    CheckSame(once, session.Play("REPLAY_BUSY_US=300 taskset -c 0"));
  }
  SUBCASE("in another time zone") { CheckSame(once, session.Play("TZ=Asia/Kathmandu")); }
  SUBCASE("in a locale with a decimal comma") {
    if (!HasProgram("localedef")) return;
    // 1: with warnings.
    const std::string locale = session.folder() / "de_DE.UTF-8";
    Run("localedef -i de_DE -f UTF-8 " + Quoted(locale) + " >/dev/null 2>&1 || [ $? = 1 ]");
    // The driver ends with an error unless the locale is in force.
    // The C library never frees its list of what LOCPATH names.
    const std::string leaks = "ASAN_OPTIONS=\"$ASAN_OPTIONS:detect_leaks=0\" ";
    CheckSame(once,
              session.Play(leaks + "LOCPATH=" + Quoted(session.folder().path()), "0 de_DE.UTF-8"));
  }
}

// Pins EX-110.
TEST_CASE("a replay at the recorded pace is the one at full speed") {
  Session session(IsSet("VIRTUFIN_TESTS_NIGHTLY") ? 600 : 10);
  const Replay fast = session.Play();
  CHECK(fast.events.size() > 100);
  CheckSame(fast, session.Play("REPLAY_BUSY_US=100", "1"));
}

TEST_CASE("the program of the guide plays a recording") {
  Session session(10);
  const std::string output = session.folder() / "guide";
  Run(std::string(GUIDE_REPLAY) + " " + Quoted(session.recording()) + " > " + Quoted(output));
  std::ifstream in(output);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CAPTURE(text);
  CHECK(text.find("com.virtufin.exchange.binance.orderbook") != text.npos);
  CHECK(text.ends_with("OK\n"));
}
