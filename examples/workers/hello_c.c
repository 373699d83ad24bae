/* Greets whoever an event names: a native worker in plain C that needs nothing but the C library.
 *
 * Any event -> {"message":"Hello, <name>!"}, where <name> is the string member "name" of a JSON
 * object in the data, else "world". */
#include <ctype.h>
#include <float.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "virtufin/virtufin_worker_wire.h"

enum { kMaxDepth = 64 };

/* What is left of a JSON text. */
typedef struct Json {
  const unsigned char *at, *end;
} Json;

static void SkipBlanks(Json* json) {
  while (json->at < json->end && memchr(" \t\n\r", *json->at, 4)) ++json->at;
}

static bool Take(Json* json, char wanted) {
  if (json->at == json->end || *json->at != (unsigned char)wanted) return false;
  ++json->at;
  return true;
}

/* The four digits of a \u escape; -1 when they are none. */
static int TakeHex4(Json* json) {
  int value = 0;
  if (json->end - json->at < 4) return -1;
  for (int i = 0; i < 4; ++i, ++json->at) {
    if (!isxdigit(*json->at)) return -1;
    const int digit = *json->at <= '9' ? *json->at - '0' : (*json->at | 32) - 'a' + 10;
    value = value * 16 + digit;
  }
  return value;
}

/* One escape, behind its backslash: the character when it is ASCII, 128 for others, -1 when bad. */
static int TakeEscape(Json* json) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (json->at == json->end) return -1;
  const char* known = memchr(names, *json->at, sizeof(names) - 1);
  if (known) return ++json->at, values[known - names];
  if (!Take(json, 'u')) return -1;
  const int unit = TakeHex4(json);
  if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000)) return -1;
  if (unit >= 0xd800 && unit < 0xdc00) { /* half of a pair: the other half must follow */
    if (!Take(json, '\\') || !Take(json, 'u')) return -1;
    const int low = TakeHex4(json);
    if (low < 0xdc00 || low >= 0xe000) return -1;
  }
  return unit < 128 ? unit : 128;
}

/* One UTF-8 sequence of two to four bytes, in its shortest form and no surrogate. */
static bool TakeUtf8(Json* json) {
  const unsigned char first = *json->at;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || json->end - json->at <= more) return false;
  const unsigned char second = json->at[1];
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return false;
  }
  for (int i = 1; i <= more; ++i) {
    if ((json->at[i] & 0xc0) != 0x80) return false;
  }
  json->at += more + 1;
  return true;
}

/* A string. `raw` gets what stands between the quotes, escapes as they are; `is_name` whether it
 * means "name". */
static bool TakeString(Json* json, VirtufinWireText* raw, bool* is_name) {
  static const char name[] = "name";
  size_t matched = 0;
  bool same = true;
  if (!Take(json, '"')) return false;
  raw->data = (const char*)json->at;
  while (json->at < json->end && *json->at != '"') {
    int character = *json->at;
    if (character < 0x20) return false;
    if (character == '\\') {
      ++json->at;
      if ((character = TakeEscape(json)) < 0) return false;
    } else if (character < 0x80) {
      ++json->at;
    } else if (!TakeUtf8(json)) {
      return false;
    }
    same = same && matched < 4 && character == name[matched];
    ++matched;
  }
  raw->size = (size_t)((const char*)json->at - raw->data);
  *is_name = same && matched == 4;
  return Take(json, '"');
}

/* Digits, to `value`; those that are too many for it count in `left`. */
static bool TakeDigits(Json* json, uint64_t* value, long* left) {
  const unsigned char* const from = json->at;
  for (; json->at < json->end && isdigit(*json->at); ++json->at) {
    if (*value < 100000000000000000u) {
      *value = *value * 10 + (uint64_t)(*json->at - '0');
    } else {
      ++*left;
    }
  }
  return json->at > from;
}

/* False also for a number that no double holds. */
static bool TakeNumber(Json* json) {
  uint64_t digits = 0, exponent = 0;
  long scale = 0, ignored = 0;
  Take(json, '-');
  if (!Take(json, '0') && !TakeDigits(json, &digits, &scale)) return false;
  if (Take(json, '.')) {
    const unsigned char* const from = json->at;
    if (!TakeDigits(json, &digits, &scale)) return false;
    scale -= json->at - from;
  }
  if (Take(json, 'e') || Take(json, 'E')) {
    const bool negative = !Take(json, '+') && Take(json, '-');
    if (!TakeDigits(json, &exponent, &ignored)) return false;
    const long most = 100000000;
    const long shift = exponent < (uint64_t)most ? (long)exponent : most;
    scale += negative ? -shift : shift;
  }
  char text[48]; /* without a point, which is another one in other places */
  snprintf(text, sizeof(text), "%llue%ld", (unsigned long long)digits, scale);
  return strtod(text, NULL) <= DBL_MAX;
}

static bool TakeWord(Json* json, const char* word) {
  const size_t size = strlen(word);
  if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0) return false;
  json->at += size;
  return true;
}

/* Any value. `name`, when not NULL, gets the string member "name" of an object; the last one wins.
 */
