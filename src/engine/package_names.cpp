// The names of RIDs, libraries and functions, and their checks.
#include "virtufin/engine/package_names.hpp"

#include <algorithm>
#include <cstddef>

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxRidBytes = 64;
constexpr std::size_t kMaxQuotedBytes = 100;

bool IsAlphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsFileName(std::string_view text, std::size_t max_bytes) noexcept {
  return !text.empty() && text.size() <= max_bytes && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Status Refused(std::string_view text, std::string expected) {
  return {StatusCode::kInvalidArgument, "engine",
          "expected " + std::move(expected) + ", found " + Quoted(text)};
}

}  // namespace

std::string_view HostRid() noexcept {
#if defined(__x86_64__)
  return "linux-x64";
#elif defined(__aarch64__)
  return "linux-arm64";
#elif defined(__riscv) && __riscv_xlen == 64
  return "linux-riscv64";
#elif defined(__loongarch64)
  return "linux-loongarch64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return "linux-ppc64le";
#elif defined(__s390x__)
  return "linux-s390x";
#else
#error "expected an architecture that has a RID"
#endif
}

Status CheckLibraryName(std::string_view library) {
  if (IsFileName(library, kMaxNameBytes)) return {};
  return Refused(library,
                 "a library name of [A-Za-z0-9_.-], without '..', of at most 128 characters");
}

Status CheckRid(std::string_view rid) {
  if (IsFileName(rid, kMaxRidBytes) && rid != ".") return {};
  return Refused(rid, "a RID such as linux-x64");
}

Status CheckSymbolName(std::string_view symbol) {
  const bool ok = !symbol.empty() && symbol.size() <= kMaxNameBytes &&
                  !(symbol[0] >= '0' && symbol[0] <= '9') &&
                  std::all_of(symbol.begin(), symbol.end(),
                              [](char c) { return IsAlphanumeric(c) || c == '_'; });
  if (ok) return {};
  return Refused(symbol, "the name of a C function, of at most 128 characters");
}

std::string LibraryFileName(std::string_view rid, std::string_view library) {
  if (rid.starts_with("win-")) return std::string(library) + ".dll";
  return "lib" + std::string(library) + (rid.starts_with("osx-") ? ".dylib" : ".so");
}

std::string LibraryPath(std::string_view rid, std::string_view library) {
  return "runtimes/" + std::string(rid) + "/native/" + LibraryFileName(rid, library);
}

std::string Quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "'";
  for (const char c : text.substr(0, kMaxQuotedBytes)) {
    if (c >= ' ' && c <= '~') {
      quoted += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      quoted.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return quoted + (text.size() > kMaxQuotedBytes ? "..." : "") + "'";
}

}  // namespace virtufin::inline v0
