// kill -9 of the daemon in the middle of its calls: what was answered is there afterwards.
#include <memory>
#include <random>

#include "integration/daemon/daemon.hpp"
#include "support/acknowledged_workers.hpp"
#include "support/scale.hpp"
#include "support/temporary_folder.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

using Kind = WorkerOperation::Kind;

// One library, made different by bytes behind its end: a history keeps the code of so many entries
// only as fit into its limit, and sanitized C++ is large.
const std::string& Library(int code) {
  static const std::string kLibraries[kTrafficCodes] = {Contents(HELLO_C), Contents(HELLO_C) + "1",
                                                        Contents(HELLO_C) + "22"};
  return kLibraries[code];
}

std::string CodeName(int code) { return std::to_string(code); }

template <class Request>
std::pair<std::string, std::string> CallOf(const char* method, Request request,
                                           const WorkerOperation& operation) {
  request.set_id(operation.worker());
  return {std::string("/virtufin.WorkManager/") + method, request.SerializeAsString()};
}

// The path and the bytes of an operation's call.
std::pair<std::string, std::string> CallFor(const WorkerOperation& operation) {
  switch (operation.kind) {
    case Kind::kCreate: {
      lite::CreateWorkerRequest request;
      request.mutable_code_source()->set_content(Library(operation.code));
      request.set_mime_type("application/x-native-dll");
      request.add_topics("in");
      return {"/virtufin.WorkManager/CreateWorker", request.SerializeAsString()};
    }
    case Kind::kStart:
      return CallOf("StartWorker", lite::StartWorkerRequest(), operation);
    case Kind::kStop:
      return CallOf("StopWorker", lite::StopWorkerRequest(), operation);
    case Kind::kLoad: {
      lite::LoadCodeRequest request;
      request.mutable_code_source()->set_content(Library(operation.code));
      return CallOf("LoadCode", request, operation);
    }
    case Kind::kTag: {
      lite::SetTagRequest request;
      request.set_key(kTrafficTag);
      request.set_value(std::to_string(operation.tag));
      return CallOf("SetTag", request, operation);
    }
    case Kind::kDelete:
      break;
  }
  return CallOf("DeleteWorker", lite::DeleteWorkerRequest(), operation);
}

SeenWorkers Seen(Daemon& daemon) {
  lite::ListWorkersResponse list;
  const GrpcReply reply = daemon.Call("ListWorkers", "");
  REQUIRE_MESSAGE(reply.code == 0, reply.message);
  REQUIRE(list.ParseFromString(reply.body));
  SeenWorkers all;
  for (const lite::WorkerInfo& info : list.workers()) {
    CHECK_MESSAGE(info.error().empty(), info.error());
    SeenWorker& seen = all[info.id()];
    seen.running = info.status() == lite::WORKER_STATUS_RUNNING;
    if (info.tags().count(kTrafficTag) != 0) seen.tag = info.tags().at(kTrafficTag);
    lite::GetWorkerHistoryResponse history;
    REQUIRE(history.ParseFromString(daemon.CallOf("GetWorkerHistory", info.id()).body));
    for (const lite::HistoryEntry& entry : history.entries()) {
      int code = 0;
      while (code < kTrafficCodes && entry.code_source().content() != Library(code)) ++code;
      seen.codes.push_back(CodeName(code));
    }
  }
  return all;
}

// What the answer says: acknowledged, or not answered; anything else is a fault.
bool Answered(const GrpcReply& reply, WorkerOperation& operation, AcknowledgedWorkers& expected) {
  if (reply.code != 0) {
    CHECK_MESSAGE(reply.code == 14, reply.message);  // UNAVAILABLE: the connection broke
    return false;
  }
  if (operation.kind == Kind::kCreate) {
    lite::CreateWorkerResponse response;
    REQUIRE(response.ParseFromString(reply.body));
    operation.SetWorker(response.id());
  }
  expected.Acknowledge(operation);
  return true;
}

}  // namespace

// Pins WM-53, WM-80.
TEST_CASE("kill -9 of the daemon takes back nothing that a call was answered") {
  TemporaryFolder folder;
  std::mt19937_64 random(7);
  AcknowledgedWorkers expected;
  const int rounds = Scaled(200);
  for (int round = 0; round <= rounds; ++round) {
    CAPTURE(round);
    Daemon daemon(folder / "data");
    SeenWorkers seen = Seen(daemon);
    expected.Check(seen, CodeName);
    if (round == rounds) break;
    std::vector<std::string> ids;
    for (const auto& [id, worker] : seen) ids.push_back(id);
    for (std::uint64_t left = random() % 12;; --left) {
      WorkerOperation operation = NextOperation(random, ids);
      const auto [path, bytes] = CallFor(operation);
      expected.Begin(operation);
      const auto call = daemon.client.Start(path, bytes);
      if (left == 0) {
        const timespec pause{0, static_cast<long>(random() % 3'000'000)};
        nanosleep(&pause, nullptr);  // the moment is to be any
        daemon.process.Signal(SIGKILL);
        (void)Answered(call->Wait(), operation, expected);
        CHECK(daemon.process.ExitStatus() == -1);
        break;
      }
      REQUIRE(Answered(call->Wait(), operation, expected));
      if (operation.kind == Kind::kCreate) ids.push_back(operation.worker());
      if (operation.kind == Kind::kDelete) {
        ids.erase(std::find(ids.begin(), ids.end(), operation.worker()));
      }
    }
  }
  MESSAGE(rounds << " kills, " << expected.acknowledged() << " acknowledged calls");
  CHECK(expected.acknowledged() > static_cast<std::uint64_t>(rounds));
}
