// Archives that no worker is loaded from: each with its code and words, and nothing left behind.
#include <string>
#include <vector>

#include "unit/engine/package_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

struct BadPackage {
  std::string what;
  std::string bytes;
  StatusCode code;
  std::string words;  // behind "package of <n> bytes: "
};

std::string Words(const std::string& package, const std::string& words) {
  return "package of " + std::to_string(package.size()) + " bytes: " + words;
}

// A good package with one more entry.
std::string With(ZipItem item) {
  ZipFile zip = NuspecPackage("no library");
  zip.items.push_back(std::move(item));
  return WriteZip(zip);
}
std::string WithName(std::string name) { return With({std::move(name), "x"}); }

template <class Change>
std::string Changed(Change change) {
  ZipFile zip = NuspecPackage("no library");
  change(zip);
  return WriteZip(zip);
}

std::string Entries(std::size_t count) {
  ZipFile zip = NuspecPackage("no library");
  while (zip.items.size() < count) zip.items.push_back({std::to_string(zip.items.size()), ""});
  return WriteZip(zip);
}

std::string Zip64End() {
  std::string zip = WriteZip(NuspecPackage("no library"));
  std::string end = zip.substr(zip.size() - 22);
  zip.resize(zip.size() - 22);
  zip += std::string("PK\6\7", 4) + std::string(16, '\0');
  const std::size_t size = zip.size() - static_cast<std::uint8_t>(end[16]) -
                           (static_cast<std::size_t>(static_cast<std::uint8_t>(end[17])) << 8);
  end[12] = static_cast<char>(size & 0xff);
  end[13] = static_cast<char>(size >> 8);
  return zip + end;
}

std::vector<BadPackage> BadNames() {
  const auto bad = StatusCode::kInvalidArgument;
  return {
      {"traversal", WithName("../evil.so"), bad, "'../evil.so' has the segment '..' in its path"},
      {"traversal inside", WithName("a/../../b"), bad,
       "'a/../../b' has the segment '..' in its path"},
      {"traversal at the end", WithName("a/.."), bad, "'a/..' has the segment '..' in its path"},
      {"traversal of a folder", WithName("a/../"), bad, "'a/../' has the segment '..' in its path"},
      {"dot", WithName("./a"), bad, "'./a' has the segment '.' in its path"},
      {"empty segment", WithName("a//b"), bad, "'a//b' has the segment '' in its path"},
      {"absolute", WithName("/etc/passwd"), bad,
       "'/etc/passwd' has an absolute path: expected a relative one"},
      {"drive", WithName("C:evil.dll"), bad,
       "'C:evil.dll' has an absolute path: expected a relative one"},
      {"backslash", WithName("..\\evil.so"), bad,
       "'..\\evil.so' has a backslash in its name: expected '/' between folders"},
      {"NUL", WithName(std::string("a\0b", 3)), bad, "'a\\x00b' has a NUL in its name"},
      {"overlong UTF-8", WithName("\xc0\xaf"), bad, "'\\xc0\\xaf' has a name that is no UTF-8"},
      {"cut UTF-8", WithName("a\xe2\x82"), bad, "'a\\xe2\\x82' has a name that is no UTF-8"},
      {"surrogate", WithName("\xed\xa0\x80"), bad, "'\\xed\\xa0\\x80' has a name that is no UTF-8"},
      {"no name", WithName(""), bad, "an entry has no name"},
      {"long name", WithName(std::string(513, 'n')), bad,
       "'" + std::string(100, 'n') + "...' has a name of 513 bytes, at most 512 are read"},
      {"duplicate", WithName("worker.nuspec"), bad, "'worker.nuspec' is there twice"},
      {"duplicate library", WithName(HostPath()), bad, "'" + HostPath() + "' is there twice"},
  };
}

