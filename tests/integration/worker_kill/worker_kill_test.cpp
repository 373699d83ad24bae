// kill -9 of a process that makes, starts, swaps and deletes workers over SQLite: after each
// restart the workers are those that were acknowledged.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

#include "support/acknowledged_workers.hpp"
#include "support/scale.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

using Kind = WorkerOperation::Kind;

std::string CodeName(int code) { return "code" + std::to_string(code); }

class Silent final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent&) override {
    return std::optional<CloudEvent>();
  }
};

/// A platform over the store at `path` that has recovered; null when it could not.
std::unique_ptr<Platform> Started(const std::string& path) {
  PlatformOptions options;
  options.executor.threads = 2;
  options.state_driver = "sqlite";
  options.state_path = path;
  auto platform = Platform::Create(std::move(options));
  if (!platform.ok()) return nullptr;
  for (int code = 0; code < kTrafficCodes; ++code) {
    const Status registered = RegisterWorkerFactory((*platform)->engines(), CodeName(code),
                                                    [] { return std::make_unique<Silent>(); });
    if (!registered.ok()) return nullptr;
  }
  if (!(*platform)->Start().ok()) return nullptr;
  return std::move(*platform);
}

CodeSource Code(int code) {
  const std::string name = CodeName(code);
  return WorkerCode{std::string(kInProcMimeType), {}, {name.begin(), name.end()}};
}

Status Make(WorkManager& workers, WorkerOperation& operation, std::vector<std::string>& ids) {
  const std::string id = operation.worker();
  switch (operation.kind) {
    case Kind::kCreate: {
      CreateWorkerRequest request;
      request.code = Code(operation.code);
      request.topics = {"in"};
      const auto created = workers.Create(std::move(request));
      if (!created.ok()) return created.status();
      operation.SetWorker(*created);
      ids.push_back(*created);
      return {};
    }
    case Kind::kStart:
      return workers.Start(id);
    case Kind::kStop:
      return workers.Stop(id);
    case Kind::kLoad:
      return workers.LoadCode(id, Code(operation.code));
    case Kind::kTag:
      return workers.SetTag(id, kTrafficTag, std::to_string(operation.tag));
    case Kind::kDelete:
      ids.erase(std::find(ids.begin(), ids.end(), id));
      return workers.Delete(id);
  }
  return {};
}

void Say(int out, const WorkerOperation& operation) {
  if (write(out, &operation, sizeof(operation)) != sizeof(operation)) _exit(2);
}

/// In the child: calls for ever; says each one twice, before it and when it was answered.
[[noreturn]] void Work(const std::string& path, std::uint64_t seed, int out) {
  const auto platform = Started(path);
  if (!platform) _exit(1);
  WorkManager& workers = platform->workers();
  std::vector<std::string> ids;
  for (const WorkerInfo& info : workers.List()) ids.push_back(info.id);
  std::mt19937_64 random(seed);
  for (;;) {
    WorkerOperation operation = NextOperation(random, ids);
    Say(out, operation);
    if (!Make(workers, operation, ids).ok()) _exit(3);
    Say(out, operation);
  }
}

/// A child process, and what it has said.
class Child {
 public:
  Child(const std::string& path, std::uint64_t seed) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      close(ends[0]);
      Work(path, seed, ends[1]);
    }
    close(ends[1]);
    in_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(in_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False: it ended.
  bool Hear(AcknowledgedWorkers& workers) {
    WorkerOperation operation;
    if (read(in_, &operation, sizeof(operation)) != sizeof(operation)) return false;
    if (begun_) {
      workers.Acknowledge(operation);
    } else {
      workers.Begin(operation);
    }
    begun_ = !begun_;
    return true;
  }
  /// True: the signal ended it, not an error of its own.
  bool Kill(AcknowledgedWorkers& workers) {
    kill(pid_, SIGKILL);
    while (Hear(workers)) {
    }
    int status = 0;
    const bool waited = waitpid(pid_, &status, 0) == pid_;
    pid_ = 0;
    return waited && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
  bool begun_ = false;
};

}  // namespace

// Pins WM-53.
TEST_CASE("kill -9 takes back nothing that was answered, and no more than one call is half done") {
  TemporaryFolder folder;
  const std::string path = folder / "workers.db";
  std::mt19937_64 random(1);
  AcknowledgedWorkers expected;
  const int rounds = Scaled(200);
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    {
      Child child(path, random());
      // Every fourth time perhaps in the middle of the recovery.
      const std::uint64_t heard = round % 4 == 0 ? 0 : 1 + random() % 80;
      for (std::uint64_t i = 0; i < heard; ++i) REQUIRE(child.Hear(expected));
      const timespec pause{0, static_cast<long>(random() % (heard == 0 ? 20'000'000 : 500'000))};
      nanosleep(&pause, nullptr);
      REQUIRE(child.Kill(expected));
    }
    const auto platform = Started(path);
    REQUIRE(platform);
    expected.Check(Seen(platform->workers()), CodeName);
    REQUIRE(platform->Stop(std::chrono::seconds(30)).ok());
  }
  MESSAGE(rounds << " kills, " << expected.acknowledged() << " acknowledged calls");
  CHECK(expected.acknowledged() > static_cast<std::uint64_t>(rounds) * 5);
}
