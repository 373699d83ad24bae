// The checks of CheckZipLayout: end record, central directory, local headers, in this order.
#include "engine/native/zip_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "virtufin/core/utf8.hpp"
#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;
constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kZip64LocatorBytes = 20;

constexpr std::uint16_t kEncryptedFlags = 1 << 0 | 1 << 6 | 1 << 13;
constexpr std::uint16_t kDescriptorFlag = 1 << 3;
constexpr std::uint16_t kUtf8Flag = 1 << 11;
constexpr std::uint16_t kKnownFlags = 1 << 1 | 1 << 2 | kDescriptorFlag | kUtf8Flag;
constexpr std::uint16_t kStore = 0;
constexpr std::uint16_t kDeflate = 8;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kUnicodePathExtra = 0x7075;     // a second name
constexpr std::uint16_t kUnicodeCommentExtra = 0x6375;  // its like for comments

constexpr std::size_t kMaxNameBytes = 512;
constexpr std::uint64_t kRatioFreeBytes = 64 << 10;

Status Refused(std::string what) {
  return {StatusCode::kInvalidArgument, "engine", std::move(what)};
}
Status TooMuch(std::string what) {
  return {StatusCode::kResourceExhausted, "engine", std::move(what)};
}
Status OfEntry(std::string_view name, const std::string& what) {
  return Refused(Quoted(name) + " " + what);
}
Status Zip64() { return Refused("zip64 is not read: expected a plain zip"); }

// Little-endian fields; the caller has checked that they lie in the file.
std::uint16_t Read16(ByteView at) noexcept {
  return static_cast<std::uint16_t>(at[0] | at[1] << 8);
}
std::uint32_t Read32(ByteView at) noexcept {
  return Read16(at) | static_cast<std::uint32_t>(Read16(at.subspan(2))) << 16;
}

Status CheckName(std::string_view name) {
  if (name.empty()) return Refused("an entry has no name");
  if (name.size() > kMaxNameBytes) {
    return OfEntry(name, "has a name of " + std::to_string(name.size()) + " bytes, at most " +
                             std::to_string(kMaxNameBytes) + " are read");
  }
  if (name.find('\0') != std::string_view::npos) return OfEntry(name, "has a NUL in its name");
  if (name.find('\\') != std::string_view::npos) {
    return OfEntry(name, "has a backslash in its name: expected '/' between folders");
  }
  if (!IsUtf8(name)) return OfEntry(name, "has a name that is no UTF-8");
  if (name[0] == '/' || (name.size() > 1 && name[1] == ':')) {
    return OfEntry(name, "has an absolute path: expected a relative one");
  }
  std::string_view rest = name.back() == '/' ? name.substr(0, name.size() - 1) : name;
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") {
      return OfEntry(name, "has the segment " + Quoted(segment) + " in its path");
    }
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Status CheckExtra(std::string_view name, ByteView extra) {
  while (!extra.empty()) {
    if (extra.size() < 4 || extra.size() - 4 < Read16(extra.subspan(2))) {
      return OfEntry(name, "has a malformed extra field");
    }
    const std::uint16_t id = Read16(extra);
    if (id == kZip64Extra) return Zip64();
    if (id == kUnicodePathExtra || id == kUnicodeCommentExtra) {
      return OfEntry(name, "has a second name or comment in an extra field: expected one");
    }
    extra = extra.subspan(4 + std::size_t{Read16(extra.subspan(2))});
  }
  return {};
}

// The upper half is a mode of POSIX, whatever system the entry claims to come from; 0x400 in the
// lower half is a reparse point of Windows.
Status CheckAttributes(std::string_view name, std::uint32_t attributes) {
  constexpr std::uint32_t kTypeMask = 0170000, kFolder = 0040000, kFile = 0100000, kLink = 0120000;
  const std::uint32_t type = attributes >> 16 & kTypeMask;
  if (type == kLink || (attributes & 0x400) != 0) return OfEntry(name, "is a link");
  if ((type == 0 && (name.back() == '/' || (attributes & 0x10) == 0)) ||
      type == (name.back() == '/' ? kFolder : kFile)) {
    return {};
  }
  return OfEntry(name, "is neither a file nor a folder that ends with '/'");
}

Status CheckMethod(std::string_view name, std::uint16_t flags, std::uint16_t method) {
  if ((flags & kEncryptedFlags) != 0) return OfEntry(name, "is encrypted");
  if ((flags & ~kKnownFlags) != 0) {
    return OfEntry(name, "has flags that are not known: " + std::to_string(flags));
  }
  if (method != kStore && method != kDeflate) {
    return OfEntry(name, "is packed by method " + std::to_string(method) +
                             ": expected 0 (store) or 8 (deflate)");
  }
  return {};
}

class Layout {
 public:
  Layout(ByteView file, const ZipLimits& limits) : file_(file), limits_(limits) {}

