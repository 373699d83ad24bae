/* The layout that one version of virtufin_worker_api_c.h gives, as numbers that can be compared. */
#ifndef VIRTUFIN_TESTS_ABI_WORKER_LAYOUT_H
#define VIRTUFIN_TESTS_ABI_WORKER_LAYOUT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A member of a struct, a whole struct (offset 0), or a constant (its value as size). */
struct WorkerLayoutEntry {
  const char* name;
  size_t offset;
  size_t size;
};

/** Ends with an entry whose name is NULL. */
const struct WorkerLayoutEntry* CurrentWorkerLayout(void);
const struct WorkerLayoutEntry* FrozenWorkerLayout(void); /* revisions 1 and 2 */
const struct WorkerLayoutEntry* FrozenTablesLayout(void); /* with the tables that came then */

#ifdef __cplusplus
}
#endif
#endif /* VIRTUFIN_TESTS_ABI_WORKER_LAYOUT_H */
