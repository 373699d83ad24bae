// CloudEvent::Builder: collects what an event will be made of, in memory that it keeps.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "event/assemble.hpp"
#include "virtufin/core/uuid_sequence.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0 {

namespace detail {
namespace {

// Copies of texts at addresses that stay until Clear, which keeps the memory.
class TextArena {
 public:
  std::string_view Copy(std::string_view text) {
    if (text.size() > left_) Grow(text.size());
    char* const start = at_;
    if (!text.empty()) std::memcpy(start, text.data(), text.size());
    at_ += text.size();
    left_ -= text.size();
    return {start, text.size()};
  }

  void Clear() noexcept {
    if (chunks_.empty()) return;
    // The last chunk is the largest.
    if (chunks_.size() > 1) {
      chunks_.front() = std::move(chunks_.back());
      chunks_.resize(1);
    }
    at_ = chunks_.front().get();
    left_ = capacity_;
  }

 private:
  void Grow(std::size_t at_least) {
    capacity_ = std::max({std::size_t{512}, capacity_ * 2, at_least});
    chunks_.push_back(std::make_unique<char[]>(capacity_));
    at_ = chunks_.back().get();
    left_ = capacity_;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace
}  // namespace detail

struct CloudEvent::Builder::Impl {
  static constexpr std::uint32_t kReservedRefs = 1024;

  std::optional<Stream> stream;  // what the builder was made with
  std::optional<CloudEvent> origin;
  detail::Draft start;  // what StartOver goes back to
  detail::Draft draft;
  std::vector<detail::Entry> entries;  // the stream's varying ones first
  detail::TextArena texts;
  std::string data;
  std::optional<UuidSequence> ids;  // of a stream
  // References on the stream for events to come: its counter lies in a line that other threads
  // write, so it is touched once for many events.
  std::uint32_t stream_refs = 0;
  Validate data_validate = Validate::kTrusted;
  bool has_id = false;
  bool new_data = false;
  bool new_media_type = false;
  bool new_text = false;  // an attribute, a name, or a text in an entry
  bool bad_text = false;
  // The first new name that breaks a rule, and how.
  std::string_view bad_name[2];
  const char* name_fault[2] = {nullptr, nullptr};

  explicit Impl(const Stream& s);
  explicit Impl(const CloudEvent& event);
  Impl() = default;
  ~Impl();

