// Uses state: a record in memory, written over only with its etag.
#include "virtufin/state/memory.hpp"

int main() {
  using namespace virtufin;
  const auto store = MakeMemoryStore(WallClock());
  const auto etag = store->Set("app", "position", "1");
  if (!etag || !store->Set("app", "position", "2", {.etag = *etag})) return 1;
  const auto stale = store->Set("app", "position", "3", {.etag = *etag});
  return stale.status().code() == StatusCode::kAborted ? 0 : 2;
}
