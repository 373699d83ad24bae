// Escapes texts for payloads.
#include "event/payload/writer.hpp"

#include "event/plain_scan.hpp"
#include "event/text.hpp"
#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {

void PayloadText::String(std::string_view text) noexcept {
  constexpr char kHex[] = "0123456789abcdef";
  const char* from = text.data();
  const char* const end = from + text.size();
  Char('"');
  while (true) {
    const char* const odd = SkipPlain(from, end);
    Plain({from, static_cast<std::size_t>(odd - from)});
    if (odd == end) break;
    const auto byte = static_cast<unsigned char>(*odd);
    from = odd + 1;
    if (byte == '"' || byte == '\\') {
      Char('\\');
      Char(*odd);
    } else if (byte < 0x20) {
      Bytes<4>("\\u00");
      Char(kHex[byte >> 4]);
      Char(kHex[byte & 15]);
    } else if (const std::size_t size = Utf8Length(odd, end); size != 0) {
      Plain({odd, size});
      from = odd + size;
    } else {
      Bytes<3>("\xEF\xBF\xBD");
    }
  }
  Char('"');
}

}  // namespace virtufin::inline v0::detail
