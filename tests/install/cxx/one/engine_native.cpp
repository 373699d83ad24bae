// Uses engine_native: what is no library is refused with the loader's words.
#include "virtufin/engine/native.hpp"

int main() {
  using namespace virtufin;
  const auto engine = MakeNativeEngine();
  WorkerCode code;
  code.mime_type = kNativeMimeType;
  code.content = {'n', 'o'};
  const auto worker = engine->Load(code, {}, nullptr);
  return worker.status().code() == StatusCode::kInvalidArgument ? 0 : 1;
}
