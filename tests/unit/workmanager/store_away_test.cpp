// A store that does not answer: asked again, left alone, tried again.
#include <doctest/doctest.h>

#include "fixture.hpp"
#include "support/faulty_store.hpp"
#include "virtufin/state/memory.hpp"
#include "workmanager/circuit_breaker.hpp"
#include "workmanager/guarded_store.hpp"

using namespace virtufin;
using namespace virtufin::test;

// Pins WM-51.
TEST_CASE("a dependency that fails five times, half of its calls, is left alone for 30 s") {
  ManualClock clock{Timestamp()};
  detail::CircuitBreaker breaker(clock);
  auto call = [&](bool success) {
    REQUIRE(breaker.Admit());
    breaker.Report(success);
  };
  for (int i = 0; i < 6; ++i) call(true);
  for (int i = 0; i < 5; ++i) call(false);
  CHECK_FALSE(breaker.open());  // 5 of 11
  call(false);
  CHECK(breaker.open());  // 6 of 12
  CHECK_FALSE(breaker.Admit());
  clock.Advance(std::chrono::seconds(29));
  CHECK_FALSE(breaker.Admit());
  clock.Advance(std::chrono::seconds(1));
  REQUIRE(breaker.Admit());
  CHECK_FALSE(breaker.Admit());  // one tries
  breaker.Report(false);
  CHECK_FALSE(breaker.Admit());
  clock.Advance(std::chrono::seconds(30));
  call(true);
  CHECK_FALSE(breaker.open());
  for (int i = 0; i < 4; ++i) call(false);
  clock.Advance(std::chrono::seconds(31));
  for (int i = 0; i < 4; ++i) call(false);  // not in one window
  CHECK_FALSE(breaker.open());
}

// Pins WM-51.
TEST_CASE("a store that is away is asked again, so often and no longer") {
  const auto memory = MakeMemoryStore(WallClock());
  FaultyStore store{*memory};
  LogLines log;
  Executor executor({.threads = 1}, WallClock(), log);
  detail::GuardedStore guarded(store, {executor, WallClock(), log}, 1, 1);
  store.Fail(StatusCode::kUnavailable, 1);
  CHECK(guarded.Set("k", "v", {}).ok());
  CHECK(store.calls() == 2);
  store.Fail(StatusCode::kDeadlineExceeded, 2);
  CHECK(guarded.Get("k").status().code() == StatusCode::kDeadlineExceeded);
  CHECK(store.calls() == 4);
  store.Fail(StatusCode::kResourceExhausted, 1);  // it answers, only not as one would like
  CHECK(guarded.Get("k").status().code() == StatusCode::kResourceExhausted);
  CHECK(store.calls() == 5);

  Extras extras;
  extras.records = &store;
  WorkManagerOptions options = ManagerFixture::Quick(30'000, 30'000);
  options.retry_attempts = 2;
  ManagerFixture f(options, WallClock(), 2, nullptr, extras);
  f.Script("w", ReplyWith("{}"));
  store.Fail(StatusCode::kUnavailable, 2);
  CreateWorkerRequest request;
  request.code = Code("w");
  request.topics = {"in"};
  CHECK(f.manager->Create(std::move(request)).ok());
}

// Pins WM-51.
TEST_CASE(
    "a try that throws leaves the store to be tried again, and what opens and closes is logged") {
  const auto memory = MakeMemoryStore(WallClock());
  FaultyStore store{*memory};
  LogLines log;
  ManualClock clock{Timestamp()};
  Executor executor({.threads = 1}, clock, log);
  detail::GuardedStore guarded(store, {executor, clock, log}, 0, 0);
  store.Fail(StatusCode::kUnavailable);
  for (int i = 0; i < 4; ++i) (void)guarded.Get("k");
  CHECK_FALSE(log.Has("does not answer"));
  (void)guarded.Get("k");
  CHECK(guarded.open());
  CHECK(log.Has("state store: does not answer"));
  store.Heal();
  clock.Advance(std::chrono::seconds(30));
  store.Throw();
  CHECK_THROWS_AS((void)guarded.Get("k"), std::bad_alloc);
  CHECK(guarded.Get("k").status().code() == StatusCode::kUnavailable);
  clock.Advance(std::chrono::seconds(30));
  CHECK(guarded.Get("k").status().code() == StatusCode::kNotFound);
  CHECK_FALSE(guarded.open());
  CHECK(log.Has("state store: answers again"));
}
