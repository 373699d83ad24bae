// Reads events and responses from FlatBuffers: verified first, then copied into one block.
#include <array>
#include <string>
#include <vector>

#include "event/assemble.hpp"
#include "virtufin/event/wire.hpp"
#include "worker_api_generated.h"

namespace virtufin::inline v0 {

namespace detail {
namespace {

namespace wire = Virtufin::Worker::FlatBuffers;

// Response, event, extension: a buffer of this schema is never deeper.
constexpr flatbuffers::uoffset_t kMaxDepth = 4;
constexpr flatbuffers::uoffset_t kMaxTables = kMaxExtensions + 2;

template <class Table>
Result<const Table*> VerifiedRoot(ByteView bytes, const char* name) {
  if (bytes.size() > kMaxEventBytes) {
    return EventError("expected at most " + std::to_string(kMaxEventBytes) + " bytes, found " +
                      std::to_string(bytes.size()));
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0) {
    return EventError("expected a buffer at a multiple of 8, found it misaligned");
  }
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), kMaxDepth, kMaxTables);
  if (bytes.empty() || !verifier.VerifyBuffer<Table>(nullptr)) {
    return EventError("expected a FlatBuffer of table " + std::string(name) +
                      ", found bytes that do not verify");
  }
  return flatbuffers::GetRoot<Table>(bytes.data());
}

std::string_view TextOf(const flatbuffers::String* text) noexcept {
  return text == nullptr ? std::string_view{} : std::string_view(text->c_str(), text->size());
}

Status SetEntries(const wire::CloudEvent& event, std::span<Entry> entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const wire::Extension* extension =
        event.extensions()->Get(static_cast<flatbuffers::uoffset_t>(i));
    const std::string_view name = TextOf(extension->name());
    if (name.size() > kMaxNameBytes) {
      return EventError("an extension name is longer than 1024 bytes");
    }
    SetEntryName(entries[i], name);
    SetEntryText(entries[i], ValueKind::kString, TextOf(extension->value()));
  }
  return {};
}

Status SetTime(Draft& draft, std::string_view text) {
  Timestamp time;
  if (Timestamp::TryParse(text, time)) {
    draft.SetTime(time);
    return {};
  }
  const Result<Timestamp> parsed = Timestamp::Parse(text);
  return EventError("time: " + std::string(parsed.status().message()));
}

Result<CloudEvent> ToEvent(const wire::CloudEvent& event) {
  const std::string_view version = TextOf(event.specversion());
  if (!version.empty() && version != "1.0") {
    return EventError("specversion: expected 1.0, found " + ShownText(version));
  }
  const std::size_t count = event.extensions() == nullptr ? 0 : event.extensions()->size();
  if (count > kMaxExtensions) return TooManyExtensions(count);
  std::array<Entry, 16> few;
  std::vector<Entry> many;
  if (count > few.size()) many.resize(count);
  const std::span<Entry> entries = many.empty() ? std::span(few).first(count) : std::span(many);
  if (Status status = SetEntries(event, entries); !status.ok()) return status;

  Draft draft;
  draft.SetId(TextOf(event.id()));
  draft.SetAttribute(kSource, TextOf(event.source()));
  draft.SetAttribute(kType, TextOf(event.type()));
  draft.SetAttribute(kSubject, TextOf(event.subject()));
  draft.SetAttribute(kDataContentType, TextOf(event.datacontenttype()));
  draft.SetAttribute(kDataSchema, TextOf(event.dataschema()));
  draft.entries = entries;
  if (const std::string_view time = TextOf(event.time()); !time.empty()) {
    if (Status status = SetTime(draft, time); !status.ok()) return status;
  }
  if (Status status = CheckAttributes(draft, NameRule::kLenient); !status.ok()) return status;
  if (const auto* data = event.data()) {
    draft.data = {data->data(), data->size()};
    // Whether it is JSON is found out when somebody needs to know.
    draft.head.data_kind = KindOf(draft.head.attributes[kDataContentType], AsText(draft.data));
  }
  return Assemble(draft);
}

}  // namespace
}  // namespace detail

Result<CloudEvent> DecodeCloudEvent(ByteView bytes) {
  const auto root = detail::VerifiedRoot<detail::wire::CloudEvent>(bytes, "CloudEvent");
  if (!root.ok()) return root.status();
  return detail::ToEvent(**root);
}

Result<WorkerResponse> DecodeWorkerResponse(ByteView bytes) {
  const auto root = detail::VerifiedRoot<detail::wire::WorkerResponse>(bytes, "WorkerResponse");
  if (!root.ok()) return root.status();
  WorkerResponse response;
  if (const auto* error = (*root)->error_message()) response.error = detail::TextOf(error);
  if (const auto* event = (*root)->result_event()) {
    Result<CloudEvent> decoded = detail::ToEvent(*event);
    if (!decoded.ok()) return decoded.status();
    response.event = *std::move(decoded);
  }
  return response;
}

}  // namespace virtufin::inline v0
