// CheckJson: walks a text that should be one JSON value.
#include "event/text.hpp"

namespace virtufin::inline v0::detail {

namespace {

class JsonWalk {
 public:
  explicit JsonWalk(std::string_view json) noexcept
      : begin_(json.data()), at_(json.data()), end_(json.data() + json.size()) {}

  JsonFault Run() noexcept {
    if (Value()) {
      SkipSpace();
      if (at_ != end_) Fail("expected the end of the text");
    }
    return {what_, static_cast<std::size_t>(at_ - begin_)};
  }

 private:
  static constexpr int kDepth = kMaxJsonDepth - 1;
  static_assert(kDepth <= 64, "the open levels are bits of one word");

  bool Fail(const char* what) noexcept {
    if (what_ == nullptr) what_ = at_ == end_ ? "the text ends too early" : what;
    return false;
  }

  void SkipSpace() noexcept {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool At(char c) const noexcept { return at_ < end_ && *at_ == c; }

  // One value with all it contains; containers are walked without recursion.
  bool Value() noexcept {
    std::uint64_t objects = 0;  // bit 0: the innermost open level is an object
    int depth = 0;
    while (true) {
      SkipSpace();
      if (At('{') || At('[')) {
        const bool object = *at_ == '{';
        if (depth == kDepth) return Fail("expected at most 63 levels");
        ++at_;
        ++depth;
        objects = objects << 1 | (object ? 1u : 0u);
        SkipSpace();
        if (!At(object ? '}' : ']')) {
          if (object && !Name()) return false;
          continue;
        }
      } else if (!Scalar()) {
        return false;
      }
      // Behind a value, or before the end of an empty container.
      while (true) {
        if (depth == 0) return true;
        SkipSpace();
        const bool object = (objects & 1) != 0;
        if (At(',')) {
          ++at_;
          if (object && !Name()) return false;
          break;
        }
        if (!At(object ? '}' : ']')) {
          return Fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        ++at_;
        objects >>= 1;
        --depth;
      }
    }
  }

  bool Name() noexcept {
    SkipSpace();
    if (!At('"')) return Fail("expected a member name");
    if (!String()) return false;
    SkipSpace();
    if (!At(':')) return Fail("expected ':'");
    ++at_;
    return true;
  }

  bool Scalar() noexcept {
    if (at_ == end_) return Fail("expected a value");
    switch (*at_) {
      case '"':
        return String();
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Word(std::string_view word) noexcept {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) !=
        word) {
      return Fail("expected true, false or null");
    }
    at_ += word.size();
    return true;
  }

  bool String() noexcept {
    ++at_;
    while (true) {
      at_ += PlainPrefix(at_, end_);
      if (at_ == end_) return Fail("");
      if (*at_ == '"') {
        ++at_;
        return true;
      }
      if (*at_ == '\\') {
        if (!Escape()) return false;
      } else if (static_cast<unsigned char>(*at_) < 0x20) {
        return Fail("expected an escape, found a control character");
      } else {
        const std::size_t size = Utf8Length(at_, end_);
        if (size == 0) return Fail("expected UTF-8");
        at_ += size;
      }
    }
  }

  // A surrogate must be one of a pair: alone it is no character and has no UTF-8.
  bool Escape() noexcept {
    ++at_;
    if (at_ == end_) return Fail("");
    const char c = *at_++;
    if (c != 'u') {
      if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) return true;
      --at_;
      return Fail("expected an escape character");
    }
    unsigned unit = 0;
    if (!Hex(unit)) return false;
    if (unit < 0xD800 || unit > 0xDFFF) return true;
    if (unit > 0xDBFF) return Fail("expected no lone surrogate");
    unsigned low = 0;
    if (!At('\\')) return Fail("expected no lone surrogate");
    ++at_;
    if (!At('u')) return Fail("expected no lone surrogate");
    ++at_;
    if (!Hex(low)) return false;
    return low >= 0xDC00 && low <= 0xDFFF ? true : Fail("expected no lone surrogate");
  }

  bool Hex(unsigned& unit) noexcept {
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == end_) return Fail("");
      const char c = *at_;
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        unit = unit * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        unit = unit * 16 + static_cast<unsigned>(lower - 'a' + 10);
      } else {
        return Fail("expected four hex digits");
      }
    }
    return true;
  }

  bool Digits() noexcept {
    const char* const start = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > start;
  }

  bool Number() noexcept {
    if (At('-')) ++at_;
    if (At('0')) {
      ++at_;
    } else if (!Digits()) {
      return Fail("expected a value");
    }
    if (At('.')) {
      ++at_;
      if (!Digits()) return Fail("expected a digit");
    }
    if (At('e') || At('E')) {
      ++at_;
      if (At('+') || At('-')) ++at_;
      if (!Digits()) return Fail("expected a digit");
    }
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* what_ = nullptr;
};

}  // namespace

JsonFault CheckJson(std::string_view json) noexcept { return JsonWalk(json).Run(); }

}  // namespace virtufin::inline v0::detail