std::vector<BadPackage> BadKinds() {
  const auto bad = StatusCode::kInvalidArgument;
  const auto attributes = [](std::string name, std::uint32_t value) {
    ZipItem item{std::move(name), ""};
    item.attributes = value;
    return With(std::move(item));
  };
  const auto flags = [](std::uint16_t value) {
    ZipItem item{"x", "y"};
    item.flags = value;
    return With(std::move(item));
  };
  const auto method = [](std::uint16_t value) {
    ZipItem item{"x", "y"};
    item.method = value;
    return With(std::move(item));
  };
  const auto extra = [](std::string central, std::string local) {
    ZipItem item{"x", "y"};
    item.extra = std::move(central);
    item.local_extra = std::move(local);
    return With(std::move(item));
  };
  // Info-ZIP's Unicode path: version, checksum of the header's name, the name that replaces it.
  const auto second_name = [](const std::string& other) {
    std::string field = "up";
    Put16(field, 5 + other.size());
    field += '\1';
    Put32(field, crc32(0, reinterpret_cast<const Bytef*>("x"), 1));
    return field + other;
  };
  const std::string second = "'x' has a second name or comment in an extra field: expected one";
  const std::string zip64_field("\1\0\x08\0\1\0\0\0\0\0\0\0", 12);
  return {
      {"symbolic link", attributes("x", 0120777U << 16), bad, "'x' is a link"},
      {"reparse point", attributes("x", 0x400), bad, "'x' is a link"},
      {"device", attributes("x", 0020666U << 16), bad,
       "'x' is neither a file nor a folder that ends with '/'"},
      {"FIFO", attributes("x", 0010666U << 16), bad,
       "'x' is neither a file nor a folder that ends with '/'"},
      {"folder without /", attributes("x", 040755U << 16), bad,
       "'x' is neither a file nor a folder that ends with '/'"},
      {"file with /", attributes("x/", 0100644U << 16), bad,
       "'x/' is neither a file nor a folder that ends with '/'"},
      {"encrypted", flags(1), bad, "'x' is encrypted"},
      {"strongly encrypted", flags(1 << 6), bad, "'x' is encrypted"},
      {"masked headers", flags(1 << 13), bad, "'x' is encrypted"},
      {"patch", flags(1 << 5), bad, "'x' has flags that are not known: 32"},
      {"bzip2", method(12), bad, "'x' is packed by method 12: expected 0 (store) or 8 (deflate)"},
      {"zip64 field", extra(zip64_field, ""), bad, "zip64 is not read: expected a plain zip"},
      {"zip64 local", extra("", zip64_field), bad, "zip64 is not read: expected a plain zip"},
      {"cut extra field", extra("ab\x09", ""), bad, "'x' has a malformed extra field"},
      {"long extra field", extra(std::string("ab\x09\0c", 5), ""), bad,
       "'x' has a malformed extra field"},
      {"second name", extra("", second_name("docs/\xc3\xa9.txt")), bad, second},
      {"second name, no UTF-8", extra("", second_name("\xff")), bad, second},
      {"second name, central", extra(second_name("y"), ""), bad, second},
      {"second comment", extra(std::string("uc\1\0\1", 5), ""), bad, second},
      {"zip64 end", Zip64End(), bad, "zip64 is not read: expected a plain zip"},
      {"folder with bytes", With({"x/", "y"}), bad, "'x/' is a folder with bytes"},
  };
}

std::vector<BadPackage> BadStructures() {
  const auto bad = StatusCode::kInvalidArgument;
  const auto item = [](auto change) {
    ZipItem it{"x", "yz"};
    change(it);
    return With(std::move(it));
  };
  return {
      {"no zip", "PK but nothing else", bad,
       "truncated, or no zip: expected an end record in the last 22 of its 19 bytes (and no "
       "comment "
       "behind it)"},
      {"comment", Changed([](ZipFile& zip) { zip.comment = "hello"; }), bad,
       "truncated, or no zip: expected an end record in the last 22 of its " +
           std::to_string(WriteZip(NuspecPackage("no library")).size() + 5) +
           " bytes (and no comment behind it)"},
      {"fewer entries", Changed([](ZipFile& zip) { zip.count = 1; }), bad,
       "the central directory holds more than the 1 entries that its end record says"},
      {"more entries", Changed([](ZipFile& zip) { zip.count = 3; }), bad,
       "malformed central directory: expected a header at " +
           std::to_string(WriteZip(NuspecPackage("no library")).size() - 22)},
      {"other name", item([](ZipItem& x) { x.local_name = "z"; }), bad,
       "'x' has another name in its local header"},
      {"other checksum", item([](ZipItem& x) { x.local_crc32 = 7; }), bad,
       "'x' has another checksum in its local header"},
      {"other size", item([](ZipItem& x) { x.local_size = 7; }), bad,
       "'x' has another size in its local header"},
      {"stored sizes", item([](ZipItem& x) { x.size = 7; }), bad,
       "'x' is stored, but its sizes differ: 2 and 7"},
      {"no local header", item([](ZipItem& x) { x.offset = 1; }), bad,
       "'x' has no local header at 1"},
      {"header behind the end", item([](ZipItem& x) { x.offset = 1 << 30; }), bad,
       "'x' has no local header at 1073741824"},
      {"data behind the end", item([](ZipItem& x) { x.size = x.packed_size = 7000; }), bad,
       "'x' ends behind the start of the central directory"},
  };
}

