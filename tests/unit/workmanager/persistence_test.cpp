// Records: written before the answer, read again by the next manager, never lost.
#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "fixture.hpp"
#include "support/faulty_store.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/state/memory.hpp"
#include "workmanager/worker_record.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

struct Kept {
  std::unique_ptr<StateStore> memory = MakeMemoryStore(WallClock());
  FaultyStore store{*memory};

  /// A manager over the store whose engine knows `scripts`.
  std::unique_ptr<ManagerFixture> Manager(std::vector<std::string> scripts,
                                          CodeFetcher* fetcher = nullptr) {
    Extras extras;
    extras.records = &store;
    extras.fetcher = fetcher;
    WorkManagerOptions options = ManagerFixture::Quick(30'000, 30'000);
    options.retry_attempts = 0;
    auto f = std::make_unique<ManagerFixture>(options, WallClock(), 2, nullptr, extras);
    for (const std::string& name : scripts) f->Script(name, ReplyWith("\"" + name + "\"", "out"));
    return f;
  }
  std::string Record(const std::string& id) {
    const auto item = memory->Get("workmanager", WorkerKey(id));
    return item.ok() ? item->value : std::string();
  }
};

CreateWorkerRequest Request(CodeSource code) {
  CreateWorkerRequest request;
  request.code = std::move(code);
  request.topics = {"in"};
  request.config = {{"depth", "5"}};
  request.tags = {{"desk", "fx"}};
  return request;
}

/// What a running worker answers to an event.
std::string Answer(ManagerFixture& f) {
  Collector<Message> answers;
  const auto watch = f.Watch("out", answers);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  return std::string(answers.WaitFor(1).at(0).event().data_text());
}

}  // namespace

// Pins WM-45.
TEST_CASE("a new manager over the store has the workers as the last one left them") {
  Kept kept;
  std::string running, stopped, gone;
  {
    auto f = kept.Manager({"one", "two"});
    running = *f->manager->Create(Request(Code("one")));
    stopped = *f->manager->Create(Request(Code("one")));
    gone = *f->manager->Create(Request(Code("one")));
    REQUIRE(f->manager->Start(running).ok());
    REQUIRE(f->manager->Start(stopped).ok());
    REQUIRE(f->manager->LoadCode(running, Code("two")).ok());
    REQUIRE(f->manager->SetTag(running, "env", "prod").ok());
    REQUIRE(f->manager->Stop(stopped).ok());
    REQUIRE(f->manager->Delete(gone).ok());
  }
  auto f = kept.Manager({"one", "two"});
  CHECK_FALSE(f->manager->Health().ready);
  CHECK(f->manager->List().empty());
  CHECK(*f->manager->Recover() == 2);
  CHECK(f->manager->Health().ready);
  CHECK(f->manager->List().size() == 2);
  const auto info = f->manager->Get(running);
  REQUIRE(info.ok());
  CHECK(info->status == WorkerStatus::kRunning);
  CHECK(info->config == std::map<std::string, std::string>{{"depth", "5"}});
  CHECK(info->tags == std::map<std::string, std::string>{{"desk", "fx"}, {"env", "prod"}});
  CHECK(info->topics == std::vector<std::string>{"in"});
  CHECK(f->manager->Get(stopped)->status == WorkerStatus::kStopped);
  const auto history = f->manager->History(running);
  REQUIRE(history->size() == 2);
  CHECK((*history)[0].code_source.content == Code("one").content);
  CHECK((*history)[1].code_source.content == Code("two").content);
  CHECK((*history)[0].created_at == info->created_at);
  CHECK(Answer(*f) == "\"two\"");
  CHECK(*f->manager->Recover() == 0);
  CHECK(f->manager->Get(gone).status().code() == StatusCode::kNotFound);
}

// Pins WM-45.
TEST_CASE("a worker without a record ends with its manager") {
  Kept kept;
  {
    auto f = kept.Manager({"w"});
    CreateWorkerRequest request = Request(Code("w"));
    request.ephemeral = true;
    const auto id = f->manager->Create(std::move(request));
    REQUIRE(id.ok());
    CHECK(f->manager->Start(*id).ok());
    CHECK(kept.Record(*id).empty());
  }
  auto f = kept.Manager({"w"});
  CHECK(*f->manager->Recover() == 0);
  CHECK(f->manager->List().empty());
}

