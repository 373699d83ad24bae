// Uses workmanager: a manager without workers.
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/workmanager/work_manager.hpp"

int main() {
  using namespace virtufin;
  Executor executor({}, WallClock(), NullLog());
  const Runtime runtime{executor, WallClock(), NullLog()};
  InprocBroker broker(runtime);
  EngineRegistry engines;
  WorkManager manager({}, {runtime, broker, engines});
  return manager.Start("nobody").code() == StatusCode::kNotFound && manager.List().empty() ? 0 : 1;
}