void CheckTable(const std::vector<BadPackage>& table) {
  const TemporaryFolder folder;
  NativeEngineOptions options;
  options.directory = folder.path();
  const auto in_file = MakeNativeEngine(options);
  const auto in_memory = MakeNativeEngine();
  const auto descriptors = Descriptors();
  const auto here = FilesBelow(".");
  for (const BadPackage& package : table) {
    CAPTURE(package.what);
    for (Engine* const engine : {in_file.get(), in_memory.get()}) {
      const Status status = LoadStatus(*engine, CodeOf(package.bytes));
      CHECK(status.code() == package.code);
      CHECK(status.message() == Words(package.bytes, package.words));
    }
    CHECK(FilesBelow(folder.path()).empty());
  }
  CHECK(Descriptors() == descriptors);
  CHECK(FilesBelow(".") == here);
}

}  // namespace

// Pins WA-37, WA-38.
TEST_CASE("names that lead out, differ between readers or are there twice are refused") {
  CheckTable(BadNames());
}

// Pins WA-37, WA-38.
TEST_CASE("links, devices, encryption, zip64 and odd methods are refused") {
  CheckTable(BadKinds());
}

// Pins WA-37, WA-38.
TEST_CASE("an archive whose parts contradict each other is refused") {
  CheckTable(BadStructures());
}

// Pins WA-37.
TEST_CASE("bytes that belong to no entry, or to two, are refused") {
  const auto refused = [](const std::string& bytes, std::string_view words) {
    const Status status = LoadStatus(*MakeNativeEngine(), CodeOf(bytes));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(status.message().find(words) != std::string_view::npos, status.ToString());
  };
  refused(Changed([](ZipFile& zip) { zip.before = "PK, a program"; }),
          "13 bytes before the first entry");
  refused(Changed([](ZipFile& zip) { zip.between = "junk"; }), "but what follows starts at");
  refused(Changed([](ZipFile& zip) {  // the manifest runs on over the library's header
            zip.items[0].size = zip.items[0].packed_size =
                static_cast<std::uint32_t>(zip.items[0].data.size() + 10);
          }),
          "but what follows starts at");
  refused(Changed([](ZipFile& zip) {  // two names for one entry
            ZipItem second = zip.items[1];
            second.offset = 0;
            second.local_name = second.name;
            second.name = "worker.nuspec2";
            zip.items.push_back(second);
          }),
          "has another name in its local header");
  refused(WriteZip({}) + "x", "truncated, or no zip");
}

// Pins WA-37.
TEST_CASE("a package cut at any byte is refused") {
  const auto engine = MakeNativeEngine();
  const std::string whole = WriteZip(NuspecPackage(FileText(HELLO_C)));
  CHECK(LoadStatus(*engine, CodeOf(whole)).ok());
  std::size_t wrong = 0;
  WorkerCode code = CodeOf(whole);
  for (std::size_t size = whole.size() - 1; size >= 2; --size) {
    code.content.resize(size);
    const std::string bytes = std::to_string(size);
    const Status status = LoadStatus(*engine, code);
    wrong += status.code() != StatusCode::kInvalidArgument ||
             status.message() != "package of " + bytes +
                                     " bytes: truncated, or no zip: expected an end record in the "
                                     "last 22 of its " +
                                     bytes + " bytes (and no comment behind it)";
  }
  CHECK(wrong == 0);
}

