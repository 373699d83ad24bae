// Uses engine_packer: what is no package is refused with the name of the field.
#include "virtufin/engine/packer.hpp"

int main() {
  return virtufin::PackNative({}).status().code() == virtufin::StatusCode::kInvalidArgument ? 0 : 1;
}
