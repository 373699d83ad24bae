// Manifests and machines that no worker is loaded for: each with the exact words.
#include <string>
#include <vector>

#include "unit/engine/package_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

void Refused(const ZipFile& zip, const std::string& words,
             StatusCode code = StatusCode::kInvalidArgument) {
  CAPTURE(words);
  const TemporaryFolder folder;
  NativeEngineOptions options;
  options.directory = folder.path();
  const auto engine = MakeNativeEngine(options);
  const auto descriptors = Descriptors();
  const std::string bytes = WriteZip(zip);
  const Status status = LoadStatus(*engine, CodeOf(bytes));
  CHECK(status.code() == code);
  CHECK(status.message() == "package of " + std::to_string(bytes.size()) + " bytes: " + words);
  CHECK(FilesBelow(folder.path()).empty());
  CHECK(Descriptors() == descriptors);
}

void NuspecRefused(const std::string& text, const std::string& words) {
  ZipFile zip = NuspecPackage("no library");
  zip.items[0].data = text;
  Refused(zip, "'worker.nuspec': " + words);
}
void MetadataRefused(const std::string& more, const std::string& words) {
  NuspecRefused(Nuspec(more), words);
}
void JsonRefused(const std::string& json, const std::string& words) {
  Refused(JsonPackage("no library", json), "'manifest.json': " + words);
}

constexpr char kNameRule[] =
    "expected a library name of [A-Za-z0-9_.-], without '..', of at most 128 characters, found ";

}  // namespace

// Pins WA-34.
TEST_CASE("a package has exactly one manifest") {
  ZipFile zip = NuspecPackage("no library");
  zip.items.push_back({"another.nuspec", Nuspec()});
  Refused(zip, "has two manifests, 'another.nuspec' and 'worker.nuspec': expected one");
  zip.items.back().name = "manifest.json";
  Refused(zip, "has two manifests, 'manifest.json' and 'worker.nuspec': expected one");
  const std::string none = "has no manifest: expected '<id>.nuspec' or 'manifest.json' at its root";
  Refused({}, none);
  zip.items = {{"folder/worker.nuspec", Nuspec()}, {"folder/manifest.json", "{}"}};
  Refused(zip, none);
}

// Pins WA-35.
TEST_CASE("library names that are none are refused with the file and the name") {
  for (const std::string& name :
       {std::string("../worker"), std::string("a/b"), std::string("a b"), std::string("a..b"),
        std::string("w\xc3\xb6rker"), std::string("$(worker)")}) {
    const std::string quoted = Quoted(name);
    MetadataRefused("<virtufinLibrary>" + name + "</virtufinLibrary>", kNameRule + quoted);
    NuspecRefused(Nuspec("", name), kNameRule + quoted);
    JsonRefused(R"({"abi_version":1,"library":")" + name + "\"}", kNameRule + quoted);
  }
  JsonRefused(R"({"abi_version":1,"library":"a\u0000b"})", kNameRule + std::string("'a\\x00b'"));
  MetadataRefused("<virtufinLibrary/>", kNameRule + std::string("''"));
  const std::string longest(128, 'n');
  MetadataRefused("<virtufinLibrary>" + longest + "n</virtufinLibrary>",
                  kNameRule + Quoted(longest + "n"));
  Refused(NuspecPackage("no library", "<virtufinLibrary>" + longest + "</virtufinLibrary>"),
          "has no library for this machine: expected " + Quoted(HostPath(longest)) +
              ", found something for [" + std::string(HostRid()) + "]");
}

// Pins WA-2, WA-35.
TEST_CASE("ABI versions that the host does not know are refused with those it knows") {
  const std::string supported = ": supported are 1 and 2";
  for (const char* const version : {"0", "3", "-1", "2147483647"}) {
    const std::string words = std::string("asks for worker ABI version ") + version + supported;
    MetadataRefused("<virtufinAbiVersion>" + std::string(version) + "</virtufinAbiVersion>", words);
    JsonRefused(R"({"abi_version":)" + std::string(version) + R"(,"library":"worker"})", words);
  }
  JsonRefused(R"({"abi_version":18446744073709551615,"library":"worker"})",
              "asks for worker ABI version 18446744073709551615" + supported);
  for (const char* const version : {"", "one", "1.0", "+1", "0x1", "99999999999999999999"}) {
    MetadataRefused("<virtufinAbiVersion>" + std::string(version) + "</virtufinAbiVersion>",
                    "expected a whole number in <virtufinAbiVersion>, found '" +
                        std::string(version) + "'" + supported);
  }
  for (const char* const version : {"\"1\"", "1.0", "null", "[1]"}) {
    JsonRefused(R"({"abi_version":)" + std::string(version) + R"(,"library":"worker"})",
                "expected a whole number 'abi_version', found " + Quoted(version));
  }
}

