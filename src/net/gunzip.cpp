// gzip by zlib.
#include "net/gunzip.hpp"

#include <zlib.h>

namespace virtufin::inline v0::net {

struct Gunzip::Stream {
  z_stream z{};
  bool ready = false;
};

Gunzip::Gunzip() : stream_(std::make_unique<Stream>()) {
  stream_->ready = inflateInit2(&stream_->z, 15 + 16) == Z_OK;  // gzip only
}
Gunzip::~Gunzip() {
  if (stream_->ready) inflateEnd(&stream_->z);
}

Gunzip::Step Gunzip::Feed(std::string_view piece, std::size_t max_bytes, std::string& out) {
  if (!stream_->ready) return Step::kBad;
  fed_ = fed_ || !piece.empty();
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  z.avail_in = static_cast<uInt>(piece.size());
  for (;;) {
    if (ended_) {
      if (z.avail_in == 0) return Step::kOk;
      if (inflateReset(&z) != Z_OK) return Step::kBad;  // another member follows
      ended_ = false;
    }
    char block[16384];
    z.next_out = reinterpret_cast<Bytef*>(block);
    z.avail_out = sizeof(block);
    const int result = inflate(&z, Z_NO_FLUSH);
    const std::size_t made = sizeof(block) - z.avail_out;
    if (made > max_bytes - out.size()) return Step::kTooLarge;
    out.append(block, made);
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result == Z_BUF_ERROR || (result == Z_OK && z.avail_in == 0 && z.avail_out > 0)) {
      return Step::kOk;  // wants more
    } else if (result != Z_OK) {
      return Step::kBad;
    }
  }
}

}  // namespace virtufin::inline v0::net
