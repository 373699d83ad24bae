// Uses engine_inproc: a factory is registered once.
#include "virtufin/engine/inproc.hpp"

using namespace virtufin;

class Silent : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent&) override {
    return std::optional<CloudEvent>();
  }
};

int main() {
  EngineRegistry registry;
  if (!registry.Register(MakeInProcEngine())) return 1;
  const auto make = [] { return std::make_unique<Silent>(); };
  if (!RegisterWorkerFactory(registry, "silent", make)) return 2;
  return RegisterWorkerFactory(registry, "silent", make).code() == StatusCode::kAlreadyExists ? 0
                                                                                              : 3;
}
