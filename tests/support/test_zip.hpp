// Writes zip files for tests, good ones and ones that are wrong in exactly one place.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtufin::test {

struct ZipItem {
  std::string name;
  std::string data;
  bool deflate = false;
  bool descriptor = false;  // sizes and checksum behind the data, 0 in the local header
  std::uint16_t flags = 0;
  std::uint32_t attributes = 0;
  std::string extra = {}, local_extra = {};
  // Lies; none: the truth.
  std::optional<std::uint16_t> method = {};
  std::optional<std::string> local_name = {};
  std::optional<std::uint32_t> crc32 = {}, size = {}, packed_size = {};         // in both headers
  std::optional<std::uint32_t> local_crc32 = {}, local_size = {}, offset = {};  // in one
};

struct ZipFile {
  std::vector<ZipItem> items;
  std::string before = {}, between = {}, comment = {};  // bytes that belong to no entry
  std::optional<std::uint16_t> count = {};
  std::optional<std::uint32_t> central_offset = {};
};

inline void Put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}
inline void Put32(std::string& out, std::size_t value) {
  Put16(out, value & 0xffff);
  Put16(out, value >> 16);
}

inline std::string Deflated(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline std::string WriteZip(const ZipFile& zip) {
  std::string file = zip.before, central;
  for (const ZipItem& item : zip.items) {
    const std::string packed = item.deflate ? Deflated(item.data) : item.data;
    const std::size_t offset = file.size();
    const std::size_t flags = item.flags | (item.descriptor ? 8U : 0U);
    const std::size_t method = item.method.value_or(item.deflate ? 8 : 0);
    const std::size_t crc = item.crc32.value_or(static_cast<std::uint32_t>(crc32(
        0, reinterpret_cast<const Bytef*>(item.data.data()), static_cast<uInt>(item.data.size()))));
    const std::size_t size = item.size.value_or(static_cast<std::uint32_t>(item.data.size()));
    const std::size_t packed_size =
        item.packed_size.value_or(static_cast<std::uint32_t>(packed.size()));
    const std::string& local_name = item.local_name.has_value() ? *item.local_name : item.name;

    Put32(file, 0x04034b50);
    for (const std::size_t field :
         {std::size_t{20}, flags, method, std::size_t{0}, std::size_t{0x21}}) {
      Put16(file, field);
    }
    Put32(file, item.descriptor ? 0 : item.local_crc32.value_or(static_cast<std::uint32_t>(crc)));
    Put32(file, item.descriptor ? 0 : packed_size);
    Put32(file, item.descriptor ? 0 : item.local_size.value_or(static_cast<std::uint32_t>(size)));
    Put16(file, local_name.size());
    Put16(file, item.local_extra.size());
    file += local_name + item.local_extra + packed;
    if (item.descriptor) {
      for (const std::size_t field : {std::size_t{0x08074b50}, crc, packed_size, size}) {
        Put32(file, field);
      }
    }
    file += zip.between;

    Put32(central, 0x02014b50);
    for (const std::size_t field :
         {std::size_t{0x0314}, std::size_t{20}, flags, method, std::size_t{0}, std::size_t{0x21}}) {
      Put16(central, field);
    }
    for (const std::size_t field : {crc, packed_size, size}) Put32(central, field);
    for (const std::size_t field :
         {item.name.size(), item.extra.size(), std::size_t{0}, std::size_t{0}, std::size_t{0}}) {
      Put16(central, field);
    }
    Put32(central, item.attributes);
    Put32(central, item.offset.value_or(static_cast<std::uint32_t>(offset)));
    central += item.name + item.extra;
  }
  const std::size_t at = file.size();
  file += central;
  Put32(file, 0x06054b50);
  Put32(file, 0);
  const std::size_t count = zip.count.value_or(static_cast<std::uint16_t>(zip.items.size()));
  Put16(file, count);
  Put16(file, count);
  Put32(file, central.size());
  Put32(file, zip.central_offset.value_or(static_cast<std::uint32_t>(at)));
  Put16(file, zip.comment.size());
  return file + zip.comment;
}

}  // namespace virtufin::test
