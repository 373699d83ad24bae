// The noun event builder.
#include "virtufin/event/event_builder.hpp"

#include <limits>
#include <optional>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::AttributeValue;
using virtufin::CloudEvent;
using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::Timestamp;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::View;

struct virtufin_event_builder {
  CloudEvent::Builder builder;
  Status failed;      // the first setter that failed; Build reports it
  bool lost = false;  // a setter ran out of memory
};

namespace {

Result<Timestamp> ToTimestamp(const virtufin_attribute_t& attribute) {
  if (attribute.text.data != nullptr) return Timestamp::Parse(View(attribute.text));
  return Timestamp::FromUnix(attribute.number, attribute.nanoseconds);
}

Result<AttributeValue> ToInteger(const virtufin_attribute_t& attribute) {
  using Limits = std::numeric_limits<std::int32_t>;
  if (attribute.number < Limits::min() || attribute.number > Limits::max()) {
    return virtufin::c::Invalid(std::string(View(attribute.name)) +
                                ": expected an integer of 32 bits, found " +
                                std::to_string(attribute.number));
  }
  return AttributeValue(static_cast<std::int32_t>(attribute.number));
}

Result<AttributeValue> ToValue(const virtufin_attribute_t& attribute) {
  const std::string_view text = View(attribute.text);
  if (attribute.type == VIRTUFIN_ATTRIBUTE_STRING) return AttributeValue(text);
  if (attribute.type == VIRTUFIN_ATTRIBUTE_BOOLEAN) return AttributeValue(attribute.number != 0);
  if (attribute.type == VIRTUFIN_ATTRIBUTE_INTEGER) return ToInteger(attribute);
  if (attribute.type == VIRTUFIN_ATTRIBUTE_BINARY) return AttributeValue(virtufin::AsBytes(text));
  if (attribute.type == VIRTUFIN_ATTRIBUTE_URI) return AttributeValue(virtufin::Uri{text});
  if (attribute.type == VIRTUFIN_ATTRIBUTE_URI_REFERENCE) {
    return AttributeValue(virtufin::UriReference{text});
  }
  if (attribute.type != VIRTUFIN_ATTRIBUTE_TIMESTAMP) {
    return virtufin::c::Invalid("type: expected VIRTUFIN_ATTRIBUTE_..., found " +
                                std::to_string(attribute.type));
  }
  const auto time = ToTimestamp(attribute);
  return time.ok() ? Result<AttributeValue>(AttributeValue(*time)) : time.status();
}

/// False: `name` is no core attribute whose value is text.
bool SetCoreText(CloudEvent::Builder& builder, std::string_view name, std::string_view value) {
  if (name == "id") return builder.Id(value), true;
  if (name == "source") return builder.Source(value), true;
  if (name == "type") return builder.Type(value), true;
  if (name == "subject") return builder.Subject(value), true;
  if (name == "datacontenttype") return builder.DataContentType(value), true;
  if (name == "dataschema") return builder.DataSchema(value), true;
  return false;
}

bool IsCoreText(std::string_view name) {
  return name == "id" || name == "source" || name == "type" || name == "subject" ||
         name == "datacontenttype" || name == "dataschema";
}

/// Takes away an attribute that is neither a text nor required.
void Remove(CloudEvent::Builder& builder, std::string_view name) {
  if (name == "time") {
    builder.NoTime();
  } else {
    builder.RemoveExtension(name);
  }
}

Status WrongType(const virtufin_attribute_t& attribute, const char* expected) {
  return virtufin::c::Invalid(std::string(View(attribute.name)) + ": expected " + expected +
                              ", found type " + std::to_string(attribute.type));
}

Status SetTime(CloudEvent::Builder& builder, const virtufin_attribute_t& attribute) {
  if (attribute.type != VIRTUFIN_ATTRIBUTE_STRING &&
      attribute.type != VIRTUFIN_ATTRIBUTE_TIMESTAMP) {
    return WrongType(attribute, "TIMESTAMP or STRING");
  }
  const auto time = ToTimestamp(attribute);
  if (time.ok()) builder.Time(*time);
  return time.status();
}

/// Whether it has no value: {NULL, 0} where the value is its text.
bool IsAbsent(const virtufin_attribute_t& attribute) {
  const std::int32_t type = attribute.type;
  return attribute.text.data == nullptr &&
         (type == VIRTUFIN_ATTRIBUTE_STRING || type == VIRTUFIN_ATTRIBUTE_BINARY ||
          type == VIRTUFIN_ATTRIBUTE_URI || type == VIRTUFIN_ATTRIBUTE_URI_REFERENCE);
}

Status SetTyped(CloudEvent::Builder& builder, const virtufin_attribute_t& attribute) {
  const std::string_view name = View(attribute.name);
  if (IsCoreText(name) && attribute.type != VIRTUFIN_ATTRIBUTE_STRING) {
    return WrongType(attribute, "STRING");
  }
  if (SetCoreText(builder, name, View(attribute.text))) return {};
  if (IsAbsent(attribute)) return Remove(builder, name), Status();
  if (name == "time") return SetTime(builder, attribute);
  const auto value = ToValue(attribute);
  if (value.ok()) builder.Extension(name, *value);
  return value.status();
}

Status SetText(CloudEvent::Builder& builder, virtufin_str_t name, virtufin_str_t value) {
  virtufin_attribute_t attribute{};
  attribute.name = name;
  attribute.text = value;
  return SetTyped(builder, attribute);
}

/// Runs one setter and keeps what went wrong for Build.
template <class Setter>
void Set(virtufin_event_builder_t* target, Setter setter) {
  if (target == nullptr) return;
  const virtufin_status_t set = Guard(nullptr, [&] {
    Status status = setter(target->builder);
    if (!status.ok() && target->failed.ok()) target->failed = std::move(status);
    return Status();
  });
  target->lost = target->lost || set != VIRTUFIN_OK;
}

Status TakeFailure(virtufin_event_builder& target) {
  const bool lost = std::exchange(target.lost, false);
  Status failed = std::exchange(target.failed, Status());
  if (!failed.ok() || !lost) return failed;
  return Status(StatusCode::kResourceExhausted, "c_api",
                "an attribute is lost: memory was exhausted");
}

/// Starts over, whatever comes of it.
Result<CloudEvent> Build(virtufin_event_builder& target) {
  auto built = target.builder.Build();
  if (Status failed = TakeFailure(target); !failed.ok()) return failed;
  return built;
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

virtufin_event_builder_t* virtufin_event_builder_new_from(const virtufin_event_t* event) {
  virtufin_event_builder_t* builder = nullptr;
  if (event == nullptr) return builder;
  Guard(nullptr, [&] {
    builder = new virtufin_event_builder{CloudEvent::Builder(event->event), {}};
    return Status();
  });
  return builder;
}

void virtufin_event_builder_set(virtufin_event_builder_t* builder, virtufin_str_t name,
                                virtufin_str_t value) {
  Set(builder, [&](CloudEvent::Builder& target) { return SetText(target, name, value); });
}

void virtufin_event_builder_set_attribute(virtufin_event_builder_t* builder,
                                          const virtufin_attribute_t* attribute) {
  Set(builder, [&](CloudEvent::Builder& target) {
    if (Status status = Require({{"attribute", attribute}}); !status.ok()) return status;
    virtufin_attribute_t known{};
    if (Status status = virtufin::c::ReadStruct(attribute, known); !status.ok()) return status;
    return SetTyped(target, known);
  });
}

void virtufin_event_builder_set_json(virtufin_event_builder_t* builder, virtufin_str_t json) {
  Set(builder, [&](CloudEvent::Builder& target) {
    target.JsonData(View(json));
    return Status();
  });
}

void virtufin_event_builder_set_text(virtufin_event_builder_t* builder, virtufin_str_t text) {
  Set(builder, [&](CloudEvent::Builder& target) {
    target.TextData(View(text));
    return Status();
  });
}

void virtufin_event_builder_set_binary(virtufin_event_builder_t* builder, virtufin_str_t bytes) {
  Set(builder, [&](CloudEvent::Builder& target) {
    target.BinaryData(virtufin::AsBytes(View(bytes)));
    return Status();
  });
}

virtufin_status_t virtufin_event_builder_build(virtufin_event_builder_t* builder,
                                               virtufin_event_t** event, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"builder", builder}, {"event", event}});
    if (!status.ok()) return status;
    return virtufin::c::GiveEvent(Build(*builder), event);
  });
}

void virtufin_event_builder_free(virtufin_event_builder_t* builder) { delete builder; }
