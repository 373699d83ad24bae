// What the packer makes, byte for byte, what it refuses, and that the engine loads it.
#include "virtufin/engine/packer.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "unit/engine/package_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::vector<std::uint8_t> BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// Enough of an ELF file for the packer.
std::vector<std::uint8_t> Elf(int machine, const std::string& rest) {
  std::string file(20, '\0');
  file.replace(0, 4,
               "\x7f"
               "ELF");
  file[4] = 2;   // 64-bit
  file[5] = 1;   // little-endian
  file[16] = 3;  // shared object
  file[18] = static_cast<char>(machine);
  return BytesOf(file + rest);
}

PackageSpec Spec() {
  PackageSpec spec;
  spec.id = "Example.Seen";
  spec.version = "1.2.3";
  spec.library = "seen";
  spec.authors = "R\xc3\xb6sti & Co <x@example.com>";
  spec.libraries = {{"linux-x64", Elf(62, "for x64")},
                    {"linux-arm64", Elf(183, "for arm64")},
                    {"win-x64", BytesOf("MZ")},
                    {"osx-arm64", BytesOf("\xcf\xfa\xed\xfe")}};
  return spec;
}

std::string Digest(const std::vector<std::uint8_t>& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  REQUIRE(EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr) == 1);
  std::string text;
  for (int i = 0; i < 32; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

std::size_t Field(const std::string& file, std::size_t at, int bytes) {
  std::size_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= static_cast<std::size_t>(static_cast<std::uint8_t>(file.at(at + i))) << (8 * i);
  }
  return value;
}

void CheckRefused(const PackageSpec& spec, const std::string& words) {
  const Status status = PackNative(spec).status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == words);
}
template <class Change>
void CheckRefused(Change change, const std::string& words) {
  PackageSpec spec = Spec();
  change(spec);
  CheckRefused(spec, words);
}

}  // namespace

// Pins WA-39.
TEST_CASE("equal descriptions give equal bytes, in whatever order the libraries come") {
  PackageSpec spec = Spec();
  const auto first = PackNative(spec);
  REQUIRE_MESSAGE(first.ok(), first.status().ToString());
  std::sort(spec.libraries.begin(), spec.libraries.end(),
            [](const auto& a, const auto& b) { return a.rid < b.rid; });
  do {
    const auto again = PackNative(spec);
    REQUIRE(again.ok());
    CHECK(again->version == first->version);
    CHECK(again->bytes == first->bytes);
  } while (std::next_permutation(spec.libraries.begin(), spec.libraries.end(),
                                 [](const auto& a, const auto& b) { return a.rid < b.rid; }));
}

// Pins WA-39, WA-40.
TEST_CASE("the bytes of a package are those of the first release") {
  const auto packed = PackNative(Spec());
  REQUIRE(packed.ok());
  CHECK(packed->version == "1.2.3-sha.d5df17b8");
  CHECK(packed->bytes.size() == 1417);
  CHECK(Digest(packed->bytes) ==
        "1fde42a19a603747c2d6d55f2b6ece8cad1da5fff5a163b590e66f0f76146390");
}

