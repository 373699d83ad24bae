// The echo worker in process, as a library, as a package and as a zip: the same replies to the same
// inputs, error texts included.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../../examples/workers/echo.cpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/engine/package_names.hpp"
#include "virtufin/engine/packer.hpp"

using namespace virtufin;

namespace {

struct Row {
  std::string data;  // JSON unless a media type says otherwise
  std::string reply;
  std::string media_type = {};
  DataKind kind = DataKind::kJson;
};

std::string Error(std::string_view message) {
  return Json{{"command", "error"}, {"message", message}, {"success", false}}.dump();
}
std::string Unknown(std::string_view name) {
  return Error("Unknown command: " + std::string(name));
}

// In order: the worker remembers whether it is on.
std::vector<Row> Table() {
  const std::string off =
      R"({"command":"echo","message":"Echo is off; send 'start' first","success":false})";
  const std::string on = R"({"command":"start","echoing":true,"success":true})";
  const std::string stopped = R"({"command":"stop","echoing":false,"success":true})";
  const auto said = [](std::string_view text) {
    return Json{{"command", "echo"}, {"echo", text}, {"success", true}}.dump();
  };
  const std::string missing = Error("Missing 'command' field");
  const std::string no_json = Error("Failed to parse command JSON");
  const std::string deep =
      "{\"command\":\"stop\",\"data\":" + std::string(70, '[') + std::string(70, ']') + "}";
  return {
      {R"({"command":"echo"})", off},
      {R"({"command":"echo","data":{"message":"hi"}})", off},
      {R"({"command":"stop"})", stopped},
      {R"({"command":"start"})", on},
      {R"({"command":"start"})", on},
      {R"({"command":"echo","data":{"message":"hi"}})", said("hi")},
      {R"({"command":"echo","message":"top"})", said("top")},
      {R"({"command":"echo","message":"top","data":{"message":"inner"}})", said("inner")},
      {R"({"command":"echo"})", said("")},
      {R"({"command":"echo","data":{}})", said("")},
      {R"({"command":"echo","data":{"message":null}})", said("")},
      {R"({"command":"echo","data":{"message":7}})", said("")},
      {R"({"command":"echo","data":[1,2]})", said("")},
      {R"({"command":"echo","data":{"message":"\u20ac \ud83d\ude00 \"\\\n"}})",
       said("\u20ac \U0001F600 \"\\\n")},
      {R"({"command":"ECHO","data":{"message":"case"}})", said("case")},
      {R"({"command":"Echo","api_host":"away:1","data":{"message":"host"}})", said("host")},
      {R"({"command":"STOP"})", stopped},
      {R"({"command":"echo"})", off},
      {R"({"command":"","data":{}})", Unknown("")},
      {R"({"command":"shout"})", Unknown("shout")},
      {R"({"command":"Shout \u00e9"})", Unknown("Shout \u00e9")},
      {R"({"command":"0"})", Unknown("0")},
      {R"({"command":"1"})", Unknown("1")},
      {R"({"command":"start,stop"})", Unknown("start,stop")},
      {R"({"command":" start"})", Unknown(" start")},
      {R"({"command":"kStart"})", Unknown("kStart")},
      {R"({})", missing},
      {R"({"command":null})", missing},
      {R"({"command":1})", missing},
      {R"({"command":true})", missing},
      {R"({"command":["start"]})", missing},
      {R"({"data":{"command":"start"}})", missing},
      {R"({"COMMAND":"start"})", missing},
      {"null", no_json},
      {"[]", no_json},
      {R"("start")", no_json},
      {"3.5", no_json},
      {deep, no_json},
      {R"({"command":"start"})", no_json, "text/plain", DataKind::kText},
      {R"({"command":"start"})", no_json, "application/octet-stream", DataKind::kBinary},
      {R"({"command":"start"})", on, "application/vnd.echo+json; v=1"},
      {R"({"command":"start"})", on, "text/json"},
      // Bytes are what their media type says, as they are behind the wire of a library.
      {R"({"command":"start"})", on, "", DataKind::kBinary},
      {R"({"command":"start"})", on, "application/json", DataKind::kBinary},
      {R"({"command":"start"})", on, "application/json", DataKind::kText},
      {R"({"command":)", no_json, "", DataKind::kBinary},
      {R"({"command":)", no_json, "application/json", DataKind::kBinary},
      {std::string(R"({"command":"start"})") + '\0', no_json, "", DataKind::kBinary},
      {R"({"command":"start","x":1e999})", no_json},
      {"", no_json, "", DataKind::kAbsent},
  };
}

