// A worker built against the frozen headers runs under the host of today.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"

using namespace virtufin;

// Pins WA-3.
TEST_CASE("a worker of the frozen ABI loads, calls its host, answers and goes") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>(
      [](std::string_view service, std::string_view method, std::string_view json) {
        return Result<std::string>(R"({"asked":")" + std::string(service) + "/" +
                                   std::string(method) + R"(","with":)" + std::string(json) + "}");
      });
  auto worker = LoadWorker(*engine, NativeFile(OLD_WORKER), host);
  const CloudEvent event = EventOf("any", "data");
  const CallOutcome outcome = Call(*worker, event);
  REQUIRE_MESSAGE(outcome.reply.has_value(), outcome.status.ToString());
  CHECK(outcome.reply->id() == event.id());
  CHECK(outcome.reply->type() == "old.reply");
  CHECK(outcome.reply->source() == "urn:test:old");
  CHECK(outcome.reply->data_text() == R"({"asked":"a.Service/Method","with":{"a":1}})");
  worker.reset();
  CHECK(host->lines() == std::vector<std::string>{
                             "3 6e9f1d3c-0000-4000-8000-000000000001 has 2 topics, the first is "
                             "act.a; host ABI 2",
                             "2 shutdown"});
}
