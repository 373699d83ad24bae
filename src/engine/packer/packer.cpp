// PackNative: checks the description, writes the nuspec, packs twice.
#include "virtufin/engine/packer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/packer/zip_writer.hpp"
#include "virtufin/core/sha256.hpp"
#include "virtufin/core/utf8.hpp"
#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kMaxTotalBytes = std::size_t{511} << 20;
constexpr std::size_t kMaxTextBytes = 4000;
constexpr std::size_t kMaxVersionBytes = 64;
constexpr std::size_t kDigestDigits = 8;
constexpr std::string_view kSuffix = "-sha.";

Status Refused(std::string_view field, const std::string& what) {
  return {StatusCode::kInvalidArgument, "engine", std::string(field) + ": " + what};
}
Status InField(std::string_view field, const Status& status) {
  return status.ok() ? status : Refused(field, std::string(status.message()));
}

bool IsDigit(char c) noexcept { return c >= '0' && c <= '9'; }

// 1.2, 1.2.3 or 1.2.3.4, then perhaps - and labels between dots.
bool IsVersion(std::string_view text) noexcept {
  if (text.size() > kMaxVersionBytes) return false;
  const std::size_t dash = std::min(text.find('-'), text.size());
  int numbers = 0;
  std::size_t digits = 0;
  for (const char c : text.substr(0, dash)) {
    if (c == '.' && digits > 0) {
      ++numbers;
      digits = 0;
    } else if (IsDigit(c) && digits < 9) {
      ++digits;
    } else {
      return false;
    }
  }
  if (digits == 0 || numbers < 1 || numbers > 3) return false;
  if (dash == text.size()) return true;
  bool empty = true;
  for (const char c : text.substr(dash + 1)) {
    const bool label = IsDigit(c) || c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!label && (c != '.' || empty)) return false;
    empty = !label;
  }
  return !empty;
}

Status CheckText(std::string_view field, std::string_view text) {
  const auto control = [](char c) { return c >= 0 && c < ' '; };
  if (text.empty() || text.size() > kMaxTextBytes || !IsUtf8(text) ||
      std::any_of(text.begin(), text.end(), control) ||
      text.find("\xef\xbf\xbe") != std::string_view::npos ||  // U+FFFE and U+FFFF: not in XML
      text.find("\xef\xbf\xbf") != std::string_view::npos) {
    return Refused(field,
                   "expected one line of UTF-8, of at most 4000 bytes, found " + Quoted(text));
  }
  return {};
}

// A library for Linux must be a shared object; where the machine of the RID is known, one for it.
Status CheckLibrary(const PackageLibrary& library) {
  if (Status status = CheckRid(library.rid); !status.ok()) return InField("libraries", status);
  if (!library.rid.starts_with("linux-")) return {};
  const auto& file = library.content;
  if (file.size() < 20 || std::memcmp(file.data(),
                                      "\x7f"
                                      "ELF",
                                      4) != 0) {
    return Refused(library.rid, "expected an ELF file, found " + std::to_string(file.size()) +
                                    " bytes of something else");
  }
  const bool big_endian = file[5] == 2;
  const auto field = [&](std::size_t at) {
    return big_endian ? file[at] << 8 | file[at + 1] : file[at] | file[at + 1] << 8;
  };
  constexpr int kSharedObject = 3;
  if (field(16) != kSharedObject) {
    return Refused(library.rid, "expected an ELF shared object (type 3), found type " +
                                    std::to_string(field(16)));
  }
  const int expected = library.rid == "linux-x64" ? 62 : library.rid == "linux-arm64" ? 183 : 0;
  if (expected == 0) return {};
  if (field(18) != expected || file[4] != 2 || big_endian) {
    return Refused(library.rid, "expected a 64-bit library for ELF machine " +
                                    std::to_string(expected) + ", found a " +
                                    (file[4] == 2 ? "64" : "32") + "-bit one for " +
                                    std::to_string(field(18)));
  }
  return {};
}

