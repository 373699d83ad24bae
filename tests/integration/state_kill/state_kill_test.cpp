// kill -9 of processes that write through the SQLite store: what they were told is kept.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/scale.hpp"
#include "unit/state/sqlite_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// What a writer does first, second and so on, from 1; the same in every process.
struct Operation {
  std::uint64_t number;
  bool deletes() const { return number % 7 == 0; }
  std::string key() const { return "k" + std::to_string(number * 7919 % 40); }
  /// Told apart from half of itself, and from any other one.
  std::string value() const {
    std::string text;
    const std::size_t size = 10 + number * 104729 % 12'000;
    while (text.size() < size) text += std::to_string(number) + ",";
    return text;
  }
};

std::string ServiceOf(int writer) { return "writer" + std::to_string(writer); }

/// In the child: writes for ever, and says what was acknowledged.
[[noreturn]] void Write(const std::string& path, int writer, std::uint64_t number, int out) {
  auto store = OpenSqliteStore({.path = path}, WallClock());
  if (!store.ok()) _exit(1);
  const std::string service = ServiceOf(writer);
  for (;; ++number) {
    const Operation operation{number};
    const bool ok = operation.deletes()
                        ? (*store)->Delete(service, operation.key()).ok()
                        : (*store)->Set(service, operation.key(), operation.value()).ok();
    if (!ok || write(out, &number, sizeof(number)) != sizeof(number)) _exit(2);
  }
}

[[noreturn]] void CopyForEver(const std::string& path, const std::string& copy, int out) {
  for (std::uint64_t number = 1;; ++number) {
    if (!BackUpSqliteStore(path, copy).ok()) _exit(1);
    if (write(out, &number, sizeof(number)) != sizeof(number)) _exit(2);
  }
}

/// A child process and the numbers that it has written so far.
class Child {
 public:
  template <class F>
  explicit Child(F body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      close(ends[0]);
      body(ends[1]);
    }
    close(ends[1]);
    in_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) Kill();
    close(in_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False: it ended by itself.
  bool Await(std::uint64_t acknowledgements) {
    while (acknowledgements-- > 0) {
      if (!Next()) return false;
    }
    return true;
  }
  /// True: the signal ended it.
  bool Kill() {
    kill(pid_, SIGKILL);
    while (Next()) {
    }
    int status = 0;
    const bool waited = waitpid(pid_, &status, 0) == pid_;
    pid_ = 0;
    return waited && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  std::uint64_t last() const { return last_; }

 private:
  bool Next() {
    std::uint64_t number = 0;
    if (read(in_, &number, sizeof(number)) != sizeof(number)) return false;
    last_ = number;
    return true;
  }

  pid_t pid_ = 0;
  int in_ = -1;
  std::uint64_t last_ = 0;
};

/// What must be in the store: the last acknowledged operation of each key, or the one after all of
/// them, which may have been under way.
class Expected {
 public:
  std::uint64_t next() const { return next_; }

  void Acknowledge(std::uint64_t last) {
    for (; next_ <= last; ++next_) last_of_key_[Operation{next_}.key()] = next_;
  }

  /// Takes what was under way for done when it is there.
  void Check(StateStore& store, const std::string& service) {
    const Operation pending{next_};
    for (int k = 0; k < 40; ++k) {
      const std::string key = "k" + std::to_string(k);
      const auto item = store.Get(service, key);
      const std::string found = item.ok() ? item->value : "";
      if (!item.ok()) REQUIRE(item.status().code() == StatusCode::kNotFound);
      const std::string kept = ValueAfter(last_of_key_[key]);
      if (found == kept) continue;
      CAPTURE(key);
      CAPTURE(found.substr(0, 40));
      CAPTURE(kept.substr(0, 40));
      REQUIRE(pending.key() == key);
      REQUIRE(found == ValueAfter(pending.number));
      last_of_key_[key] = pending.number;
    }
    ++next_;  // done or not: whoever goes on does not do it again
  }

 private:
  static std::string ValueAfter(std::uint64_t number) {
    const Operation operation{number};
    return number == 0 || operation.deletes() ? "" : operation.value();
  }

  std::map<std::string, std::uint64_t> last_of_key_;  // 0: none
  std::uint64_t next_ = 1;
};

void PauseFor(std::int64_t ns) {
  const timespec pause{0, static_cast<long>(ns)};
  nanosleep(&pause, nullptr);
}

}  // namespace

// Pins ST-17.
TEST_CASE_FIXTURE(SqliteFixture, "kill -9 takes back no acknowledged write") {
  std::mt19937_64 random(1);
  std::vector<Expected> expected(2);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < Scaled(200); ++round) {
    CAPTURE(round);
    const std::size_t writers = 1 + static_cast<std::size_t>(round % 2);
    std::vector<std::unique_ptr<Child>> children;
    for (std::size_t w = 0; w < writers; ++w) {
      children.push_back(std::make_unique<Child>(
          [&](int out) { Write(path, static_cast<int>(w), expected[w].next(), out); }));
    }
    // Every fourth time while the file is being opened.
    if (round % 4 != 0) REQUIRE(children[0]->Await(1 + random() % 500));
    PauseFor(static_cast<std::int64_t>(random() % 300'000));
    for (std::size_t w = 0; w < writers; ++w) {
      REQUIRE(children[w]->Kill());
      if (children[w]->last() != 0) expected[w].Acknowledge(children[w]->last());
    }
    auto store = Open();
    REQUIRE(store.ok());
    for (std::size_t w = 0; w < writers; ++w) {
      expected[w].Check(**store, ServiceOf(static_cast<int>(w)));
    }
    REQUIRE(PlainSqlite(path).Text("PRAGMA integrity_check") == "ok");
    acknowledged = expected[0].next() + expected[1].next();
  }
  CHECK(acknowledged > static_cast<std::uint64_t>(Scaled(200)) * 50);
}

// Pins ST-23.
TEST_CASE_FIXTURE(SqliteFixture,
                  "kill -9 in the middle of a copy leaves the old copy or the new one") {
  {
    auto store = Open();
    REQUIRE(store.ok());
    for (std::uint64_t n = 1; n <= 200; ++n) {
      REQUIRE((*store)->Set("s", std::to_string(n), Operation{n}.value()).ok());
    }
  }
  const std::string copy = folder / "copy.db";
  std::mt19937_64 random(2);
  for (int round = 0; round < Scaled(40); ++round) {
    CAPTURE(round);
    Child child([&](int out) { CopyForEver(path, copy, out); });
    REQUIRE(child.Await(round == 0 ? 1 : random() % 2));
    PauseFor(static_cast<std::int64_t>(random() % 5'000'000));
    REQUIRE(child.Kill());
    PlainSqlite copied(copy);
    REQUIRE(copied.Text("PRAGMA integrity_check") == "ok");
    REQUIRE(copied.Text("SELECT count(*) FROM state") == "200");
  }
  CHECK((*Open())->Query("s", "{}")->items.size() == 200);
}