// Pins WA-35.
TEST_CASE("a manifest.json lacks or garbles a field") {
  JsonRefused(R"({"library":"worker"})", "expected a whole number 'abi_version', found none");
  JsonRefused(R"({"abi_version":1})", "expected a string 'library', found none");
  JsonRefused(R"({"abi_version":1,"library":7})", "expected a string 'library', found '7'");
  JsonRefused(R"({"abi_version":1,"library":"worker","entry_point":null})",
              "expected a string 'entry_point', found 'null'");
  JsonRefused(R"({"abi_version":1,"library":"worker","free_result":["f"]})",
              "expected a string 'free_result', found '[\"f\"]'");
  JsonRefused(R"({"abi_version":1,"library":"worker","reentrant":"yes"})",
              "expected true or false for 'reentrant', found '\"yes\"'");
  JsonRefused(R"({"abi_version":1,"library":"worker","library":"other"})",
              "'library' is there twice");
  JsonRefused("[1]", "expected a JSON object");
  JsonRefused("null", "expected a JSON object");
}

// Pins WA-35.
TEST_CASE("names of functions that are none in C are refused") {
  const std::string rule = "expected the name of a C function, of at most 128 characters, found ";
  for (const char* const name : {"", "9lives", "a-b", "a b", "dlopen@GLIBC_2.34"}) {
    MetadataRefused("<virtufinEntryPoint>" + std::string(name) + "</virtufinEntryPoint>",
                    rule + Quoted(name));
    MetadataRefused("<virtufinFreeResult>" + std::string(name) + "</virtufinFreeResult>",
                    rule + Quoted(name));
    JsonRefused(
        R"({"abi_version":1,"library":"worker","entry_point":")" + std::string(name) + "\"}",
        rule + Quoted(name));
  }
}

