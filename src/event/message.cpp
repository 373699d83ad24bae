// Message and ExtensionOverlay: an event on its way, with its encodings.
#include "virtufin/event/message.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "event/assemble.hpp"
#include "event/encode.hpp"
#include "virtufin/core/utf8.hpp"
#include "virtufin/event/encoded_bytes.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0 {

struct ExtensionOverlay::Impl {
  std::string text;                    // what the entries point into
  std::vector<detail::Entry> entries;  // strings
  std::size_t hash = 0;

  bool SameAs(const Impl& other) const noexcept {
    if (this == &other) return true;
    if (hash != other.hash || entries.size() != other.entries.size()) return false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].name_text() != other.entries[i].name_text() ||
          entries[i].stored_text() != other.entries[i].stored_text()) {
        return false;
      }
    }
    return true;
  }
};

Result<ExtensionOverlay> ExtensionOverlay::Make(
    std::span<const std::pair<std::string_view, std::string_view>> extensions) {
  if (extensions.size() > kMaxExtensions) return detail::TooManyExtensions(extensions.size());
  auto impl = std::make_shared<Impl>();
  for (const auto& [name, value] : extensions) {
    if (const char* fault = detail::NameFault(name, NameRule::kStrict)) {
      return detail::NameError(name, fault);
    }
    if (!IsUtf8(value)) {
      return detail::EventError(std::string(name) + ": expected UTF-8");
    }
    impl->text.append(name).append(value);
  }
  impl->hash = std::hash<std::string>{}(impl->text);
  const char* at = impl->text.data();
  for (const auto& [name, value] : extensions) {
    for (const detail::Entry& other : impl->entries) {
      if (other.name_text() == name) return detail::NameError(name, "is there twice");
    }
    detail::Entry& entry = impl->entries.emplace_back();
    detail::SetEntryName(entry, {at, name.size()});
    detail::SetEntryText(entry, detail::ValueKind::kString, {at + name.size(), value.size()});
    at += name.size() + value.size();
  }
  return ExtensionOverlay(std::move(impl));
}

std::size_t ExtensionOverlay::size() const noexcept { return impl_->entries.size(); }

std::pair<std::string_view, std::string_view> ExtensionOverlay::extension(
    std::size_t index) const noexcept {
  const detail::Entry& entry = impl_->entries[index];
  return {entry.name_text(), entry.stored_text()};
}

struct Message::Impl {
  // What was made of the event and one overlay.
  struct Stamps {
    std::shared_ptr<const ExtensionOverlay::Impl> overlay;
    std::vector<const detail::Entry*> entries;  // those that the event has not
    std::optional<EncodedBytes> encoded[2];
    std::optional<CloudEvent> event;
    std::unique_ptr<Stamps> next;
  };

  mutable std::atomic<std::uint32_t> refs{1};
  std::uint32_t topic_size;
  CloudEvent event;
  // Null until made; then never changed.
  mutable std::atomic<const EncodedBytes*> encoded[2] = {nullptr, nullptr};
  mutable std::mutex making;  // held while anything is made, and for what is below
  mutable std::unique_ptr<Stamps> stamps;
  mutable std::size_t stamps_count = 0;
  mutable std::vector<Stamps*> table;  // by hash, once there are many; a power of two

  Impl(std::uint32_t size, CloudEvent e) noexcept : topic_size(size), event(std::move(e)) {}
  ~Impl();
  std::string_view topic() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), topic_size};
  }
  detail::EncodeInput Input(const Stamps& of) const noexcept {
    return {detail::BlockAccess::Block(event), of.entries};
  }
  Stamps& StampsOf(const std::shared_ptr<const ExtensionOverlay::Impl>& overlay) const;
  Stamps* FindStamps(const ExtensionOverlay::Impl& overlay) const noexcept;
  void Tabulate(Stamps& added) const;
};

Message::Impl::~Impl() {
  for (const auto& bytes : encoded) delete bytes.load(std::memory_order_relaxed);
  // One by one: a long list must not end by recursion.
  while (stamps) stamps = std::move(stamps->next);
}

Message::Impl::Stamps* Message::Impl::FindStamps(
    const ExtensionOverlay::Impl& overlay) const noexcept {
  if (table.empty()) {
    for (Stamps* at = stamps.get(); at != nullptr; at = at->next.get()) {
      if (at->overlay->SameAs(overlay)) return at;
    }
    return nullptr;
  }
  const std::size_t mask = table.size() - 1;
  for (std::size_t i = overlay.hash & mask; table[i] != nullptr; i = (i + 1) & mask) {
    if (table[i]->overlay->SameAs(overlay)) return table[i];
  }
  return nullptr;
}

