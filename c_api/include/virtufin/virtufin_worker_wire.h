/* virtufin_worker_wire.h: reads the events a worker gets and writes its replies, in plain C99.
 * Specification: docs/openspec/specs/worker-abi/spec.md
 *
 * A convenience beside virtufin_worker_api_c.h: header only, needs nothing but the C library, has
 * no state, may be called from any thread. Every read is checked against the bounds of the buffer,
 * so foreign bytes cannot lead outside of it.
 *
 *   VirtufinWireEvent event;
 *   if (virtufin_wire_read(in_buf, in_len, &event) != 0) return 1;
 *   VirtufinWireText pair = virtufin_wire_find(&event, "currencypair");
 *   ...
 *   VirtufinWireReply reply = {0};
 *   reply.id = virtufin_wire_text(id);
 *   reply.type = virtufin_wire_text("com.example.price.changed");
 *   reply.source = virtufin_wire_text("urn:com.example.pricer");
 *   reply.datacontenttype = virtufin_wire_text("application/json");
 *   reply.data = (const uint8_t*)json;
 *   reply.data_size = strlen(json);
 *   return virtufin_wire_write(&reply, NULL, out_buf, out_len);
 */
#ifndef VIRTUFIN_VIRTUFIN_WORKER_WIRE_H
#define VIRTUFIN_VIRTUFIN_WORKER_WIRE_H

#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_api_c.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Results of virtufin_wire_read and virtufin_wire_write. Each but OK is fit to be returned from
 * Process: the call failed. */
enum VirtufinWireResult {
  VIRTUFIN_WIRE_OK = 0,
  VIRTUFIN_WIRE_NO_MEMORY = 1,
  VIRTUFIN_WIRE_TOO_LARGE = 2,  /**< Over VIRTUFIN_WIRE_MAX_BYTES. */
  VIRTUFIN_WIRE_INCOMPLETE = 3, /**< A reply without id, type or source. */
  VIRTUFIN_WIRE_MALFORMED = 4   /**< The bytes are no CloudEvent. */
};

/** No event and no reply is larger. */
#define VIRTUFIN_WIRE_MAX_BYTES (16 * 1024 * 1024)

/** Text with its length. Absent: data is NULL. */
typedef struct VirtufinWireText {
  const char* data; /**< In an event that was read: followed by a NUL. */
  size_t size;      /**< Bytes, without that NUL. */
} VirtufinWireText;

/** An event that was read. Everything points into the buffer it was read from. */
typedef struct VirtufinWireEvent {
  VirtufinWireText id, type, source, specversion, datacontenttype, dataschema, subject, time;
  const uint8_t* data; /**< NULL: absent. */
  size_t data_size;
  uint32_t extension_count;

  const uint8_t* buffer_; /**< Private, as all members that end in '_'. */
  uint32_t size_;
  uint32_t extensions_;
} VirtufinWireEvent;

/** One extension of a reply. Both texts must be present. */
typedef struct VirtufinWireExtension {
  VirtufinWireText name, value;
} VirtufinWireExtension;

/** A reply to write. Start from {0} and set id (unique among all events of that source), type and
 * source; everything else may stay absent. An absent specversion becomes "1.0". */
typedef struct VirtufinWireReply {
  VirtufinWireText id, type, source, specversion, datacontenttype, dataschema, subject, time;
  const uint8_t* data; /**< NULL: absent. */
  size_t data_size;
  const VirtufinWireExtension* extensions;
  size_t extension_count;
} VirtufinWireReply;

/** A text from a NUL-terminated string; absent when `text` is NULL. */
static inline VirtufinWireText virtufin_wire_text(const char* text) {
  VirtufinWireText result;
  result.data = text;
  result.size = text ? strlen(text) : 0;
  return result;
}

/** 1 when `text` is present and equals the NUL-terminated `other`, else 0. */
static inline int virtufin_wire_equal(VirtufinWireText text, const char* other) {
  return text.data && strlen(other) == text.size && memcmp(text.data, other, text.size) == 0;
}

/* ---- Reading ---- */

