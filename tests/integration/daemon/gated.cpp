// A native worker that says that it was called and waits for a byte: the extension `gate` of its
// events, which its config sets, begins the names of two pipes and of the file that it leaves.
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace gated {

class Gated final : public virtufin::Worker {
 public:
  virtufin::Result<std::optional<virtufin::CloudEvent>> Process(
      const virtufin::CloudEvent& event) override {
    const std::string gate(event.ExtensionText("gate"));
    char byte = 'x';
    const int entered = open((gate + ".entered").c_str(), O_WRONLY | O_CLOEXEC);
    const int leave = open((gate + ".leave").c_str(), O_RDONLY | O_CLOEXEC);
    const bool passed = write(entered, &byte, 1) == 1 && read(leave, &byte, 1) == 1;
    close(leave);
    close(entered);
    if (passed) close(open((gate + ".done").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return std::optional<virtufin::CloudEvent>();
  }
};

}  // namespace gated

VIRTUFIN_EXPORT_WORKER(gated::Gated)
