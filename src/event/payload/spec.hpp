// What a payload is made of, once: PayloadSpec<T> says where T appears and lists its members, in
// the order in which they are written. Writer, reader, checks and documentation go by it.
#pragma once

#include <string_view>

namespace virtufin::inline v0::detail {

/// A member of that name; one that is a std::optional may be absent.
template <class T, class V>
struct Field {
  std::string_view name;
  V T::*member;
};
template <class T, class V>
Field(std::string_view, V T::*) -> Field<T, V>;

/// A bool that is written only when it is true.
template <class T>
struct Flag {
  std::string_view name;
  bool T::*member;
};
template <class T>
Flag(std::string_view, bool T::*) -> Flag<T>;

/// kName, kTopic and kType as in PayloadInfo, kFields: a std::tuple of fields and flags.
template <class T>
struct PayloadSpec;

}  // namespace virtufin::inline v0::detail