  Result<std::vector<ZipEntry>> Check() {
    if (Status status = ReadEnd(); !status.ok()) return status;
    entries_.reserve(count_);
    std::size_t at = central_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (Status status = ReadCentral(at); !status.ok()) return status;
    }
    if (at != file_.size() - kEndBytes) {
      return Refused("the central directory holds more than the " + std::to_string(count_) +
                     " entries that its end record says");
    }
    if (Status status = CheckNoDuplicates(); !status.ok()) return status;
    if (Status status = CheckNoGaps(); !status.ok()) return status;
    return std::move(entries_);
  }

 private:
  Status ReadEnd() {
    const ByteView end = file_.size() < kEndBytes ? ByteView() : file_.last(kEndBytes);
    if (end.empty() || Read32(end) != kEndSignature) {
      return Refused("truncated, or no zip: expected an end record in the last 22 of its " +
                     std::to_string(file_.size()) + " bytes (and no comment behind it)");
    }
    count_ = Read16(end.subspan(10));
    if (count_ > limits_.max_entries) {
      return TooMuch(std::string(count_ == 0xffff ? "at least " : "") + std::to_string(count_) +
                     " entries, at most " + std::to_string(limits_.max_entries) + " are read");
    }
    const std::uint32_t size = Read32(end.subspan(12));
    central_ = Read32(end.subspan(16));
    if (count_ == 0xffff || size == 0xffffffff || central_ == 0xffffffff) return Zip64();
    const std::size_t before = file_.size() - kEndBytes;
    if (before >= kZip64LocatorBytes &&
        Read32(file_.subspan(before - kZip64LocatorBytes)) == kZip64LocatorSignature) {
      return Zip64();
    }
    if (Read16(end.subspan(4)) != 0 || Read16(end.subspan(6)) != 0 ||
        Read16(end.subspan(8)) != count_) {
      return Refused("one part of several: expected a zip in one file");
    }
    if (central_ > before || size != before - central_ || Read16(end.subspan(20)) != 0) {
      return Refused("the end record says that the central directory has " + std::to_string(size) +
                     " bytes from " + std::to_string(central_) + ": expected it to end at " +
                     std::to_string(before));
    }
    return {};
  }

  // Reads the header at `at` and moves `at` behind it.
  Status ReadCentral(std::size_t& at) {
    const std::size_t left = file_.size() - kEndBytes - at;
    if (left < kCentralBytes || Read32(file_.subspan(at)) != kCentralSignature) {
      return Refused("malformed central directory: expected a header at " + std::to_string(at));
    }
    const ByteView header = file_.subspan(at);
    const std::size_t name_size = Read16(header.subspan(28));
    const std::size_t extra_size = Read16(header.subspan(30));
    const std::size_t whole = kCentralBytes + name_size + extra_size + Read16(header.subspan(32));
    if (left < whole) {
      return Refused("malformed central directory: a header at " + std::to_string(at) +
                     " ends behind it");
    }
    const std::string_view name = AsText(header.subspan(kCentralBytes, name_size));
    const std::uint16_t flags = Read16(header.subspan(8));
    const std::uint16_t method = Read16(header.subspan(10));
    ZipEntry entry{std::string(name),          Read32(header.subspan(42)),
                   Read32(header.subspan(20)), Read32(header.subspan(24)),
                   Read32(header.subspan(16)), (flags & kDescriptorFlag) != 0};
    if (Status status = CheckName(name); !status.ok()) return status;
    if (Status status = CheckMethod(name, flags, method); !status.ok()) return status;
    if (Status status = CheckAttributes(name, Read32(header.subspan(38))); !status.ok()) {
      return status;
    }
    if (Status status = CheckExtra(name, header.subspan(kCentralBytes + name_size, extra_size));
        !status.ok()) {
      return status;
    }
    if (entry.size == 0xffffffff || entry.packed_size == 0xffffffff || entry.offset == 0xffffffff) {
      return Zip64();
    }
    if (Read16(header.subspan(34)) != 0) return OfEntry(name, "is in another part of the zip");
    if (Status status = CheckSizes(entry, method); !status.ok()) return status;
    if (Status status = CheckLocal(entry, flags, method); !status.ok()) return status;
    entries_.push_back(std::move(entry));
    at += whole;
    return {};
  }

  Status CheckSizes(const ZipEntry& entry, std::uint16_t method) {
    if (method == kStore && entry.size != entry.packed_size) {
      return OfEntry(entry.name,
                     "is stored, but its sizes differ: " + std::to_string(entry.packed_size) +
                         " and " + std::to_string(entry.size));
    }
    if (entry.is_folder() && entry.size != 0) return OfEntry(entry.name, "is a folder with bytes");
    if (entry.size > kRatioFreeBytes &&
        (entry.size - 1) / std::max<std::uint64_t>(limits_.max_ratio, 1) >= entry.packed_size) {
      return TooMuch(Quoted(entry.name) + " unpacks from " + std::to_string(entry.packed_size) +
                     " to " + std::to_string(entry.size) + " bytes: at most " +
                     std::to_string(limits_.max_ratio) + " times its size is read");
    }
    total_ += entry.size;
    if (total_ > limits_.max_total_bytes) {
      return TooMuch("unpacks to " + std::to_string(total_) + " bytes or more, at most " +
                     std::to_string(limits_.max_total_bytes) + " are read");
    }
    return {};
  }

  // The local header must say the same; with a descriptor behind the data its sizes may be 0.
  Status CheckLocal(const ZipEntry& entry, std::uint16_t flags, std::uint16_t method) const {
    if (entry.offset > central_ || central_ - entry.offset < kLocalBytes ||
        Read32(file_.subspan(entry.offset)) != kLocalSignature) {
      return OfEntry(entry.name, "has no local header at " + std::to_string(entry.offset));
    }
    const ByteView header = file_.subspan(entry.offset, central_ - entry.offset);
    const std::size_t name_size = Read16(header.subspan(26));
    const std::size_t extra_size = Read16(header.subspan(28));
    if (header.size() - kLocalBytes < name_size + extra_size ||
        header.size() - kLocalBytes - name_size - extra_size < entry.packed_size) {
      return OfEntry(entry.name, "ends behind the start of the central directory");
    }
    const ByteView extra = header.subspan(kLocalBytes + name_size, extra_size);
    if (Status status = CheckExtra(entry.name, extra); !status.ok()) return status;
    const auto same = [&](std::size_t at, std::uint64_t central) {
      const std::uint32_t local = Read32(header.subspan(at));
      return local == central || (entry.has_descriptor && local == 0);
    };
    const char* const other = AsText(header.subspan(kLocalBytes, name_size)) != entry.name ? "name"
                              : Read16(header.subspan(6)) != flags                         ? "flags"
                              : Read16(header.subspan(8)) != method                   ? "method"
                              : !same(14, entry.crc32)                                ? "checksum"
                              : !same(18, entry.packed_size) || !same(22, entry.size) ? "size"
                                                                                      : nullptr;
    if (other != nullptr) {
      return OfEntry(entry.name, std::string("has another ") + other + " in its local header");
    }
    return {};
  }

  Status CheckNoDuplicates() const {
    std::vector<std::string_view> names;
    names.reserve(entries_.size());
    for (const ZipEntry& entry : entries_) names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    return twice == names.end() ? Status{} : OfEntry(*twice, "is there twice");
  }

  // Whether the bytes from `at` to `end` are the entry's descriptor, with or without signature.
  bool IsDescriptor(const ZipEntry& entry, std::size_t at, std::size_t end) const noexcept {
    if (!entry.has_descriptor || end < at || (end - at != 12 && end - at != 16)) return false;
    if (end - at == 16 && Read32(file_.subspan(at)) != kDescriptorSignature) return false;
    const ByteView fields = file_.subspan(end - 12);
    return Read32(fields) == entry.crc32 && Read32(fields.subspan(4)) == entry.packed_size &&
           Read32(fields.subspan(8)) == entry.size;
  }

  // Each byte before the central directory belongs to exactly one entry.
  Status CheckNoGaps() {
    std::sort(entries_.begin(), entries_.end(),
              [](const ZipEntry& a, const ZipEntry& b) { return a.offset < b.offset; });
    if (!entries_.empty() && entries_[0].offset != 0) {
      return Refused(std::to_string(entries_[0].offset) + " bytes before the first entry");
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const ZipEntry& entry = entries_[i];
      const std::size_t next = i + 1 < entries_.size() ? entries_[i + 1].offset : central_;
      const ByteView header = file_.subspan(entry.offset);
      const std::size_t end = entry.offset + kLocalBytes + Read16(header.subspan(26)) +
                              Read16(header.subspan(28)) + entry.packed_size;
      if (entry.has_descriptor ? !IsDescriptor(entry, end, next) : end != next) {
        return OfEntry(entry.name, "ends at " + std::to_string(end) +
                                       ", but what follows starts at " + std::to_string(next));
      }
    }
    if (entries_.empty() && central_ != 0) {
      return Refused(std::to_string(central_) + " bytes that belong to no entry");
    }
    return {};
  }

  const ByteView file_;
  const ZipLimits limits_;
  std::size_t count_ = 0;
  std::size_t central_ = 0;
  std::uint64_t total_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace

Result<std::vector<ZipEntry>> CheckZipLayout(ByteView file, const ZipLimits& limits) {
  return Layout(file, limits).Check();
}

}  // namespace virtufin::inline v0::detail