Status CheckLibraries(const std::vector<PackageLibrary>& libraries) {
  if (libraries.empty()) return Refused("libraries", "expected at least one, found none");
  std::size_t total = 0;
  std::vector<std::string_view> rids;
  for (const PackageLibrary& library : libraries) {
    if (Status status = CheckLibrary(library); !status.ok()) return status;
    total += library.content.size();
    rids.push_back(library.rid);
  }
  std::sort(rids.begin(), rids.end());
  if (const auto twice = std::adjacent_find(rids.begin(), rids.end()); twice != rids.end()) {
    return Refused("libraries", "expected each RID once, found " + Quoted(*twice) + " twice");
  }
  if (total > kMaxTotalBytes) {
    return {StatusCode::kResourceExhausted, "engine",
            "libraries of " + std::to_string(total) + " bytes, at most " +
                std::to_string(kMaxTotalBytes) + " are packed"};
  }
  return {};
}

const std::string& LibraryOf(const PackageSpec& spec) {
  return spec.library.empty() ? spec.id : spec.library;
}
const std::string& DescriptionOf(const PackageSpec& spec) {
  return spec.description.empty() ? spec.id : spec.description;
}

Status Check(const PackageSpec& spec) {
  if (Status status = CheckLibraryName(spec.id); !status.ok()) return InField("id", status);
  if (!IsVersion(spec.version)) {
    return Refused("version",
                   "expected a version such as 1.2.3 or 1.2.3-beta, found " + Quoted(spec.version));
  }
  if (spec.abi_version < 0 || spec.abi_version > 2) {
    return Refused("abi_version", "expected 1, 2 or 0 for what the library exports, found " +
                                      std::to_string(spec.abi_version));
  }
  for (const Status& status :
       {InField("library", CheckLibraryName(LibraryOf(spec))), CheckText("authors", spec.authors),
        CheckText("description", DescriptionOf(spec)),
        InField("entry_point", CheckSymbolName(spec.entry_point)),
        InField("free_result", CheckSymbolName(spec.free_result)),
        CheckLibraries(spec.libraries)}) {
    if (!status.ok()) return status;
  }
  return {};
}

std::string Element(std::string_view name, std::string_view text) {
  std::string line = "    <" + std::string(name) + ">";
  for (const char c : text) {
    if (c == '&') {
      line += "&amp;";
    } else if (c == '<') {
      line += "&lt;";
    } else if (c == '>') {
      line += "&gt;";
    } else {
      line += c;
    }
  }
  return line + "</" + std::string(name) + ">\n";
}

std::string Nuspec(const PackageSpec& spec, std::string_view version) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\">\n"
      "  <metadata>\n" +
      Element("id", spec.id) + Element("version", version) + Element("authors", spec.authors) +
      Element("description", DescriptionOf(spec));
  if (spec.abi_version != 0) {
    text += Element("virtufinAbiVersion", std::to_string(spec.abi_version));
  }
  text += Element("virtufinLibrary", LibraryOf(spec)) +
          Element("virtufinEntryPoint", spec.entry_point) +
          Element("virtufinFreeResult", spec.free_result);
  if (spec.reentrant) text += Element("virtufinReentrant", "true");
  return text + "  </metadata>\n</package>\n";
}

Result<std::vector<std::uint8_t>> Pack(const PackageSpec& spec, std::string_view version) {
  const std::string nuspec = Nuspec(spec, version);
  std::vector<std::string_view> sorted_rids;
  std::vector<detail::ZipContent> entries;
  for (const PackageLibrary& library : spec.libraries) {
    sorted_rids.push_back(library.rid);
    entries.push_back({LibraryPath(library.rid, LibraryOf(spec)), library.content});
  }
  std::sort(sorted_rids.begin(), sorted_rids.end());
  std::string rids;
  for (const std::string_view rid : sorted_rids) rids.append(rid).append("\n");
  entries.push_back({std::string(kSupportedRids), AsBytes(rids)});
  entries.push_back({spec.id + std::string(kNuspecSuffix), AsBytes(nuspec)});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return detail::WriteZip(entries);
}

}  // namespace

Result<PackedWorker> PackNative(const PackageSpec& spec) {
  if (Status status = Check(spec); !status.ok()) return status;
  const std::string prefix = spec.version + std::string(kSuffix);
  const auto placeholder = Pack(spec, prefix + std::string(kDigestDigits, '0'));
  if (!placeholder.ok()) return placeholder.status();
  PackedWorker packed{prefix + Sha256Hex(*placeholder).substr(0, kDigestDigits), {}};
  auto bytes = Pack(spec, packed.version);
  if (!bytes.ok()) return bytes.status();
  packed.bytes = *std::move(bytes);
  return packed;
}

}  // namespace virtufin::inline v0
