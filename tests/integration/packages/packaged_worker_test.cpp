// A worker from a package, made by the build's own helper, in a whole platform.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "support/gate.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::vector<std::uint8_t> FileBytes(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

CloudEvent Tick(const std::string& data) {
  CloudEvent::Builder builder;
  builder.Source("urn:test").Type("echo").Extension("replytopic", "answers");
  return builder.BinaryData(AsBytes(data)).Build().value();
}

}  // namespace

// Pins WA-34, WA-41.
TEST_CASE("a worker is created from a package's bytes, swapped for another and deleted") {
  auto created = Platform::Create({});
  REQUIRE(created.ok());
  Platform& platform = **created;
  REQUIRE(platform.Start().ok());
  Collector<std::string> answers;
  const auto watch =
      platform.bus().Subscribe("answers", {}, [&](const Message& message, const DeliveryInfo&) {
        answers.Add(std::string(message.event().data_text()));
        return Delivery::kSuccess;
      });
  REQUIRE(watch.ok());

  CreateWorkerRequest request;
  request.code = WorkerCode{"application/x-nativedll", "", FileBytes(PACKAGE)};
  request.topics = {"ticks"};
  const auto worker = platform.workers().Create(std::move(request));
  REQUIRE_MESSAGE(worker.ok(), worker.status().ToString());
  REQUIRE(platform.workers().Start(*worker).ok());
  REQUIRE(platform.bus().Publish(Message("ticks", Tick("one"))).ok());
  CHECK(answers.WaitFor(1).at(0) == "one");

  auto cut = FileBytes(PACKAGE);
  cut.pop_back();
  const Status refused = platform.workers().LoadCode(
      *worker, WorkerCode{"application/x-native-dll", "", std::move(cut)});
  CHECK(refused.code() == StatusCode::kInvalidArgument);
  CHECK_MESSAGE(refused.message().find("truncated, or no zip") != std::string_view::npos,
                refused.ToString());
  REQUIRE(platform.bus().Publish(Message("ticks", Tick("two"))).ok());
  CHECK(answers.WaitFor(2).at(1) == "two");

  REQUIRE(platform.workers()
              .LoadCode(*worker, WorkerCode{"application/x-native-dll", PACKAGE, {}})
              .ok());
  REQUIRE(platform.bus().Publish(Message("ticks", Tick("three"))).ok());
  CHECK(answers.WaitFor(3).at(2) == "three");
  CHECK(platform.workers().Delete(*worker).ok());
  CHECK(platform.Stop(std::chrono::seconds(30)).ok());
}