// Pins WM-46.
TEST_CASE("a write that fails undoes what it was for") {
  Kept kept;
  auto f = kept.Manager({"one", "two"});
  kept.store.Fail(StatusCode::kResourceExhausted);
  CHECK(f->manager->Create(Request(Code("one"))).status().code() == StatusCode::kResourceExhausted);
  CHECK(f->manager->List().empty());
  CHECK(f->scripts->loads == f->scripts->unloads);
  kept.store.Heal();
  const std::string id = *f->manager->Create(Request(Code("one")));
  const std::string before = kept.Record(id);

  kept.store.Fail(StatusCode::kUnavailable);
  CHECK(f->manager->Start(id).code() == StatusCode::kUnavailable);
  CHECK(f->manager->Get(id)->status == WorkerStatus::kStopped);
  CHECK(f->manager->LoadCode(id, Code("two")).code() == StatusCode::kUnavailable);
  CHECK(f->manager->History(id)->size() == 1);
  CHECK(f->manager->SetTag(id, "a", "b").code() == StatusCode::kUnavailable);
  CHECK(f->manager->GetTags(id)->size() == 1);
  CHECK(f->manager->Delete(id).code() == StatusCode::kUnavailable);
  CHECK(f->manager->Get(id).ok());
  CHECK(kept.Record(id) == before);
  CHECK(f->scripts->loads == f->scripts->unloads + 1);

  kept.store.Heal();
  REQUIRE(f->manager->Start(id).ok());
  CHECK(Answer(*f) == "\"one\"");
  kept.store.Fail(StatusCode::kResourceExhausted);
  CHECK(f->manager->Stop(id).code() == StatusCode::kResourceExhausted);
  CHECK(f->manager->Get(id)->status == WorkerStatus::kRunning);
  kept.store.Heal();
  CHECK(f->manager->Stop(id).ok());
  CHECK(f->manager->Delete(id).ok());
  CHECK(kept.Record(id).empty());
}

