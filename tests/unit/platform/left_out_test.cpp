// A part that a build goes without answers UNIMPLEMENTED and says how to get it.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "support/temporary_folder.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;

namespace {

void CheckPart(const Status& status, bool built, const std::string& option) {
  INFO(status.ToString());
  CHECK(status.ok() == built);
  if (built) return;
  CHECK(status.code() == StatusCode::kUnimplemented);
  CHECK(std::string(status.message()).find("(CMake option " + option + ")") != std::string::npos);
}

}  // namespace

TEST_CASE("the SQLite store works or is named as left out") {
#ifdef BUILT_WITH_SQLITE
  constexpr bool built = true;
#else
  constexpr bool built = false;
#endif
  const test::TemporaryFolder folder;
  PlatformOptions options;
  REQUIRE(options.Set("state.driver", "sqlite").ok());
  REQUIRE(options.Set("state.path", folder / "state.db").ok());
  CheckPart(Platform::Create(options).status(), built, "VIRTUFIN_WITH_SQLITE");
}

TEST_CASE("feeds work or are named as left out") {
#ifdef BUILT_WITH_FEEDS
  constexpr bool built = true;
#else
  constexpr bool built = false;
#endif
  auto platform = Platform::Create({});
  REQUIRE(platform.ok());
  CheckPart((*platform)->feeds().status(), built, "VIRTUFIN_WITH_FEEDS");
}

TEST_CASE("code from URLs is judged or named as left out") {
  const auto platform = Platform::Create({});
  REQUIRE(platform.ok());
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.url = "http://127.0.0.1/worker.so";
  request.topics = {"in"};
  const Status status = (*platform)->workers().Create(std::move(request)).status();
#ifdef BUILT_WITH_FETCH
  CHECK(status.code() == StatusCode::kPermissionDenied);
#else
  CheckPart(status, false, "VIRTUFIN_WITH_FETCH");
#endif
}
