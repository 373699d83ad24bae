// JsonScan: reads JSON text from front to back and checks every byte on the way.
#include "event/json_scan.hpp"

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {

namespace {

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

unsigned Unit(const char* digits) noexcept {
  unsigned unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<unsigned>(HexDigit(digits[i]));
  return unit;
}

constexpr bool IsHighSurrogate(unsigned unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool IsLowSurrogate(unsigned unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

char ShortEscape(char letter) noexcept {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;  // '"', '\' and '/'
  }
}

}  // namespace

bool JsonScan::ReadRest(String& out) noexcept {
  out.plain = false;
  while (true) {
    if (at_ == end_) return Fail("");
    if (*at_ == '"') return true;
    if (*at_ == '\\') {
      out.escapes = true;
      if (!ReadEscape()) return false;
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      return Fail("expected an escape, found a control character");
    } else {
      const std::size_t size = Utf8Length(at_, end_);
      if (size == 0) return Fail("expected UTF-8");
      at_ += size;
    }
    at_ = SkipPlain(at_, end_);
  }
}

// A surrogate must be one of a pair: alone it is no character and has no UTF-8.
bool JsonScan::ReadEscape() noexcept {
  ++at_;
  if (at_ == end_) return Fail("");
  const char c = *at_;
  if (c != 'u') {
    if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
      return Fail("expected an escape character");
    }
    ++at_;
    return true;
  }
  ++at_;
  unsigned unit = 0;
  if (!ReadHex(unit)) return false;
  if (!IsHighSurrogate(unit) && !IsLowSurrogate(unit)) return true;
  constexpr const char* kLone = "expected no lone surrogate";
  unsigned low = 0;
  if (IsLowSurrogate(unit)) return Fail(kLone);
  if (!Take('\\', kLone) || !Take('u', kLone) || !ReadHex(low)) return false;
  return IsLowSurrogate(low) ? true : Fail(kLone);
}

bool JsonScan::ReadHex(unsigned& unit) noexcept {
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_ == end_ || HexDigit(*at_) < 0) return Fail("expected four hex digits");
    unit = unit << 4 | static_cast<unsigned>(HexDigit(*at_));
  }
  return true;
}

bool JsonScan::ReadScalar() noexcept {
  switch (Peek()) {
    case '"': {
      String ignored;
      return ReadString(ignored);
    }
    case 't':
      return ReadWord("true");
    case 'f':
      return ReadWord("false");
    case 'n':
      return ReadWord("null");
    default:
      return ReadNumber();
  }
}

bool JsonScan::ReadNumber() noexcept {
  if (At('-')) ++at_;
  if (At('0')) {
    ++at_;
  } else if (!ReadDigits()) {
    return Fail("expected a value");
  }
  if (At('.')) {
    ++at_;
    if (!ReadDigits()) return Fail("expected a digit");
  }
  if (At('e') || At('E')) {
    ++at_;
    if (At('+') || At('-')) ++at_;
    if (!ReadDigits()) return Fail("expected a digit");
  }
  return true;
}

// Containers are walked without recursion: bit 0 of `objects` says whether the innermost open level
// is an object.
bool JsonScan::ReadValue() noexcept {
  constexpr int kDepth = kMaxJsonDepth - 1;
  static_assert(kDepth == 63, "the open levels are bits of one word, and a text below says 63");
  std::uint64_t objects = 0;
  int depth = 0;
  String name;
  while (true) {
    SkipSpace();
    const char c = Peek();
    if (c == '{' || c == '[') {
      if (depth == kDepth) return Fail("expected at most 63 levels");
      ++at_;
      ++depth;
      objects = objects << 1 | (c == '{' ? 1u : 0u);
      SkipSpace();
      if (!At(c == '{' ? '}' : ']')) {
        if (c == '{' && !ReadName(name)) return false;
        continue;
      }
    } else if (!ReadScalar()) {
      return false;
    }
    // Behind a value, or before the end of an empty container.
    while (true) {
      if (depth == 0) return true;
      SkipSpace();
      const bool object = (objects & 1) != 0;
      if (At(',')) {
        ++at_;
        SkipSpace();
        if (object && !ReadName(name)) return false;
        break;
      }
      if (!Take(object ? '}' : ']', object ? "expected ',' or '}'" : "expected ',' or ']'")) {
        return false;
      }
      objects >>= 1;
      --depth;
    }
  }
}

// An envelope has no container but `data`: when one ends right before the envelope does, it is
// this.
bool JsonScan::SkipLastContainer() noexcept {
  const char open = Peek();
  if (open != '{' && open != '[') return false;
  const auto trim = [this](const char* end) {
    while (end > at_ && IsSpace(end[-1])) --end;
    return end;
  };
  const char* end = trim(end_);
  if (end <= at_ + 1 || end[-1] != '}') return false;
  end = trim(end - 1);
  if (end <= at_ + 1 || end[-1] != (open == '{' ? '}' : ']')) return false;
  at_ = end;
  return true;
}

bool JsonScan::SkipValidData(bool last) noexcept {
  if (last && SkipLastContainer()) return true;
  int depth = 0;
  while (at_ < end_) {
    switch (*at_) {
      case '"': {
        String ignored;
        if (!ReadString(ignored)) return false;
        break;
      }
      case '{':
      case '[':
        ++depth;
        ++at_;
        break;
      case '}':
      case ']':
        --depth;
        ++at_;
        break;
      default:
        ++at_;
        if (depth == 0) {
          while (at_ < end_ && *at_ != ',' && *at_ != '}' && !IsSpace(*at_)) ++at_;
        }
    }
    if (depth <= 0) return depth == 0 ? true : Fail("expected a value");
  }
  return Fail("expected a value");
}

char* Unescape(std::string_view raw, char* out) noexcept {
  const char* at = raw.data();
  const char* const end = at + raw.size();
  while (at < end) {
    if (*at != '\\') {
      *out++ = *at++;
      continue;
    }
    const char letter = at[1];
    at += 2;
    if (letter != 'u') {
      *out++ = ShortEscape(letter);
      continue;
    }
    unsigned point = Unit(at);
    at += 4;
    if (IsHighSurrogate(point)) {
      point = 0x10000 + ((point - 0xD800) << 10) + (Unit(at + 2) - 0xDC00);
      at += 6;
    }
    out = WriteUtf8(point, out);
  }
  return out;
}

JsonFault CheckJson(std::string_view json) noexcept {
  JsonScan scan(json);
  if (scan.ReadValue()) {
    scan.SkipSpace();
    if (!scan.AtEnd()) scan.Fail("expected the end of the text");
  }
  return scan.fault();
}

}  // namespace virtufin::inline v0::detail
