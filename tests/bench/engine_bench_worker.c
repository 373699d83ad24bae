/* A native worker that sends back what it got: event read, response written, nothing else. */
#include "virtufin/virtufin_worker_wire.h"

enum { kMaxExtensions = 16 };

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  VirtufinWireEvent event;
  VirtufinWireExtension extensions[kMaxExtensions];
  (void)host;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;
  if (event.extension_count > kMaxExtensions) return VIRTUFIN_WIRE_TOO_LARGE;
  for (uint32_t i = 0; i < event.extension_count; ++i) {
    extensions[i] = virtufin_wire_extension(&event, i);
  }
  const VirtufinWireReply reply = {.id = event.id,
                                   .type = event.type,
                                   .source = event.source,
                                   .specversion = event.specversion,
                                   .datacontenttype = event.datacontenttype,
                                   .subject = event.subject,
                                   .time = event.time,
                                   .data = event.data,
                                   .data_size = event.data_size,
                                   .extensions = extensions,
                                   .extension_count = event.extension_count};
  return virtufin_wire_write(&reply, NULL, out_buf, out_len);
}

void FreeResult(uint8_t* result) { free(result); }
