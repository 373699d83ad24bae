// Where code comes from, what became of it, and what hangs on a worker: sources, history, tags.
#include <doctest/doctest.h>

#include <fstream>

#include "fixture.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/core/sha256.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

class ScriptFetcher final : public CodeFetcher {
 public:
  Result<std::vector<std::uint8_t>> Fetch(const CodeSource& source) override {
    fetched.Add(source.url + " " + source.credential.token);
    if (source.url == "https://code.test/away") {
      return Status(StatusCode::kUnavailable, "test", "connection refused");
    }
    return std::vector<std::uint8_t>{'w'};
  }
  Collector<std::string> fetched;
};

std::string Digest(std::string_view text) {
  return Sha256Hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

CreateWorkerRequest Request(CodeSource code) {
  CreateWorkerRequest request;
  request.code = std::move(code);
  request.code.mime_type = "application/x-scripted";
  request.topics = {"in"};
  return request;
}

CodeSource Url(std::string url) {
  CodeSource source;
  source.url = std::move(url);
  return source;
}

}  // namespace

// Pins WM-40.
TEST_CASE("a source is one of url, path and content") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  auto create = [&](auto edit) {
    CodeSource source = Code("w");
    edit(source);
    return f.manager->Create(Request(std::move(source))).status();
  };
  auto refused = [](const Status& status, StatusCode code, std::string_view part) {
    CAPTURE(status.ToString());
    return status.code() == code && status.message().find(part) != std::string_view::npos;
  };
  constexpr auto kInvalid = StatusCode::kInvalidArgument;
  CHECK(create([](auto&) {}).ok());
  CHECK(refused(create([](auto& s) { s.content.clear(); }), kInvalid, "found 0"));
  CHECK(refused(create([](auto& s) { s.path = "x"; }), kInvalid, "found 2"));
  CHECK(refused(create([](auto& s) { s.url = "https://x"; }), kInvalid, "found 2"));
  CHECK(refused(create([](auto& s) { s.sha256 = "12"; }), kInvalid, "64 hexadecimal"));
  CHECK(refused(create([](auto& s) {
                  s.credential = {SourceCredential::Kind::kNamed, {}, {}, "key"};
                }),
                kInvalid, "url only"));
  CHECK(refused(create([](auto& s) { s.credential.token = "loose"; }), kInvalid, "credential"));
  CHECK(refused(create([](auto& s) { s = Url("https://code.test/w"); }), StatusCode::kUnimplemented,
                "fetcher"));
}

// Pins WM-41.
TEST_CASE("code that is not the pinned one is refused, wherever it comes from") {
  ScriptFetcher fetcher;
  ManagerFixture f(2, 30'000, nullptr, 30'000, {.fetcher = &fetcher});
  f.Script("w", ReplyWith("{}"));
  TemporaryFolder folder;
  const std::string path = folder / "code";
  std::ofstream(path) << "w";
  CodeSource file;
  file.path = path;
  for (CodeSource source : {CodeSource(Code("w")), file, Url("https://code.test/w")}) {
    source.sha256 = Digest("w");
    const auto id = f.manager->Create(Request(source));
    REQUIRE(id.ok());
    CHECK(f.manager->History(*id)->back().sha256 == Digest("w"));
    source.sha256 = Digest("other");
    const Status refused = f.manager->Create(Request(source)).status();
    CHECK(refused.code() == StatusCode::kInvalidArgument);
    CHECK(refused.message().find(Digest("w")) != std::string_view::npos);
    CHECK(f.manager->LoadCode(*id, source).code() == StatusCode::kInvalidArgument);
  }
  file.path = folder / "gone";
  file.sha256 = Digest("w");
  CHECK(f.manager->Create(Request(file)).status().code() == StatusCode::kNotFound);
}

// Pins WM-42.
TEST_CASE("a fetch gets the credential, a history and the log never do") {
  ScriptFetcher fetcher;
  ManagerFixture f(2, 30'000, nullptr, 30'000, {.fetcher = &fetcher});
  f.Script("w", ReplyWith("{}"));
  CodeSource source = Url("https://code.test/w");
  source.credential = {SourceCredential::Kind::kBasic, "anna", "hush", {}};
  const auto id = f.manager->Create(Request(source), {"key \"ops\"\n"});
  REQUIRE(id.ok());
  CHECK(fetcher.fetched.WaitFor(1)[0] == "https://code.test/w hush");
  const auto history = f.manager->History(*id);
  REQUIRE(history.ok());
  CHECK(history->back().code_source.credential.kind == SourceCredential::Kind::kBasic);
  CHECK(history->back().code_source.credential.username.empty());
  CHECK(history->back().code_source.credential.token.empty());
  CHECK(f.manager->LoadCode(*id, Url("https://code.test/away")).code() == StatusCode::kUnavailable);
  CHECK_FALSE(f.log.Has("hush"));
  CHECK(f.log.Has("audit: who=\"key ?ops??\" what=create worker=\"" + *id +
                  "\" mime=\"application/x-scripted\" sha256=" + Digest("w") + " outcome=OK"));
  CHECK(f.log.Has("who=\"application\" what=load-code worker=\"" + *id +
                  "\" mime=\"application/x-scripted\" outcome=UNAVAILABLE"));
}

