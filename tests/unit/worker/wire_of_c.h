/* virtufin_worker_wire.h as a C compiler sees it, for tests in C++. */
#ifndef VIRTUFIN_TESTS_UNIT_WORKER_WIRE_OF_C_H
#define VIRTUFIN_TESTS_UNIT_WORKER_WIRE_OF_C_H

#include "virtufin/virtufin_worker_wire.h"

#ifdef __cplusplus
extern "C" {
#endif

int32_t ReadInC(const uint8_t* buffer, int32_t size, VirtufinWireEvent* event);
VirtufinWireExtension ExtensionInC(const VirtufinWireEvent* event, uint32_t index);
VirtufinWireText FindInC(const VirtufinWireEvent* event, const char* name);
int32_t WriteInC(const VirtufinWireReply* reply, const char* error, uint8_t** out, int32_t* size);
/* Reads the event and everything in it; a sum over the bytes, so that none is left out. */
uint64_t ReadAllInC(const uint8_t* buffer, int32_t size);

#ifdef __cplusplus
}
#endif
#endif /* VIRTUFIN_TESTS_UNIT_WORKER_WIRE_OF_C_H */
