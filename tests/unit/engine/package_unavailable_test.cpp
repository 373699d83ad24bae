// A build without libarchive and expat: bare libraries load, packages are refused with the reason.
#include "unit/engine/package_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

// Pins WA-34.
TEST_CASE("a build that reads no packages says what is missing") {
  const auto engine = MakeNativeEngine();
  const std::string bytes = WriteZip(NuspecPackage(FileText(MODES_V2)));
  const Status status = LoadStatus(*engine, CodeOf(bytes));
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(status.message() ==
        "package of " + std::to_string(bytes.size()) +
            " bytes: this build reads no packages: expected a bare shared library, or a build with "
            "libarchive and expat (VIRTUFIN_WITH_ARCHIVE)");
  CHECK(LoadStatus(*engine, NativeFile(MODES_V2)).ok());
}