static bool TakeValue(Json* json, int depth, VirtufinWireText* name) {
  VirtufinWireText raw;
  bool is_name = false;
  SkipBlanks(json);
  if (json->at == json->end) return false;
  const bool object = *json->at == '{';
  if (!object && *json->at != '[') {
    if (*json->at == '"') return TakeString(json, &raw, &is_name);
    return TakeWord(json, "true") || TakeWord(json, "false") || TakeWord(json, "null") ||
           TakeNumber(json);
  }
  if (depth > kMaxDepth) return false;
  ++json->at;
  SkipBlanks(json);
  if (Take(json, object ? '}' : ']')) return true;
  do {
    if (object) {
      SkipBlanks(json);
      if (!TakeString(json, &raw, &is_name)) return false;
      SkipBlanks(json);
      if (!Take(json, ':')) return false;
      SkipBlanks(json);
    }
    const unsigned char* const value = json->at;
    if (!TakeValue(json, depth + 1, NULL)) return false;
    if (name && is_name) {
      *name = virtufin_wire_text(NULL);
      if (*value == '"') {
        name->data = (const char*)value + 1;
        name->size = (size_t)(json->at - value) - 2;
      }
    }
    SkipBlanks(json);
  } while (Take(json, ','));
  return Take(json, object ? '}' : ']');
}

/* JSON is what has no content type, application/json, text/json, or any type that ends in +json. */
static bool IsJson(VirtufinWireText type) {
  if (!type.data) return true;
  const size_t size = strcspn(type.data, "; \t");
  return (size == 16 && strncasecmp(type.data, "application/json", size) == 0) ||
         (size == 9 && strncasecmp(type.data, "text/json", size) == 0) ||
         (size > 5 && strncasecmp(type.data + size - 5, "+json", 5) == 0);
}

/* Whom to greet, as it stands between the quotes of a JSON string. */
static VirtufinWireText NameOf(const VirtufinWireEvent* event) {
  const VirtufinWireText world = virtufin_wire_text("world");
  VirtufinWireText name = virtufin_wire_text(NULL);
  if (!event->data || !IsJson(event->datacontenttype)) return world;
  Json json = {event->data, event->data + event->data_size};
  if (event->data_size >= 3 && memcmp(json.at, "\xef\xbb\xbf", 3) == 0) json.at += 3; /* a mark */
  SkipBlanks(&json);
  if (json.at == json.end || *json.at != '{' || !TakeValue(&json, 1, &name)) return world;
  SkipBlanks(&json);
  return json.at == json.end && name.data ? name : world;
}

/* A random UUID: one secret of the process, counted on and mixed. Thread-safe, as globals of a
 * library must be. */
static void WriteUuid(char text[37]) {
  static _Atomic uint64_t counter = 0;
  static _Atomic uint64_t secret = 0;
  uint64_t seed = atomic_load(&secret);
  if (seed == 0) {
    uint64_t fresh = 0;
    if (getentropy(&fresh, sizeof(fresh)) != 0) fresh = (uint64_t)(uintptr_t)text;
    fresh |= 1;
    seed = atomic_compare_exchange_strong(&secret, &seed, fresh) ? fresh : seed;
  }
  uint64_t half[2];
  const uint64_t count = atomic_fetch_add(&counter, 2);
  for (int i = 0; i < 2; ++i) { /* splitmix64 */
    uint64_t mixed = seed + (count + (uint64_t)i) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    half[i] = mixed ^ (mixed >> 31);
  }
  snprintf(text, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(half[0] >> 32),
           (unsigned)(half[0] >> 16) & 0xffff, (unsigned)half[0] & 0xfff,
           (unsigned)(half[1] >> 48 & 0x3fff) | 0x8000,
           (unsigned long long)(half[1] & 0xffffffffffffu));
}

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  static const char before[] = "{\"message\":\"Hello, ", after[] = "!\"}";
  VirtufinWireEvent event;
  (void)host;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;

  const VirtufinWireText name = NameOf(&event);
  const size_t size = sizeof(before) - 1 + name.size + sizeof(after) - 1;
  char* const data = malloc(size);
  if (!data) return VIRTUFIN_WIRE_NO_MEMORY;
  memcpy(data, before, sizeof(before) - 1);
  memcpy(data + sizeof(before) - 1, name.data, name.size);
  memcpy(data + sizeof(before) - 1 + name.size, after, sizeof(after) - 1);

  char id[37];
  WriteUuid(id);
  const VirtufinWireExtension correlation = {virtufin_wire_text("correlationid"),
                                             virtufin_wire_find(&event, "correlationid")};
  VirtufinWireReply reply = {0};
  reply.id = virtufin_wire_text(id);
  reply.type = virtufin_wire_text("com.example.hello.response");
  reply.source = virtufin_wire_text("urn:com.example.hello");
  reply.datacontenttype = virtufin_wire_text("application/json");
  reply.data = (const uint8_t*)data;
  reply.data_size = size;
  reply.extensions = &correlation;
  reply.extension_count = correlation.value.data ? 1 : 0;
  const int32_t result = virtufin_wire_write(&reply, NULL, out_buf, out_len);
  free(data);
  return result;
}

void FreeResult(uint8_t* result) { free(result); }
