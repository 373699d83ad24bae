// CloudEvent::Make: one event from parts, checked.
#include <array>
#include <vector>

#include "event/assemble.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

Result<CloudEvent> CloudEvent::Make(const Parts& parts, NameRule rule, Validate validate) {
  if (parts.extensions.size() > kMaxExtensions) {
    return detail::TooManyExtensions(parts.extensions.size());
  }
  std::array<detail::Entry, 16> few;
  std::vector<detail::Entry> many;
  if (parts.extensions.size() > few.size()) many.resize(parts.extensions.size());
  const std::span<detail::Entry> entries =
      many.empty() ? std::span(few).first(parts.extensions.size()) : std::span(many);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, value] = parts.extensions[i];
    if (name.size() > kMaxNameBytes) {
      return detail::EventError("an extension name is longer than 1024 bytes");
    }
    detail::SetEntryName(entries[i], name);
    detail::SetEntry(entries[i], value);
  }
  detail::Draft draft;
  draft.SetId(parts.id);
  draft.SetAttribute(detail::kSource, parts.source);
  draft.SetAttribute(detail::kType, parts.type);
  draft.SetAttribute(detail::kSubject, parts.subject);
  draft.SetAttribute(detail::kDataContentType, parts.data_content_type);
  draft.SetAttribute(detail::kDataSchema, parts.data_schema);
  if (parts.time) draft.SetTime(*parts.time);
  draft.entries = entries;
  draft.head.data_kind = parts.data_kind;
  draft.data = parts.data_kind == DataKind::kAbsent ? ByteView{} : parts.data;
  if (Status status = detail::CheckAttributes(draft, rule); !status.ok()) return status;
  if (Status status = detail::CheckData(draft, validate); !status.ok()) return status;
  return detail::Assemble(draft);
}

}  // namespace virtufin::inline v0