// Pins WA-39.
TEST_CASE("entries are sorted, stored, of 1980-01-01 00:00, without flags and extra fields") {
  const auto packed = PackNative(Spec());
  REQUIRE(packed.ok());
  const std::string file(packed->bytes.begin(), packed->bytes.end());
  std::vector<std::string> names;
  std::map<std::string, std::string> contents;
  std::size_t at = 0;
  while (Field(file, at, 4) == 0x04034b50) {
    CHECK(Field(file, at + 4, 2) == 20);     // version needed
    CHECK(Field(file, at + 6, 2) == 0);      // flags
    CHECK(Field(file, at + 8, 2) == 0);      // method
    CHECK(Field(file, at + 10, 2) == 0);     // time
    CHECK(Field(file, at + 12, 2) == 0x21);  // date
    CHECK(Field(file, at + 28, 2) == 0);     // extra
    const std::size_t name = Field(file, at + 26, 2), size = Field(file, at + 18, 4);
    CHECK(Field(file, at + 22, 4) == size);
    names.push_back(file.substr(at + 30, name));
    contents[names.back()] = file.substr(at + 30 + name, size);
    at += 30 + name + size;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(Field(file, at, 4) == 0x02014b50);
    CHECK(Field(file, at + 4, 2) == (3 << 8 | 20));  // made by
    CHECK(Field(file, at + 12, 4) == 0x00210000);
    CHECK(Field(file, at + 30, 4) == 0);               // extra, comment
    CHECK(Field(file, at + 38, 4) == 0100644U << 16);  // mode
    at += 46 + Field(file, at + 28, 2);
  }
  CHECK(Field(file, at, 4) == 0x06054b50);
  CHECK(at + 22 == file.size());
  CHECK(names == std::vector<std::string>{".supported-rids", "Example.Seen.nuspec",
                                          "runtimes/linux-arm64/native/libseen.so",
                                          "runtimes/linux-x64/native/libseen.so",
                                          "runtimes/osx-arm64/native/libseen.dylib",
                                          "runtimes/win-x64/native/seen.dll"});
  CHECK(contents[".supported-rids"] == "linux-arm64\nlinux-x64\nosx-arm64\nwin-x64\n");
  CHECK(contents["runtimes/win-x64/native/seen.dll"] == "MZ");
  CHECK(contents["Example.Seen.nuspec"] ==
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\">\n"
        "  <metadata>\n"
        "    <id>Example.Seen</id>\n"
        "    <version>" +
            packed->version +
            "</version>\n"
            "    <authors>R\xc3\xb6sti &amp; Co &lt;x@example.com&gt;</authors>\n"
            "    <description>Example.Seen</description>\n"
            "    <virtufinLibrary>seen</virtufinLibrary>\n"
            "    <virtufinEntryPoint>Process</virtufinEntryPoint>\n"
            "    <virtufinFreeResult>FreeResult</virtufinFreeResult>\n"
            "  </metadata>\n</package>\n");
}

// Pins WA-40.
TEST_CASE("the suffix is the digest of the package with eight zeros in its place") {
  const auto packed = PackNative(Spec());
  REQUIRE(packed.ok());
  std::string file(packed->bytes.begin(), packed->bytes.end());
  const std::size_t version = file.find(packed->version);
  REQUIRE(version != std::string::npos);
  const std::string digits = packed->version.substr(10);
  CHECK(digits.size() == 8);
  // The checksum of the nuspec changes too, in both of its headers.
  const std::size_t begin = file.find("<?xml"), end = file.find("</package>\n") + 11;
  const auto checksum = [&] {
    std::string bytes;
    Put32(bytes, crc32(0, reinterpret_cast<const Bytef*>(file.data() + begin),
                       static_cast<uInt>(end - begin)));
    return bytes;
  };
  const std::string before = checksum();
  file.replace(version + 10, 8, "00000000");
  const std::string after = checksum();
  for (int i = 0; i < 2; ++i) file.replace(file.find(before), 4, after);
  CHECK(Digest(BytesOf(file)).substr(0, 8) == digits);
}

// Pins WA-40.
TEST_CASE("any other input gives another suffix") {
  std::set<std::string> versions = {PackNative(Spec())->version};
  const auto add = [&](auto change) {
    PackageSpec spec = Spec();
    change(spec);
    versions.insert(PackNative(spec)->version);
  };
  add([](PackageSpec& spec) { spec.libraries[0].content.push_back(0); });
  add([](PackageSpec& spec) { spec.libraries.pop_back(); });
  add([](PackageSpec& spec) { spec.id += "2"; });
  add([](PackageSpec& spec) { spec.authors = "others"; });
  add([](PackageSpec& spec) { spec.description = "what it does"; });
  add([](PackageSpec& spec) { spec.abi_version = 2; });
  add([](PackageSpec& spec) { spec.reentrant = true; });
  add([](PackageSpec& spec) { spec.entry_point = "Handle"; });
  CHECK(versions.size() == 9);
  PackageSpec beta = Spec();
  beta.version = "2.0.0-beta.1";
  CHECK(PackNative(beta)->version.substr(0, 17) == "2.0.0-beta.1-sha.");
}

