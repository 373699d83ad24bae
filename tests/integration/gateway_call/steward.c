/* A worker that asks a service for what the type of its event says, then replies on topic "out". */
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len) {
  VirtufinWireEvent event;
  VirtufinWireReply reply = {0};
  char method[32] = "";
  uint8_t* response = NULL;
  int32_t response_len = 0;
  int32_t code = virtufin_wire_read(in_buf, in_len, &event);
  if (code != VIRTUFIN_WIRE_OK) return code;
  if (event.type.size >= sizeof(method)) return 1;
  memcpy(method, event.type.data, event.type.size);
  code = host->gateway_call(host->engine_ptr, "test.Manager", method, (const uint8_t*)"{}", 2,
                            &response, &response_len);
  host->free_response(host->engine_ptr, response);
  if (code != 0) return code;
  reply.id = event.id;
  reply.type = virtufin_wire_text("out");
  reply.source = virtufin_wire_text("urn:steward");
  return virtufin_wire_write(&reply, NULL, out_buf, out_len);
}

VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
