// Not to compile: the host makes workers, and this one needs an argument.
#include "virtufin/worker/native_export.hpp"

class Needy final : public virtufin::Worker {
 public:
  explicit Needy(int number) : number_(number) {}
  virtufin::Result<std::optional<virtufin::CloudEvent>> Process(
      const virtufin::CloudEvent&) override {
    return std::optional<virtufin::CloudEvent>();
  }
  int number_;
};

VIRTUFIN_EXPORT_WORKER(Needy)
