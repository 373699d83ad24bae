// OpenPackage of a build without libarchive and expat.
#include "engine/native/package.hpp"

namespace virtufin::inline v0::detail {

Result<PackagedLibrary> OpenPackage(ByteView /*file*/, const NativeEngineOptions& /*options*/) {
  return Status(StatusCode::kFailedPrecondition, "engine",
                "this build reads no packages: expected a bare shared library, or a build with "
                "libarchive and expat (VIRTUFIN_WITH_ARCHIVE)");
}

}  // namespace virtufin::inline v0::detail
