// Uses websocketmanager: a manager that knows no venue yet.
#include "virtufin/websocketmanager/websocket_manager.hpp"

int main() {
  using namespace virtufin;
  Executor executor({}, WallClock(), NullLog());
  WebSocketManager manager({}, {executor, WallClock(), NullLog()});
  return manager.StartFeed("nowhere").status().code() == StatusCode::kNotFound ? 0 : 1;
}
