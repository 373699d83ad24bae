// Workers of the application itself, by factory.
#include "virtufin/engine/inproc.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "unit/engine/fixture.hpp"

using namespace virtufin;

namespace {

using Reply = Result<std::optional<CloudEvent>>;
using Handler = std::function<Reply(const CloudEvent&)>;

class HandlerWorker final : public Worker {
 public:
  explicit HandlerWorker(Handler handler) : handler_(std::move(handler)) {}
  Reply Process(const CloudEvent& event) override { return handler_(event); }

 private:
  const Handler handler_;
};

Reply Text(std::string_view text) {
  auto event = CloudEvent::Builder().Source("urn:w").Type("replied").TextData(text).Build();
  if (!event.ok()) return event.status();
  return std::optional(*std::move(event));
}

struct InProc {
  EngineRegistry registry;
  std::shared_ptr<RecordingHost> host = std::make_shared<RecordingHost>();

  InProc() { REQUIRE(registry.Register(MakeInProcEngine()).ok()); }

  Result<std::unique_ptr<LoadedWorker>> Load(std::string_view name) {
    WorkerCode code{std::string(kInProcMimeType), "", {name.begin(), name.end()}};
    return (*registry.Find(kInProcMimeType))->Load(code, TestIdentity(), host);
  }
  std::unique_ptr<LoadedWorker> Make(Handler handler) {
    REQUIRE(RegisterWorkerFactory(registry, "handler", [handler] {
              return std::make_unique<HandlerWorker>(handler);
            }).ok());
    auto worker = Load("handler");
    REQUIRE(worker.ok());
    return *std::move(worker);
  }
};

}  // namespace

// Pins WA-32.
TEST_CASE("a registered factory makes a worker of its own for each load") {
  InProc inproc;
  CHECK((*inproc.registry.Find(kInProcMimeType))->Describe().language == "C++");
  REQUIRE(RegisterWorkerFactory(inproc.registry, "counter", [] {
            return std::make_unique<HandlerWorker>(
                [calls = 0](const CloudEvent&) mutable { return Text(std::to_string(++calls)); });
          }).ok());
  auto first = inproc.Load("counter");
  auto second = inproc.Load("counter");
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(Answer(**first, "x") == "1");
  CHECK(Answer(**first, "x") == "2");
  CHECK(Answer(**second, "x") == "1");
}

TEST_CASE("a factory name is taken once, and an unknown one is answered with those that exist") {
  InProc inproc;
  const auto factory = [] { return std::make_unique<HandlerWorker>(nullptr); };
  CHECK(RegisterWorkerFactory(inproc.registry, "b", factory).ok());
  CHECK(RegisterWorkerFactory(inproc.registry, "a", factory).ok());
  CHECK(RegisterWorkerFactory(inproc.registry, "a", factory).code() == StatusCode::kAlreadyExists);
  CHECK(RegisterWorkerFactory(inproc.registry, "", factory).code() == StatusCode::kInvalidArgument);
  CHECK(RegisterWorkerFactory(inproc.registry, "c", nullptr).code() ==
        StatusCode::kInvalidArgument);
  CHECK(RegisterWorkerFactory(EngineRegistry(), "a", factory).code() ==
        StatusCode::kFailedPrecondition);
  const Status status = inproc.Load("c").status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == "no factory is called 'c': expected one of [a, b]");
}

TEST_CASE("a factory that throws or makes nothing fails the load") {
  InProc inproc;
  REQUIRE(RegisterWorkerFactory(inproc.registry, "throws", []() -> std::unique_ptr<Worker> {
            throw std::runtime_error("no licence");
          }).ok());
  REQUIRE(RegisterWorkerFactory(inproc.registry, "null", [] {
            return std::unique_ptr<Worker>();
          }).ok());
  CHECK(inproc.Load("throws").status().message() == "the factory 'throws' threw: no licence");
  CHECK(inproc.Load("null").status().message() == "the factory 'null' made no worker");
}

// Pins WA-32.
TEST_CASE("a handler's reply, silence, status and exception become the outcome") {
  InProc inproc;
  const auto worker = inproc.Make([](const CloudEvent& event) -> Reply {
    if (event.type() == "none") return std::optional<CloudEvent>();
    if (event.type() == "status") return Status(StatusCode::kNotFound, "book", "no such pair");
    if (event.type() == "throw") throw std::runtime_error("boom");
    if (event.type() == "throw_int") throw 1;
    return Text(event.data_text());
  });
  CHECK(Answer(*worker, "echo", "text") == "text");
  CHECK(Answer(*worker, "none") == "no reply");
  CHECK(Answer(*worker, "status") == "NOT_FOUND [book]: no such pair");
  const CallOutcome thrown = Call(*worker, "throw");
  CHECK(thrown.status.code() == StatusCode::kInternal);
  CHECK(thrown.status.message() == "exception left Process: boom");
  CHECK_FALSE(thrown.degrades);
  CHECK(Call(*worker, "throw_int").status.message() ==
        "exception left Process: an exception of unknown type");
}

