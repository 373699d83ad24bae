// Two managers over one store, each with a server: a call for a worker of the other goes there.
#include "unit/rpc/fixture.hpp"
#include "virtufin/rpc/peer_forwarder.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

struct Instance {
  Instance(StateStore& store, const std::string& id, const std::vector<RpcKey>& keys)
      : forwarder(std::move(*MakePeerForwarder(WithKey(keys)))),
        workers(Named(id), WallClock(), 2, nullptr, Extras{nullptr, &store, forwarder.get()}) {
    for (const char* name : {"one", "two"}) {
      workers.Script(name, [](const Message&, const ExtensionOverlay*, WorkerHost&,
                              test::Done done) { done({}); });
    }
    RpcServerOptions options;
    options.keys = keys;
    server = std::move(*RpcServer::Create(options, {workers.manager.get()}, workers.runtime));
    REQUIRE(server->Start().ok());
    target = "127.0.0.1:" + std::to_string(server->port());
    REQUIRE(workers.manager->Join(target).ok());
  }
  ~Instance() { (void)server->Stop(std::chrono::seconds(10)); }

  static PeerForwarderOptions WithKey(const std::vector<RpcKey>& keys) {
    PeerForwarderOptions options;
    if (!keys.empty()) options.key = keys[0].key;
    return options;
  }
  static WorkManagerOptions Named(const std::string& id) {
    WorkManagerOptions options = ManagerFixture::Quick(30'000, 30'000);
    options.instance_id = id;
    return options;
  }
  std::string Create() {
    CreateWorkerRequest request;
    request.code = Code("one");
    request.topics = {"in"};
    auto id = workers.manager->Create(std::move(request));
    REQUIRE_MESSAGE(id.ok(), id.status().message());
    return *id;
  }

  std::unique_ptr<PeerForwarder> forwarder;
  ManagerFixture workers;
  std::unique_ptr<RpcServer> server;
  std::string target;
};

Status Forwarded(PeerForwarder& forwarder, const Peer& peer, PeerCall call) {
  Collector<Status> ended;
  forwarder.Forward(peer, std::move(call), [&ended](Status status) { ended.Add(status); });
  const auto all = ended.WaitFor(1);
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

// Pins WM-82.
TEST_CASE("a call for a worker of another instance is made there, for who made it") {
  const auto store = MakeMemoryStore(WallClock());
  for (const std::vector<RpcKey>& keys :
       {std::vector<RpcKey>{}, std::vector<RpcKey>{{"peer", "secret"}, {"bob", "other"}}}) {
    Instance owner(*store, keys.empty() ? "a" : "c", keys);
    Instance receiver(*store, keys.empty() ? "b" : "d", keys);
    const std::string id = owner.Create();
    GrpcClientOptions bob;
    if (!keys.empty()) bob.metadata = {{"x-api-key", "other"}};
    GrpcClient client(receiver.target, bob);
    const auto call = [&](const char* method, auto request) {
      request.set_id(id);
      const GrpcReply reply =
          client.Unary(std::string("/virtufin.WorkManager/") + method, request.SerializeAsString());
      CHECK_MESSAGE(reply.code == kOkCode, method << ": " << reply.message);
    };
    const auto info = [&] { return *owner.workers.manager->Get(id); };
    call("StartWorker", lite::StartWorkerRequest());
    CHECK(info().status == WorkerStatus::kRunning);
    lite::LoadCodeRequest load;
    load.mutable_code_source()->set_content("two");
    call("LoadCode", load);
    CHECK(owner.workers.manager->History(id)->size() == 2);
    lite::SetTagRequest tag;
    tag.set_key("k");
    tag.set_value("v \xc3\xa9%");
    call("SetTag", tag);
    CHECK(info().tags.at("k") == "v \xc3\xa9%");
    lite::SetTagsRequest tags;
    (*tags.mutable_tags())["other"] = "x";
    call("SetTags", tags);
    CHECK(info().tags == std::map<std::string, std::string>{{"other", "x"}});
    call("StopWorker", lite::StopWorkerRequest());
    CHECK(info().status == WorkerStatus::kStopped);
    call("DeleteWorker", lite::DeleteWorkerRequest());
    CHECK(owner.workers.manager->List().empty());
    if (!keys.empty()) CHECK(owner.workers.log.Has("who=\"peer for bob\""));
    CHECK(receiver.workers.scripts->loads == 0);
  }
}

// Pins WM-82.
TEST_CASE("what the other instance answers comes back, and that there is none is told") {
  const auto store = MakeMemoryStore(WallClock());
  Instance owner(*store, "a", {});
  const std::string id = owner.Create();
  auto forwarder = std::move(*MakePeerForwarder({}));
  PeerCall call;
  call.worker_id = id;
  call.by.who = "al\nice";
  call.kind = PeerCall::Kind::kLoadCode;
  call.code = Code("nothing");
  Status status = Forwarded(*forwarder, {"a", owner.target}, call);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == "no script 'nothing'");
  // Without keys who made the call is not known: anyone could say so.
  CHECK(owner.workers.log.Has("who=\"127.0.0.1:"));
  CHECK_FALSE(owner.workers.log.Has("al?ice"));
  call.code.sha256 = "00";
  CHECK(Forwarded(*forwarder, {"a", owner.target}, call).code() == StatusCode::kFailedPrecondition);
  call.kind = PeerCall::Kind::kStart;
  CHECK(Forwarded(*forwarder, {"a", owner.target}, call).ok());
  status = Forwarded(*forwarder, {"gone", "127.0.0.1:1"}, call);
  CHECK(status.code() == StatusCode::kUnavailable);
  CHECK(status.message().find("instance gone at 127.0.0.1:1: ") == 0);
}

// Pins WM-82.
TEST_CASE("a forwarder that goes ends its calls") {
  const auto store = MakeMemoryStore(WallClock());
  Instance owner(*store, "a", {});
  Gate inside, leave;
  owner.workers.Script("slow",
                       [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
                         inside.Open();
                         CHECK(leave.Wait());
                         done({});
                       });
  const std::string id = owner.workers.Run("slow", {"in"});
  (void)owner.workers.bus.Publish(Message("in", Event("1")));
  REQUIRE(inside.Wait());
  PeerForwarderOptions options;
  options.max_calls = 4;
  auto forwarder = std::move(*MakePeerForwarder(options));
  Collector<Status> ended;
  PeerCall call;
  call.kind = PeerCall::Kind::kStop;
  call.worker_id = id;
  for (int i = 0; i < 5; ++i) {
    forwarder->Forward({"a", owner.target}, call, [&ended](Status status) { ended.Add(status); });
  }
  CHECK(ended.WaitFor(1)[0].code() == StatusCode::kResourceExhausted);
  forwarder.reset();
  const auto all = ended.Items();
  REQUIRE(all.size() == 5);
  for (int i = 1; i < 5; ++i) CHECK(all[i].code() == StatusCode::kCancelled);
  leave.Open();

  options.key = "no\nmetadata";
  CHECK(MakePeerForwarder(options).status().code() == StatusCode::kInvalidArgument);
  options.key = "";
  options.timeout_ms = 0;
  CHECK(MakePeerForwarder(options).status().code() == StatusCode::kInvalidArgument);
}
