// A worker of this program, called by a test.
#include <memory>

#include "virtufin/worker_harness/worker_harness.hpp"

namespace {

class Silent final : public virtufin::Worker {
  virtufin::Result<std::optional<virtufin::CloudEvent>> Process(
      const virtufin::CloudEvent&) override {
    return std::optional<virtufin::CloudEvent>();
  }
};

}  // namespace

int main() {
  const auto harness = virtufin::WorkerHarness::Of<Silent>();
  return harness.ok() && (*harness)->Send("{}").status.ok() && (*harness)->Close().ok() ? 0 : 1;
}
