// virtufin.WorkManager over a real port: each method, each kind of error, keys and limits.
#include <thread>

#include "unit/rpc/fixture.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

lite::WorkerInfo Only(RpcFixture& fixture) {
  lite::ListWorkersResponse list;
  REQUIRE(fixture.Call("ListWorkers", lite::ListWorkersRequest(), list).code == kOkCode);
  REQUIRE(list.workers_size() == 1);
  return list.workers(0);
}

}  // namespace

// Pins WM-61.
TEST_CASE("a worker lives from its creation to its end by calls alone") {
  RpcFixture fixture;
  Collector<std::string> seen;
  for (const char* name : {"one", "two"}) {
    fixture.workers.Script(
        name, [&seen, name](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
          seen.Add(name);
          done({});
        });
  }
  lite::CreateWorkerRequest create = RpcFixture::Creation("one");
  (*create.mutable_config())["desk"] = "fx";
  (*create.mutable_tags())["team"] = "caf\xc3\xa9";
  lite::CreateWorkerResponse created;
  REQUIRE(fixture.Call("CreateWorker", create, created).code == kOkCode);
  const std::string id = created.id();

  lite::WorkerInfo info = Only(fixture);
  CHECK(info.id() == id);
  CHECK(info.mime_type() == "application/x-scripted");
  CHECK(info.language() == "Script");
  CHECK(info.topics(0) == "in");
  CHECK(Has(info.created_at(), "T"));
  CHECK(info.status() == lite::WORKER_STATUS_STOPPED);
  CHECK(info.config().at("desk") == "fx");
  CHECK(info.tags().at("team") == "caf\xc3\xa9");
  CHECK(info.error().empty());

  CHECK(fixture.CallOf("StartWorker", id).code == kOkCode);
  CHECK(Only(fixture).status() == lite::WORKER_STATUS_RUNNING);
  (void)fixture.workers.bus.Publish(Message("in", Event("1")));
  CHECK(seen.WaitFor(1) == std::vector<std::string>{"one"});

  lite::LoadCodeRequest load;
  load.set_id(id);
  load.mutable_code_source()->set_content("two");
  lite::LoadCodeResponse loaded;
  CHECK(fixture.Call("LoadCode", load, loaded).code == kOkCode);
  (void)fixture.workers.bus.Publish(Message("in", Event("2")));
  CHECK(seen.WaitFor(2)[1] == "two");

  lite::GetWorkerHistoryRequest history;
  history.set_id(id);
  lite::GetWorkerHistoryResponse entries;
  REQUIRE(fixture.Call("GetWorkerHistory", history, entries).code == kOkCode);
  REQUIRE(entries.entries_size() == 2);
  CHECK(entries.entries(0).code_source().content() == "one");
  CHECK(entries.entries(1).code_source().content() == "two");

  CHECK(fixture.CallOf("StopWorker", id).code == kOkCode);
  CHECK(Only(fixture).status() == lite::WORKER_STATUS_STOPPED);
  CHECK(fixture.CallOf("DeleteWorker", id).code == kOkCode);
  lite::ListWorkersResponse list;
  CHECK(fixture.Call("ListWorkers", lite::ListWorkersRequest(), list).code == kOkCode);
  CHECK(list.workers_size() == 0);
}

