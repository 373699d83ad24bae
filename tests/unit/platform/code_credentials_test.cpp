// The file of credentials for code from URLs.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "support/temporary_folder.hpp"
#include "virtufin/platform/platform.hpp"

namespace virtufin::test {
namespace {

class CredentialsFile {
 public:
  /// What a platform with this text as the file answers.
  Status Create(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    return CreateFrom(path_);
  }
  static Status CreateFrom(const std::string& path) {
    PlatformOptions options;
    REQUIRE(options.Set("workmanager.code.credentials", path).ok());
    return Platform::Create(std::move(options)).status();
  }
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  std::string path_ = folder_ / "credentials.json";
};

}  // namespace

// Pins WM-73.
TEST_CASE("a file of credentials is taken whole or refused by its name and the entry's number") {
  CredentialsFile file;
  const std::string good =
      R"({"name": "a", "hosts": ["a.test", "b.test:81"], "bearer": {"token": "hush"}})";
  CHECK(file.Create("[]").ok());
  CHECK(file.Create("[" + good + R"(, {"name": "b", "hosts": ["b.test"], "basic":
                    {"username": "me", "token": "hush"}}])")
            .ok());
  const auto refused = [&](const std::string& text, const std::string& said) {
    const Status status = file.Create(text);
    CAPTURE(text);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(status.message().find(said) != std::string_view::npos, status.ToString());
    CHECK(status.message().find(file.path()) != std::string_view::npos);
    CHECK(status.message().find("hush") == std::string_view::npos);
  };
  for (const char* text : {"", "hush", "{}", "[", R"(["hush"] x)"}) {
    refused(text, "expected a JSON array of credentials");
  }
  for (const char* entry :
       {"1", "{}", R"({"name": "x", "hosts": ["h"]})",
        R"({"name": "x", "hosts": ["h"], "bearer": {"token": "hush"}, "more": 1})",
        R"({"name": "x", "hosts": ["h"], "bearer": {"token": "hush", "more": 1}})",
        R"({"name": "x", "hosts": ["h"], "bearer": "hush"})",
        R"({"name": "x", "hosts": ["h"], "basic": {"token": "hush"}})",
        R"({"name": "x", "hosts": "hush", "bearer": {"token": "t"}})",
        R"({"name": "x", "hosts": [1], "bearer": {"token": "t"}})",
        R"({"name": 1, "hosts": ["h"], "bearer": {"token": "hush"}})"}) {
    refused("[" + good + ", " + entry + "]", "credential 1: expected \"name\"");
  }
  refused(std::string((1 << 20) + 1, ' '), "expected at most 1048576 bytes, found more");
  CHECK(CredentialsFile::CreateFrom("/nowhere/file").message() ==
        "workmanager.code.credentials: /nowhere/file: No such file or directory");
}

}  // namespace virtufin::test
