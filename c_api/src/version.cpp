// The version of the library, at run time.
#include "virtufin/virtufin.h"

const char* virtufin_version(void) { return VIRTUFIN_VERSION; }
int32_t virtufin_abi(void) { return 0; }
