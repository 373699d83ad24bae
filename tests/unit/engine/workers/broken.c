/* Libraries that a host has to refuse, each by one definition. */
#include <stdlib.h>

#include "virtufin/virtufin_worker_api_c.h"

#ifdef BROKEN_ABI
VIRTUFIN_WORKER_ABI(BROKEN_ABI);
#endif

#ifdef BROKEN_UNDEFINED
int FunctionThatNobodyDefines(void);
#endif

#ifndef BROKEN_NO_PROCESS
int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  (void)host, (void)in_buf, (void)in_len, (void)out_buf, (void)out_len;
#ifdef BROKEN_UNDEFINED
  return FunctionThatNobodyDefines();
#else
  return 0;
#endif
}
#endif

#ifndef BROKEN_NO_FREE_RESULT
void FreeResult(uint8_t* result) { free(result); }
#endif
