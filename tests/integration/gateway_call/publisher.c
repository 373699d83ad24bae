/* A worker that publishes through the gateway: every event becomes one on topic "out". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

static const char kRequest[] =
    "{\"topic\":\"out\",\"cloudevent\":{\"id\":\"1\",\"source\":\"urn:publisher\",\"type\":\"t\","
    "\"textData\":\"{}\"}}";

VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len) {
  (void)in_buf;
  (void)in_len;
  (void)out_buf;
  (void)out_len;
  uint8_t* response = NULL;
  int32_t response_len = 0;
  const int32_t code = host->gateway_call(host->engine_ptr, "virtufin.Pubsub", "PublishEvent",
                                          (const uint8_t*)kRequest, (int32_t)(sizeof(kRequest) - 1),
                                          &response, &response_len);
  if (code != 0 && response != NULL) host->log(host->engine_ptr, 4, (const char*)response);
  host->free_response(host->engine_ptr, response);
  return code;
}

VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
