// WriteZip over minizip, which writes into memory through functions of ours.
#include "engine/packer/zip_writer.hpp"

#include <zip.h>

#include <cstdio>
#include <cstring>
#include <new>

namespace virtufin::inline v0::detail {
namespace {

constexpr uLong kDosTime1980 = 1 << 21 | 1 << 16;  // January, the first; midnight
constexpr uLong kUnixFile = uLong{0100644} << 16;
constexpr uLong kMadeByUnix = 3 << 8 | 20;  // which is what makes readers look at the mode

// The file in memory that minizip writes; it moves back to complete its headers.
struct MemoryFile {
  std::vector<std::uint8_t> bytes;
  std::size_t at = 0;
  bool failed = false;
};

voidpf Open(voidpf opaque, const void* /*name*/, int /*mode*/) { return opaque; }
uLong Read(voidpf, voidpf, void*, uLong) { return 0; }
uLong Write(voidpf, voidpf stream, const void* data, uLong size) {
  auto& file = *static_cast<MemoryFile*>(stream);
  if (size == 0) return 0;
  try {
    if (file.bytes.size() < file.at + size) file.bytes.resize(file.at + size);
  } catch (const std::bad_alloc&) {
    file.failed = true;  // C code is between here and WriteZip
    return 0;
  }
  std::memcpy(file.bytes.data() + file.at, data, size);
  file.at += size;
  return size;
}
ZPOS64_T Tell(voidpf, voidpf stream) { return static_cast<MemoryFile*>(stream)->at; }
long Seek(voidpf, voidpf stream, ZPOS64_T offset, int origin) {
  auto& file = *static_cast<MemoryFile*>(stream);
  const std::size_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? file.at
                           : origin == ZLIB_FILEFUNC_SEEK_END ? file.bytes.size()
                                                              : 0;
  file.at = base + static_cast<std::size_t>(offset);
  return 0;
}
int Close(voidpf, voidpf) { return 0; }
int Failed(voidpf, voidpf stream) { return static_cast<MemoryFile*>(stream)->failed ? 1 : 0; }

bool WriteEntry(zipFile zip, const ZipContent& entry) {
  zip_fileinfo info{};
  info.dosDate = kDosTime1980;
  info.external_fa = kUnixFile;
  return zipOpenNewFileInZip4_64(zip, entry.name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr,
                                 0 /*store*/, 0 /*level*/, 0 /*raw*/, -MAX_WBITS, DEF_MEM_LEVEL,
                                 Z_DEFAULT_STRATEGY, nullptr, 0, kMadeByUnix, 0 /*flags*/,
                                 0 /*zip64*/) == ZIP_OK &&
         zipWriteInFileInZip(zip, entry.content.data(),
                             static_cast<unsigned>(entry.content.size())) == ZIP_OK &&
         zipCloseFileInZip(zip) == ZIP_OK;
}

}  // namespace

Result<std::vector<std::uint8_t>> WriteZip(const std::vector<ZipContent>& entries) {
  MemoryFile file;
  zlib_filefunc64_def functions{&Open, &Read, &Write, &Tell, &Seek, &Close, &Failed, &file};
  const zipFile zip = zipOpen2_64(nullptr, APPEND_STATUS_CREATE, nullptr, &functions);
  bool ok = zip != nullptr;
  for (const ZipContent& entry : entries) ok = ok && WriteEntry(zip, entry);
  if (zip != nullptr) ok = zipClose(zip, nullptr) == ZIP_OK && ok;
  if (!ok || file.failed) {
    return Status(StatusCode::kResourceExhausted, "engine", "no memory for the package");
  }
  return std::move(file.bytes);
}

}  // namespace virtufin::inline v0::detail