// Keeps the table at most half full.
void Message::Impl::Tabulate(Stamps& added) const {
  constexpr std::size_t kListed = 8;
  const auto put = [this](Stamps& entry) {
    const std::size_t mask = table.size() - 1;
    std::size_t i = entry.overlay->hash & mask;
    while (table[i] != nullptr) i = (i + 1) & mask;
    table[i] = &entry;
  };
  if (++stamps_count <= kListed) return;
  if (stamps_count * 2 <= table.size()) return put(added);
  table.assign(std::max<std::size_t>(32, table.size() * 2), nullptr);
  for (Stamps* at = stamps.get(); at != nullptr; at = at->next.get()) put(*at);
}

Message::Impl::Stamps& Message::Impl::StampsOf(
    const std::shared_ptr<const ExtensionOverlay::Impl>& overlay) const {
  if (Stamps* found = FindStamps(*overlay)) return *found;
  auto made = std::make_unique<Stamps>();
  made->overlay = overlay;
  const detail::EventBlock& block = detail::BlockAccess::Block(event);
  for (const detail::Entry& entry : overlay->entries) {
    if (block.Find(entry.name_text()) == nullptr) made->entries.push_back(&entry);
  }
  made->next = std::move(stamps);
  stamps = std::move(made);
  Tabulate(*stamps);
  return *stamps;
}

namespace {

Result<EncodedBytes> Encode(Encoding encoding, const detail::EncodeInput& input) {
  const std::size_t extensions = input.event.extension_count() + input.stamped.size();
  if (extensions > kMaxExtensions) return detail::TooManyExtensions(extensions);
  return encoding == Encoding::kJson ? detail::EncodeJsonOf(input) : detail::EncodeWireOf(input);
}

}  // namespace

Message::Message(std::string_view topic, CloudEvent event) {
  const std::size_t size = std::min<std::size_t>(topic.size(), UINT32_MAX);
  void* const memory = ::operator new(sizeof(Impl) + size);
  auto* const impl = ::new (memory) Impl(static_cast<std::uint32_t>(size), std::move(event));
  if (size != 0) std::memcpy(static_cast<void*>(impl + 1), topic.data(), size);
  impl_ = impl;
}

Message::Message(const Message& other) noexcept : impl_(other.impl_) {
  if (impl_ != nullptr) impl_->refs.fetch_add(1, std::memory_order_relaxed);
}

Message::~Message() {
  if (impl_ == nullptr) return;
  if (impl_->refs.load(std::memory_order_acquire) != 1 &&
      impl_->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  impl_->~Impl();
  ::operator delete(const_cast<Impl*>(impl_));
}

std::string_view Message::topic() const noexcept { return impl_->topic(); }
const CloudEvent& Message::event() const noexcept { return impl_->event; }

Result<ByteView> Message::Encoded(Encoding encoding) const {
  std::atomic<const EncodedBytes*>& slot = impl_->encoded[static_cast<std::size_t>(encoding)];
  if (const EncodedBytes* made = slot.load(std::memory_order_acquire)) return made->bytes();
  const std::lock_guard lock(impl_->making);
  if (const EncodedBytes* made = slot.load(std::memory_order_acquire)) return made->bytes();
  Result<EncodedBytes> bytes = Encode(encoding, {detail::BlockAccess::Block(impl_->event)});
  if (!bytes.ok()) return bytes.status();
  const auto* made = new EncodedBytes(*std::move(bytes));
  slot.store(made, std::memory_order_release);
  return made->bytes();
}

Result<ByteView> Message::Encoded(Encoding encoding, const ExtensionOverlay& overlay) const {
  {
    const std::lock_guard lock(impl_->making);
    Impl::Stamps& stamps = impl_->StampsOf(overlay.impl_);
    if (!stamps.entries.empty()) {
      std::optional<EncodedBytes>& slot = stamps.encoded[static_cast<std::size_t>(encoding)];
      if (!slot) {
        Result<EncodedBytes> bytes = Encode(encoding, impl_->Input(stamps));
        if (!bytes.ok()) return bytes.status();
        slot = *std::move(bytes);
      }
      return slot->bytes();
    }
  }
  return Encoded(encoding);  // nothing to stamp
}

Result<CloudEvent> Message::Stamped(const ExtensionOverlay& overlay) const {
  const std::lock_guard lock(impl_->making);
  Impl::Stamps& stamps = impl_->StampsOf(overlay.impl_);
  if (stamps.entries.empty()) return impl_->event;
  if (!stamps.event) {
    CloudEvent::Builder builder(impl_->event);
    for (const detail::Entry* entry : stamps.entries) {
      builder.Extension(entry->name_text(), entry->stored_text());
    }
    Result<CloudEvent> made = builder.Build(NameRule::kLenient);
    if (!made.ok()) return made.status();
    stamps.event = *std::move(made);
  }
  return *stamps.event;
}

}  // namespace virtufin::inline v0