// Pins WA-39.
TEST_CASE("the engine loads what the packer made, with what the description says") {
  PackageSpec spec = Spec();
  spec.library.clear();
  spec.libraries = {{std::string(HostRid()), BytesOf(FileText(MODES_V2))}};
  const auto load = [&] {
    const auto packed = PackNative(spec);
    REQUIRE_MESSAGE(packed.ok(), packed.status().ToString());
    const auto engine = MakeNativeEngine();
    const WorkerCode code{"application/x-native-dll", "", packed->bytes};
    auto worker = LoadWorker(*engine, code, std::make_shared<RecordingHost>());
    CHECK(worker->reentrant() == spec.reentrant);
    return Answer(*worker, "info").substr(0, 5);
  };
  CHECK(load() == "abi 2");
  spec.abi_version = 1;
  spec.reentrant = true;
  CHECK(load() == "abi 1");
  spec.libraries[0].content = BytesOf(FileText(RENAMED));
  spec.entry_point = "HandleEvent";
  spec.free_result = "ReleaseReply";
  CHECK(load() == "abi 1");
}

// Pins WA-39.
TEST_CASE("a description that no host would load is refused by its field") {
  const std::string name =
      "expected a library name of [A-Za-z0-9_.-], without '..', of at most 128 characters, found ";
  const std::string symbol = "expected the name of a C function, of at most 128 characters, found ";
  CheckRefused([](auto& spec) { spec.id = ""; }, "id: " + name + "''");
  CheckRefused([](auto& spec) { spec.id = "../x"; }, "id: " + name + "'../x'");
  CheckRefused([](auto& spec) { spec.library = "a b"; }, "library: " + name + "'a b'");
  CheckRefused([](auto& spec) { spec.entry_point = ""; }, "entry_point: " + symbol + "''");
  CheckRefused([](auto& spec) { spec.free_result = "1"; }, "free_result: " + symbol + "'1'");
  for (const char* const version :
       {"", "1", "1.", ".1", "1.2.3.4.5", "1.2.3-", "1.2.3-a..b", "1.2.3-a.", "1.2.3-.a", "1.2.3+b",
        "1.2.3-\xc3\xa9", "v1.0", "1.0 ", "1.1234567890"}) {
    CheckRefused(
        [&](auto& spec) { spec.version = version; },
        "version: expected a version such as 1.2.3 or 1.2.3-beta, found " + Quoted(version));
  }
  CheckRefused([](auto& spec) { spec.abi_version = 3; },
               "abi_version: expected 1, 2 or 0 for what the library exports, found 3");
  const std::string line = "expected one line of UTF-8, of at most 4000 bytes, found ";
  CheckRefused([](auto& spec) { spec.authors = ""; }, "authors: " + line + "''");
  CheckRefused([](auto& spec) { spec.description = "a\nb"; }, "description: " + line + "'a\\x0ab'");
  CheckRefused([](auto& spec) { spec.description = "\xff"; }, "description: " + line + "'\\xff'");
  CheckRefused([](auto& spec) { spec.description = "\xef\xbf\xbf"; },
               "description: " + line + "'\\xef\\xbf\\xbf'");
  CheckRefused([](auto& spec) { spec.libraries.clear(); },
               "libraries: expected at least one, found none");
  CheckRefused([](auto& spec) { spec.libraries.push_back(spec.libraries[0]); },
               "libraries: expected each RID once, found 'linux-x64' twice");
  CheckRefused([](auto& spec) { spec.libraries[2].rid = "a/b"; },
               "libraries: expected a RID such as linux-x64, found 'a/b'");
  CheckRefused(
      [](auto& spec) {
        spec.libraries[0].content = {'M', 'Z'};
      },
      "linux-x64: expected an ELF file, found 2 bytes of something else");
  const std::string machine = "expected a 64-bit library for ELF machine ";
  CheckRefused([](auto& spec) { spec.libraries[1].content = spec.libraries[0].content; },
               "linux-arm64: " + machine + "183, found a 64-bit one for 62");
  CheckRefused([](auto& spec) { spec.libraries[0].content[4] = 1; },
               "linux-x64: " + machine + "62, found a 32-bit one for 62");
  CheckRefused([](auto& spec) { spec.libraries[0].content[16] = 2; },
               "linux-x64: expected an ELF shared object (type 3), found type 2");
  CheckRefused([](auto& spec) { spec.libraries[0].content[5] = 2; },
               "linux-x64: expected an ELF shared object (type 3), found type 768");
}