// Pins WM-42.
TEST_CASE("each call that changes something has its line, at any level") {
  struct Quiet final : LogSink {
    bool Enabled(LogLevel level) const noexcept override { return level >= LogLevel::kWarn; }
    void Write(LogLevel, std::string_view component, std::string_view text) noexcept override {
      if (component == "audit") lines.Add(std::string(text));
    }
    Collector<std::string> lines;
  } log;
  ManagerFixture f;
  f.Script("one", ReplyWith("{}"));
  f.Script("two", ReplyWith("{}"));
  WorkManager manager(ManagerFixture::Quick(30'000, 30'000),
                      {Runtime{f.executor, WallClock(), log}, f.bus, f.engines});
  const CallContext by{"bob"};
  const std::string id = *manager.Create(Request(Code("one")), by);
  CHECK(manager.Start(id, by).ok());
  CHECK(manager.SetTag(id, "a", "b", by).ok());
  CHECK(manager.SetTags(id, {}, by).ok());
  CodeSource untyped = Code("two");
  untyped.mime_type.clear();  // as every call over gRPC
  CHECK(manager.LoadCode(id, untyped, by).ok());
  CHECK(manager.LoadCode(id, Code("nope"), by).code() == StatusCode::kInvalidArgument);
  CHECK(manager.Stop(id, by).ok());
  CHECK(manager.Recover(by).ok());
  CHECK(manager.Delete(id, by).ok());
  CHECK(manager.Start(id, by).code() == StatusCode::kNotFound);
  const std::string named = " worker=\"" + id + "\"";
  const std::string mime = named + " mime=\"application/x-scripted\"";
  const std::string one = mime + " sha256=" + Digest("one") + " outcome=OK";
  const std::string two = mime + " sha256=" + Digest("two") + " outcome=OK";
  std::vector<std::string> expected;
  for (const std::string& line :
       {"create" + one, "start" + one, "set-tag" + one, "set-tags" + one, "load-code" + two,
        "load-code" + mime + " outcome=INVALID_ARGUMENT", "stop" + two,
        std::string("recover worker=\"\" outcome=OK"), "delete" + two,
        "start" + named + " outcome=NOT_FOUND"}) {
    expected.push_back("who=\"bob\" what=" + line);
  }
  CHECK(log.lines.WaitFor(expected.size()) == expected);
}

// Pins WM-43.
TEST_CASE("history has each code that took effect") {
  ManagerFixture f;
  f.Script("one", ReplyWith("{}"));
  f.Script("two", ReplyWith("{}"));
  const std::string id = f.Run("one", {"in"});
  CHECK(f.manager->LoadCode(id, Code("nope")).code() == StatusCode::kInvalidArgument);
  REQUIRE(f.manager->LoadCode(id, Code("two")).ok());
  const auto history = f.manager->History(id);
  REQUIRE(history.ok());
  REQUIRE(history->size() == 2);
  CHECK((*history)[0].sha256 == Digest("one"));
  CHECK((*history)[1].sha256 == Digest("two"));
  CHECK((*history)[1].code_source.content == Code("two").content);
  CHECK((*history)[0].created_at == f.manager->Get(id)->created_at);
  CHECK(f.manager->History("nobody").status().code() == StatusCode::kNotFound);
  CHECK(f.manager->Get("nobody").status().code() == StatusCode::kNotFound);
  CHECK(f.manager->Engines()[0].mime_type == "application/x-scripted");
}

// Pins WM-44.
TEST_CASE("lists keep the workers that have all the tags asked for") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  const std::string one = f.Run("w", {"in"}), two = f.Run("w", {"in"});
  REQUIRE(f.manager->SetTags(one, {{"desk", "fx"}, {"env", "prod"}}).ok());
  REQUIRE(f.manager->SetTag(two, "desk", "fx").ok());
  CHECK(f.manager->List().size() == 2);
  CHECK(f.manager->List({{"desk", "fx"}}).size() == 2);
  const auto both = f.manager->List({{"desk", "fx"}, {"env", "prod"}});
  REQUIRE(both.size() == 1);
  CHECK(both[0].id == one);
  CHECK(f.manager->List({{"env", "test"}}).empty());
  CHECK(*f.manager->GetTag(one, "env") == "prod");
  CHECK(f.manager->GetTag(two, "env").status().code() == StatusCode::kNotFound);
  REQUIRE(f.manager->SetTags(one, {{"desk", "rates"}}).ok());
  CHECK(*f.manager->GetTags(one) == std::map<std::string, std::string>{{"desk", "rates"}});
  CHECK(f.manager->SetTag(one, "", "x").code() == StatusCode::kInvalidArgument);
  const auto of = [](int count, std::string_view character) {
    std::string text;
    for (int i = 0; i < count; ++i) text += character;
    return text;
  };
  for (const char* character : {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\x88"}) {
    CHECK(f.manager->SetTag(two, of(128, character), of(1024, character)).ok());
    CHECK(f.manager->SetTag(two, of(129, character), "").code() == StatusCode::kInvalidArgument);
    CHECK(f.manager->SetTag(two, "k", of(1025, character)).code() == StatusCode::kInvalidArgument);
  }
  CHECK(f.manager->SetTag(two, "k", of(1025, "\x80")).code() == StatusCode::kInvalidArgument);
  CHECK(f.manager->SetTag("nobody", "k", "v").code() == StatusCode::kNotFound);
  for (int tag = 1; tag < 50; ++tag) REQUIRE(f.manager->SetTag(one, std::to_string(tag), "").ok());
  CHECK(f.manager->SetTag(one, "fifty-first", "").code() == StatusCode::kInvalidArgument);
  CHECK(f.manager->GetTags(one)->size() == 50);
}
