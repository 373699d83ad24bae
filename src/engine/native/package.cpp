// Finds the manifest of a package and the library that it names.
#include "engine/native/package.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/native/zip_reader.hpp"
#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMaxManifestBytes = 64 << 10;
constexpr std::size_t kMaxListed = 16;

Status Refused(std::string what) {
  return {StatusCode::kInvalidArgument, "engine", std::move(what)};
}

// "[linux-arm64, osx-x64]"
std::string Listed(const std::set<std::string, std::less<>>& names) {
  std::string text = "[";
  std::size_t listed = 0;
  for (const std::string& name : names) {
    if (listed == kMaxListed) return text + ", ...]";
    text += (listed++ == 0 ? "" : ", ") + name;
  }
  return text + "]";
}

const ZipEntry* Find(const ZipReader& zip, std::string_view name) {
  const auto same = [&](const ZipEntry& entry) { return entry.name == name; };
  const auto entry = std::find_if(zip.entries().begin(), zip.entries().end(), same);
  return entry == zip.entries().end() ? nullptr : &*entry;
}

bool IsManifest(std::string_view name) {
  return name.find('/') == std::string_view::npos &&
         (name == kManifestJson || name.ends_with(kNuspecSuffix));
}

Result<WorkerManifest> ReadManifest(const ZipReader& zip) {
  const ZipEntry* manifest = nullptr;
  for (const ZipEntry& entry : zip.entries()) {
    if (!IsManifest(entry.name)) continue;
    if (manifest != nullptr) {
      const auto [first, second] = std::minmax(manifest->name, entry.name);
      return Refused("has two manifests, " + Quoted(first) + " and " + Quoted(second) +
                     ": expected one");
    }
    manifest = &entry;
  }
  if (manifest == nullptr) {
    return Refused("has no manifest: expected '<id>.nuspec' or 'manifest.json' at its root");
  }
  const auto text = zip.Read(*manifest, kMaxManifestBytes);
  if (!text.ok()) return text.status();
  return manifest->name == kManifestJson ? ParseManifestJson(manifest->name, *text)
                                         : ParseNuspec(manifest->name, *text);
}

// .supported-rids, when it is there, must list this machine: one RID a line.
Status CheckSupportedRids(const ZipReader& zip) {
  const ZipEntry* const entry = Find(zip, kSupportedRids);
  if (entry == nullptr) return {};
  const auto bytes = zip.Read(*entry, kMaxManifestBytes);
  if (!bytes.ok()) return bytes.status();
  std::set<std::string, std::less<>> rids;
  for (std::string_view rest = AsText(*bytes); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (Status status = CheckRid(line); !status.ok()) {
      return Refused(Quoted(kSupportedRids) + ": " + std::string(status.message()));
    }
    rids.emplace(line);
  }
  if (rids.contains(HostRid())) return {};
  return Refused(Quoted(kSupportedRids) + " has no " + Quoted(HostRid()) + ", found " +
                 Listed(rids));
}

// The RIDs for which the package has anything.
std::set<std::string, std::less<>> Rids(const ZipReader& zip) {
  static constexpr std::string_view kBefore = "runtimes/", kBehind = "/native/";
  std::set<std::string, std::less<>> rids;
  for (const ZipEntry& entry : zip.entries()) {
    std::string_view name = entry.name;
    if (entry.is_folder() || !name.starts_with(kBefore)) continue;
    name.remove_prefix(kBefore.size());
    const std::string_view rid = name.substr(0, name.find('/'));
    if (name.substr(rid.size()).starts_with(kBehind) && CheckRid(rid).ok()) rids.emplace(rid);
  }
  return rids;
}

}  // namespace

Result<PackagedLibrary> OpenPackage(ByteView file, const NativeEngineOptions& options) {
  const auto zip = ZipReader::Open(
      file, {options.max_package_entries, options.max_package_bytes, options.max_package_ratio});
  if (!zip.ok()) return zip.status();
  auto manifest = ReadManifest(*zip);
  if (!manifest.ok()) return manifest.status();
  if (Status status = CheckSupportedRids(*zip); !status.ok()) return status;
  std::string path = LibraryPath(HostRid(), manifest->library);
  const ZipEntry* const entry = Find(*zip, path);
  if (entry == nullptr) {
    return Refused("has no library for this machine: expected " + Quoted(path) +
                   ", found something for " + Listed(Rids(*zip)));
  }
  auto bytes = zip->Read(*entry, options.max_library_bytes);
  if (!bytes.ok()) return bytes.status();
  return PackagedLibrary{*std::move(manifest), std::move(path), *std::move(bytes)};
}

}  // namespace virtufin::inline v0::detail
