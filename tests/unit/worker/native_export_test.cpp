// The bridge from the C functions to Worker objects, called as a host calls it.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/wire.hpp"
#include "virtufin/worker/native_export.hpp"

using namespace virtufin;

namespace {

/// A host that answers gateway calls with what it is told to, and counts what comes back. Its
/// engine_ptr is another address than that of its struct: functions are to get the former.
struct FakeHost {
  static FakeHost& At(void* ctx) {
    auto& self = *static_cast<FakeHost*>(ctx);
    REQUIRE(self.mark == kMark);
    return self;
  }
  FakeHost() {
    host.engine_ptr = this;
    host.abi_version = 1;
    host.log = [](void* ctx, std::int32_t level, const char* message) {
      At(ctx).lines.push_back(std::to_string(level) + " " + message);
    };
    host.gateway_call = [](void* ctx, const char* service, const char* method,
                           const std::uint8_t* req, std::int32_t req_len, std::uint8_t** resp,
                           std::int32_t* resp_len) -> std::int32_t {
      auto& self = At(ctx);
      self.asked =
          std::string(service) + " " + method + " " +
          std::string(reinterpret_cast<const char*>(req), static_cast<std::size_t>(req_len));
      if (self.answer.has_value()) {
        *resp = static_cast<std::uint8_t*>(std::malloc(self.answer->size() + 1));
        std::memcpy(*resp, self.answer->data(), self.answer->size());
        *resp_len = static_cast<std::int32_t>(self.answer->size());
        ++self.responses_out;
      }
      return self.code;
    };
    host.free_response = [](void* ctx, std::uint8_t* resp) {
      if (resp != nullptr) --At(ctx).responses_out;
      std::free(resp);
    };
  }
  static constexpr std::uint64_t kMark = 0x686f737420697420;
  std::uint64_t mark = kMark;
  VirtufinHost host{};
  std::vector<std::string> lines;
  std::string asked;
  std::optional<std::string> answer;
  std::int32_t code = 0;
  int responses_out = 0;
};

/// What each function of the extensions answers, a line each.
std::string UseExtensions(WorkerContext& host, const CloudEvent& event) {
  std::string text;
  for (const Status& status :
       {host.Info().status(), host.Publish("t", event), host.GetState("k").status(),
        host.SetState("k", "v").status(), host.DeleteState("k").status(), host.Now().status(),
        host.TimeLeft().status(), host.StartTimer({}).status(), host.CancelTimer(1)}) {
    text += status.ToString() + "\n";
  }
  return text;
}

std::atomic<int> alive{0};

class TestWorker final : public Worker {
 public:
  TestWorker() {
    if (fail_to_make) throw std::runtime_error("no room");
    if (makers_to_wait_for > 0) {
      ++makers;
      while (makers < makers_to_wait_for) std::this_thread::yield();
    }
    ++alive;
    if (auto* const context = WorkerContext::Current()) context->Log(LogLevel::kInfo, "made");
  }
  ~TestWorker() override {
    if (auto* const context = WorkerContext::Current()) context->Log(LogLevel::kInfo, "gone");
    --alive;
  }
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const std::string_view type = event.type();
    CHECK(WorkerContext::Current() != nullptr);
    if (type == "log") {
      for (const LogLevel level : {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo,
                                   LogLevel::kWarn, LogLevel::kError}) {
        WorkerContext::Current()->Log(level, "said");
      }
    }
    if (type == "none") return std::optional<CloudEvent>();
    if (type == "status") return Status(StatusCode::kNotFound, "book", "no such pair");
    if (type == "throw") throw std::runtime_error("boom");
    if (type == "throw_int") throw 1;
    std::string text(event.data_text());
    if (type == "large") text.resize(kMaxEventBytes - 64, 'x');
    if (type == "count") text = std::to_string(++calls_);
    if (type == "gateway") {
      const auto answer = HostGateway(*WorkerContext::Current()).Invoke("svc", "Do", "{\"a\":1}");
      text = answer.ok() ? *answer : answer.status().ToString();
    }
    if (type == "nul") {
      WorkerContext& host = *WorkerContext::Current();
      const std::string_view cut("a\0b", 3);
      text = host.InvokeGateway(cut, "m", "{}").status().ToString() + "\n" +
             host.InvokeGateway("s", cut, "{}").status().ToString();
    }
    if (type == "extensions") text = UseExtensions(*WorkerContext::Current(), event);
    auto reply = CloudEvent::Builder().Source("urn:w").Type("replied").TextData(text).Build();
    if (!reply.ok()) return reply.status();
    return std::optional(*std::move(reply));
  }