static inline uint32_t virtufin_wire_u16_(const uint8_t* at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t virtufin_wire_u32_(const uint8_t* at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/** A table inside a buffer; private. */
typedef struct VirtufinWireTable_ {
  const uint8_t* buffer;
  uint32_t size, at, vtable, vtable_size, table_size;
} VirtufinWireTable_;

/* Positions are 64 bits wide where they are added: no sum of two wraps around. */
static inline int virtufin_wire_table_(const uint8_t* buffer, uint32_t size, uint64_t at,
                                       VirtufinWireTable_* table) {
  int64_t vtable;
  if (at + 4 > size) return 0;
  vtable = (int64_t)at - (int32_t)virtufin_wire_u32_(buffer + at);
  if (vtable < 0 || vtable + 4 > (int64_t)size) return 0;
  table->buffer = buffer;
  table->size = size;
  table->at = (uint32_t)at;
  table->vtable = (uint32_t)vtable;
  table->vtable_size = virtufin_wire_u16_(buffer + vtable);
  table->table_size = virtufin_wire_u16_(buffer + vtable + 2);
  return table->vtable_size >= 4 && (uint64_t)vtable + table->vtable_size <= size &&
         table->table_size >= 4 && at + table->table_size <= size;
}

/* Where field `index` points to; 0 when it is absent. Returns 0 when it leads out of the buffer. */
static inline int virtufin_wire_field_(const VirtufinWireTable_* table, uint32_t index,
                                       uint64_t* target) {
  const uint32_t entry = 4 + 2 * index;
  uint32_t offset;
  *target = 0;
  if (entry + 2 > table->vtable_size) return 1;
  offset = virtufin_wire_u16_(table->buffer + table->vtable + entry);
  if (offset == 0) return 1;
  if (offset < 4 || offset + 4 > table->table_size) return 0;
  *target = (uint64_t)table->at + offset;
  *target += virtufin_wire_u32_(table->buffer + *target);
  return *target + 4 <= table->size;
}

static inline int virtufin_wire_text_(const VirtufinWireTable_* table, uint32_t index,
                                      VirtufinWireText* text) {
  uint64_t at;
  uint32_t length;
  text->data = NULL;
  text->size = 0;
  if (!virtufin_wire_field_(table, index, &at)) return 0;
  if (at == 0) return 1;
  length = virtufin_wire_u32_(table->buffer + at);
  if (at + 4 + length + 1 > table->size || table->buffer[at + 4 + length] != 0) return 0;
  text->data = (const char*)table->buffer + at + 4;
  text->size = length;
  return 1;
}

/** Reads the event in the `size` bytes at `buffer`, which stay yours and must outlive *event.
 * Returns VIRTUFIN_WIRE_OK or VIRTUFIN_WIRE_MALFORMED. Events from a host have id, type, source and
 * specversion. */
static inline int32_t virtufin_wire_read(const uint8_t* buffer, int32_t size,
                                         VirtufinWireEvent* event) {
  VirtufinWireTable_ table;
  uint64_t at;
  memset(event, 0, sizeof(*event));
  if (!buffer || size < 4 ||
      !virtufin_wire_table_(buffer, (uint32_t)size, virtufin_wire_u32_(buffer), &table) ||
      !virtufin_wire_text_(&table, 0, &event->id) ||
      !virtufin_wire_text_(&table, 1, &event->type) ||
      !virtufin_wire_text_(&table, 2, &event->source) ||
      !virtufin_wire_text_(&table, 3, &event->specversion) ||
      !virtufin_wire_text_(&table, 4, &event->datacontenttype) ||
      !virtufin_wire_text_(&table, 5, &event->dataschema) ||
      !virtufin_wire_text_(&table, 6, &event->subject) ||
      !virtufin_wire_text_(&table, 7, &event->time) || !virtufin_wire_field_(&table, 8, &at)) {
    return VIRTUFIN_WIRE_MALFORMED;
  }
  if (at != 0) {
    event->data_size = virtufin_wire_u32_(buffer + at);
    if (at + 4 + event->data_size > (uint32_t)size) return VIRTUFIN_WIRE_MALFORMED;
    event->data = buffer + at + 4;
  }
  if (!virtufin_wire_field_(&table, 9, &at)) return VIRTUFIN_WIRE_MALFORMED;
  if (at != 0) {
    event->extension_count = virtufin_wire_u32_(buffer + at);
    if (at + 4 + (uint64_t)4 * event->extension_count > (uint32_t)size) {
      return VIRTUFIN_WIRE_MALFORMED;
    }
    event->extensions_ = (uint32_t)at + 4;
  }
  event->buffer_ = buffer;
  event->size_ = (uint32_t)size;
  return VIRTUFIN_WIRE_OK;
}

/** The extension at `index`, below event->extension_count. An entry that is malformed has an absent
 * name and an absent value. */
static inline VirtufinWireExtension virtufin_wire_extension(const VirtufinWireEvent* event,
                                                            uint32_t index) {
  VirtufinWireExtension result;
  VirtufinWireTable_ table;
  const uint64_t at = event->extensions_ + (uint64_t)4 * index;
  memset(&result, 0, sizeof(result));
  if (index >= event->extension_count) return result;
  if (!virtufin_wire_table_(event->buffer_, event->size_,
                            at + virtufin_wire_u32_(event->buffer_ + at), &table) ||
      !virtufin_wire_text_(&table, 0, &result.name) ||
      !virtufin_wire_text_(&table, 1, &result.value) || !result.name.data || !result.value.data) {
    memset(&result, 0, sizeof(result));
  }
  return result;
}

/** The value of the extension called `name`; absent when the event has none. */
static inline VirtufinWireText virtufin_wire_find(const VirtufinWireEvent* event,
                                                  const char* name) {
  uint32_t index;
  for (index = 0; index < event->extension_count; ++index) {
    const VirtufinWireExtension extension = virtufin_wire_extension(event, index);
    if (virtufin_wire_equal(extension.name, name)) return extension.value;
  }
  return virtufin_wire_text(NULL);
}

/* ---- Writing ----
 *
 * A buffer is written front to back: first the fixed part (root, both tables with their vtables),
 * then text, data and extensions, each 4-aligned. The first pass only counts. */

static inline void virtufin_wire_put16_(uint8_t* at, uint32_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
}

static inline void virtufin_wire_put32_(uint8_t* at, uint32_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
  at[2] = (uint8_t)(value >> 16);
  at[3] = (uint8_t)(value >> 24);
}

enum {
  VIRTUFIN_WIRE_RESPONSE_ = 12, /* positions of the fixed part */
  VIRTUFIN_WIRE_EVENT_ = 48,
  VIRTUFIN_WIRE_BODY_ = 92
};

/* Bytes of a text or byte vector with its length, NUL and padding; too many when it is too large.
 */
static inline uint64_t virtufin_wire_room_(size_t size) {
  if (size > VIRTUFIN_WIRE_MAX_BYTES) return (uint64_t)VIRTUFIN_WIRE_MAX_BYTES + 1;
  return ((uint64_t)size + 4 + 1 + 3) & ~(uint64_t)3;
}

static inline uint64_t virtufin_wire_text_room_(VirtufinWireText text) {
  return text.data ? virtufin_wire_room_(text.size) : 0;
}

/* Writes a vector of bytes at `at`, makes the field at `field` point to it; returns what follows.
 */
static inline uint32_t virtufin_wire_put_bytes_(uint8_t* buffer, uint32_t field, uint32_t at,
                                                const void* data, size_t size) {
  const uint32_t room = (uint32_t)virtufin_wire_room_(size);
  virtufin_wire_put32_(buffer + field, at - field);
  virtufin_wire_put32_(buffer + at, (uint32_t)size);
  virtufin_wire_put32_(buffer + at + room - 4, 0); /* NUL and padding, before the data covers it */
  if (size) memcpy(buffer + at + 4, data, size);
  return at + room;
}

static inline uint32_t virtufin_wire_put_text_(uint8_t* buffer, uint32_t vtable_entry,
                                               uint32_t table, uint32_t slot, uint32_t at,
                                               VirtufinWireText text) {
  if (!text.data) return at;
  virtufin_wire_put16_(buffer + vtable_entry, slot);
  return virtufin_wire_put_bytes_(buffer, table + slot, at, text.data, text.size);
}

static inline uint64_t virtufin_wire_reply_room_(const VirtufinWireReply* reply) {
  uint64_t room = virtufin_wire_text_room_(reply->id) + virtufin_wire_text_room_(reply->type) +
                  virtufin_wire_text_room_(reply->source) +
                  virtufin_wire_text_room_(reply->specversion) + 8 /* "1.0" when absent */ +
                  virtufin_wire_text_room_(reply->datacontenttype) +
                  virtufin_wire_text_room_(reply->dataschema) +
                  virtufin_wire_text_room_(reply->subject) + virtufin_wire_text_room_(reply->time);
  size_t i;
  if (reply->data) room += virtufin_wire_room_(reply->data_size);
  if (reply->extension_count) room += 4 + 8; /* length of the vector, the vtable they share */
  for (i = 0; i < reply->extension_count && room <= VIRTUFIN_WIRE_MAX_BYTES; ++i) {
    room += 4 + 12 + virtufin_wire_room_(reply->extensions[i].name.size) +
            virtufin_wire_room_(reply->extensions[i].value.size);
  }
  return room;
}

static inline uint32_t virtufin_wire_put_extensions_(uint8_t* buffer, uint32_t at,
                                                     const VirtufinWireReply* reply) {
  const uint32_t count = (uint32_t)reply->extension_count;
  const uint32_t vector = at, vtable = at + 4 + 4 * count;
  uint32_t i, table = vtable + 8, text = table + 12 * count;
  virtufin_wire_put16_(buffer + VIRTUFIN_WIRE_EVENT_ - 24 + 4 + 2 * 9, 4 + 4 * 9);
  virtufin_wire_put32_(buffer + VIRTUFIN_WIRE_EVENT_ + 4 + 4 * 9,
                       vector - (VIRTUFIN_WIRE_EVENT_ + 4 + 4 * 9));
  virtufin_wire_put32_(buffer + vector, count);
  virtufin_wire_put16_(buffer + vtable, 8);
  virtufin_wire_put16_(buffer + vtable + 2, 12);
  virtufin_wire_put16_(buffer + vtable + 4, 4);
  virtufin_wire_put16_(buffer + vtable + 6, 8);
  for (i = 0; i < count; ++i, table += 12) {
    const VirtufinWireExtension* extension = &reply->extensions[i];
    virtufin_wire_put32_(buffer + vector + 4 + 4 * i, table - (vector + 4 + 4 * i));
    virtufin_wire_put32_(buffer + table, table - vtable);
    text = virtufin_wire_put_bytes_(buffer, table + 4, text, extension->name.data,
                                    extension->name.size);
    text = virtufin_wire_put_bytes_(buffer, table + 8, text, extension->value.data,
                                    extension->value.size);
  }
  return text;
}

static inline uint32_t virtufin_wire_put_event_(uint8_t* buffer, const VirtufinWireReply* reply) {
  const uint32_t table = VIRTUFIN_WIRE_EVENT_, vtable = VIRTUFIN_WIRE_EVENT_ - 24;
  const VirtufinWireText texts[8] = {
      reply->id,
      reply->type,
      reply->source,
      reply->specversion.data ? reply->specversion : virtufin_wire_text("1.0"),
      reply->datacontenttype,
      reply->dataschema,
      reply->subject,
      reply->time};
  uint32_t at = VIRTUFIN_WIRE_BODY_, i;
  virtufin_wire_put16_(buffer + VIRTUFIN_WIRE_RESPONSE_ - 8 + 4, 4);
  virtufin_wire_put32_(buffer + VIRTUFIN_WIRE_RESPONSE_ + 4, table - (VIRTUFIN_WIRE_RESPONSE_ + 4));
  virtufin_wire_put16_(buffer + vtable, 24);
  virtufin_wire_put16_(buffer + vtable + 2, 44);
  virtufin_wire_put32_(buffer + table, table - vtable);
  for (i = 0; i < 8; ++i) {
    at = virtufin_wire_put_text_(buffer, vtable + 4 + 2 * i, table, 4 + 4 * i, at, texts[i]);
  }
  if (reply->data) {
    virtufin_wire_put16_(buffer + vtable + 4 + 2 * 8, 4 + 4 * 8);
    at = virtufin_wire_put_bytes_(buffer, table + 4 + 4 * 8, at, reply->data, reply->data_size);
  }
  return reply->extension_count ? virtufin_wire_put_extensions_(buffer, at, reply) : at;
}

/** Writes a WorkerResponse into memory from malloc and hands it over in *out_buf and *out_len, as
 * Process does; release it with free (that is what FreeResult has to do).
 *
 * `reply` NULL: no reply. `error`, NUL-terminated, NULL: no error. An error without a reply fails
 * the call; with a reply it is logged and the reply published. Neither: *out_buf stays NULL. Both
 * are borrowed during the call. Returns VIRTUFIN_WIRE_OK, _NO_MEMORY, _TOO_LARGE or _INCOMPLETE;
 * *out_buf and *out_len are set only on OK. */
static inline int32_t virtufin_wire_write(const VirtufinWireReply* reply, const char* error,
                                          uint8_t** out_buf, int32_t* out_len) {
  const VirtufinWireText text = virtufin_wire_text(error);
  uint64_t room = VIRTUFIN_WIRE_BODY_ + virtufin_wire_text_room_(text);
  uint8_t* buffer;
  uint32_t end = VIRTUFIN_WIRE_BODY_;
  if (!reply && !error) return VIRTUFIN_WIRE_OK;
  if (reply) {
    size_t i;
    if (!reply->id.data || !reply->type.data || !reply->source.data)
      return VIRTUFIN_WIRE_INCOMPLETE;
    for (i = 0; i < reply->extension_count; ++i) {
      if (!reply->extensions[i].name.data || !reply->extensions[i].value.data) {
        return VIRTUFIN_WIRE_INCOMPLETE;
      }
    }
    room += virtufin_wire_reply_room_(reply);
  }
  if (room > VIRTUFIN_WIRE_MAX_BYTES) return VIRTUFIN_WIRE_TOO_LARGE;
  buffer = (uint8_t*)malloc((size_t)room);
  if (!buffer) return VIRTUFIN_WIRE_NO_MEMORY;
  memset(buffer, 0, VIRTUFIN_WIRE_BODY_);
  virtufin_wire_put32_(buffer, VIRTUFIN_WIRE_RESPONSE_);
  virtufin_wire_put16_(buffer + VIRTUFIN_WIRE_RESPONSE_ - 8, 8);
  virtufin_wire_put16_(buffer + VIRTUFIN_WIRE_RESPONSE_ - 8 + 2, 12);
  virtufin_wire_put32_(buffer + VIRTUFIN_WIRE_RESPONSE_, 8);
  if (reply) end = virtufin_wire_put_event_(buffer, reply);
  end = virtufin_wire_put_text_(buffer, VIRTUFIN_WIRE_RESPONSE_ - 8 + 6, VIRTUFIN_WIRE_RESPONSE_, 8,
                                end, text);
  *out_buf = buffer;
  *out_len = (int32_t)end;
  return VIRTUFIN_WIRE_OK;
}

/** The same for an event alone, a CloudEvent: what VirtufinPublish1::publish takes. Release
 * *out_buf with free. */
static inline int32_t virtufin_wire_write_event(const VirtufinWireReply* event, uint8_t** out_buf,
                                                int32_t* out_len) {
  const int32_t written =
      event ? virtufin_wire_write(event, NULL, out_buf, out_len) : VIRTUFIN_WIRE_INCOMPLETE;
  /* The tables point forward from where they are: another root makes it another message. */
  if (written == VIRTUFIN_WIRE_OK) virtufin_wire_put32_(*out_buf, VIRTUFIN_WIRE_EVENT_);
  return written;
}

#ifdef __cplusplus
}
#endif
#endif /* VIRTUFIN_VIRTUFIN_WORKER_WIRE_H */