  void StartOver();
  void UseEvent(const detail::EventBlock& block);
  void LeaveStream();
  detail::Entry* Find(std::string_view name);
  detail::Entry* EntryFor(std::string_view name);
  void NoteName(std::string_view name) noexcept;
  void NoteText(std::string_view text) noexcept;
  void KeepText(detail::Entry& entry);
  void Set(detail::Attribute attribute, std::string_view text);
  void SetData(DataKind kind, std::string_view bytes, Validate validate);
  void MakeId() noexcept;
  Status Check(NameRule rule);
  bool OnlyVaried() const noexcept;
  bool AllTextIsStreams() const noexcept;
  Result<CloudEvent> Build(NameRule rule);
};

CloudEvent::Builder::Impl::Impl(const Stream& s) : stream(s), ids(std::in_place) {
  const detail::StreamBlock& block = *s.block_;
  start.UseStream(block);
  entries.assign(block.varying, block.varying + block.varying_count);
  draft = start;
}

CloudEvent::Builder::Impl::Impl(const CloudEvent& event) : origin(event) {
  UseEvent(detail::BlockAccess::Block(*origin));
  StartOver();
}

CloudEvent::Builder::Impl::~Impl() {
  if (stream_refs != 0) detail::Release(stream->block_, stream_refs);
}

void CloudEvent::Builder::Impl::StartOver() {
  if (OnlyVaried()) {
    for (detail::Entry& entry : entries) entry.kind = detail::ValueKind::kUnset;
    draft.SetId(std::string_view());
    draft.head.has_time = false;
    draft.head.data_kind = DataKind::kAbsent;
    draft.data = {};
    draft.json_state = detail::kJsonUnknown;
    has_id = new_data = false;
    return;
  }
  if (new_text || origin) {
    texts.Clear();
    entries.clear();
    if (stream) {
      entries.assign(stream->block_->varying,
                     stream->block_->varying + stream->block_->varying_count);
    } else if (origin) {
      const detail::EventBlock& block = detail::BlockAccess::Block(*origin);
      for (std::size_t i = 0; i < block.own_count; ++i) {
        entries.push_back(detail::Entry::Copy(block.own()[i]));
      }
    }
  } else {
    for (detail::Entry& entry : entries) entry.kind = detail::ValueKind::kUnset;
  }
  draft = start;
  has_id = origin.has_value();
  new_data = new_media_type = new_text = bad_text = false;
  name_fault[0] = name_fault[1] = nullptr;
}

void CloudEvent::Builder::Impl::UseEvent(const detail::EventBlock& block) {
  if (block.stream != nullptr) start.UseStream(*block.stream);
  const detail::EventHead shared = start.head;
  start.head = static_cast<const detail::EventHead&>(block);
  start.json_state = std::atomic_ref(block.json_state).load(std::memory_order_relaxed);
  for (int i = 0; i < detail::kAttributeCount; ++i) {
    const std::string_view text = block.attributes[i];
    if (shared.attributes[i].data() != text.data()) {
      start.SetAttribute(static_cast<detail::Attribute>(i), text);
    }
  }
  start.data = {block.data, block.data_size};
}

// The stream's constants become entries of this event alone, so that one can be changed.
void CloudEvent::Builder::Impl::LeaveStream() {
  const detail::StreamBlock& block = *draft.head.stream;
  entries.insert(entries.end(), block.entries, block.entries + block.entry_count);
  for (detail::Entry& entry : entries) entry.shared_name = false;
  draft.head.stream = nullptr;
  draft.head.shared = nullptr;
  draft.head.shared_count = 0;
  draft.stream_attributes = 0;
  new_text = true;
}

// Null when there is none.
detail::Entry* CloudEvent::Builder::Impl::Find(std::string_view name) {
  const auto named = [name](const detail::Entry& entry) { return entry.name_text() == name; };
  if (const detail::StreamBlock* block = draft.head.stream) {
    const detail::Entry* const end = block->entries + block->entry_count;
    if (std::find_if(block->entries, end, named) != end) LeaveStream();
  }
  const auto found = std::find_if(entries.begin(), entries.end(), named);
  return found == entries.end() ? nullptr : &*found;
}

// The entry of that name, made when there is none; null when the name is too long to be one.
detail::Entry* CloudEvent::Builder::Impl::EntryFor(std::string_view name) {
  if (detail::Entry* found = Find(name)) return found;
  const std::string_view copy = texts.Copy(name);
  NoteName(copy);
  if (name.size() > kMaxNameBytes) return nullptr;
  detail::SetEntryName(entries.emplace_back(), copy);
  return &entries.back();
}

void CloudEvent::Builder::Impl::NoteName(std::string_view name) noexcept {
  NoteText(name);
  for (const NameRule rule : {NameRule::kStrict, NameRule::kLenient}) {
    const auto i = static_cast<std::size_t>(rule);
    const char* const fault = detail::NameFault(name, rule);
    if (fault == nullptr || name_fault[i] != nullptr) continue;
    name_fault[i] = fault;
    bad_name[i] = name;
  }
}

void CloudEvent::Builder::Impl::NoteText(std::string_view text) noexcept {
  new_text = true;
  const detail::TextClass found = detail::ClassifyText(text);
  if (found != detail::TextClass::kPlain) draft.head.plain = false;
  if (found == detail::TextClass::kInvalid) bad_text = true;
}

void CloudEvent::Builder::Impl::KeepText(detail::Entry& entry) {
  if (!detail::IsStoredText(entry.kind)) return;
  new_text = true;
  entry.value.text.data = texts.Copy(entry.stored_text()).data();
  if (entry.kind != detail::ValueKind::kBytes) NoteText(entry.stored_text());
}

void CloudEvent::Builder::Impl::Set(detail::Attribute attribute, std::string_view text) {
  NoteText(text);
  draft.SetAttribute(attribute, texts.Copy(text));
}

void CloudEvent::Builder::Impl::SetData(DataKind kind, std::string_view bytes, Validate validate) {
  data.assign(bytes);
  draft.head.data_kind = kind;
  draft.data = AsBytes(data);
  draft.json_state = detail::kJsonUnknown;
  data_validate = validate;
  new_data = true;
}

void CloudEvent::Builder::Impl::MakeId() noexcept {
  if (!stream) return draft.SetId(Uuid::V4());
  draft.SetId(ids->Next());
}

Status CloudEvent::Builder::Impl::Check(NameRule rule) {
  if (bad_text) {
    if (Status status = detail::FindBadText(draft); !status.ok()) return status;
  }
  const auto i = static_cast<std::size_t>(rule);
  if (name_fault[i] != nullptr) return detail::NameError(bad_name[i], name_fault[i]);
  // What the stream or the edited event brought is kept; only what is new is checked.
  const NameRule core_rule = new_media_type ? rule : NameRule::kLenient;
  if (!OnlyVaried()) {  // else what the stream was checked for
    if (Status status = detail::CheckCore(draft, core_rule); !status.ok()) return status;
  }
  if (new_data) return detail::CheckData(draft, data_validate);
  return {};
}

// An event of a stream got nothing but a UUID, times, numbers and data: its attributes are the
// stream's. CheckData may give one to text.
bool CloudEvent::Builder::Impl::OnlyVaried() const noexcept {
  return stream && !new_text && draft.head.data_kind != DataKind::kText;
}

// Nothing but numbers, times, UUIDs and data was added to a stream.
bool CloudEvent::Builder::Impl::AllTextIsStreams() const noexcept {
  return OnlyVaried() &&
         std::all_of(entries.begin(), entries.end(),
                     [](const detail::Entry& entry) { return detail::IsMadeText(entry.kind); });
}

Result<CloudEvent> CloudEvent::Builder::Impl::Build(NameRule rule) {
  if (!has_id) MakeId();
  draft.entries = entries;
  if (Status status = Check(rule); !status.ok()) return status;
  draft.copies_text = !AllTextIsStreams();
  const bool uses_stream = stream && draft.head.stream != nullptr;
  if (uses_stream && stream_refs == 0) {
    detail::Retain(*draft.head.stream, kReservedRefs);
    stream_refs = kReservedRefs;
  }
  Result<CloudEvent> event = detail::Assemble(draft, uses_stream);
  if (uses_stream && event.ok()) --stream_refs;
  return event;
}

CloudEvent::Builder::Builder() : impl_(new Impl) {}
CloudEvent::Builder::Builder(const Stream& stream) : impl_(new Impl(stream)) {}
CloudEvent::Builder::Builder(const CloudEvent& event) : impl_(new Impl(event)) {}
CloudEvent::Builder::~Builder() { delete impl_; }
CloudEvent::Builder::Builder(Builder&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)) {}
CloudEvent::Builder& CloudEvent::Builder::operator=(Builder&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

CloudEvent::Builder& CloudEvent::Builder::Id(std::string_view id) {
  impl_->NoteText(id);
  impl_->draft.SetId(impl_->texts.Copy(id));
  impl_->has_id = true;
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Id(Uuid id) {
  impl_->draft.SetId(id);
  impl_->has_id = true;
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Source(std::string_view source) {
  impl_->Set(detail::kSource, source);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Type(std::string_view type) {
  impl_->Set(detail::kType, type);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Subject(std::string_view subject) {
  impl_->Set(detail::kSubject, subject);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Time(Timestamp time) {
  impl_->draft.SetTime(time);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::NoTime() {
  impl_->draft.head.has_time = false;
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::DataContentType(std::string_view type) {
  impl_->Set(detail::kDataContentType, type);
  impl_->new_media_type = true;
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::DataSchema(std::string_view uri) {
  impl_->Set(detail::kDataSchema, uri);
  return *this;
}

CloudEvent::Builder& CloudEvent::Builder::Extension(std::string_view name,
                                                    const AttributeValue& value) {
  if (detail::Entry* entry = impl_->EntryFor(name)) {
    detail::SetEntry(*entry, value);
    impl_->KeepText(*entry);
  }
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::TextExtension(std::string_view name,
                                                        const TextValue& value) {
  if (detail::Entry* entry = impl_->EntryFor(name)) {
    detail::SetEntry(*entry, value);
    impl_->KeepText(*entry);
  }
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Varying(std::size_t index, std::string_view text) {
  detail::Entry& entry = impl_->entries[index];
  detail::SetEntryText(entry, detail::ValueKind::kString, text);
  impl_->KeepText(entry);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Varying(std::size_t index, Timestamp time) {
  detail::Entry& entry = impl_->entries[index];
  entry.kind = detail::ValueKind::kTextTime;
  std::construct_at(&entry.value.time, time);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Varying(std::size_t index, std::uint64_t number) {
  detail::Entry& entry = impl_->entries[index];
  entry.kind = detail::ValueKind::kTextNumber;
  entry.value.number = number;
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::Varying(std::size_t index, Uuid uuid) {
  detail::Entry& entry = impl_->entries[index];
  entry.kind = detail::ValueKind::kTextUuid;
  std::construct_at(&entry.value.uuid, uuid);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::RemoveExtension(std::string_view name) {
  // The place stays: the varying ones are found by index.
  if (detail::Entry* entry = impl_->Find(name)) entry->kind = detail::ValueKind::kUnset;
  return *this;
}

CloudEvent::Builder& CloudEvent::Builder::JsonData(std::string_view json, Validate validate) {
  impl_->SetData(DataKind::kJson, json, validate);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::TextData(std::string_view text) {
  impl_->SetData(DataKind::kText, text, Validate::kFull);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::BinaryData(ByteView bytes) {
  impl_->SetData(DataKind::kBinary, AsText(bytes), Validate::kFull);
  return *this;
}
CloudEvent::Builder& CloudEvent::Builder::NoData() {
  impl_->SetData(DataKind::kAbsent, {}, Validate::kFull);
  return *this;
}

Result<CloudEvent> CloudEvent::Builder::Build(NameRule rule) {
  Result<CloudEvent> event = impl_->Build(rule);
  impl_->StartOver();
  return event;
}

}  // namespace virtufin::inline v0
