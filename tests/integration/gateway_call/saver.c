/* A worker that counts events in the state store: it reads the record, adds one, and saves it under
   the etag that it read, again when another worker was faster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

/* The text of a member of flat JSON without escapes; empty when it is not there. */
static void Member(const char* json, const char* name, char* out, size_t size) {
  char pattern[32];
  snprintf(pattern, sizeof(pattern), "\"%s\":\"", name);
  const char* start = strstr(json, pattern);
  out[0] = '\0';
  if (start == NULL) return;
  start += strlen(pattern);
  const size_t length = strcspn(start, "\"");
  if (length >= size) return;
  memcpy(out, start, length);
  out[length] = '\0';
}

/* The code of the call; its answer, or the error's text, in `out`. */
static int32_t Call(const VirtufinHost* host, const char* method, const char* request, char* out,
                    size_t size) {
  uint8_t* response = NULL;
  int32_t length = 0;
  const int32_t code =
      host->gateway_call(host->engine_ptr, "virtufin.State", method, (const uint8_t*)request,
                         (int32_t)strlen(request), &response, &length);
  const size_t kept = response == NULL || length <= 0 ? 0 : (size_t)length;
  const size_t fits = kept < size ? kept : size - 1;
  if (fits > 0) memcpy(out, response, fits);
  out[fits] = '\0';
  host->free_response(host->engine_ptr, response);
  return code;
}

VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len) {
  (void)in_buf;
  (void)in_len;
  (void)out_buf;
  (void)out_len;
  for (int attempt = 0; attempt < 10000; ++attempt) {
    char answer[512], value[32], etag[64], request[512];
    if (Call(host, "GetState", "{\"service\":\"workmanager\",\"key\":\"count\"}", answer,
             sizeof(answer)) != 0) {
      host->log(host->engine_ptr, 4, answer);
      return 1;
    }
    Member(answer, "value", value, sizeof(value));
    Member(answer, "etag", etag, sizeof(etag));
    snprintf(request, sizeof(request),
             "{\"service\":\"workmanager\",\"key\":\"count\",\"value\":\"%d\",\"etag\":\"%s\","
             "\"publishChange\":true}",
             atoi(value) + 1, etag);
    if (Call(host, "SaveState", request, answer, sizeof(answer)) == 0) return 0;
    if (strstr(answer, "etag") == NULL) {
      host->log(host->engine_ptr, 4, answer);
      return 1;
    }
  }
  return 1;
}

VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
