// TablesWorker as a library.
#include "conformance/worker_tables/tables_worker.hpp"

VIRTUFIN_EXPORT_WORKER(virtufin::test::TablesWorker)