// Pins WA-35.
TEST_CASE("a malformed manifest.json says where") {
  for (const char* const json :
       {"", "{", "{\"abi_version\":1,}", "{'abi_version':1}", "\xff", "{}x"}) {
    CAPTURE(json);
    const std::string bytes = WriteZip(JsonPackage("no library", json));
    const Status status = LoadStatus(*MakeNativeEngine(), CodeOf(bytes));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(status.message().find("'manifest.json': malformed: ") != std::string_view::npos,
                  status.ToString());
    CHECK_MESSAGE(status.message().find("line 1, column ") != std::string_view::npos,
                  status.ToString());
  }
  JsonRefused("[\"" + std::string(60'000, 'x') + "\xff",
              "malformed: [json.exception.parse_error.101] parse error at line 1, column 60003: "
              "syntax error while parsing value - invalid string: ill-formed UTF-8 byte");
  std::string deep(100'000, '[');
  ZipFile zip = JsonPackage("no library", deep);
  Refused(zip, "'manifest.json' unpacks to 100000 bytes, at most 65536 are read",
          StatusCode::kResourceExhausted);
  JsonRefused(R"({"abi_version":1,"library":"worker","x":)" + deep.substr(0, 60'000) + "}",
              "is nested deeper than 64 levels");
}

// Pins WA-35.
TEST_CASE("a malformed nuspec says where") {
  NuspecRefused("", "malformed: line 1: no element found");
  NuspecRefused("not xml", "malformed: line 1: syntax error");
  NuspecRefused("<package>\n<metadata>\n</package>", "malformed: line 3: mismatched tag");
  NuspecRefused(Nuspec() + "<more/>", "malformed: line 4: junk after document element");
  NuspecRefused("<package><metadata><id>&worker;</id></metadata></package>",
                "malformed: line 1: undefined entity");
  NuspecRefused("<package><metadata><id>\xff</id></metadata></package>",
                "malformed: line 1: not well-formed (invalid token)");
  NuspecRefused("<?xml version='1.0' encoding='klingon'?><package/>",
                "malformed: line 1: unknown encoding");
  NuspecRefused("<project/>", "begins with <project>: expected <package>");
  NuspecRefused("<package><id>worker</id></package>", "expected an <id> in <metadata>, found none");
  NuspecRefused(Nuspec("", " "), "expected an <id> in <metadata>, found none");
  MetadataRefused("<id>other</id>", "has <id> twice");
  MetadataRefused("<virtufinLibrary><b/></virtufinLibrary>",
                  "has an element in <virtufinLibrary>: expected text");
  MetadataRefused("<virtufinReentrant>yes</virtufinReentrant>",
                  "expected true or false in <virtufinReentrant>, found 'yes'");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  NuspecRefused("<package>" + deep, "is nested deeper than 32 elements");
}

// Pins WA-37.
TEST_CASE("a nuspec can declare no entity, inside or outside of itself") {
  const std::string words = "has a document type declaration: expected none";
  std::string bomb = "<!DOCTYPE package [<!ENTITY a0 'ha'>";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "&a" + std::to_string(i - 1) + ";";
    bomb += "<!ENTITY a" + std::to_string(i) + " '" + before + before + "'>";
  }
  NuspecRefused(bomb + "]><package><metadata><id>&a29;</id></metadata></package>", words);
  NuspecRefused(
      "<!DOCTYPE package [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
      "<package><metadata><id>&e;</id></metadata></package>",
      words);
  NuspecRefused("<!DOCTYPE package SYSTEM 'http://127.0.0.1:9/x.dtd'><package/>", words);
  NuspecRefused("<!DOCTYPE package [<!ENTITY % p SYSTEM 'file:///dev/zero'> %p;]><package/>",
                words);
}

// Pins WA-36.
TEST_CASE("a package without a library for this machine names the machines that it has") {
  ZipFile zip;
  zip.items = {{"worker.nuspec", Nuspec()}};
  const std::string expected =
      "has no library for this machine: expected '" + HostPath() + "', found something for ";
  Refused(zip, expected + "[]");
  zip.items.push_back({LibraryPath("osx-arm64", "worker"), "x"});
  zip.items.push_back({LibraryPath("aix-ppc64", "worker"), "x"});
  zip.items.push_back({"runtimes/win-x64/lib/net8.0/worker.dll", "x"});
  Refused(zip, expected + "[aix-ppc64, osx-arm64]");
  zip.items.push_back({HostPath("other"), "x"});
  Refused(zip, expected + "[aix-ppc64, " + std::string(HostRid()) + ", osx-arm64]");
}

// Pins WA-36.
TEST_CASE(".supported-rids must list this machine when it is there") {
  ZipFile zip = NuspecPackage(FileText(MODES_V2));
  zip.items.push_back({".supported-rids", "osx-x64\nlinux-s390\r\n"});
  const std::string host(HostRid());
  Refused(zip, "'.supported-rids' has no '" + host + "', found [linux-s390, osx-x64]");
  zip.items.back().data = "";
  Refused(zip, "'.supported-rids' has no '" + host + "', found []");
  zip.items.back().data = host + "\nlinux x64\n";
  Refused(zip, "'.supported-rids': expected a RID such as linux-x64, found 'linux x64'");
  zip.items.back().data = std::string(65'537, '\n');
  Refused(zip, "'.supported-rids' unpacks to 65537 bytes, at most 65536 are read",
          StatusCode::kResourceExhausted);
  zip.items.back().data = "  " + host;
  Refused(zip, "'.supported-rids': expected a RID such as linux-x64, found '  " + host + "'");
}

// Pins WA-5, WA-36.
TEST_CASE("what the package calls a library must be one of this machine") {
  const auto refused = [](const std::string& library, const std::string& words) {
    const std::string bytes = WriteZip(NuspecPackage(library));
    const Status status = LoadStatus(*MakeNativeEngine(), CodeOf(bytes));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message() ==
          "package of " + std::to_string(bytes.size()) + " bytes: " + HostPath() + ": " + words);
  };
  refused("", "expected a shared library (7f 45 4c 46), found no bytes");
  refused("MZ\x90", "expected a shared library (7f 45 4c 46), found 4d 5a 90");
  refused(WriteZip(NuspecPackage("x")),
          "expected a shared library (7f 45 4c 46), found 50 4b 03 04");
  std::string library = FileText(MODES_V2);
  const unsigned host_machine = static_cast<std::uint8_t>(library[18]);
  library[18] = 8;  // EM_MIPS
  refused(library, "the shared library is for ELF machine 8: expected " +
                       std::to_string(host_machine) + " (" + std::string(HostRid()) + ")");
  library = FileText(MODES_V2).substr(0, 40);
  refused(library, "truncated ELF file: 40 bytes");
}
