// Gunzip: unpacks a gzip body piece by piece, and knows whether it was whole.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace virtufin::inline v0::net {

/// libcurl would unpack too, but takes a stream that ends in the middle for a whole one. [owner]
class Gunzip {
 public:
  enum class Step : unsigned char { kOk, kBad, kTooLarge };

  Gunzip();
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  /// Appends to `out`, which does not grow beyond `max_bytes`.
  Step Feed(std::string_view piece, std::size_t max_bytes, std::string& out);
  /// All members of what was fed have ended; nothing fed is a body without content.
  bool whole() const noexcept { return ended_ || !fed_; }

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  bool ended_ = false, fed_ = false;
};

}  // namespace virtufin::inline v0::net
