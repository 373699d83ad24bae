// Packages that load: both forms of manifest, what their fields do, and what an unload leaves.
#include <cstdlib>

#include "unit/engine/package_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<LoadedWorker> Load(Engine& engine, const std::string& package) {
  return LoadWorker(engine, CodeOf(package), std::make_shared<RecordingHost>());
}

std::string Echo(const std::string& package) {
  const auto engine = MakeNativeEngine();
  return Answer(*Load(*engine, package), "echo", "x");
}

std::string Abi(const std::string& package) {
  const auto engine = MakeNativeEngine();
  return Answer(*Load(*engine, package), "info").substr(0, 5);
}

}  // namespace

// Pins WA-34, WA-35.
TEST_CASE("a worker loads from a package with a nuspec and from one with a manifest.json") {
  const std::string library = FileText(MODES_V2);
  CHECK(Echo(WriteZip(NuspecPackage(library))) == "x");
  CHECK(Echo(WriteZip(JsonPackage(library))) == "x");
}

// Pins WA-34.
TEST_CASE("entries may be packed, have descriptors, extra fields and folders") {
  ZipFile zip = NuspecPackage(FileText(MODES_V2));
  for (ZipItem& item : zip.items) {
    item.deflate = item.descriptor = true;
    item.extra = item.local_extra = std::string("UT\5\0\1\0\0\0\0", 9);
    item.attributes = 0100644U << 16;
  }
  zip.items.push_back({"runtimes/", ""});
  zip.items.back().attributes = 040755U << 16 | 0x10;
  zip.items.push_back({"_rels/.rels", "<Relationships/>"});
  zip.items.push_back({"docs/\xc3\xa9t\xc3\xa9.txt", "summer"});
  zip.items.back().flags = 1 << 11;
  zip.items.push_back({"lib/net8.0/worker.dll", "MZ"});
  CHECK(Echo(WriteZip(zip)) == "x");
}

// Pins WA-34.
TEST_CASE("a package that another program has written loads") {
  const auto engine = MakeNativeEngine();
  const auto worker = LoadWorker(*engine, NativeFile(BY_CMAKE), std::make_shared<RecordingHost>());
  CHECK(Answer(*worker, "echo", "x") == "x");
}

// Pins WA-34.
TEST_CASE("a package loads from a file, whose name and path in it stand in messages") {
  const TemporaryFolder folder;
  const std::string path = folder / "some.nupkg";
  std::ofstream(path, std::ios::binary) << WriteZip(NuspecPackage(FileText(BROKEN_NO_PROCESS)));
  const Status status = LoadStatus(*MakeNativeEngine(), NativeFile(path));
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == path + ": " + HostPath() + " does not export 'Process'");
}

// Pins WA-35.
TEST_CASE("the library is named by the manifest, else by the id of the nuspec") {
  const std::string library = FileText(MODES_V2);
  ZipFile zip;
  zip.items = {{"Some.Worker.nuspec", Nuspec("", "Some.Worker")},
               {HostPath("Some.Worker"), library}};
  CHECK(Echo(WriteZip(zip)) == "x");
  zip.items = {{"Some.Worker.nuspec",
                Nuspec("<virtufinLibrary>\n  my-lib_2 </virtufinLibrary>", "Some.Worker")},
               {HostPath("my-lib_2"), library},
               {HostPath("Some.Worker"), "not this one"}};
  CHECK(Echo(WriteZip(zip)) == "x");
}

// Pins WA-35.
TEST_CASE("a nuspec may have a prefix, comments, other elements and another encoding") {
  const std::string library = FileText(MODES_V2);
  ZipFile zip = NuspecPackage(library);
  zip.items[0].data =
      "\xef\xbb\xbf<?xml version='1.0'?><!-- <id>no</id> --><n:package xmlns:n='urn:x'>"
      "<n:metadata minClientVersion='2.8'><n:id>&#119;orker</n:id><dependencies><group>"
      "<id>other</id></group></dependencies></n:metadata><files/></n:package>";
  CHECK(Echo(WriteZip(zip)) == "x");
  std::string wide = "\xff\xfe";
  for (const char c : std::string("<package><metadata><id>worker</id></metadata></package>")) {
    wide += {c, '\0'};
  }
  zip.items[0].data = wide;
  CHECK(Echo(WriteZip(zip)) == "x");
}

