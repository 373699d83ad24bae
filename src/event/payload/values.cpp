// Reads numbers by name.
#include "event/payload/values.hpp"

namespace virtufin::inline v0::detail {

bool Value<DecimalsByName>::Read(PayloadReader& from, DecimalsByName& out) {
  out.clear();
  if (!from.Take('{')) return false;
  from.SkipSpace();
  if (from.Take('}')) return true;
  while (true) {
    std::string_view text;
    if (!from.ReadName(text)) return false;
    const std::string name(text);
    const char* const start = from.at();
    if (out.size() == kMaxItems) {
      return from.WrongItem(PayloadReader::ItemName(name), kItemsExpected, start);
    }
    Decimal value;
    if (!Value<Decimal>::Read(from, value)) {
      return from.WrongItem(PayloadReader::ItemName(name), kDecimalExpected, start);
    }
    if (!out.emplace(name, value).second) return from.Twice({}, PayloadReader::ItemName(name));
    from.SkipSpace();
    if (from.Take('}')) return true;
    if (!from.Take(',')) return from.Broken("expected ',' or '}'");
    from.SkipSpace();
  }
}

}  // namespace virtufin::inline v0::detail
