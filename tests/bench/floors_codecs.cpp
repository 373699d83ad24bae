// The floors of Protobuf and HTTP events. Frozen.
#include <cstdlib>
#include <cstring>

#include "bench/floors.hpp"

namespace floors {

namespace {

std::uint8_t* PutVarint(std::uint8_t* out, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::uint8_t>(value | 0x80);
  *out++ = static_cast<std::uint8_t>(value);
  return out;
}

std::uint8_t* PutText(std::uint8_t* out, int field, std::string_view text) noexcept {
  *out++ = static_cast<std::uint8_t>(field << 3 | 2);
  out = PutVarint(out, text.size());
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::uint8_t* PutAttribute(std::uint8_t* out, std::string_view name, std::string_view text) {
  *out++ = 5 << 3 | 2;
  out = PutVarint(out, name.size() + text.size() + 6);  // all lengths fit in a byte
  out = PutText(out, 1, name);
  *out++ = 2 << 3 | 2;
  out = PutVarint(out, text.size() + 2);
  return PutText(out, 3, text);
}

const std::uint8_t* GetVarint(const std::uint8_t* at, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t byte = *at++;
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return at;
  }
}

// Sums tags and lengths of an event of texts, the entries of its map included.
std::uint64_t Walk(const std::uint8_t* at, const std::uint8_t* end, int depth) noexcept {
  std::uint64_t sum = 0;
  while (at < end) {
    std::uint64_t tag = 0, size = 0;
    at = GetVarint(at, tag);
    at = GetVarint(at, size);
    if ((tag & 7) != 2 || size > static_cast<std::uint64_t>(end - at)) std::abort();
    sum += tag + size;
    const bool nested = (depth == 0 && tag >> 3 == 5) || (depth == 1 && tag >> 3 == 2);
    if (nested) sum += Walk(at, at + size, depth + 1);
    at += size;
  }
  return sum;
}

std::uint64_t CopyAndFree(const void* bytes, std::size_t size) {
  auto* const copy = static_cast<char*>(std::malloc(size + 64));
  std::memcpy(copy, bytes, size);
  const auto sum = static_cast<std::uint64_t>(copy[size / 2]);
  std::free(copy);
  return sum;
}

}  // namespace

std::size_t WriteEventProto(const Event& event, std::uint8_t* out) noexcept {
  std::uint8_t* at = PutText(out, 1, event.id);
  at = PutText(at, 2, event.source);
  at = PutText(at, 3, event.specversion);
  at = PutText(at, 4, event.type);
  at = PutAttribute(at, "time", event.time);
  at = PutAttribute(at, "subject", event.subject);
  at = PutAttribute(at, "datacontenttype", event.datacontenttype);
  for (const auto& [name, text] : event.extensions) at = PutAttribute(at, name, text);
  return static_cast<std::size_t>(PutText(at, 7, event.data) - out);
}

std::uint64_t ReadEventProto(std::span<const std::uint8_t> bytes) {
  return Walk(bytes.data(), bytes.data() + bytes.size(), 0) +
         CopyAndFree(bytes.data(), bytes.size());
}

std::size_t WriteEventHttp(const Event& event, char* out) noexcept {
  char* at = out;
  const auto put = [&at](std::string_view name, std::string_view text) {
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    for (const char c : text) {
      if (c <= ' ' || c > '~' || c == '"' || c == '%') std::abort();
      *at++ = c;
    }
  };
  put("content-type", event.datacontenttype);
  put("ce-specversion", event.specversion);
  put("ce-id", event.id);
  put("ce-source", event.source);
  put("ce-type", event.type);
  put("ce-subject", event.subject);
  put("ce-time", event.time);
  for (const auto& [name, text] : event.extensions) {
    put("ce-", "");
    put(name, text);
  }
  return static_cast<std::size_t>(at - out);
}

std::uint64_t ReadEventHttp(std::span<const std::pair<std::string_view, std::string_view>> fields,
                            std::string_view body) {
  std::uint64_t sum = 0;
  std::size_t bytes = 0;
  char lower[64];
  for (const auto& [name, value] : fields) {
    for (std::size_t i = 0; i < name.size() && i < sizeof(lower); ++i) {
      lower[i] = static_cast<char>(name[i] | 0x20);
    }
    sum += static_cast<std::uint64_t>(lower[name.size() / 2]);
    sum += value.empty() || std::memchr(value.data(), '%', value.size()) == nullptr ? 1 : 2;
    bytes += name.size() + value.size();
  }
  // JSON is walked where it is validated; here it is copied, with room for the texts.
  auto* const copy = static_cast<char*>(std::malloc(bytes + body.size() + 64));
  char* at = copy;
  for (const auto& [name, value] : fields) {
    std::memcpy(at, name.data(), name.size());
    std::memcpy(at + name.size(), value.data(), value.size());
    at += name.size() + value.size();
  }
  std::memcpy(at, body.data(), body.size());
  sum += static_cast<std::uint64_t>(copy[bytes / 2]);
  std::free(copy);
  return sum;
}

}  // namespace floors
