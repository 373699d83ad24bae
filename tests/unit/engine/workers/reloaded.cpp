// One of several builds of the same worker: replies with its number and how often it was called
// since it was loaded. What C++ libraries like to keep across a reload is in it on purpose.
#include <memory>
#include <string>
#include <vector>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"

namespace {

// A static of a template, a static with a destructor, a local static: GNU-unique symbols when a
// compiler has its way.
template <int kBuild>
struct Counter {
  static inline int calls = 0;
};

std::vector<std::string>& Seen() {
  static std::vector<std::string> seen;
  return seen;
}

class Reloaded final : public virtufin::Worker {
 public:
  virtufin::Result<std::optional<virtufin::CloudEvent>> Process(
      const virtufin::CloudEvent& event) override {
    Seen().emplace_back(event.id());
    const int calls = ++Counter<0>::calls;
    const std::string text = std::to_string(RELOADED_BUILD) + " " + std::to_string(calls) + " " +
                             std::to_string(Seen().size()) + " " + std::to_string(++own_calls_);
    auto reply = virtufin::CloudEvent::Builder()
                     .Source("urn:test:reloaded")
                     .Type("replied")
                     .TextData(text)
                     .Build();
    if (!reply.ok()) return reply.status();
    return std::optional(*std::move(reply));
  }

 private:
  int own_calls_ = 0;
};

}  // namespace

VIRTUFIN_EXPORT_WORKER(Reloaded)
