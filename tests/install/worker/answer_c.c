/* A worker in C: answers every event with one of type `answer`. */
#include "answer.h"
#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len) {
  VirtufinWireEvent event;
  (void)host;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return 1;
  VirtufinWireReply reply = {0};
  reply.id = event.id;
  reply.type = virtufin_wire_text(ANSWER_TYPE);
  reply.source = virtufin_wire_text(ANSWER_SOURCE);
  return virtufin_wire_write(&reply, NULL, out_buf, out_len);
}

VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
