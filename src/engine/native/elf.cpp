// The checks of CheckSharedLibrary.
#include "engine/native/elf.hpp"

#include <elf.h>

#include <bit>
#include <cstring>
#include <string>

#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr Elf64_Half kMachine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__aarch64__)
    EM_AARCH64;
#elif defined(__riscv)
    EM_RISCV;
#elif defined(__loongarch64)
    258;  // EM_LOONGARCH, which glibc 2.36 has and older ones lack
#elif defined(__powerpc64__)
    EM_PPC64;
#elif defined(__s390x__)
    EM_S390;
#endif

Status Refused(std::string what) {
  return {StatusCode::kInvalidArgument, "engine", std::move(what)};
}

template <class T>
T ReadAt(ByteView file, std::size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

std::string FirstBytes(ByteView file) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : file.first(std::min<std::size_t>(file.size(), 4))) {
    if (!text.empty()) text += ' ';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

// glibc maps segments as the headers say and touches them: what lies behind the end of the file is
// SIGBUS, not an error.
Status CheckSegments(ByteView file, const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0) {
    return Refused("malformed ELF file: expected program headers");
  }
  if (header.e_phoff > file.size() ||
      (file.size() - header.e_phoff) / sizeof(Elf64_Phdr) < header.e_phnum) {
    return Refused("truncated ELF file: the program headers end behind its " +
                   std::to_string(file.size()) + " bytes");
  }
  bool loads = false;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = ReadAt<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    loads = loads || segment.p_type == PT_LOAD;
    if (segment.p_offset > file.size() || segment.p_filesz > file.size() - segment.p_offset) {
      return Refused("truncated ELF file: expected at least " +
                     std::to_string(segment.p_offset + segment.p_filesz) + " bytes, found " +
                     std::to_string(file.size()));
    }
  }
  return loads ? Status{} : Refused("malformed ELF file: nothing to load in it");
}

}  // namespace

Status CheckSharedLibrary(ByteView file) {
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return Refused("expected a shared library (7f 45 4c 46), found " +
                   (file.empty() ? "no bytes" : FirstBytes(file)));
  }
  if (file.size() < sizeof(Elf64_Ehdr)) {
    return Refused("truncated ELF file: " + std::to_string(file.size()) + " bytes");
  }
  const auto header = ReadAt<Elf64_Ehdr>(file, 0);
  constexpr unsigned char kByteOrder =
      std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != kByteOrder) {
    return Refused("the shared library is for another kind of machine");
  }
  if (header.e_machine != kMachine) {
    return Refused("the shared library is for ELF machine " + std::to_string(header.e_machine) +
                   ": expected " + std::to_string(kMachine) + " (" + std::string(HostRid()) + ")");
  }
  if (header.e_type != ET_DYN) {
    return Refused("expected an ELF shared object, found ELF type " +
                   std::to_string(header.e_type));
  }
  return CheckSegments(file, header);
}

}  // namespace virtufin::inline v0::detail
