/* A native worker that reads one byte from the descriptor which its event's data names, and does
 * not return before it came. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len) {
  VirtufinWireEvent event;
  char text[16] = "";
  char byte;
  ssize_t count;
  (void)host;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;
  if (event.data && event.data_size < sizeof(text)) memcpy(text, event.data, event.data_size);
  do {
    count = read(atoi(text), &byte, 1);
  } while (count < 0 && errno == EINTR);
  return virtufin_wire_write(NULL, count == 1 ? "went on" : "no byte", out_buf, out_len);
}

VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