  static inline bool fail_to_make = false;
  static inline int makers_to_wait_for = 0;  // constructors that must run at once
  static inline std::atomic<int> makers{0};

 private:
  int calls_ = 0;
};

using Bridge = NativeWorker<TestWorker>;

/// The reply's data, "no reply", or the error text.
std::string Ask(const FakeHost& fake, std::string_view type, std::string_view data = "data") {
  const auto event =
      CloudEvent::Builder().Source("urn:t").Type(type).BinaryData(AsBytes(data)).Build();
  const auto input = EncodeCloudEvent(event.value());
  std::uint8_t* out = nullptr;
  std::int32_t size = 0;
  REQUIRE(Bridge::Process(&fake.host, input->bytes().data(),
                          static_cast<std::int32_t>(input->size()), &out, &size) == 0);
  CHECK(WorkerContext::Current() == nullptr);
  if (out == nullptr) return "no reply";
  CHECK(reinterpret_cast<std::uintptr_t>(out) % 8 == 0);
  const auto response = DecodeWorkerResponse({out, static_cast<std::size_t>(size)});
  REQUIRE(response.ok());
  CHECK(response->event.has_value() != response->error.has_value());
  std::string text(response->event.has_value() ? response->event->data_text() : *response->error);
  Bridge::FreeResult(out);
  return text;
}

}  // namespace

// Pins WA-31.
TEST_CASE("a reply, silence, a status and an exception cross the ABI") {
  FakeHost fake;
  CHECK(Ask(fake, "echo", "some data") == "some data");
  CHECK(Ask(fake, "none") == "no reply");
  CHECK(Ask(fake, "status") == "NOT_FOUND [book]: no such pair");
  CHECK(Ask(fake, "throw") == "exception left Process: boom");
  CHECK(Ask(fake, "throw_int") == "exception left Process: an exception of unknown type");
  Bridge::Shutdown(&fake.host);
}

TEST_CASE("a reply that the wire cannot carry is an error that says so") {
  FakeHost fake;
  CHECK(Ask(fake, "large").starts_with("the reply: RESOURCE_EXHAUSTED [event]: "));
  Bridge::Shutdown(&fake.host);
}

// Pins WA-31.
TEST_CASE("each host has a worker of its own from Init or the first call to Shutdown") {
  FakeHost first, second;
  REQUIRE(Bridge::Init(&first.host) == 0);
  CHECK(alive.load() == 1);
  CHECK(first.lines == std::vector<std::string>{"2 made"});
  CHECK(Ask(first, "count") == "1");
  CHECK(Ask(second, "count") == "1");
  CHECK(Ask(first, "count") == "2");
  CHECK(alive.load() == 2);
  Bridge::Shutdown(&first.host);
  CHECK(first.lines == std::vector<std::string>{"2 made", "2 gone"});
  CHECK(alive.load() == 1);
  CHECK(Ask(second, "count") == "2");
  Bridge::Shutdown(&second.host);
  Bridge::Shutdown(&second.host);
  CHECK(alive.load() == 0);
}

TEST_CASE("a worker that cannot be made fails Init with its reason in the log, and each call") {
  FakeHost fake;
  TestWorker::fail_to_make = true;
  CHECK(Bridge::Init(&fake.host) == 13);
  CHECK(fake.lines == std::vector<std::string>{"4 the worker's constructor threw: no room"});
  CHECK(Ask(fake, "echo") == "exception left Process: no room");
  TestWorker::fail_to_make = false;
  CHECK(Ask(fake, "echo") == "data");
  Bridge::Shutdown(&fake.host);
}

TEST_CASE("what is no event is answered with an error") {
  FakeHost fake;
  std::uint8_t* out = nullptr;
  std::int32_t size = 0;
  alignas(8) const std::uint8_t garbage[16] = {1, 2, 3};
  for (const std::int32_t length : {16, 0, -3}) {
    REQUIRE(Bridge::Process(&fake.host, garbage, length, &out, &size) == 0);
    const auto response = DecodeWorkerResponse({out, static_cast<std::size_t>(size)});
    REQUIRE(response.ok());
    CHECK(response->error->starts_with("not an event: "));
    Bridge::FreeResult(out);
  }
  CHECK(alive.load() == 0);
}

TEST_CASE("log lines cross the ABI with their level") {
  FakeHost fake;
  Ask(fake, "log");
  CHECK(fake.lines ==
        std::vector<std::string>{"2 made", "0 said", "1 said", "2 said", "3 said", "4 said"});
  Bridge::Shutdown(&fake.host);
}