// Pins WM-61.
TEST_CASE("tags are set, read and looked for by calls") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  const std::string id = fixture.Create("one");
  const std::string other = fixture.Create("one");
  lite::SetTagRequest set;
  set.set_id(id);
  set.set_key("a=b");
  lite::SetTagResponse was_set;
  CHECK(fixture.Call("SetTag", set, was_set).code == kOkCode);
  lite::SetTagsRequest all;
  all.set_id(other);
  (*all.mutable_tags())["team"] = "x=y";
  lite::SetTagsResponse were_set;
  CHECK(fixture.Call("SetTags", all, were_set).code == kOkCode);

  lite::GetTagRequest get;
  get.set_id(other);
  get.set_key("team");
  lite::GetTagResponse value;
  CHECK(fixture.Call("GetTag", get, value).code == kOkCode);
  CHECK(value.value() == "x=y");
  get.set_key("none");
  CHECK(fixture.Call("GetTag", get, value).code == Number(StatusCode::kNotFound));
  lite::GetTagsRequest gets;
  gets.set_id(id);
  lite::GetTagsResponse tags;
  CHECK(fixture.Call("GetTags", gets, tags).code == kOkCode);
  CHECK(tags.tags().size() == 1);
  CHECK(tags.tags().count("a=b") == 1);

  const auto found = [&](const lite::ListWorkersRequest& request) {
    lite::ListWorkersResponse list;
    CHECK(fixture.Call("ListWorkers", request, list).code == kOkCode);
    std::string ids;
    for (const auto& worker : list.workers()) ids += worker.id();
    return ids;
  };
  lite::ListWorkersRequest request;
  request.add_filter("team=x=y");
  CHECK(found(request) == other);
  request.add_filters()->set_key("a=b");
  CHECK(found(request).empty());
  request.clear_filter();
  CHECK(found(request) == id);
  request.add_filter("no equals sign");
  lite::ListWorkersResponse list;
  const GrpcReply refused = fixture.Call("ListWorkers", request, list);
  CHECK(refused.code == Number(StatusCode::kInvalidArgument));
  CHECK(Has(refused.message, "expected key=value"));
}

// Pins WM-61.
TEST_CASE("engines are listed by a call") {
  RpcFixture fixture;
  lite::ListEnginesResponse engines;
  REQUIRE(fixture.Call("ListEngines", lite::ListEnginesRequest(), engines).code == kOkCode);
  REQUIRE(engines.engines_size() == 1);
  CHECK(engines.engines(0).mime_type() == "application/x-scripted");
  CHECK(engines.engines(0).language() == "Script");
  CHECK(engines.engines(0).available());
}

// Pins WM-62.
TEST_CASE("an error has the manager's code and words") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  const std::string unknown = "00000000-0000-4000-8000-000000000000";
  for (const char* method : {"StartWorker", "StopWorker", "DeleteWorker", "GetTags"}) {
    const GrpcReply reply = fixture.CallOf(method, unknown);
    CHECK(reply.code == Number(StatusCode::kNotFound));
    CHECK(Has(reply.message, unknown));
  }
  const auto refused = [&](const lite::CreateWorkerRequest& request, std::string_view words) {
    lite::CreateWorkerResponse response;
    const GrpcReply reply = fixture.Call("CreateWorker", request, response);
    CHECK(reply.code == Number(StatusCode::kInvalidArgument));
    CHECK_MESSAGE(Has(reply.message, words), reply.message);
  };
  refused(RpcFixture::Creation("other"), "no script 'other'");
  lite::CreateWorkerRequest request = RpcFixture::Creation("one");
  request.clear_code_source();
  refused(request, "code_source: expected a url or content");
  request = RpcFixture::Creation("one");
  request.mutable_code_source()->mutable_credential()->set_named("x");
  refused(request, "for a url only");
  request.mutable_code_source()->set_url("https://example.com/x");
  request.mutable_code_source()->mutable_credential()->clear_kind();
  refused(request, "expected basic, bearer or named");
  request = RpcFixture::Creation("one");
  request.set_mime_type("text/x-nothing");
  refused(request, "text/x-nothing");
}

// Pins WM-62.
TEST_CASE("an engine that is not there is FAILED_PRECONDITION with how to get it") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  {
    const std::lock_guard lock(fixture.workers.scripts->mutex);
    fixture.workers.scripts->unavailable = "not found: apt install scripted";
  }
  lite::CreateWorkerResponse response;
  const GrpcReply reply = fixture.Call("CreateWorker", RpcFixture::Creation("one"), response);
  CHECK(reply.code == Number(StatusCode::kFailedPrecondition));
  CHECK_MESSAGE(Has(reply.message, "apt install scripted"), reply.message);
  lite::ListEnginesResponse engines;
  REQUIRE(fixture.Call("ListEngines", lite::ListEnginesRequest(), engines).code == kOkCode);
  CHECK_FALSE(engines.engines(0).available());
  CHECK(engines.engines(0).detail() == "not found: apt install scripted");
}

