/* The functions of the wire header, compiled as C. */
#include "unit/worker/wire_of_c.h"

int32_t ReadInC(const uint8_t* buffer, int32_t size, VirtufinWireEvent* event) {
  return virtufin_wire_read(buffer, size, event);
}
VirtufinWireExtension ExtensionInC(const VirtufinWireEvent* event, uint32_t index) {
  return virtufin_wire_extension(event, index);
}
VirtufinWireText FindInC(const VirtufinWireEvent* event, const char* name) {
  return virtufin_wire_find(event, name);
}
int32_t WriteInC(const VirtufinWireReply* reply, const char* error, uint8_t** out, int32_t* size) {
  return virtufin_wire_write(reply, error, out, size);
}

static uint64_t SumOf(VirtufinWireText text) {
  uint64_t sum = text.data ? 1 : 0;
  for (size_t i = 0; i < text.size; ++i) sum += (unsigned char)text.data[i];
  if (text.data) sum += (unsigned char)text.data[text.size]; /* the NUL */
  return sum;
}

uint64_t ReadAllInC(const uint8_t* buffer, int32_t size) {
  VirtufinWireEvent event;
  uint64_t sum = 0;
  if (virtufin_wire_read(buffer, size, &event) != VIRTUFIN_WIRE_OK) return 0;
  sum += SumOf(event.id) + SumOf(event.type) + SumOf(event.source) + SumOf(event.specversion) +
         SumOf(event.datacontenttype) + SumOf(event.dataschema) + SumOf(event.subject) +
         SumOf(event.time);
  for (size_t i = 0; i < event.data_size; ++i) sum += event.data[i];
  for (uint32_t i = 0; i < event.extension_count; ++i) {
    const VirtufinWireExtension extension = virtufin_wire_extension(&event, i);
    sum += SumOf(extension.name) + SumOf(extension.value);
  }
  return sum + SumOf(virtufin_wire_find(&event, "no such extension"));
}
