// A native worker without the SDK whose exceptions reach the host.
#include <cstdlib>
#include <stdexcept>

#include "virtufin/virtufin_worker_wire.h"

namespace {

struct Own : std::runtime_error {
  Own() : std::runtime_error("a type of the library") {}
};

bool throw_from_free = false;

}  // namespace

extern "C" std::int32_t Process(const VirtufinHost*, const std::uint8_t* in_buf,
                                std::int32_t in_len, std::uint8_t** out_buf,
                                std::int32_t* out_len) {
  VirtufinWireEvent event;
  if (virtufin_wire_read(in_buf, in_len, &event) != VIRTUFIN_WIRE_OK) return 1;
  VirtufinWireReply reply{};
  reply.id = event.id;
  reply.type = virtufin_wire_text("replied");
  reply.source = virtufin_wire_text("urn:test:thrower");
  if (!virtufin_wire_equal(event.type, "throw_first")) {
    if (virtufin_wire_write(&reply, nullptr, out_buf, out_len) != VIRTUFIN_WIRE_OK) return 1;
  }
  if (virtufin_wire_equal(event.type, "throw_first")) throw std::runtime_error("no reply yet");
  if (virtufin_wire_equal(event.type, "throw_late")) throw std::runtime_error("with a reply");
  if (virtufin_wire_equal(event.type, "throw_own")) throw Own();
  if (virtufin_wire_equal(event.type, "throw_int")) throw 42;
  throw_from_free = virtufin_wire_equal(event.type, "throw_from_free");
  return 0;
}

extern "C" void FreeResult(std::uint8_t* result) {
  std::free(result);
  if (throw_from_free) throw std::runtime_error("cannot free");
}

extern "C" std::int32_t VirtufinWorkerInit(const VirtufinHost*) {
#ifdef THROWER_INIT
  throw std::runtime_error("not today");
#else
  return 0;
#endif
}

extern "C" void VirtufinWorkerShutdown(const VirtufinHost*) {
  throw std::runtime_error("will not go");
}
