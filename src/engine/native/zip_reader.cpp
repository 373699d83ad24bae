// ZipReader over libarchive's seekable zip reader, which works on the bytes in memory.
#include "engine/native/zip_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Refused(std::string what) {
  return {StatusCode::kInvalidArgument, "engine", std::move(what)};
}

struct Closer {
  void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, Closer>;

Status LibraryError(archive* reader) {
  const char* const words = archive_error_string(reader);
  return Refused(words != nullptr ? words : "libarchive cannot read it");
}

// The streaming reader, which a zip would also get, lists truncated archives: seekable only.
Result<Archive> OpenArchive(ByteView file) {
  Archive reader(archive_read_new());
  if (reader == nullptr) {
    return Status(StatusCode::kResourceExhausted, "engine", "no memory for libarchive");
  }
  if (archive_read_support_format_zip_seekable(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), file.data(), file.size()) != ARCHIVE_OK) {
    return LibraryError(reader.get());
  }
  return Result<Archive>(std::move(reader));
}

bool IsAscii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) > 0; });
}

// Moves to the next entry, which must be `entry`. What libarchive makes of a name outside of ASCII
// depends on the locale of the process: such names are not compared, and may be a warning.
Status Next(archive* reader, const ZipEntry& entry, archive_entry*& found) {
  const int result = archive_read_next_header(reader, &found);
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    if (result == ARCHIVE_EOF) return Refused("libarchive finds no " + Quoted(entry.name));
    return LibraryError(reader);
  }
  const char* const name = archive_entry_pathname(found);
  if (IsAscii(entry.name) && (name == nullptr || entry.name != name)) {
    return Refused("libarchive finds " + (name != nullptr ? Quoted(name) : "another name") +
                   ": expected " + Quoted(entry.name));
  }
  const auto type = archive_entry_filetype(found);
  if (archive_entry_hardlink(found) != nullptr || archive_entry_symlink(found) != nullptr ||
      type != (entry.is_folder() ? AE_IFDIR : AE_IFREG)) {
    return Refused(Quoted(entry.name) + " is neither a file nor a folder that ends with '/'");
  }
  return {};
}

}  // namespace

ZipReader::ZipReader(ByteView file, std::vector<ZipEntry> entries)
    : file_(file), entries_(std::move(entries)) {}

Result<ZipReader> ZipReader::Open(ByteView file, const ZipLimits& limits) {
  auto entries = CheckZipLayout(file, limits);
  if (!entries.ok()) return entries.status();
  ZipReader reader(file, *std::move(entries));
  if (Status status = reader.CompareWithLibrary(); !status.ok()) return status;
  return Result<ZipReader>(std::move(reader));
}

Status ZipReader::CompareWithLibrary() const {
  if (entries_.empty()) return {};  // libarchive does not recognise it
  const Result<Archive> reader = OpenArchive(file_);
  if (!reader.ok()) return reader.status();
  archive_entry* found = nullptr;
  for (const ZipEntry& entry : entries_) {
    if (Status status = Next(reader->get(), entry, found); !status.ok()) return status;
  }
  if (archive_read_next_header(reader->get(), &found) == ARCHIVE_EOF) return {};
  return Refused("libarchive finds more than " + std::to_string(entries_.size()) + " entries");
}

Result<std::vector<std::uint8_t>> ZipReader::Read(const ZipEntry& entry,
                                                  std::size_t max_bytes) const {
  if (entry.size > max_bytes) {
    return Status(StatusCode::kResourceExhausted, "engine",
                  Quoted(entry.name) + " unpacks to " + std::to_string(entry.size) +
                      " bytes, at most " + std::to_string(max_bytes) + " are read");
  }
  const Result<Archive> reader = OpenArchive(file_);
  if (!reader.ok()) return reader.status();
  archive_entry* found = nullptr;
  for (const ZipEntry& each : entries_) {
    if (Status status = Next(reader->get(), each, found); !status.ok()) return status;
    if (each.offset == entry.offset) break;
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(entry.size));
  std::size_t done = 0;
  while (true) {
    // One byte more than it says: that is how the end is seen, and what libarchive has against the
    // checksum.
    std::uint8_t beyond = 0;
    const bool full = done == bytes.size();
    const la_ssize_t count = archive_read_data(reader->get(), full ? &beyond : bytes.data() + done,
                                               full ? 1 : bytes.size() - done);
    if (count < 0) {
      return Refused(Quoted(entry.name) + ": " +
                     std::string(LibraryError(reader->get()).message()));
    }
    if (count == 0) break;
    if (full) return Refused(Quoted(entry.name) + " unpacks to more bytes than it says");
    done += static_cast<std::size_t>(count);
  }
  if (done != bytes.size()) {
    return Refused(Quoted(entry.name) + " unpacks to " + std::to_string(done) +
                   " bytes: expected " + std::to_string(entry.size));
  }
  return bytes;
}

}  // namespace virtufin::inline v0::detail