TEST_CASE("a NUL in the name of a service or method is refused, not cut") {
  FakeHost fake;
  CHECK(Ask(fake, "nul") ==
        "INVALID_ARGUMENT [worker]: service: expected text without NUL, found one\n"
        "INVALID_ARGUMENT [worker]: method: expected text without NUL, found one");
  CHECK(fake.asked.empty());
  Bridge::Shutdown(&fake.host);
}

TEST_CASE("a gateway answer comes back and its memory goes back") {
  FakeHost fake;
  fake.answer = R"({"ok":true})";
  CHECK(Ask(fake, "gateway") == R"({"ok":true})");
  CHECK(fake.asked == R"(svc Do {"a":1})");
  fake.answer.reset();
  CHECK(Ask(fake, "gateway") == "");
  CHECK(fake.responses_out == 0);
  Bridge::Shutdown(&fake.host);
}

TEST_CASE("a gateway error comes back with its code and message") {
  FakeHost fake;
  const auto ask = [&fake](std::int32_t code, std::optional<std::string> body) {
    fake.code = code;
    fake.answer = std::move(body);
    const std::string text = Ask(fake, "gateway");
    CHECK(fake.responses_out == 0);
    return text;
  };
  CHECK(ask(5, R"({"error":{"code":5,"message":"no such thing"}})") ==
        "NOT_FOUND [worker]: no such thing");
  CHECK(ask(9,
            R"({ "error" : { "message" : "a \"b\" \\ \/ \n \u0041\u00e9\u20ac\ud83d\ude00" } })") ==
        "FAILED_PRECONDITION [worker]: a \"b\" \\ / \n A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(ask(14, "plain words") == "UNAVAILABLE [worker]: plain words");
  CHECK(ask(14, R"({"message":7,"error":"message"})") ==
        R"(UNAVAILABLE [worker]: {"message":7,"error":"message"})");
  CHECK(ask(14, R"({"message":"cut)") == R"(UNAVAILABLE [worker]: {"message":"cut)");
  CHECK(ask(14, R"({"message":"\ud83d"})") == R"(UNAVAILABLE [worker]: {"message":"\ud83d"})");
  CHECK(ask(99, std::nullopt) == "UNKNOWN [worker]: ");
  CHECK(ask(-1, R"({"message":""})") == "UNKNOWN [worker]: ");
  Bridge::Shutdown(&fake.host);
}

// Pins WA-31.
TEST_CASE("two first calls of one host at once leave it one worker") {
  FakeHost fake;
  fake.host.log = [](void*, std::int32_t, const char*) {};
  TestWorker::makers_to_wait_for = 2;
  const auto call = [&] { CHECK(Bridge::Init(&fake.host) == 0); };
  std::thread other(call);
  call();
  other.join();
  TestWorker::makers_to_wait_for = 0;
  CHECK(TestWorker::makers == 2);
  CHECK(alive == 1);
  Bridge::Shutdown(&fake.host);
  CHECK(alive == 0);
}

TEST_CASE("hosts come, call and go concurrently") {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&right] {
      const auto event = CloudEvent::Builder().Source("urn:t").Type("count").Build();
      const auto input = EncodeCloudEvent(event.value());
      for (int round = 0; round < 50; ++round) {
        FakeHost fake;
        for (int call = 1; call <= 5; ++call) {
          std::uint8_t* out = nullptr;
          std::int32_t size = 0;
          Bridge::Process(&fake.host, input->bytes().data(),
                          static_cast<std::int32_t>(input->size()), &out, &size);
          const auto response = DecodeWorkerResponse({out, static_cast<std::size_t>(size)});
          if (response.ok() && response->event.has_value() &&
              response->event->data_text() == std::to_string(call)) {
            right.fetch_add(1);
          }
          Bridge::FreeResult(out);
        }
        Bridge::Shutdown(&fake.host);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right.load() == 1000);
  CHECK(alive.load() == 0);
}

// Pins SDK-61.
TEST_CASE("where a host has no tables the context says which one is missing") {
  std::string expected;
  for (const char* table :
       {"worker", "publish", "state", "state", "state", "clock", "clock", "timer", "timer"}) {
    expected += "FAILED_PRECONDITION [worker]: this host does not offer virtufin." +
                std::string(table) + "/1\n";
  }
  FakeHost fake;
  CHECK(Ask(fake, "extensions") == expected);
  Bridge::Shutdown(&fake.host);

  // The same of one that knows the names, but has tables from before their functions.
  FakeHost early;
  early.host.abi_version = 2;
  early.host.struct_size = sizeof(VirtufinHost);
  early.host.get_extension = [](void*, const char*) -> const void* {
    static constexpr std::uint32_t kShort[2] = {8, 0};
    return kShort;
  };
  CHECK(Ask(early, "extensions") == expected);
  Bridge::Shutdown(&early.host);
}
