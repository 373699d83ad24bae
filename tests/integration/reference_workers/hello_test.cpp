// The greeters in C, in C++ and in process: the same replies to any event.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "../../../examples/workers/hello_cpp.cpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"

using namespace virtufin;

namespace {

void CheckGreetings(LoadedWorker& worker) {
  struct Row {
    CloudEvent input;
    const char* name;
  };
  const auto row = [](const char* name, auto set_data) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("greet").Extension("correlationid", "c-3");
    set_data(builder);
    return Row{builder.Build().value(), name};
  };
  const auto json = [&row](const char* name, const char* data) {
    return row(name, [data](auto& builder) { builder.JsonData(data, Validate::kTrusted); });
  };
  const Row rows[] = {
      row("world", [](auto&) {}),
      row("world", [](auto& builder) { builder.TextData(R"({"name":"Ada"})"); }),
      row("world", [](auto& builder) { builder.BinaryData(AsBytes("\x01\x02")); }),
      json("Ada", R"({"name":"Ada"})"),
      json("Zo\u00eb \"Z\"", R"({"other":1,"name":"Zo\u00eb \"Z\""})"),
      json("world", R"({"name":7})"),
      json("world", R"(["name"])"),
      json("world", "null"),
      json("world", "{\"name\":"),
  };
  for (const Row& one : rows) {
    CAPTURE(one.name);
    const CallOutcome outcome = Call(worker, one.input);
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    REQUIRE(outcome.reply.has_value());
    CHECK(nlohmann::json::parse(outcome.reply->data_text()) ==
          nlohmann::json{{"message", "Hello, " + std::string(one.name) + "!"}});
    CHECK(outcome.reply->type() == "com.example.hello.response");
    CHECK(outcome.reply->source() == "urn:com.example.hello");
    CHECK(outcome.reply->data_content_type() == "application/json");
  }
}

}  // namespace

// Pins SDK-47.
TEST_CASE("the greeter answers alike in C, in C++ and in process") {
  const auto host = std::make_shared<RecordingHost>();
  const std::unique_ptr<Engine> native = MakeNativeEngine();
  SUBCASE("C") { CheckGreetings(*LoadWorker(*native, NativeFile(WORKERS "/libhello_c.so"), host)); }
  SUBCASE("C++") {
    CheckGreetings(*LoadWorker(*native, NativeFile(WORKERS "/libhello_cpp.so"), host));
  }
  SUBCASE("in process") {
    EngineRegistry registry;
    REQUIRE(registry.Register(MakeInProcEngine()).ok());
    REQUIRE(RegisterWorkerFactory(registry, "hello", [] {
              return std::make_unique<hello::Hello>();
            }).ok());
    const std::string name = "hello";
    const WorkerCode code{std::string(kInProcMimeType), {}, {name.begin(), name.end()}};
    CheckGreetings(*LoadWorker(*registry.Find(kInProcMimeType).value(), code, host));
  }
}
