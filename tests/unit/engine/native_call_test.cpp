// What a native call gives, and what a bad one costs.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/event/wire.hpp"
#include "virtufin/virtufin_worker_api_c.h"

using namespace virtufin;

namespace {

struct Modes {
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::shared_ptr<RecordingHost> host = std::make_shared<RecordingHost>();
  std::unique_ptr<LoadedWorker> worker = LoadWorker(*engine, NativeFile(MODES_V2), host);

  /// The buffer of the call that asks is one of them.
  bool AllBuffersReturned() { return Answer(*worker, "live") == "0"; }
};

void CheckFailed(const CallOutcome& outcome, StatusCode code, std::string_view message) {
  CHECK_FALSE(outcome.reply.has_value());
  CHECK(outcome.status.code() == code);
  CHECK(outcome.status.message() == message);
  CHECK_FALSE(outcome.degrades);
}

std::string BytesOf(const Result<EncodedBytes>& encoded) {
  REQUIRE(encoded.ok());
  return std::string(AsText(encoded->bytes()));
}

}  // namespace

// Pins WA-13.
TEST_CASE("a reply comes back with what the worker put into it") {
  Modes modes;
  const CloudEvent event = EventOf("echo", "some data");
  const CallOutcome outcome = Call(*modes.worker, event);
  REQUIRE(outcome.reply.has_value());
  CHECK(outcome.status.ok());
  CHECK_FALSE(outcome.degrades);
  CHECK(outcome.reply->id() == event.id());
  CHECK(outcome.reply->type() == "replied");
  CHECK(outcome.reply->source() == "urn:test:modes");
  CHECK(outcome.reply->data_text() == "some data");
  CHECK(outcome.reply->data_content_type() == "text/plain");
  CHECK(modes.AllBuffersReturned());
}

TEST_CASE("the config is stamped on the event a worker sees") {
  Modes modes;
  const std::pair<std::string_view, std::string_view> config[] = {{"depth", "5"}};
  const auto overlay = ExtensionOverlay::Make(config);
  REQUIRE(overlay.ok());
  const CallOutcome with = Call(*modes.worker, EventOf("extension", "x", "depth"), &*overlay);
  const CallOutcome without = Call(*modes.worker, EventOf("extension", "x", "depth"));
  REQUIRE(with.reply.has_value());
  REQUIRE(without.reply.has_value());
  CHECK(with.reply->data_text() == "5");
  CHECK(without.reply->data_text() == "absent");
}

