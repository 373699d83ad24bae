// The library: what a host loads.
#include "counter.hpp"

#include "virtufin/worker/native_export.hpp"

VIRTUFIN_EXPORT_WORKER(example::Counter)
