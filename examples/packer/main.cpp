// virtufin-pack: makes a package of a native worker.
//
//   virtufin-pack --id Example.Seen --version 1.0.0 libseen.so
//   virtufin-pack --id Example.Seen --version 1.0.0 linux-x64=x/libseen.so linux-arm64=a/libseen.so
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/engine/package_names.hpp"
#include "virtufin/engine/packer.hpp"

using namespace virtufin;

namespace {

int Fail(const std::string& what) {
  std::fprintf(stderr, "virtufin-pack: %s\n", what.c_str());
  return 1;
}

bool ReadFile(const std::string& path, std::vector<std::uint8_t>& content) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(1 << 16);
  do {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    content.insert(content.end(), piece.begin(), piece.begin() + file.gcount());
  } while (file.good());
  return file.eof() && !file.bad();  // not for a folder
}

// Beside its place first: whoever looks sees the old file, or the whole new one.
bool WriteFile(const std::string& path, const std::vector<std::uint8_t>& content) {
  const std::string beside = path + ".part";
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(content.data()),
             static_cast<std::streamsize>(content.size()));
  file.close();
  if (file.good() && std::rename(beside.c_str(), path.c_str()) == 0) return true;
  std::remove(beside.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  PackageSpec spec;
  std::vector<std::string> libraries;
  std::string output;
  CLI::App app("Makes a package of a native worker; equal input gives equal bytes.",
               "virtufin-pack");
  app.add_option(
         "libraries", libraries,
         "[<rid>=]<file>, one for each kind of machine; without a RID: " + std::string(HostRid()))
      ->required();
  app.add_option("--id", spec.id, "of the package")->required();
  app.add_option("--version", spec.version, "as in 1.2.3; -sha.<digest> is appended")->required();
  app.add_option("--library", spec.library, "its name, without lib and .so; default: the id");
  app.add_option("--authors", spec.authors, "default: " + spec.authors);
  app.add_option("--description", spec.description, "default: the id");
  app.add_option("--abi", spec.abi_version, "1 or 2; default: what the library exports");
  app.add_option("--entry-point", spec.entry_point, "default: " + spec.entry_point);
  app.add_option("--free-result", spec.free_result, "default: " + spec.free_result);
  app.add_flag("--reentrant", spec.reentrant,
               "several threads may call it at once; hosts do not do so yet");
  app.add_option("-o,--output", output, "default: <id>.<version>.nupkg in this folder");
  CLI11_PARSE(app, argc, argv);

  for (const std::string& argument : libraries) {
    const std::size_t equals = argument.find('=');
    PackageLibrary library;
    library.rid = equals == std::string::npos ? HostRid() : argument.substr(0, equals);
    const std::string path = argument.substr(equals == std::string::npos ? 0 : equals + 1);
    if (!ReadFile(path, library.content)) return Fail(path + ": cannot be read");
    spec.libraries.push_back(std::move(library));
  }
  const Result<PackedWorker> packed = PackNative(spec);
  if (!packed.ok()) return Fail(std::string(packed.status().message()));
  if (output.empty()) output = spec.id + "." + packed->version + ".nupkg";
  if (!WriteFile(output, packed->bytes)) return Fail(output + ": cannot be written");
  std::printf("%s %s\n", packed->version.c_str(), output.c_str());
  return 0;
}
