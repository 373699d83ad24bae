// Counter in a harness: in this program, and as the library and the package that were built.
//   counter_test <library> <package>
#include <cstdio>
#include <memory>
#include <string>

#include "counter.hpp"
#include "virtufin/worker_harness/worker_harness.hpp"

namespace {

using Harness = virtufin::Result<std::unique_ptr<virtufin::WorkerHarness>>;

int failures = 0;

void Expect(const std::string& form, const std::string& found, const std::string& expected) {
  if (found == expected) return;
  std::printf("%s: expected %s, found %s\n", form.c_str(), expected.c_str(), found.c_str());
  ++failures;
}

std::string Reply(const virtufin::CallOutcome& outcome) {
  return outcome.reply ? std::string(outcome.reply->data_text()) : outcome.status.ToString();
}

void Run(const std::string& form, Harness made) {
  if (!made.ok()) return Expect(form, made.status().ToString(), "a worker");
  virtufin::WorkerHarness& harness = **made;
  Expect(form, Reply(harness.Send(R"({"command":"count"})")),
         R"({"command":"count","count":1,"success":true})");
  Expect(form, Reply(harness.Send(R"({"command":"Count","data":{"by":41}})")),
         R"({"command":"count","count":42,"success":true})");
  Expect(form, Reply(harness.Send(R"({"command":"count","by":"two"})")),
         R"({"command":"error","message":"by: expected a whole number","success":false})");
  Expect(form, Reply(harness.Send(R"({"command":"fly"})")),
         R"({"command":"error","message":"Unknown command: fly","success":false})");

  // New code finds the record of the old.
  Expect(form, harness.Reload().ToString(), "OK");
  Expect(form, Reply(harness.Send(R"({"command":"count"})")),
         R"({"command":"count","count":43,"success":true})");
  Expect(form, Reply(harness.Send(R"({"command":"reset"})")),
         R"({"command":"reset","count":0,"success":true})");

  std::string told;
  for (const auto& each : harness.published()) {
    if (each.topic == example::Counter::kTopic) told += std::string(each.event.data_text());
  }
  Expect(form, told, R"({"count":1}{"count":42}{"count":43}{"count":0})");
  Expect(form, harness.Close().ToString(), "OK");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::puts("usage: counter_test <library> <package>");
    return 2;
  }
  Run("in process", virtufin::WorkerHarness::Of<example::Counter>());
  Run("library", virtufin::WorkerHarness::OfLibrary(argv[1]));
  Run("package", virtufin::WorkerHarness::OfLibrary(argv[2]));
  if (failures == 0) std::puts("counter: three forms, all as expected");
  return failures == 0 ? 0 : 1;
}
