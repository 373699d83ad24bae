// The noun event: its handle, attributes, data and JSON form.
#include <array>

#include "guard.hpp"
#include "handles.hpp"
#include "virtufin/event/json.hpp"

using virtufin::AttributeValue;
using virtufin::CloudEvent;
using virtufin::DataKind;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::Timestamp;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::View;

namespace {

/// In the order of virtufin_event_get_attribute_at.
constexpr std::array<std::string_view, 7> kCoreNames = {
    "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"};

/// A core attribute but time; empty: absent, or no such attribute.
std::string_view CoreText(const CloudEvent& event, std::string_view name) {
  if (name == "id") return event.id();
  if (name == "source") return event.source();
  if (name == "type") return event.type();
  if (name == "specversion") return "1.0";
  if (name == "subject") return event.subject();
  if (name == "datacontenttype") return event.data_content_type();
  if (name == "dataschema") return event.data_schema();
  return {};
}

bool HasCore(const CloudEvent& event, std::string_view name) {
  return name == "time" ? event.time().has_value() : !CoreText(event, name).empty();
}

/// The text of an extension that the event keeps as something else, made when first asked for.
virtufin_str_t RenderedText(const virtufin_event_t& event, std::string_view name,
                            const std::string& text) {
  const std::lock_guard lock(event.mutex);
  return Str(event.texts.try_emplace(std::string(name), text).first->second);
}

void FillTime(const Timestamp& time, virtufin_attribute_t& out) {
  out.type = VIRTUFIN_ATTRIBUTE_TIMESTAMP;
  out.number = time.unix_seconds();
  out.nanoseconds = time.nanoseconds();
}

/// Types and numbers of an extension, and the text of those whose text the event does not have.
struct ExtensionFiller {
  const virtufin_event_t& event;
  std::string_view name;
  virtufin_attribute_t& out;

  void operator()(bool value) const {
    out.type = VIRTUFIN_ATTRIBUTE_BOOLEAN;
    out.number = value ? 1 : 0;
    out.text = Str(value ? "true" : "false");
  }
  void operator()(std::int32_t value) const {
    out.type = VIRTUFIN_ATTRIBUTE_INTEGER;
    out.number = value;
    out.text = RenderedText(event, name, std::to_string(value));
  }
  void operator()(std::string_view value) const { out.text = Str(value); }
  void operator()(virtufin::ByteView value) const {
    out.type = VIRTUFIN_ATTRIBUTE_BINARY;
    out.text = Str(virtufin::AsText(value));
  }
  void operator()(virtufin::Uri value) const {
    out.type = VIRTUFIN_ATTRIBUTE_URI;
    out.text = Str(value.text);
  }
  void operator()(virtufin::UriReference value) const {
    out.type = VIRTUFIN_ATTRIBUTE_URI_REFERENCE;
    out.text = Str(value.text);
  }
  void operator()(Timestamp value) const {
    FillTime(value, out);
    out.text = Str(event.event.ExtensionText(name));
  }
};

/// A text that is there is never NULL, also when it is empty.
void Present(virtufin_str_t& text) {
  if (text.data == nullptr) text.data = "";
}

void FillExtension(const virtufin_event_t& event, std::string_view name,
                   const AttributeValue& value, virtufin_attribute_t& out) {
  out.name = Str(name);
  std::visit(ExtensionFiller{event, name, out}, value);
  Present(out.text);
}

/// Precondition: the event has it.
void FillCore(const virtufin_event_t& event, std::string_view name, virtufin_attribute_t& out) {
  out.name = Str(name);
  if (name != "time") {
    out.text = Str(CoreText(event.event, name));
    return;
  }
  FillTime(*event.event.time(), out);
  out.text = Str(event.event.time_text());
}

/// The name that a view of the caller's stands for, with the life of the event.
std::string_view StaticName(std::string_view name) {
  for (const std::string_view known : kCoreNames) {
    if (known == name) return known;
  }
  return "specversion";
}

/// False: there are not so many.
bool ExtensionAt(const virtufin_event_t& event, std::size_t index, virtufin_attribute_t& out) {
  if (index >= event.event.extension_count()) return false;
  const virtufin::NamedValue extension = event.event.extension(index);
  FillExtension(event, extension.first, extension.second, out);
  return true;
}

bool Find(const virtufin_event_t& event, std::string_view name, virtufin_attribute_t& out) {
  if (HasCore(event.event, name)) return FillCore(event, StaticName(name), out), true;
  for (std::size_t i = 0; i < event.event.extension_count(); ++i) {
    if (event.event.extension(i).first == name) return ExtensionAt(event, i, out);
  }
  return false;
}

bool At(const virtufin_event_t& event, std::size_t index, virtufin_attribute_t& out) {
  for (const std::string_view name : kCoreNames) {
    if (!HasCore(event.event, name)) continue;
    if (index-- == 0) return FillCore(event, name, out), true;
  }
  return ExtensionAt(event, index, out);
}

}  // namespace

