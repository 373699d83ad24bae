// Which engine a MIME type finds.
#include <doctest/doctest.h>

#include "unit/engine/fixture.hpp"

using namespace virtufin;

namespace {

class NamedEngine final : public Engine {
 public:
  explicit NamedEngine(std::string mime_type) : mime_type_(std::move(mime_type)) {}
  EngineInfo Describe() const override { return {mime_type_, "Test", true, ""}; }
  Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode&, const WorkerIdentity&,
                                             std::shared_ptr<WorkerHost>) override {
    return Status(StatusCode::kUnimplemented, "test", "loads nothing");
  }

 private:
  const std::string mime_type_;
};

}  // namespace

// Pins WM-17.
TEST_CASE("a MIME type and its aliases find the engine, in any case") {
  EngineRegistry registry;
  REQUIRE(registry
              .Register(std::make_unique<NamedEngine>("application/x-Native-dll"),
                        {"application/x-nativedll"})
              .ok());
  for (const std::string_view mime_type :
       {"application/x-native-dll", "application/x-nativedll", "Application/X-NativeDll"}) {
    const auto engine = registry.Find(mime_type);
    REQUIRE(engine.ok());
    CHECK((*engine)->Describe().mime_type == "application/x-Native-dll");
  }
}

// Pins WM-17.
TEST_CASE("an unknown MIME type is answered with those that exist") {
  EngineRegistry registry;
  CHECK(registry.Find("text/x-python").status().message() ==
        "no engine runs 'text/x-python': expected one of []");
  REQUIRE(registry.Register(std::make_unique<NamedEngine>("b/b"), {"c/c"}).ok());
  REQUIRE(registry.Register(std::make_unique<NamedEngine>("a/a")).ok());
  const Status status = registry.Find("text/x-python").status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == "no engine runs 'text/x-python': expected one of [a/a, b/b]");
}

// Pins WM-17.
TEST_CASE("a MIME type is given to one engine only, and a refused one leaves nothing behind") {
  EngineRegistry registry;
  REQUIRE(registry.Register(std::make_unique<NamedEngine>("a/a"), {"a/alias"}).ok());
  CHECK(registry.Register(std::make_unique<NamedEngine>("A/A")).code() ==
        StatusCode::kAlreadyExists);
  CHECK(registry.Register(std::make_unique<NamedEngine>("a/alias")).code() ==
        StatusCode::kAlreadyExists);
  CHECK(registry.Register(std::make_unique<NamedEngine>("b/b"), {"b/alias", "a/a"}).code() ==
        StatusCode::kAlreadyExists);
  CHECK(registry.Register(std::make_unique<NamedEngine>("b/b"), {"b/b"}).code() ==
        StatusCode::kAlreadyExists);
  CHECK(registry.Register(std::make_unique<NamedEngine>("")).code() ==
        StatusCode::kInvalidArgument);
  CHECK_FALSE(registry.Find("b/b").ok());
  CHECK_FALSE(registry.Find("b/alias").ok());
  CHECK(registry.List().size() == 1);
}

TEST_CASE("engines are listed in order of their MIME type") {
  EngineRegistry registry;
  for (const char* name : {"c/c", "a/a", "b/b"}) {
    REQUIRE(registry.Register(std::make_unique<NamedEngine>(name)).ok());
  }
  const auto infos = registry.List();
  REQUIRE(infos.size() == 3);
  CHECK(infos[0].mime_type == "a/a");
  CHECK(infos[2].mime_type == "c/c");
}
