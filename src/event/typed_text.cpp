// Extensions whose type a reader knows although the encoding writes them as text.
#include "event/typed_text.hpp"

#include <charconv>
#include <memory>

#include "event/assemble.hpp"
#include "event/envelope.hpp"
#include "virtufin/core/base64.hpp"

namespace virtufin::inline v0::detail {

std::string_view TypeName(ExtensionType type) noexcept {
  constexpr std::string_view kTypes[] = {
      "a boolean", "a 32-bit integer", "a string",     "base64 text",
      "a URI",     "a URI reference",  "RFC 3339 text"};
  return kTypes[static_cast<std::size_t>(type)];
}

const ExtensionType* FindType(const JsonDecoder::KnownTypes& known,
                              std::string_view name) noexcept {
  for (const auto& [known_name, type] : known) {
    if (known_name == name) return &type;
  }
  return nullptr;
}

namespace {

bool SetScalar(Entry& entry, ExtensionType type, std::string_view text) noexcept {
  if (type == ExtensionType::kBoolean) {
    entry.kind = ValueKind::kBool;
    entry.value.boolean = text == "true";
    return entry.value.boolean || text == "false";
  }
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, entry.value.integer);
  entry.kind = ValueKind::kInt;
  return error == std::errc{} && end == last;
}

}  // namespace

Status SetTypedText(Entry& entry, ExtensionType type, std::string_view text, bool scalars,
                    std::uint8_t*& scratch) {
  switch (type) {
    case ExtensionType::kString:
      SetEntryText(entry, ValueKind::kString, text);
      return {};
    case ExtensionType::kUri:
      SetEntryText(entry, ValueKind::kUri, text);
      return {};
    case ExtensionType::kUriReference:
      SetEntryText(entry, ValueKind::kUriReference, text);
      return {};
    case ExtensionType::kBinary: {
      std::uint8_t* const end = ReadBase64(text, scratch);
      if (end == nullptr) break;
      SetEntryText(entry, ValueKind::kBytes, AsText({scratch, end}));
      scratch = end;
      return {};
    }
    case ExtensionType::kTimestamp: {
      Timestamp time;
      const std::string name = OneLine(entry.name_text(), 64);
      if (Status status = ReadTimeText(name, text, time); !status.ok()) return status;
      entry.kind = ValueKind::kTime;
      std::construct_at(&entry.value.time, time);
      return {};
    }
    default:
      if (scalars && SetScalar(entry, type, text)) return {};
  }
  return Expected(OneLine(entry.name_text(), 64), TypeName(type), ShownText(text));
}

}  // namespace virtufin::inline v0::detail