// Pins WA-13, WA-14.
TEST_CASE("a null buffer and an empty response are no reply and no failure") {
  Modes modes;
  for (const CallOutcome& outcome :
       {Call(*modes.worker, "decline"),
        Call(*modes.worker, "raw", BytesOf(EncodeWorkerResponse(nullptr, std::nullopt)))}) {
    CHECK(outcome.status.ok());
    CHECK_FALSE(outcome.reply.has_value());
    CHECK_FALSE(outcome.degrades);
  }
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-15.
TEST_CASE("an error text alone fails the call") {
  Modes modes;
  CheckFailed(Call(*modes.worker, "error", "book is crossed"), StatusCode::kInternal,
              "book is crossed");
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-15.
TEST_CASE("an error text that is a Status, as the SDK writes it, is that Status") {
  Modes modes;
  const auto check = [&](std::string_view text, StatusCode code, std::string_view message) {
    CAPTURE(text);
    CheckFailed(Call(*modes.worker, "error", text), code, message);
  };
  check("NOT_FOUND [book]: no such pair", StatusCode::kNotFound, "no such pair");
  check("UNKNOWN [b]: a]: b", StatusCode::kUnknown, "a]: b");
  check("UNAUTHENTICATED []: x", StatusCode::kUnauthenticated, "x");
  for (const std::string_view text :
       {"NOT_FOUND: no such pair", "OK [book]: x", "NOT_FOUND [order book]: x", "NOT_FOUND [book]",
        "not_found [book]: x", "x NOT_FOUND [book]: x", "NOT_FOUND  [book]: x", "NOT_FOUND "}) {
    check(text, StatusCode::kInternal, text);
  }
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-15.
TEST_CASE("a long error text is cut between two characters") {
  Modes modes;
  const std::string cross = "\xe2\x9c\x97";  // three bytes; 65536 = 3 * 21845 + 1
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += cross;
  const CloudEvent reply = EventOf("t", "d");
  for (const CloudEvent* event : {static_cast<const CloudEvent*>(nullptr), &reply}) {
    const CallOutcome outcome =
        Call(*modes.worker, "raw", BytesOf(EncodeWorkerResponse(event, text)));
    CHECK(outcome.reply.has_value() == (event != nullptr));
    CHECK(outcome.status.message() == text.substr(0, 65'535));
  }
  const CallOutcome returned =
      Call(*modes.worker, "return_raw", BytesOf(EncodeWorkerResponse(nullptr, text)));
  CHECK(returned.status.message() == "worker returned 7: " + text.substr(0, 65'535));
  const std::string plain(65'536, 'x');
  CHECK(Call(*modes.worker, "raw", BytesOf(EncodeWorkerResponse(nullptr, plain + "y")))
            .status.message() == plain);
  CHECK(
      Call(*modes.worker, "raw", BytesOf(EncodeWorkerResponse(nullptr, plain))).status.message() ==
      plain);
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-15.
TEST_CASE("an error text beside a reply is surfaced and the reply kept") {
  Modes modes;
  const CallOutcome outcome = Call(*modes.worker, "both", "half of it failed");
  REQUIRE(outcome.reply.has_value());
  CHECK(outcome.reply->data_text() == "kept");
  CHECK(outcome.status.code() == StatusCode::kInternal);
  CHECK(outcome.status.message() == "half of it failed");
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-16.
TEST_CASE("a return code fails the call, whatever the buffer holds") {
  Modes modes;
  CheckFailed(Call(*modes.worker, "return", "7"), StatusCode::kInternal, "worker returned 7");
  CheckFailed(Call(*modes.worker, "return", "-1"), StatusCode::kInternal, "worker returned -1");
  CheckFailed(Call(*modes.worker, "return_error", "no such pair"), StatusCode::kInternal,
              "worker returned 7: no such pair");
  CheckFailed(Call(*modes.worker, "return_reply", "ignored"), StatusCode::kInternal,
              "worker returned 7");
  CheckFailed(Call(*modes.worker, "return_raw", "garbage, surely"), StatusCode::kInternal,
              "worker returned 7");
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-17.
TEST_CASE("a reply of impossible length or place is a bad reply") {
  Modes modes;
  const std::string good = BytesOf(EncodeWorkerResponse(nullptr, "text"));
  CheckFailed(Call(*modes.worker, "raw", good, "0"), StatusCode::kDataLoss,
              "bad reply: its length is 0");
  CheckFailed(Call(*modes.worker, "raw", good, "-5"), StatusCode::kDataLoss,
              "bad reply: its length is -5");
  CheckFailed(Call(*modes.worker, "raw", good, "16777217"), StatusCode::kDataLoss,
              "bad reply: 16777217 bytes, at most 16777216 are read");
  CheckFailed(Call(*modes.worker, "misaligned", good), StatusCode::kDataLoss,
              "bad reply: the buffer is not 8-aligned");
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-17.
TEST_CASE("a reply that is no WorkerResponse is a bad reply") {
  Modes modes;
  const CloudEvent event = EventOf("t", "d");
  const std::string good = BytesOf(EncodeWorkerResponse(&event, "text"));
  for (const std::string& bytes : {std::string("garbage, surely"), std::string(64, '\xff'),
                                   std::string(64, '\0'), good.substr(0, good.size() / 2)}) {
    const CallOutcome outcome = Call(*modes.worker, "raw", bytes);
    CHECK_FALSE(outcome.reply.has_value());
    CHECK(outcome.status.code() == StatusCode::kDataLoss);
    CHECK(outcome.status.message().starts_with("bad reply: "));
    CHECK_FALSE(outcome.degrades);
  }
  CHECK(Call(*modes.worker, "raw", good).reply.has_value());
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-13, WA-17.
TEST_CASE("a reply with any byte changed is read or refused, and its buffer returned") {
  Modes modes;
  const CloudEvent event = EventOf("t", "data", "subject");
  const std::string good = BytesOf(EncodeWorkerResponse(&event, "text"));
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      const CallOutcome outcome = Call(*modes.worker, "raw", bytes);
      if (outcome.status.code() == StatusCode::kDataLoss) {
        CHECK_FALSE(outcome.reply.has_value());
        ++refused;
      }
    }
  }
  CHECK(refused > 0);
  CHECK(modes.AllBuffersReturned());
}

// Pins WA-12.
TEST_CASE("an event that is too large for the wire fails without a call") {
  Modes modes;
  const std::string data(kMaxEventBytes - 64, 'x');
  const CallOutcome outcome = Call(*modes.worker, EventOf("count", data));
  CHECK(outcome.status.code() == StatusCode::kResourceExhausted);
  CHECK(Answer(*modes.worker, "count") == "1");
}

// Pins WA-18.
TEST_CASE("an exception that leaves Process is an error of that call and degrades the worker") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  auto worker = LoadWorker(*engine, NativeFile(THROWER), host);
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"throw_first", "exception left Process: no reply yet"},
      {"throw_late", "exception left Process: with a reply"},
      {"throw_own", "exception left Process: a type of the library"},
      {"throw_int", "exception left Process: an exception of unknown type"}};
  for (const auto& [type, message] : cases) {
    const CallOutcome outcome = Call(*worker, type);
    CHECK_FALSE(outcome.reply.has_value());
    CHECK(outcome.status.code() == StatusCode::kInternal);
    CHECK(outcome.status.message() == message);
    CHECK(outcome.degrades);
  }
  const CallOutcome outcome = Call(*worker, "throw_from_free");
  CHECK(outcome.reply.has_value());
  CHECK(outcome.status.message() == "exception left FreeResult: cannot free");
  CHECK(outcome.degrades);

  worker.reset();
  REQUIRE(host->lines().size() == 1);
  CHECK(host->lines().front() == "4 exception left VirtufinWorkerShutdown: will not go");
}

// Pins WA-8.
TEST_CASE("two workers of one library have separate state") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  auto first = LoadWorker(*engine, NativeFile(MODES_V2), host);
  auto second = LoadWorker(*engine, NativeFile(MODES_V2), host);
  CHECK(Answer(*first, "count") == "1");
  CHECK(Answer(*first, "count") == "2");
  CHECK(Answer(*second, "count") == "1");
  CHECK(Answer(*first, "count") == "3");
  first.reset();
  CHECK(Answer(*second, "count") == "2");
}

TEST_CASE("hello in C greets whoever the event names") {
  const auto engine = MakeNativeEngine();
  const auto hello = LoadWorker(*engine, NativeFile(HELLO_C), std::make_shared<RecordingHost>());
  const auto greeting = [&hello](std::string_view content_type, std::string_view data) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("any").TextExtension("correlationid", "c-1");
    if (!data.empty()) builder.BinaryData(AsBytes(data));
    builder.DataContentType(content_type);
    const CallOutcome outcome = Call(*hello, builder.Build().value());
    REQUIRE_MESSAGE(outcome.reply.has_value(), outcome.status.ToString());
    CHECK(outcome.reply->type() == "com.example.hello.response");
    CHECK(outcome.reply->source() == "urn:com.example.hello");
    CHECK(outcome.reply->data_content_type() == "application/json");
    CHECK(outcome.reply->data_kind() == DataKind::kJson);
    CHECK(outcome.reply->ExtensionText("correlationid") == "c-1");
    CHECK(outcome.reply->id_uuid().has_value());
    return std::string(outcome.reply->data_text());
  };
  const std::string world = R"({"message":"Hello, world!"})";
  CHECK(greeting("", "") == world);
  CHECK(greeting("application/json", R"({"name":"Ada"})") == R"({"message":"Hello, Ada!"})");
  CHECK(greeting("text/json; charset=utf-8", R"({"name":"Ada"})") ==
        R"({"message":"Hello, Ada!"})");
  CHECK(greeting("application/vnd.x+json", R"({"a":[{"name":"no"}],"name":"Ada"})") ==
        R"({"message":"Hello, Ada!"})");
  CHECK(greeting("application/json", R"({"n\u0061me":"a\"\\\n\u00e9\ud83d\ude00"})") ==
        R"({"message":"Hello, a\"\\\n\u00e9\ud83d\ude00!"})");
  CHECK(greeting("application/json", "{\"name\":\"\xc3\xa9\"}") ==
        "{\"message\":\"Hello, \xc3\xa9!\"}");
  CHECK(greeting("application/json", R"({"name":"a","name":"b"})") == R"({"message":"Hello, b!"})");
  CHECK(greeting("text/plain", R"({"name":"Ada"})") == world);
  for (const std::string_view data :
       {R"({"name":7})", R"({"Name":"Ada"})", R"(["name","Ada"])", R"("name")", R"({"name":"Ada")",
        R"({"name":"Ada"}})", R"({"name":"Ada",})", R"({"name":"\ud83d"})", R"({"name":"\x"})",
        R"({"name":"Ada","x":01})", R"({"name":"Ada","x":1.})", R"({"name":"Ada","x":tru})",
        "{\"name\":\"\xff\"}", "{\"name\":\"\xc0\x80\"}", "{\"name\":\"\n\"}", "\xff\xfe"}) {
    CHECK_MESSAGE(greeting("application/json", data) == world, data);
  }
  std::string deep = std::string(100, '[') + std::string(100, ']');
  CHECK(greeting("application/json", R"({"name":"Ada","x":)" + deep + "}") == world);
}
