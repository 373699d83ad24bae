// ApiWorker and ApiCommandWorker: which gateway they talk to.
#include <doctest/doctest.h>

#include <array>

#include "unit/worker/typed_worker_fixture.hpp"
#include "virtufin/worker/api_worker.hpp"

using namespace virtufin;

namespace {

enum class Ask { kGo };
constexpr auto CommandNames(Ask) { return std::to_array<CommandName<Ask>>({{Ask::kGo, "go"}}); }

/// Answers what its gateway answers.
class Asker final : public ApiCommandWorker<Ask> {
 public:
  Asker() : ApiCommandWorker("urn:test:asker", "test.asker") {}
  Asker(std::string host, std::uint16_t port)
      : ApiCommandWorker("urn:test:asker", "test.asker", std::move(host), port) {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext&, const CloudEvent&, Ask,
                                            const Json& payload) override {
    if (Status status = EnsureClientFromCommand(payload); !status.ok()) {
      return ErrorPayload(status.message());
    }
    GatewayClient* const gateway = Api();
    if (gateway == nullptr) return ErrorPayload("no gateway");
    return Json{{"from", gateway->Invoke("s", "m", "{}").value()}};
  }
};

std::string From(Asker& worker, std::string_view json) {
  const Json reply = Json::parse(ReplyOf(worker, JsonInput(json)).data_text());
  return reply.value("from", reply.value("message", ""));
}

constexpr std::string_view kGo = R"({"command":"go"})";

}  // namespace

// Pins SDK-16.
TEST_CASE("the host's gateway answers where none was named or none can be dialled") {
  RecordingContext context;
  const WorkerContext::Scope scope(&context);
  Asker plain;
  CHECK(From(plain, kGo) == "the host's");
  CHECK(context.dialled.empty());
  CHECK(From(plain, R"({"command":"go","api_host":"away"})") == "the host's");
  CHECK(context.dialled == std::vector<std::string>{"away:5002"});
  CHECK(context.calls.size() == 2);
}

// Pins SDK-17.
TEST_CASE("a gateway that is named is dialled once, and replaced by a different one") {
  RecordingContext context;
  context.dials = true;
  const WorkerContext::Scope scope(&context);
  Asker worker;
  CHECK(From(worker, R"({"command":"go","api_host":"a"})") == "a:5002");
  CHECK(From(worker, kGo) == "a:5002");
  CHECK(From(worker, R"({"command":"go","data":{"api_host":"a:5002"}})") == "a:5002");
  CHECK(context.dialled.size() == 1);
  CHECK(From(worker, R"({"command":"go","api_host":"a:7"})") == "a:7");
  CHECK(From(worker, R"({"command":"go","api_host":"[::1]:8"})") == "::1:8");
  CHECK(context.dialled.size() == 3);
}

TEST_CASE("a gateway given to the constructor is dialled at the first call") {
  RecordingContext context;
  context.dials = true;
  const WorkerContext::Scope scope(&context);
  Asker worker("eager", 9);
  CHECK(context.dialled.empty());
  CHECK(From(worker, kGo) == "eager:9");
}

// Pins SDK-18.
TEST_CASE("a host that is none is refused, and the one before stays") {
  RecordingContext context;
  context.dials = true;
  const WorkerContext::Scope scope(&context);
  Asker worker("first", 1);
  for (const char* host : {"", ":1", "a:", "a:0", "a:65536", "a:1x", "[::1", "[::1]7", "a:-1"}) {
    CAPTURE(host);
    CHECK(From(worker, Json{{"command", "go"}, {"api_host", host}}.dump())
              .starts_with("api_host: expected"));
    CHECK(From(worker, kGo) == "first:1");
  }
}

TEST_CASE("outside of a call there is no gateway") {
  Asker worker;
  CHECK(From(worker, kGo) == "no gateway");
}
