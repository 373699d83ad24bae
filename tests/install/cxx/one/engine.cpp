// Uses engine: an empty registry says what it does not have.
#include "virtufin/engine/engine.hpp"

int main() {
  const virtufin::EngineRegistry registry;
  return registry.Find("text/plain").status().code() == virtufin::StatusCode::kInvalidArgument ? 0
                                                                                               : 1;
}
