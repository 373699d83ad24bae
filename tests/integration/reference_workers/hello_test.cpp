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
  const auto json = [&row](const char* name, std::string_view data) {
    return row(name, [data](auto& builder) { builder.JsonData(data, Validate::kTrusted); });
  };
  const auto binary = [&row](const char* name, const char* type, std::string_view data) {
    return row(name, [type, data](auto& builder) {
      if (*type != '\0') builder.DataContentType(type);
      builder.BinaryData(AsBytes(data));
    });
  };
  const auto nested = [&json](const char* name, int levels) {
    const auto inner = static_cast<std::size_t>(levels - 1);  // within the object
    const std::string deep = std::string(inner, '[') + "1" + std::string(inner, ']');
    return json(name, R"({"name":"Ada","x":)" + deep + "}");
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
      // Bytes are what their media type says.
      binary("Ada", "", R"({"name":"Ada"})"),
      binary("Ada", "application/json", R"({"name":"Ada"})"),
      binary("Ada", "application/vnd.desk+json; v=1", R"({"name":"Ada"})"),
      binary("Ada", "", "\xef\xbb\xbf{\"name\":\"Ada\"}"),
      binary("world", "application/octet-stream", R"({"name":"Ada"})"),
      binary("world", "application/json", "{\"name\":"),
      binary("world", "application/json", std::string_view("{\"name\":\"Ada\"}\0", 15)),
      nested("Ada", 64),
      nested("world", 65),
      json("world", R"({"name":"Ada","x":1e999})"),
      json("world", R"({"name":"Ada","x":-1.8e308})"),
      json("Ada", R"({"name":"Ada","x":1.79e308})"),
      json("Ada", R"({"name":"Ada","x":[1e-999,0e999,0.00012,1234567890123456789012345]})"),
      json("Ada", R"({"name":7,"name":"Ada"})"),
  };
  for (const Row& one : rows) {
    CAPTURE(one.name);
    CAPTURE(one.input.data_text());
    const CallOutcome outcome = Call(worker, one.input);
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    REQUIRE(outcome.reply.has_value());
    CHECK(Json::parse(outcome.reply->data_text()) ==
          Json{{"message", "Hello, " + std::string(one.name) + "!"}});
    CHECK(outcome.reply->type() == "com.example.hello.response");
    CHECK(outcome.reply->source() == "urn:com.example.hello");
    CHECK(outcome.reply->ExtensionText("correlationid") == "c-3");
    CHECK(outcome.reply->data_content_type() == "application/json");
  }
  const CloudEvent alone = CloudEvent::Builder().Source("urn:test").Type("greet").Build().value();
  CHECK_FALSE(Call(worker, alone).reply->FindExtension("correlationid").has_value());
  const CloudEvent empty =
      CloudEvent::Builder(alone).Extension("correlationid", "").Build().value();
  CHECK(Call(worker, empty).reply->FindExtension("correlationid").has_value());
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
