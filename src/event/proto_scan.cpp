// ProtoScan: skipping what nobody knows.
#include "event/proto_scan.hpp"

namespace virtufin::inline v0::detail {

bool ProtoScan::SkipPlain(ProtoType type) noexcept {
  std::uint64_t ignored = 0;
  ByteView bytes;
  switch (type) {
    case ProtoType::kVarint:
      return ReadVarint(ignored);
    case ProtoType::kFixed64:
      return SkipBytes(8);
    case ProtoType::kBytes:
      return ReadBytes(bytes);
    case ProtoType::kFixed32:
      return SkipBytes(4);
    default:
      return Fail("expected a group to begin before it ends");
  }
}

bool ProtoScan::SkipGroup(std::uint32_t field) noexcept {
  constexpr std::size_t kMaxGroups = 64;
  std::uint32_t open[kMaxGroups] = {field};
  std::size_t depth = 1;
  while (depth > 0) {
    ProtoType type{};
    if (!ReadTag(field, type)) return false;
    if (type == ProtoType::kStartGroup) {
      if (depth == kMaxGroups) return Fail("expected at most 64 levels of groups");
      open[depth++] = field;
    } else if (type == ProtoType::kEndGroup) {
      if (open[--depth] != field) return Fail("expected the end of another group");
    } else if (!SkipPlain(type)) {
      return false;
    }
  }
  return true;
}

bool ProtoScan::Skip(std::uint32_t field, ProtoType type) noexcept {
  return type == ProtoType::kStartGroup ? SkipGroup(field) : SkipPlain(type);
}

}  // namespace virtufin::inline v0::detail