// Pins WM-62.
TEST_CASE("what became of a fetch reaches the caller of either call") {
  struct Fetcher final : CodeFetcher {
    Result<std::vector<std::uint8_t>> Fetch(const CodeSource& source) override {
      if (Has(source.url, "inside")) {
        return Status(StatusCode::kPermissionDenied, "test", "10.0.0.7 is private");
      }
      return Status(StatusCode::kUnavailable, "test", "connection refused");
    }
  } fetcher;
  RpcFixture fixture({}, 30'000, {.fetcher = &fetcher});
  fixture.ScriptNothing("one");
  lite::LoadCodeRequest load;
  load.set_id(fixture.Create("one"));
  const auto check = [&](const std::string& url, StatusCode code, std::string_view words) {
    lite::CreateWorkerRequest create = RpcFixture::Creation("");
    create.mutable_code_source()->set_url(url);
    lite::CreateWorkerResponse created;
    const GrpcReply made = fixture.Call("CreateWorker", create, created);
    load.mutable_code_source()->set_url(url);
    lite::LoadCodeResponse loaded;
    const GrpcReply swapped = fixture.Call("LoadCode", load, loaded);
    for (const GrpcReply& reply : {made, swapped}) {
      CHECK(reply.code == Number(code));
      CHECK_MESSAGE(Has(reply.message, words), reply.message);
    }
  };
  check("https://inside.test/w", StatusCode::kPermissionDenied, "10.0.0.7 is private");
  check("https://code.test/w", StatusCode::kUnavailable, "connection refused");
}

// Pins WM-61.
TEST_CASE("workers are recovered by a call, which counts them") {
  auto store = MakeMemoryStore(WallClock());
  Extras extras;
  extras.records = store.get();
  std::string running;
  {
    RpcFixture before({}, 30'000, extras);
    before.ScriptNothing("one");
    running = before.Create("one");
    CHECK(before.CallOf("StartWorker", running).code == kOkCode);
    (void)before.Create("one");
  }
  RpcFixture fixture({}, 30'000, extras);
  const auto recovered = [&] {
    lite::RecoverWorkersResponse response;
    REQUIRE(fixture.Call("RecoverWorkers", lite::RecoverWorkersRequest(), response).code ==
            kOkCode);
    return response.recovered_count();
  };
  CHECK(recovered() == 0);  // no script of that name
  fixture.ScriptNothing("one");
  CHECK(recovered() == 2);
  CHECK(recovered() == 0);  // all are loaded
  lite::ListWorkersResponse list;
  REQUIRE(fixture.Call("ListWorkers", lite::ListWorkersRequest(), list).code == kOkCode);
  REQUIRE(list.workers_size() == 2);
  for (const lite::WorkerInfo& info : list.workers()) {
    CHECK((info.status() == lite::WORKER_STATUS_RUNNING) == (info.id() == running));
  }
}

// Pins WM-62.
TEST_CASE("text that is no UTF-8 is refused by the name of its field") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  const std::string bad = "\xff";
  const auto refused = [&](const std::string& field, auto change) {
    lite::CreateWorkerRequest request = RpcFixture::Creation("one");
    change(request);
    lite::CreateWorkerResponse response;
    const GrpcReply reply = fixture.Call("CreateWorker", request, response);
    CHECK(reply.code == Number(StatusCode::kInvalidArgument));
    CHECK(reply.message == field + ": expected UTF-8, found other bytes");
  };
  refused("mime_type", [&](auto& request) { request.set_mime_type(bad); });
  refused("topics", [&](auto& request) { request.add_topics(bad); });
  refused("config", [&](auto& request) { (*request.mutable_config())[bad] = "x"; });
  refused("tags", [&](auto& request) { (*request.mutable_tags())["x"] = bad; });
  refused("code_source.url", [&](auto& request) { request.mutable_code_source()->set_url(bad); });
  const GrpcReply reply =
      fixture.client->Unary("/virtufin.WorkManager/StartWorker", "\x0a\x7f cut short");
  CHECK(reply.code == Number(StatusCode::kInvalidArgument));
  CHECK(Has(reply.message, "expected a StartWorkerRequest"));
}

// Pins WM-62.
TEST_CASE("a method that is not there is UNIMPLEMENTED by its name") {
  RpcFixture fixture;
  for (const char* path : {"/virtufin.WorkManager/Nothing", "/virtufin.Nothing/Start", "/x"}) {
    const GrpcReply reply = fixture.client->Unary(path, "");
    CHECK(reply.code == Number(StatusCode::kUnimplemented));
    CHECK(Has(reply.message, path));
  }
}

// Pins WM-63.
TEST_CASE("messages beyond the limit are refused both ways and other calls go on") {
  RpcServerOptions options;
  options.max_receive_bytes = 100'000;
  options.max_send_bytes = 50'000;
  RpcFixture fixture(options);
  fixture.ScriptNothing("one");
  lite::CreateWorkerRequest request = RpcFixture::Creation(std::string(100'001, 'x'));
  lite::CreateWorkerResponse response;
  CHECK(fixture.Call("CreateWorker", request, response).code ==
        Number(StatusCode::kResourceExhausted));
  request = RpcFixture::Creation("one");
  for (int i = 0; i < 50; ++i) (*request.mutable_tags())["t" + std::to_string(i)].append(1020, 'x');
  CHECK(fixture.Call("CreateWorker", request, response).code == kOkCode);
  lite::ListWorkersResponse list;
  CHECK(fixture.Call("ListWorkers", lite::ListWorkersRequest(), list).code ==
        Number(StatusCode::kResourceExhausted));
  CHECK(fixture.CallOf("StartWorker", response.id()).code == kOkCode);
}

// Pins WM-63.
TEST_CASE("requests in flight share a limit of bytes") {
  RpcServerOptions options;
  options.max_calls_bytes = 1000;
  RpcFixture fixture(options);
  fixture.ScriptNothing("one");
  lite::CreateWorkerResponse response;
  const GrpcReply reply =
      fixture.Call("CreateWorker", RpcFixture::Creation(std::string(1001, 'x')), response);
  CHECK(reply.code == Number(StatusCode::kResourceExhausted));
  CHECK(Has(reply.message, "bytes of requests in flight"));
  CHECK(fixture.server->counters().refused == 1);
  for (int i = 0; i < 50; ++i) {  // what was counted is given back
    while (fixture.server->counters().open != 0) std::this_thread::yield();
    (void)fixture.Create("one");
  }
}

// Pins WM-63.
TEST_CASE("packed requests are refused before they are unpacked, with a key and without") {
  RpcServerOptions options;
  options.keys = {{"alice", "correct horse"}};
  RpcFixture fixture(options);
  GrpcClientOptions packing;
  packing.gzip = true;
  packing.metadata = {{"x-api-key", "correct horse"}};
  GrpcClient client(fixture.Target(), packing);
  const std::string bomb(std::size_t{1} << 20, '\0');
  for (const char* path : {"/grpc.health.v1.Health/Check", "/virtufin.WorkManager/ListWorkers"}) {
    CHECK(client.Unary(path, bomb).code == Number(StatusCode::kUnimplemented));
  }
  CHECK(fixture.client->Unary("/grpc.health.v1.Health/Check", "").code == kOkCode);
}

// Pins WM-63.
TEST_CASE("health takes no call from those who have a key") {
  RpcServerOptions options;
  options.keys = {{"alice", "correct horse"}};
  options.max_calls = 1;
  RpcFixture fixture(options);
  GrpcClient alice(fixture.Target(), {{{"x-api-key", "correct horse"}}});
  std::vector<std::unique_ptr<GrpcClient::Stream>> watches;
  for (int i = 0; i < 3; ++i) {
    watches.push_back(GrpcClient(fixture.Target()).Open("/grpc.health.v1.Health/Watch"));
    std::string bytes;
    REQUIRE(watches.back()->Write(""));
    REQUIRE(watches.back()->Read(bytes));
  }
  CHECK(alice.Unary("/virtufin.WorkManager/ListWorkers", "").code == kOkCode);
  while (fixture.server->counters().open != 3) std::this_thread::yield();
  const auto held = alice.Open("/virtufin.WorkManager/ListWorkers");
  while (fixture.server->counters().open != 4) std::this_thread::yield();
  GrpcClient other(fixture.Target(), {{{"x-api-key", "correct horse"}}});
  const GrpcReply reply = other.Unary("/virtufin.WorkManager/ListWorkers", "");
  CHECK(reply.code == Number(StatusCode::kResourceExhausted));
  CHECK(Has(reply.message, "at most 1 calls"));
}

// Pins WM-64.
TEST_CASE("only the key of peers speaks for others, and its own name comes first") {
  RpcServerOptions options;
  options.keys = {{"bob", "battery"}, {"peer", "correct horse"}};
  RpcFixture fixture(options);
  fixture.ScriptNothing("one");
  const auto create = [&](const char* key, const std::string& behind) {
    GrpcClient client(fixture.Target(),
                      {{{"x-api-key", key}, {"x-virtufin-forwarded-for", behind}}});
    return client
        .Unary("/virtufin.WorkManager/CreateWorker",
               RpcFixture::Creation("one").SerializeAsString())
        .code;
  };
  CHECK(create("battery", "mallory") == kOkCode);
  CHECK(fixture.workers.log.Has("who=\"bob\" "));
  CHECK_FALSE(fixture.workers.log.Has("mallory"));
  CHECK(create("correct horse", "alice") == kOkCode);
  CHECK(fixture.workers.log.Has("who=\"peer for alice\" "));
  CHECK(create("correct horse", std::string(1000, 'x')) == kOkCode);
  CHECK(fixture.workers.log.Has("who=\"peer for " + std::string(128, 'x') + "\" "));
}

// Pins WM-64.
TEST_CASE("with keys a call needs one, health does not, and the audit names it") {
  RpcServerOptions options;
  options.keys = {{"alice", "correct horse"}, {"bob", "battery"}};
  RpcFixture fixture(options);
  fixture.ScriptNothing("one");
  const std::string create = RpcFixture::Creation("one").SerializeAsString();
  const auto call = [&](std::vector<std::pair<std::string, std::string>> metadata) {
    GrpcClient client(fixture.Target(), {std::move(metadata)});
    return client.Unary("/virtufin.WorkManager/CreateWorker", create);
  };
  const int refused = Number(StatusCode::kUnauthenticated);
  CHECK(call({}).code == refused);
  CHECK(Has(call({}).message, "x-api-key"));
  for (const char* key : {"", "correct hors", "correct horse!", "correct horsf", "Battery"}) {
    CHECK(call({{"x-api-key", key}}).code == refused);
  }
  CHECK(call({{"x-api-key", "battery"}, {"x-api-key", "battery"}}).code == refused);
  CHECK(fixture.client->Unary("/virtufin.WorkManager/Nothing", "").code == refused);
  auto stream = fixture.client->Open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  std::string body;
  CHECK_FALSE(stream->Read(body));
  CHECK(stream->Finish().code == refused);
  CHECK(fixture.client->Unary("/grpc.health.v1.Health/Check", "").code == kOkCode);
  CHECK(fixture.server->counters().unauthenticated == 10);

  CHECK(call({{"x-api-key", "battery"}}).code == kOkCode);
  CHECK(fixture.workers.log.Has("audit: who=\"bob\""));
  CHECK_FALSE(fixture.workers.log.Has("battery"));
}

// Pins WM-64.
TEST_CASE("without keys the audit names the caller's address") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  (void)fixture.Create("one");
  CHECK(fixture.workers.log.Has("audit: who=\"127.0.0.1:"));
}