// Pins WM-46.
TEST_CASE("a swap that does not take place leaves the record of the old code") {
  Kept kept;
  Gate entered, leave;
  Extras extras;
  extras.records = &kept.store;
  ManagerFixture f(2, 50, nullptr, 0, extras);
  f.Script("slow", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  f.Script("two", ReplyWith("{}"));
  const std::string id = f.Run("slow", {"in"});
  const std::string before = kept.Record(id);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  CHECK(f.manager->LoadCode(id, Code("two")).code() == StatusCode::kDeadlineExceeded);
  CHECK(kept.Record(id) == before);
  CHECK(f.manager->History(id)->size() == 1);
  leave.Open();
}

// Pins WM-47.
TEST_CASE("a worker that is not recovered is listed with its error and keeps its record") {
  Kept kept;
  std::string id, other;
  {
    auto f = kept.Manager({"w", "other"});
    id = f->Run("w", {"in"});
    other = f->Run("other", {"else"});
  }
  const std::string before = kept.Record(id);
  auto f = kept.Manager({"other"});
  Collector<Message> told;
  const auto watch = f->Watch("workmanager.lifecycle", told);
  CHECK(*f->manager->Recover() == 1);
  CHECK(f->manager->Get(other)->status == WorkerStatus::kRunning);
  const auto lives = told.WaitFor(2);
  REQUIRE(lives.size() == 2);
  for (const Message& life : lives) {
    const bool failed = life.event().type() == "com.virtufin.workmanager.failed";
    CHECK(life.event().subject() == "worker/" + (failed ? id : other));
    CHECK((life.event().data_text().find("no script 'w'") != std::string::npos) == failed);
  }
  CHECK(lives[0].event().type() != lives[1].event().type());
  const auto info = f->manager->Get(id);
  REQUIRE(info.ok());
  CHECK(info->status == WorkerStatus::kStopped);
  CHECK(info->error.find("no script 'w'") != std::string::npos);
  CHECK(f->manager->Metrics().failed == 1);
  CHECK(kept.Record(id) == before);
  CHECK(f->manager->Start(id).code() == StatusCode::kInvalidArgument);
  CHECK(kept.Record(id) == before);

  f->Script("w", ReplyWith("\"w\"", "out"));
  CHECK(*f->manager->Recover() == 1);
  CHECK(f->manager->Get(id)->status == WorkerStatus::kRunning);
  CHECK(f->manager->Get(id)->error.empty());
  CHECK(Answer(*f) == "\"w\"");
}

// Pins WM-47.
TEST_CASE("workers are recovered at the same time, and meanwhile are no failed ones") {
  Kept kept;
  {
    auto f = kept.Manager({"w"});
    REQUIRE(!f->Run("w", {"in"}).empty());
    REQUIRE(!f->Run("w", {"in"}).empty());
  }
  auto f = kept.Manager({"w"});
  Collector<std::size_t> entered;
  f->scripts->before_load = [&](const std::string& name) {
    CHECK(f->manager->Metrics().failed == 0);
    entered.Add(1);
    const bool both = entered.WaitFor(2).size() == 2;
    return both ? Status() : Status(StatusCode::kInternal, "test", name + " waits for the other");
  };
  CHECK(*f->manager->Recover() == 2);
  CHECK(f->manager->Metrics().running == 2);
}

// Pins WM-47.
TEST_CASE("new code brings back a worker whose old code does not load") {
  Kept kept;
  std::string id;
  {
    auto f = kept.Manager({"w"});
    id = f->Run("w", {"in"});
  }
  auto f = kept.Manager({"new"});
  CHECK(*f->manager->Recover() == 0);
  CHECK(f->manager->LoadCode(id, Code("nope")).code() == StatusCode::kInvalidArgument);
  CHECK(f->manager->History(id)->size() == 1);
  REQUIRE(f->manager->LoadCode(id, Code("new")).ok());
  CHECK(f->manager->History(id)->size() == 2);
  CHECK(Answer(*f) == "\"new\"");
  CHECK(f->manager->Stop(id).ok());
  CHECK(f->manager->Delete(id).ok());
}

// Pins WM-48.
TEST_CASE("a record that nobody can read is listed, left alone and never lost") {
  Kept kept;
  std::string id;
  {
    auto f = kept.Manager({"w"});
    id = f->Run("w", {"in"});
  }
  const std::string good = kept.Record(id);
  std::string newer = good;
  newer.replace(newer.find("\"version\":1"), 11, "\"version\":9");
  const std::string cut = good.substr(0, good.size() / 2);
  for (const std::string& bad : {newer, cut, std::string("{}"), std::string("\xff")}) {
    CAPTURE(bad);
    REQUIRE(kept.memory->Set("workmanager", WorkerKey(id), bad).ok());
    auto f = kept.Manager({"w"});
    CHECK(*f->manager->Recover() == 0);
    const auto info = f->manager->Get(id);
    REQUIRE(info.ok());
    CHECK(info->status == WorkerStatus::kStopped);
    CHECK(info->error.find("record") != std::string::npos);
    CHECK_FALSE(f->manager->Start(id).ok());
    CHECK_FALSE(f->manager->Stop(id).ok());
    CHECK_FALSE(f->manager->LoadCode(id, Code("w")).ok());
    CHECK_FALSE(f->manager->SetTag(id, "a", "b").ok());
    CHECK(kept.Record(id) == bad);
    if (bad != newer) continue;
    // Whoever repairs it gets the worker back.
    REQUIRE(kept.memory->Set("workmanager", WorkerKey(id), good).ok());
    CHECK(*f->manager->Recover() == 1);
    CHECK(Answer(*f) == "\"w\"");
  }
  auto f = kept.Manager({"w"});
  CHECK(*f->manager->Recover() == 0);
  CHECK(f->manager->Delete(id).ok());
  CHECK(kept.Record(id).empty());
}

// Pins WM-48.
TEST_CASE("an index that nobody can read loses no worker") {
  Kept kept;
  std::string id;
  {
    auto f = kept.Manager({"w"});
    id = f->Run("w", {"in"});
  }
  REQUIRE(kept.memory->Set("workmanager", kWorkersIndexKey, "[1").ok());
  auto f = kept.Manager({"w"});
  CHECK(*f->manager->Recover() == 1);
  const auto second = f->manager->Create(Request(Code("w")));
  REQUIRE(second.ok());
  CHECK(kept.memory->Get("workmanager", kWorkersIndexKey)->value == "[1");
  auto g = kept.Manager({"w"});
  CHECK(*g->manager->Recover() == 2);
}

// Pins WM-49.
TEST_CASE("a record has no secret, and a worker that needs one is not fetched without it") {
  struct Fetcher final : CodeFetcher {
    Result<std::vector<std::uint8_t>> Fetch(const CodeSource& source) override {
      fetched.Add(source.credential.name + source.credential.token);
      return std::vector<std::uint8_t>{'w'};
    }
    Collector<std::string> fetched;
  } fetcher;
  Kept kept;
  CodeSource source;
  source.mime_type = "application/x-scripted";
  source.url = "https://code.test/w";
  std::string named, bearer;
  {
    auto f = kept.Manager({"w"}, &fetcher);
    source.credential = {SourceCredential::Kind::kNamed, {}, {}, "registry"};
    named = *f->manager->Create(Request(source));
    source.credential = {SourceCredential::Kind::kBearer, {}, "hush", {}};
    bearer = *f->manager->Create(Request(source));
  }
  CHECK(kept.Record(bearer).find("hush") == std::string::npos);
  CHECK(kept.Record(named).find("registry") != std::string::npos);
  auto f = kept.Manager({"w"}, &fetcher);
  CHECK(*f->manager->Recover() == 1);
  CHECK(fetcher.fetched.WaitFor(3) == std::vector<std::string>{"registry", "hush", "registry"});
  CHECK(f->manager->Get(named)->error.empty());
  CHECK(f->manager->Get(bearer)->error.find("secret") != std::string::npos);
}

// Pins WM-52.
TEST_CASE("calls from all sides leave a worker as its record says") {
  Kept kept;
  auto f = kept.Manager({"one", "two"});
  for (int round = 0; round < 20; ++round) {
    const std::string id = *f->manager->Create(Request(Code("one")));
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          switch ((t + i) % 4) {
            case 0:
              (void)f->manager->Start(id);
              break;
            case 1:
              (void)f->manager->Stop(id);
              break;
            case 2:
              (void)f->manager->LoadCode(id, Code(i % 2 == 0 ? "one" : "two"));
              break;
            default:
              (void)f->manager->SetTag(id, "t" + std::to_string(t), std::to_string(i));
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto record = detail::DecodeRecord(kept.Record(id));
    REQUIRE(record.ok());
    CHECK(record->status == f->manager->Get(id)->status);
    CHECK(record->tags == *f->manager->GetTags(id));
    CHECK(record->history.size() == f->manager->History(id)->size());
    CHECK(f->manager->Delete(id).ok());
  }
}

// Pins WM-43.
TEST_CASE("a history keeps a hundred codes, and of the former ones what fits into 4 MiB") {
  std::vector<HistoryEntry> history;
  for (int i = 0; i < 120; ++i) {
    HistoryEntry entry;
    entry.sha256 = std::to_string(i);
    entry.code_source.content.resize(std::size_t{1} << 20);
    detail::AppendHistory(history, std::move(entry));
  }
  REQUIRE(history.size() == 100);
  CHECK(history.front().sha256 == "20");
  std::size_t with_content = 0;
  for (const HistoryEntry& entry : history)
    with_content += entry.code_source.content.empty() ? 0 : 1;
  CHECK(with_content == 5);
  CHECK_FALSE(history.back().code_source.content.empty());
}

// Pins WM-51.
TEST_CASE("calls that need a store which is away fail at once after a while, others go on") {
  Kept kept;
  auto f = kept.Manager({"w"});
  const std::string id = *f->manager->Create(Request(Code("w")));
  REQUIRE(f->manager->Start(id).ok());
  kept.store.Fail(StatusCode::kUnavailable);
  for (int i = 0; i < 20; ++i) (void)f->manager->SetTag(id, "a", "b");
  const int asked = kept.store.calls();
  CHECK(f->manager->SetTag(id, "a", "b").code() == StatusCode::kUnavailable);
  CHECK(kept.store.calls() == asked);
  CHECK(Answer(*f) == "\"w\"");
  CHECK_FALSE(f->manager->Get(id)->degraded);
  const auto health = f->manager->Health();
  CHECK(std::any_of(health.entries.begin(), health.entries.end(),
                    [](const HealthEntry& e) { return e.name == "state store" && !e.healthy; }));
}

// Pins WM-46.
TEST_CASE("code is taken back out of a history, and nothing that came later") {
  auto entry = [](int number, std::size_t bytes) {
    HistoryEntry made;
    made.sha256 = std::to_string(number);
    made.code_source.content.resize(bytes);
    return made;
  };
  constexpr std::size_t kLarge = std::size_t{6} << 20;
  std::vector<HistoryEntry> history;
  detail::AppendHistory(history, entry(1, kLarge));
  const auto before = history;
  detail::AppendHistory(history, entry(2, 1));
  CHECK(history[0].code_source.content.empty());
  auto later = history;
  detail::TakeBackHistory(history, entry(2, 1), before);
  REQUIRE(history.size() == 1);
  CHECK(history[0].code_source.content.size() == kLarge);
  detail::AppendHistory(later, entry(3, 1));
  detail::TakeBackHistory(later, entry(2, 1), before);
  REQUIRE(later.size() == 2);
  CHECK(later[1].sha256 == "3");
}

// Pins WM-47.
TEST_CASE("a key that no store takes keeps nobody from recovery") {
  Kept kept;
  std::string id;
  {
    auto f = kept.Manager({"w"});
    id = f->Run("w", {"in"});
  }
  const std::string odd(2000, 'x');
  const std::string index = "[\"" + odd + "\",\"" + id + "\"]";
  REQUIRE(kept.memory->Set("workmanager", kWorkersIndexKey, index).ok());
  auto f = kept.Manager({"w"});
  CHECK(*f->manager->Recover() == 1);
  CHECK(f->manager->List().size() == 2);
  CHECK_FALSE(f->manager->Get(odd)->error.empty());
  CHECK(f->manager->Delete(odd).ok());
  CHECK(kept.memory->Get("workmanager", kWorkersIndexKey)->value == "[\"" + id + "\"]");
}

// Pins WM-52.
TEST_CASE("ABORTED of a fetch is that of the fetch, and costs no worker") {
  struct Fetcher final : CodeFetcher {
    Result<std::vector<std::uint8_t>> Fetch(const CodeSource&) override {
      return Status(StatusCode::kAborted, "test", "cut off");
    }
  } fetcher;
  Kept kept;
  auto f = kept.Manager({"w"}, &fetcher);
  const std::string id = f->Run("w", {"in"});
  CodeSource source;
  source.url = "https://code.test/w";
  CHECK(f->manager->LoadCode(id, source).code() == StatusCode::kAborted);
  CHECK(Answer(*f) == "\"w\"");
}

// Pins WM-45.
TEST_CASE("a load that outlives the shutdown leaves no record and no code") {
  struct Fetcher final : CodeFetcher {
    Result<std::vector<std::uint8_t>> Fetch(const CodeSource&) override {
      entered.Open();
      CHECK(leave.Wait());
      return std::vector<std::uint8_t>{'w'};
    }
    Gate entered, leave;
  } fetcher;
  Kept kept;
  auto f = kept.Manager({"w"}, &fetcher);
  CodeSource source;
  source.mime_type = "application/x-scripted";
  source.url = "https://code.test/w";
  std::thread creator([&] {
    CHECK(f->manager->Create(Request(source)).status().code() == StatusCode::kUnavailable);
  });
  REQUIRE(fetcher.entered.Wait());
  CHECK(f->manager->Shutdown(std::chrono::seconds(30)).ok());
  const int calls = kept.store.calls();
  fetcher.leave.Open();
  creator.join();
  CHECK(kept.store.calls() == calls);
  CHECK(f->scripts->loads == f->scripts->unloads);
}

// Pins WM-46.
TEST_CASE("completions on a callback thread leave the store to another one") {
  Kept kept;
  auto f = kept.Manager({"w"});
  const std::string id = f->Run("w", {"in"});
  Collector<StatusCode> answers;
  auto answer = [&](const Status& status) { answers.Add(status.code()); };
  {
    const ThreadMark callback(ThreadKind::kCallback);
    f->manager->Stop("nobody", answer);
  }
  CHECK(answers.WaitFor(1)[0] == StatusCode::kNotFound);
  {
    const ThreadMark callback(ThreadKind::kCallback);
    f->manager->Stop(id, answer);
  }
  CHECK(answers.WaitFor(2)[1] == StatusCode::kOk);
  {
    const ThreadMark callback(ThreadKind::kCallback);
    f->manager->Delete(id, answer);
  }
  CHECK(answers.WaitFor(3)[2] == StatusCode::kOk);
  CHECK(kept.store.calls_on_callbacks() == 0);
  CHECK(kept.Record(id).empty());
}