// Pins WA-35.
TEST_CASE("the functions may have other names than Process and FreeResult") {
  const std::string library = FileText(RENAMED);
  CHECK(LoadStatus(*MakeNativeEngine(), CodeOf(WriteZip(NuspecPackage(library)))).message() ==
        "package of " + std::to_string(WriteZip(NuspecPackage(library)).size()) +
            " bytes: " + HostPath() + " does not export 'Process'");
  const auto nuspec = NuspecPackage(library,
                                    "<virtufinEntryPoint>HandleEvent</virtufinEntryPoint>"
                                    "<virtufinFreeResult>ReleaseReply</virtufinFreeResult>");
  CHECK(Echo(WriteZip(nuspec)) == "x");
  const auto json = JsonPackage(library,
                                R"({"abi_version":1,"library":"worker","entry_point":"HandleEvent",
                                    "free_result":"ReleaseReply","other":[{}]})");
  CHECK(Echo(WriteZip(json)) == "x");
}

// Pins WA-2, WA-35.
TEST_CASE("the manifest's ABI version wins over the library's, which wins over 1") {
  const std::string v1 = FileText(MODES_V1), v2 = FileText(MODES_V2);
  const std::string one = "<virtufinAbiVersion>1</virtufinAbiVersion>";
  const std::string two = "<virtufinAbiVersion>2</virtufinAbiVersion>";
  CHECK(Abi(WriteZip(NuspecPackage(v1))) == "abi 1");
  CHECK(Abi(WriteZip(NuspecPackage(v2))) == "abi 2");
  CHECK(Abi(WriteZip(NuspecPackage(v2, one))) == "abi 1");
  CHECK(Abi(WriteZip(NuspecPackage(v1, two))) == "abi 2");
  CHECK(Abi(WriteZip(JsonPackage(v2))) == "abi 1");
}

// Pins WA-35.
TEST_CASE("a worker is reentrant when its manifest says so") {
  const std::string library = FileText(MODES_V2);
  const auto engine = MakeNativeEngine();
  const auto reentrant = [&](const ZipFile& zip) {
    return Load(*engine, WriteZip(zip))->reentrant();
  };
  CHECK_FALSE(reentrant(NuspecPackage(library)));
  CHECK_FALSE(reentrant(NuspecPackage(library, "<virtufinReentrant>false</virtufinReentrant>")));
  CHECK(reentrant(NuspecPackage(library, "<virtufinReentrant>true</virtufinReentrant>")));
  CHECK(
      reentrant(JsonPackage(library, R"({"abi_version":1,"library":"worker","reentrant":true})")));
}

// Pins WA-36.
TEST_CASE("of several machines' libraries only this machine's is read") {
  ZipFile zip = NuspecPackage(FileText(MODES_V2));
  zip.items.insert(zip.items.begin(), {LibraryPath("aix-ppc64", "worker"), "what is no library"});
  zip.items.push_back({LibraryPath("win-x64", "worker"), "MZ"});
  zip.items.push_back({".supported-rids", "aix-ppc64\r\n\n" + std::string(HostRid())});
  zip.items.front().crc32 = 1;  // would be an error if anybody read it
  CHECK(Echo(WriteZip(zip)) == "x");
}

// Pins WA-8, WA-9, WA-38.
TEST_CASE("a packaged worker is loaded, reloaded and unloaded without a trace") {
  const TemporaryFolder folder;
  const std::string package = WriteZip(NuspecPackage(FileText(MODES_V2)));
  for (const std::string& directory : {std::string(), std::string(folder.path())}) {
    CAPTURE(directory);
    NativeEngineOptions options;
    options.directory = directory;
    const auto engine = MakeNativeEngine(options);
    const auto descriptors = Descriptors();
    {
      const auto first = Load(*engine, package);
      const auto second = Load(*engine, package);
      CHECK(Answer(*first, "count") == "1");
      CHECK(Answer(*first, "count") == "2");
      CHECK(Answer(*second, "count") == "1");
      CHECK(Descriptors() == descriptors);
      CHECK(FileText("/proc/self/maps").find("libworker.so") != std::string::npos);
      CHECK(FilesBelow(folder.path()).size() == (directory.empty() ? 0 : 4));
    }
    CHECK(FileText("/proc/self/maps").find("libworker.so") == std::string::npos);
    CHECK(Descriptors() == descriptors);
    CHECK(FilesBelow(folder.path()).empty());
  }
}

// Pins WA-9, WA-38.
TEST_CASE("the private copy of a packaged library is nobody else's") {
  const TemporaryFolder folder;
  NativeEngineOptions options;
  options.directory = folder.path();
  const auto engine = MakeNativeEngine(options);
  const auto worker = Load(*engine, WriteZip(NuspecPackage(FileText(MODES_V2))));
  const auto files = FilesBelow(folder.path());
  REQUIRE(files.size() == 2);
  for (const std::string& file : files) {
    CHECK((fs::status(file).permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
          fs::perms::none);
  }
  CHECK(fs::path(*files.rbegin()).filename() == "libworker.so");
}