CloudEvent InputOf(const Row& row) {
  CloudEvent::Builder builder;
  builder.Source("urn:test").Type("command").Extension("correlationid", "c-1");
  if (!row.media_type.empty()) builder.DataContentType(row.media_type);
  if (row.kind == DataKind::kJson) builder.JsonData(row.data, Validate::kTrusted);
  if (row.kind == DataKind::kText) builder.TextData(row.data);
  if (row.kind == DataKind::kBinary) builder.BinaryData(AsBytes(row.data));
  return builder.Build().value();
}

/// `seven` is the correlation id of a reply to an event whose own is the number 7.
void CheckTable(LoadedWorker& worker, std::string_view seven = "'7'") {
  const std::vector<Row> table = Table();
  REQUIRE(table.size() >= 40);
  for (std::size_t i = 0; i < table.size(); ++i) {
    CAPTURE(i);
    const CallOutcome outcome = Call(worker, InputOf(table[i]));
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    REQUIRE(outcome.reply.has_value());
    const CloudEvent& reply = *outcome.reply;
    CHECK(Json::parse(reply.data_text()).dump() == table[i].reply);
    CHECK(reply.source() == "urn:com.virtufin.worker.echoworker");
    CHECK(reply.type() == "response.echoworker");
    CHECK(reply.ExtensionText("correlationid") == "c-1");
    CHECK(reply.data_content_type() == "application/json");
    CHECK(reply.time().has_value());
  }
  // A number travels as its text through a library; nothing stays nothing, empty stays empty.
  const CloudEvent input = InputOf(table.front());
  CloudEvent::Builder number(input), empty(input), none(input);
  number.Extension("correlationid", std::int32_t{7});
  empty.Extension("correlationid", "");
  none.RemoveExtension("correlationid");
  const auto correlation = [&](CloudEvent::Builder& builder) {
    const CallOutcome outcome = Call(worker, builder.Build().value());
    const auto id = outcome.reply.value().FindExtension("correlationid");
    if (!id) return std::string("none");
    const auto* const number = std::get_if<std::int32_t>(&*id);
    return number != nullptr ? std::to_string(*number)
                             : "'" + std::string(std::get<std::string_view>(*id)) + "'";
  };
  CHECK(correlation(number) == seven);
  CHECK(correlation(empty) == "''");
  CHECK(correlation(none) == "none");
  const CallOutcome timer = Call(worker, EventOf("com.virtufin.worker.timer", "{}", "pulse"));
  CHECK(timer.status.ok());
  CHECK_FALSE(timer.reply.has_value());
}

std::vector<std::uint8_t> FileBytes(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

// Pins SDK-19.
TEST_CASE("the echo worker answers alike in every form") {
  const auto host = std::make_shared<RecordingHost>();
  const std::unique_ptr<Engine> native = MakeNativeEngine();
  SUBCASE("in process") {
    EngineRegistry registry;
    REQUIRE(registry.Register(MakeInProcEngine()).ok());
    REQUIRE(RegisterWorkerFactory(registry, "echo", [] {
              return std::make_unique<echo::EchoWorker>();
            }).ok());
    const std::string name = "echo";
    const WorkerCode code{std::string(kInProcMimeType), {}, {name.begin(), name.end()}};
    CheckTable(*LoadWorker(*registry.Find(kInProcMimeType).value(), code, host), "7");
  }
  SUBCASE("a library") { CheckTable(*LoadWorker(*native, NativeFile(ECHO_LIBRARY), host)); }
  SUBCASE("a package") {
    PackageSpec spec;
    spec.id = "Virtufin.Echo";
    spec.version = "1.0.0";
    spec.libraries.push_back({std::string(HostRid()), FileBytes(ECHO_LIBRARY)});
    const auto packed = PackNative(spec);
    REQUIRE_MESSAGE(packed.ok(), packed.status().ToString());
    CheckTable(*LoadWorker(*native, {std::string(kNativeMimeType), {}, packed->bytes}, host));
  }
  SUBCASE("a zip with a manifest") {
    CheckTable(*LoadWorker(*native, {std::string(kNativeMimeType), {}, FileBytes(ECHO_ZIP)}, host));
  }
}

TEST_CASE("two echo workers of one library have separate state") {
  const auto host = std::make_shared<RecordingHost>();
  const std::unique_ptr<Engine> native = MakeNativeEngine();
  const auto one = LoadWorker(*native, NativeFile(ECHO_LIBRARY), host);
  const auto two = LoadWorker(*native, NativeFile(ECHO_LIBRARY), host);
  const Row start{R"({"command":"start"})", ""};
  const Row echo{R"({"command":"echo","message":"m"})", ""};
  REQUIRE(Call(*one, InputOf(start)).status.ok());
  CHECK(Call(*one, InputOf(echo)).reply->data_text().find("\"success\":true") !=
        std::string_view::npos);
  CHECK(Call(*two, InputOf(echo)).reply->data_text().find("\"success\":false") !=
        std::string_view::npos);
}