virtufin_status_t virtufin_event_from_json(virtufin_str_t json, virtufin_event_t** event,
                                           virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"event", event}}); !status.ok()) return status;
    return virtufin::c::GiveEvent(virtufin::JsonDecoder().Decode(View(json)), event);
  });
}

virtufin_status_t virtufin_event_to_json(const virtufin_event_t* event, virtufin_text_t** json,
                                         virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"event", event}, {"json", json}});
    if (!status.ok()) return status;
    const auto encoded = virtufin::EncodeJson(event->event);
    if (!encoded.ok()) return encoded.status();
    return virtufin::c::GiveText(std::string(virtufin::AsText(encoded->bytes())), json);
  });
}

virtufin_event_t* virtufin_event_clone(const virtufin_event_t* event) {
  return event == nullptr ? nullptr : new (std::nothrow) virtufin_event(event->event);
}

virtufin_str_t virtufin_event_get_attribute(const virtufin_event_t* event, virtufin_str_t name) {
  virtufin_attribute_t found{};
  if (event == nullptr) return found.text;
  // What nearly all ask for is there as text.
  std::string_view text = CoreText(event->event, View(name));
  if (text.empty()) text = event->event.ExtensionText(View(name));
  if (!text.empty()) return Str(text);
  Guard(nullptr, [&] {
    Find(*event, View(name), found);
    return Status();
  });
  return found.text;
}

size_t virtufin_event_get_attribute_count(const virtufin_event_t* event) {
  if (event == nullptr) return 0;
  size_t count = event->event.extension_count();
  for (const std::string_view name : kCoreNames) count += HasCore(event->event, name) ? 1 : 0;
  return count;
}

virtufin_status_t virtufin_event_get_attribute_at(const virtufin_event_t* event, size_t index,
                                                  virtufin_attribute_t* attribute,
                                                  virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"event", event}, {"attribute", attribute}});
    if (!status.ok()) return status;
    virtufin_attribute_t found{};
    if (At(*event, index, found)) return virtufin::c::WriteStruct(found, attribute);
    return virtufin::c::BadIndex(index, virtufin_event_get_attribute_count(event));
  });
}

virtufin_status_t virtufin_event_get_typed_attribute(const virtufin_event_t* event,
                                                     virtufin_str_t name,
                                                     virtufin_attribute_t* attribute,
                                                     virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"event", event}, {"attribute", attribute}});
    if (!status.ok()) return status;
    virtufin_attribute_t found{};
    if (Find(*event, View(name), found)) return virtufin::c::WriteStruct(found, attribute);
    return Status(StatusCode::kNotFound, "c_api",
                  "the event has no attribute '" + std::string(View(name)) + "'");
  });
}

static_assert(static_cast<int>(DataKind::kJson) == VIRTUFIN_DATA_JSON &&
              static_cast<int>(DataKind::kText) == VIRTUFIN_DATA_TEXT &&
              static_cast<int>(DataKind::kBinary) == VIRTUFIN_DATA_BINARY);

int32_t virtufin_event_get_data_kind(const virtufin_event_t* event) {
  return event == nullptr ? VIRTUFIN_DATA_ABSENT : static_cast<int32_t>(event->event.data_kind());
}

virtufin_str_t virtufin_event_get_data(const virtufin_event_t* event) {
  if (event == nullptr || event->event.data_kind() == DataKind::kAbsent) return {nullptr, 0};
  virtufin_str_t data = Str(event->event.data_text());
  Present(data);
  return data;
}

void virtufin_event_free(virtufin_event_t* event) { delete event; }