// Pins WA-37.
TEST_CASE("many entries, many bytes and what grows a lot when it is unpacked are too much") {
  NativeEngineOptions options;
  options.max_package_bytes = 1 << 20;
  const auto engine = MakeNativeEngine(options);
  const auto too_much = [&](const std::string& bytes, const std::string& words) {
    const Status status = LoadStatus(*engine, CodeOf(bytes));
    CHECK(status.code() == StatusCode::kResourceExhausted);
    CHECK(status.message() == Words(bytes, words));
  };
  too_much(Entries(4097), "4097 entries, at most 4096 are read");
  CHECK(LoadStatus(*engine, CodeOf(Entries(4096))).code() == StatusCode::kInvalidArgument);
  ZipFile zip = NuspecPackage("no library");
  zip.count = 0xffff;
  too_much(WriteZip(zip), "at least 65535 entries, at most 4096 are read");
  // 100 000 entries, whose number does not fit into the end record of a plain zip.
  too_much(Entries(100'000), "34464 entries, at most 4096 are read");

  const std::string zeros(300'000, '\0');
  const std::string packed = std::to_string(Deflated(zeros).size());
  too_much(
      With({"zeros", zeros, true}),
      "'zeros' unpacks from " + packed + " to 300000 bytes: at most 200 times its size is read");
  zip = NuspecPackage("no library");
  for (int i = 0; i < 20; ++i) zip.items.push_back({std::to_string(i), std::string(60'000, 'x')});
  const std::string at_17 =
      std::to_string(17 * 60'000 + 60'000 + zip.items[0].data.size() + zip.items[1].data.size());
  too_much(WriteZip(zip), "unpacks to " + at_17 + " bytes or more, at most 1048576 are read");
}

// Pins WA-37.
TEST_CASE("a package of one part too many says so where its limit was raised") {
  NativeEngineOptions options;
  options.max_package_entries = 1 << 20;
  const auto engine = MakeNativeEngine(options);
  ZipFile zip = NuspecPackage("no library");
  zip.count = 0xffff;
  const std::string bytes = WriteZip(zip);
  CHECK(LoadStatus(*engine, CodeOf(bytes)).message() ==
        Words(bytes, "zip64 is not read: expected a plain zip"));
  // 100 000 entries again: the end record counts modulo 65536.
  const std::string wrapped = Entries(100'000);
  CHECK(LoadStatus(*engine, CodeOf(wrapped)).message() ==
        Words(wrapped,
              "the central directory holds more than the 34464 entries that its end record "
              "says"));
}

// Pins WA-37.
TEST_CASE("an entry that lies about its size or checksum is refused when it is read") {
  const auto refused = [](std::size_t which, auto change, const std::string& words) {
    ZipFile zip = NuspecPackage(FileText(HELLO_C));
    zip.items[which].deflate = true;
    change(zip.items[which]);
    const std::string bytes = WriteZip(zip);
    const Status status = LoadStatus(*MakeNativeEngine(), CodeOf(bytes));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(status.message().find(Words(bytes, words)) == 0, status.ToString());
  };
  const auto size = [](ZipItem& item) { return static_cast<std::uint32_t>(item.data.size()); };
  for (const std::size_t which : {0, 1}) {
    const std::string name = which == 0 ? "'worker.nuspec'" : "'" + HostPath() + "'";
    refused(
        which, [&](ZipItem& item) { item.size = size(item) - 1; }, name);
    refused(
        which, [&](ZipItem& item) { item.size = size(item) + 1; }, name);
    refused(
        which, [](ZipItem& item) { item.size = 1; },
        name + ": ZIP uncompressed data is wrong size");
    refused(
        which, [](ZipItem& item) { item.size = 0; },
        name + ": ZIP uncompressed data is wrong size");
    refused(
        which, [](ZipItem& item) { item.crc32 = 1; }, name + ": ZIP bad CRC");
    refused(
        which,
        [](ZipItem& item) {
          item.data = item.data + "x", item.method = 0, item.size = item.packed_size = 30;
        },
        which == 0 ? "'worker.nuspec' ends at" : name + " ends at");
  }
}

// Pins WA-37.
TEST_CASE("of an entry that is longer than it says no more is unpacked") {
  std::string noise(1 << 20, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  ZipFile zip = NuspecPackage(noise);
  zip.items[1].deflate = true;
  zip.items[1].size = 10;
  const std::string bytes = WriteZip(zip);
  const Status status = LoadStatus(*MakeNativeEngine(), CodeOf(bytes));
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() ==
        Words(bytes, "'" + HostPath() + "' unpacks to more bytes than it says"));
}

// Pins WA-6, WA-37.
TEST_CASE("a package above the limit of a library, and a library in it, are too much") {
  NativeEngineOptions options;
  options.max_library_bytes = 100'000;
  const auto engine = MakeNativeEngine(options);
  Status status = LoadStatus(*engine, CodeOf(WriteZip(NuspecPackage(std::string(100'000, 'x')))));
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(status.message().find("at most 100000 are loaded") != std::string_view::npos);
  ZipFile zip = NuspecPackage(FileText(HELLO_C) + std::string(100'000, 'x'));
  zip.items[1].deflate = true;
  const std::string bytes = WriteZip(zip);
  status = LoadStatus(*engine, CodeOf(bytes));
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(status.message() ==
        Words(bytes, "'" + HostPath() + "' unpacks to " + std::to_string(zip.items[1].data.size()) +
                         " bytes, at most 100000 are read"));
}
