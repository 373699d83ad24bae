/* A worker as it was built when the ABI froze: against the frozen headers, with their reader and
 * writer inside. Tells its host what it knows of it and answers with what it got. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_ABI(2);

int32_t VirtufinWorkerInit(const VirtufinHost* host) {
  const VirtufinWorkerInfo1* info =
      host->get_extension(host->engine_ptr, VIRTUFIN_EXTENSION_WORKER_1);
  char line[200];
  if (!info || info->struct_size < sizeof(*info)) return 1;
  snprintf(line, sizeof(line), "%s has %d topics, the first is %s; host ABI %d", info->worker_id,
           (int)info->topic_count, info->topics[0], (int)host->abi_version);
  host->log(host->engine_ptr, VIRTUFIN_LOG_WARN, line);
  return 0;
}

void VirtufinWorkerShutdown(const VirtufinHost* host) {
  host->log(host->engine_ptr, VIRTUFIN_LOG_INFO, "shutdown");
}

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  VirtufinWireEvent event;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;

  uint8_t* response = NULL;
  int32_t response_size = 0;
  const char request[] = "{\"a\":1}";
  const int32_t called =
      host->gateway_call(host->engine_ptr, "a.Service", "Method", (const uint8_t*)request,
                         (int32_t)sizeof(request) - 1, &response, &response_size);

  VirtufinWireReply reply = {0};
  reply.id = event.id;
  reply.type = virtufin_wire_text("old.reply");
  reply.source = virtufin_wire_text("urn:test:old");
  reply.datacontenttype = virtufin_wire_text("application/json");
  reply.data = response;
  reply.data_size = called == 0 ? (size_t)response_size : 0;
  const int32_t written = virtufin_wire_write(&reply, NULL, out_buf, out_len);
  if (response) host->free_response(host->engine_ptr, response);
  return written;
}

void FreeResult(uint8_t* result) { free(result); }
