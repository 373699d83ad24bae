// The same in C++: the event comes back as the reply.
#include "virtufin/worker/native_export.hpp"

namespace {

class SendBack final : public virtufin::Worker {
 public:
  virtufin::Result<std::optional<virtufin::CloudEvent>> Process(
      const virtufin::CloudEvent& event) override {
    return std::optional(event);
  }
};

}  // namespace

VIRTUFIN_EXPORT_WORKER(SendBack)