// Pins WA-32.
TEST_CASE("the config is stamped on the event a handler gets; what the event has wins") {
  InProc inproc;
  const auto worker =
      inproc.Make([](const CloudEvent& event) { return Text(event.ExtensionText("depth")); });
  const std::pair<std::string_view, std::string_view> config[] = {{"depth", "5"}};
  const auto overlay = ExtensionOverlay::Make(config);
  REQUIRE(overlay.ok());
  CHECK(Call(*worker, EventOf("x"), &*overlay).reply->data_text() == "5");
  const auto own =
      CloudEvent::Builder(EventOf("x")).Extension("depth", std::string_view("7")).Build();
  REQUIRE(own.ok());
  CHECK(Call(*worker, *own, &*overlay).reply->data_text() == "7");
}

TEST_CASE("the context is there inside a call and nowhere else") {
  InProc inproc;
  WorkerContext* seen = nullptr;
  const auto worker = inproc.Make([&seen](const CloudEvent&) -> Reply {
    seen = WorkerContext::Current();
    seen->Log(LogLevel::kInfo, "inside");
    const auto answer = HostGateway(*seen).Invoke("s", "m", "{}");
    return Text(answer.status().ToString());
  });
  CHECK(WorkerContext::Current() == nullptr);
  CHECK(Answer(*worker, "x") == "UNAVAILABLE [test]: no gateway here");
  CHECK(WorkerContext::Current() == nullptr);
  REQUIRE(seen != nullptr);
  seen->Log(LogLevel::kInfo, "outside");
  CHECK(seen->InvokeGateway("s", "m", "{}").status().code() == StatusCode::kFailedPrecondition);
  CHECK(inproc.host->lines() == std::vector<std::string>{"2 inside"});
}

TEST_CASE("a call inside a call has its own context and gives the outer one back") {
  InProc inproc;
  InProc inner_inproc;
  const auto inner = inner_inproc.Make([](const CloudEvent&) {
    WorkerContext::Current()->Log(LogLevel::kInfo, "inner");
    return Text("inner");
  });
  const auto outer = inproc.Make([&inner](const CloudEvent&) {
    Call(*inner, "x");
    WorkerContext::Current()->Log(LogLevel::kInfo, "outer");
    return Text("outer");
  });
  CHECK(Answer(*outer, "x") == "outer");
  CHECK(inproc.host->lines() == std::vector<std::string>{"2 outer"});
  CHECK(inner_inproc.host->lines() == std::vector<std::string>{"2 inner"});
}

TEST_CASE("an abandoned call keeps its worker until it returns") {
  struct Destroyed {
    std::shared_ptr<bool> flag = std::make_shared<bool>(true);
  };
  InProc inproc;
  std::unique_ptr<LoadedWorker> worker;
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = alive;
  worker = inproc.Make([&worker, alive = std::move(alive), &weak](const CloudEvent&) {
    worker->Abandon();
    worker.reset();
    CHECK_FALSE(weak.expired());
    CHECK(WorkerContext::Current()->InvokeGateway("s", "m", "{}").status().code() ==
          StatusCode::kFailedPrecondition);
    return Text("late");
  });
  const auto sink = std::make_shared<KeepOutcome>();
  worker->Process(Message("topic", EventOf("x")), nullptr, sink);
  REQUIRE(sink->times == 1);
  CHECK(sink->outcome.reply->data_text() == "late");
  CHECK(worker == nullptr);
  CHECK_FALSE(weak.expired());  // the factory has a copy
}

namespace {

class Elsewhere final : public GatewayClient {
 public:
  explicit Elsewhere(std::string name) : name_(std::move(name)) {}
  Result<std::string> Invoke(std::string_view, std::string_view, std::string_view) override {
    return name_;
  }

 private:
  const std::string name_;
};

}  // namespace

// Pins SDK-17.
TEST_CASE("a worker dials with what its engine was given, within its calls") {
  EngineRegistry registry;
  REQUIRE(registry
              .Register(MakeInProcEngine([](std::string_view host, std::uint16_t port) {
                return std::unique_ptr<GatewayClient>(
                    host == "nowhere" ? nullptr
                                      : std::make_unique<Elsewhere>(std::string(host) + ":" +
                                                                    std::to_string(port)));
              }))
              .ok());
  WorkerContext* context = nullptr;
  REQUIRE(RegisterWorkerFactory(registry, "dials", [&context] {
            return std::make_unique<HandlerWorker>([&context](const CloudEvent& event) -> Reply {
              context = WorkerContext::Current();
              const auto client = context->DialGateway(event.type(), 7);
              if (client == nullptr) return Text("none");
              return Text(client->Invoke("s", "m", "{}").value());
            });
          }).ok());
  const std::string name = "dials";
  const WorkerCode code{std::string(kInProcMimeType), "", {name.begin(), name.end()}};
  auto worker = (*registry.Find(kInProcMimeType))
                    ->Load(code, TestIdentity(), std::make_shared<RecordingHost>());
  REQUIRE(worker.ok());
  CHECK(Answer(**worker, "away") == "away:7");
  CHECK(Answer(**worker, "nowhere") == "none");
  CHECK(context->DialGateway("away", 7) == nullptr);
}
