// The nouns event and event builder.
#include "guard.hpp"
#include "handles.hpp"
#include "virtufin/event/event_builder.hpp"

using virtufin::AttributeValue;
using virtufin::CloudEvent;
using virtufin::Status;
using virtufin::Timestamp;
using virtufin::c::Guard;
using virtufin::c::Missing;
using virtufin::c::Str;
using virtufin::c::View;

struct virtufin_event_builder {
  CloudEvent::Builder builder;
  Status failed;      // the first setter that failed; Build reports it
  bool lost = false;  // a setter ran out of memory
};

namespace {

void SetAttribute(virtufin_event_builder& target, std::string_view name, std::string_view value) {
  CloudEvent::Builder& builder = target.builder;
  if (name == "id") {
    builder.Id(value);
  } else if (name == "source") {
    builder.Source(value);
  } else if (name == "type") {
    builder.Type(value);
  } else if (name == "subject") {
    builder.Subject(value);
  } else if (name == "datacontenttype") {
    builder.DataContentType(value);
  } else if (name == "dataschema") {
    builder.DataSchema(value);
  } else if (name == "time") {
    auto time = Timestamp::Parse(value);
    if (time.ok())
      builder.Time(*time);
    else if (target.failed.ok())
      target.failed = time.status();
  } else {
    builder.Extension(name, value);
  }
}

/// An attribute that the event has as text; false when it is absent, empty or no text.
bool FindText(const CloudEvent& event, std::string_view name, std::string_view& text) {
  if (name == "id")
    text = event.id();
  else if (name == "source")
    text = event.source();
  else if (name == "type")
    text = event.type();
  else if (name == "specversion")
    text = "1.0";
  else if (name == "subject")
    text = event.subject();
  else if (name == "datacontenttype")
    text = event.data_content_type();
  else if (name == "dataschema")
    text = event.data_schema();
  else if (name == "time")
    text = event.time_text();
  else
    text = event.ExtensionText(name);
  return !text.empty();
}

/// The text of a value that is no text; the bytes of a binary one.
std::string Render(const AttributeValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int32_t>(&value)) return std::to_string(*number);
  if (const auto* bytes = std::get_if<virtufin::ByteView>(&value)) {
    return std::string(virtufin::AsText(*bytes));
  }
  return {};
}

}  // namespace

virtufin_event_builder_t* virtufin_event_builder_new(void) {
  virtufin_event_builder_t* builder = nullptr;
  Guard(nullptr, [&] {
    builder = new virtufin_event_builder;
    return Status();
  });
  return builder;
}

void virtufin_event_builder_set(virtufin_event_builder_t* builder, virtufin_str_t name,
                                virtufin_str_t value) {
  if (builder == nullptr) return;
  const virtufin_status_t set = Guard(nullptr, [&] {
    SetAttribute(*builder, View(name), View(value));
    return Status();
  });
  builder->lost = builder->lost || set != VIRTUFIN_OK;
}

void virtufin_event_builder_set_json(virtufin_event_builder_t* builder, virtufin_str_t json) {
  if (builder == nullptr) return;
  const virtufin_status_t set = Guard(nullptr, [&] {
    builder->builder.JsonData(View(json));
    return Status();
  });
  builder->lost = builder->lost || set != VIRTUFIN_OK;
}

virtufin_status_t virtufin_event_builder_build(virtufin_event_builder_t* builder,
                                               virtufin_event_t** event, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (builder == nullptr) return Missing("builder");
    if (event == nullptr) return Missing("event");
    if (std::exchange(builder->lost, false) || !builder->failed.ok()) {
      builder->builder = CloudEvent::Builder();
      const Status failed = std::exchange(builder->failed, Status());
      return !failed.ok() ? failed
                          : Status(virtufin::StatusCode::kResourceExhausted, "c_api",
                                   "an attribute is lost: memory was exhausted");
    }
    auto built = builder->builder.Build();
    if (!built.ok()) return built.status();
    *event = new virtufin_event(std::move(*built));
    return Status();
  });
}

void virtufin_event_builder_free(virtufin_event_builder_t* builder) { delete builder; }

virtufin_event_t* virtufin_event_clone(const virtufin_event_t* event) {
  return event == nullptr ? nullptr : new (std::nothrow) virtufin_event(event->event);
}

virtufin_str_t virtufin_event_get_attribute(const virtufin_event_t* event, virtufin_str_t name) {
  virtufin_str_t result = {nullptr, 0};
  if (event == nullptr) return result;
  Guard(nullptr, [&] {
    std::string_view text;
    if (FindText(event->event, View(name), text)) {
      result = Str(text);
      return Status();
    }
    const auto value = event->event.FindExtension(View(name));
    if (!value) return Status();
    std::lock_guard lock(event->mutex);
    auto it = event->texts.try_emplace(std::string(View(name)), Render(*value)).first;
    result = Str(it->second);
    return Status();
  });
  return result;
}

virtufin_str_t virtufin_event_get_data(const virtufin_event_t* event) {
  if (event == nullptr || event->event.data_kind() == virtufin::DataKind::kAbsent) {
    return {nullptr, 0};
  }
  return Str(event->event.data_text());
}

void virtufin_event_free(virtufin_event_t* event) { delete event; }
