/* The smallest library a host can call: one buffer made, one buffer freed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) int32_t FloorProcess(void* host, const uint8_t* in,
                                                            int32_t in_len, uint8_t** out,
                                                            int32_t* out_len) {
  (void)host;
  uint8_t* result = malloc(64);
  if (result == NULL) return 1;
  memcpy(result, in, in_len < 64 ? (size_t)in_len : 64);
  *out = result;
  *out_len = 64;
  return 0;
}

__attribute__((visibility("default"))) void FloorFree(uint8_t* result) { free(result); }
