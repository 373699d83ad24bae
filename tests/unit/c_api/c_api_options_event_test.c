/* Options and events as a C program uses them: lists, types, JSON, growing structs. */
#include "c_support.h"

/* The text of argv[1], the installed header. */
static char* header;

static void read_header(const char* path) {
  FILE* file = fopen(path, "rb");
  CHECK(file != NULL);
  header = calloc(1, 1 << 20);
  CHECK(fread(header, 1, (1 << 20) - 1, file) > 0);
  fclose(file);
}

/* Whether the header's table has `key` with this default. */
static int explains(virtufin_str_t key, virtufin_str_t value) {
  char text[100];
  snprintf(text, sizeof(text), " %.*s ", (int)key.size, key.data);
  const char* at = strstr(header, text);
  if (at == NULL) return 0;
  at += strlen(text);
  if (value.size == 0) return at[0] == ' '; /* nothing in the column of the defaults */
  at += strspn(at, " ");
  return strncmp(at, value.data, value.size) == 0 && at[value.size] == ' ';
}

/* Pins CA-22. */
static void the_header_lists_no_other_keys(void) {
  size_t listed = 0;
  for (const char* at = header; (at = strstr(at, "\n *                ")) != NULL; ++at) {
    char key[100] = "";
    if (sscanf(at + 19, "%99[a-z_.]", key) != 1 || strchr(key, '.') == NULL) continue;
    if (key[0] == '.' || key[strlen(key) - 1] == '.') continue;
    virtufin_str_t value = {NULL, 0};
    CHECK(virtufin_options_get(NULL, str(key), &value, NULL) == VIRTUFIN_OK);
    ++listed;
  }
  CHECK(listed == virtufin_options_get_count());
}

/* Pins CA-2, CA-22. */
static void options_can_be_listed_set_and_read(void) {
  virtufin_options_t* options = virtufin_options_new();
  const size_t count = virtufin_options_get_count();
  CHECK(count >= 14);
  for (size_t i = 0; i < count; ++i) {
    virtufin_option_info_t info = {.struct_size = sizeof(info)};
    CHECK(virtufin_options_describe(i, &info, NULL) == VIRTUFIN_OK);
    CHECK(info.struct_size == sizeof(info) && info.description.size > 0);
    if (equals(info.key, "executor.threads")) CHECK(equals(info.values, "0 to 1024"));
    if (equals(info.key, "worker.environment")) CHECK(equals(info.values, "true or false"));
    if (!explains(info.key, info.default_value)) {
      fprintf(stderr, "the header does not explain %.*s\n", (int)info.key.size, info.key.data);
    }
    CHECK(explains(info.key, info.default_value));
    virtufin_str_t value = VIRTUFIN_STR("other");
    CHECK(virtufin_options_get(options, info.key, &value, NULL) == VIRTUFIN_OK);
    CHECK(value.size == info.default_value.size);
    CHECK(virtufin_options_get(NULL, info.key, &value, NULL) == VIRTUFIN_OK);
    CHECK(value.size == info.default_value.size);
    CHECK(virtufin_options_set(options, info.key, info.default_value, NULL) == VIRTUFIN_OK);
  }
  virtufin_option_info_t info = {.struct_size = sizeof(info)};
  CHECK_ERROR(virtufin_options_describe(count, &info, &error), VIRTUFIN_OUT_OF_RANGE, "index");
  CHECK_ERROR(virtufin_options_describe(0, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "info");
  virtufin_options_free(options);
}

/* Pins CA-2, CA-22. */
static void a_value_is_what_was_set_last(void) {
  virtufin_options_t* options = virtufin_options_new();
  const virtufin_str_t key = VIRTUFIN_STR("executor.threads");
  virtufin_str_t value = {NULL, 0};
  CHECK(virtufin_options_set(options, key, VIRTUFIN_STR("2"), NULL) == VIRTUFIN_OK);
  CHECK(virtufin_options_get(options, key, &value, NULL) == VIRTUFIN_OK && equals(value, "2"));
  CHECK_ERROR(virtufin_options_set(options, key, VIRTUFIN_STR("many"), &error),
              VIRTUFIN_INVALID_ARGUMENT, "'many'");
  CHECK(virtufin_options_get(options, key, &value, NULL) == VIRTUFIN_OK && equals(value, "2"));
  /* Texts need no NUL and are copied. */
  char text[4] = {'3', '7', '7', '7'};
  const virtufin_str_t part = {text, 1};
  CHECK(virtufin_options_set(options, key, part, NULL) == VIRTUFIN_OK);
  text[0] = '9';
  CHECK(virtufin_options_get(options, key, &value, NULL) == VIRTUFIN_OK && equals(value, "3"));
  CHECK_ERROR(virtufin_options_get(options, VIRTUFIN_STR("no.such"), &value, &error),
              VIRTUFIN_NOT_FOUND, "no.such");
  CHECK_ERROR(virtufin_options_get(options, key, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "value");
  CHECK_ERROR(virtufin_options_set(NULL, key, value, &error), VIRTUFIN_INVALID_ARGUMENT, "options");
  virtufin_options_free(options);
}

static virtufin_event_t* make_typed_event(void) {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  const virtufin_attribute_t attributes[] = {
      {.type = VIRTUFIN_ATTRIBUTE_STRING, .name = str("symbol"), .text = str("BTCUSDT")},
      {.type = VIRTUFIN_ATTRIBUTE_BOOLEAN, .name = str("maker"), .number = 1},
      {.type = VIRTUFIN_ATTRIBUTE_INTEGER, .name = str("lots"), .number = -7},
      {.type = VIRTUFIN_ATTRIBUTE_BINARY, .name = str("digest"), .text = {"\0\1\2", 3}},
      {.type = VIRTUFIN_ATTRIBUTE_URI, .name = str("home"), .text = str("urn:x")},
      {.type = VIRTUFIN_ATTRIBUTE_URI_REFERENCE, .name = str("ref"), .text = str("/x")},
      {.type = VIRTUFIN_ATTRIBUTE_TIMESTAMP, .name = str("eventtime"), .number = 1},
      {.type = VIRTUFIN_ATTRIBUTE_TIMESTAMP, .name = str("time"), .number = 2, .nanoseconds = 5},
      {.name = str("id"), .text = str("e-1")},
      {.name = str("source"), .text = str("urn:test")},
      {.name = str("type"), .text = str("trade")},
  };
  for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); ++i) {
    virtufin_attribute_t attribute = attributes[i];
    attribute.struct_size = sizeof(attribute);
    virtufin_event_builder_set_attribute(builder, &attribute);
  }
  virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"price\": 1.50}"));
  virtufin_event_t* event = NULL;
  CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_OK);
  virtufin_event_builder_free(builder);
  return event;
}

static virtufin_attribute_t typed(const virtufin_event_t* event, const char* name) {
  virtufin_attribute_t attribute = {.struct_size = sizeof(attribute)};
  CHECK(virtufin_event_get_typed_attribute(event, str(name), &attribute, NULL) == VIRTUFIN_OK);
  CHECK(equals(attribute.name, name));
  return attribute;
}

/* Pins CA-4, CA-23. */
static void attributes_keep_their_types(void) {
  virtufin_event_t* event = make_typed_event();
  CHECK(typed(event, "symbol").type == VIRTUFIN_ATTRIBUTE_STRING);
  CHECK(equals(typed(event, "symbol").text, "BTCUSDT"));
  CHECK(typed(event, "maker").type == VIRTUFIN_ATTRIBUTE_BOOLEAN);
  CHECK(typed(event, "maker").number == 1 && equals(typed(event, "maker").text, "true"));
  CHECK(typed(event, "lots").type == VIRTUFIN_ATTRIBUTE_INTEGER);
  CHECK(typed(event, "lots").number == -7 && equals(typed(event, "lots").text, "-7"));
  CHECK(typed(event, "digest").type == VIRTUFIN_ATTRIBUTE_BINARY);
  CHECK(typed(event, "digest").text.size == 3 && typed(event, "digest").text.data[2] == 2);
  CHECK(typed(event, "home").type == VIRTUFIN_ATTRIBUTE_URI);
  CHECK(typed(event, "ref").type == VIRTUFIN_ATTRIBUTE_URI_REFERENCE);
  CHECK(typed(event, "eventtime").type == VIRTUFIN_ATTRIBUTE_TIMESTAMP);
  CHECK(equals(typed(event, "eventtime").text, "1970-01-01T00:00:01Z"));
  CHECK(typed(event, "time").type == VIRTUFIN_ATTRIBUTE_TIMESTAMP);
  CHECK(typed(event, "time").number == 2 && typed(event, "time").nanoseconds == 5);
  CHECK(equals(virtufin_event_get_attribute(event, str("time")), "1970-01-01T00:00:02.000000005Z"));
  CHECK(equals(virtufin_event_get_attribute(event, str("lots")), "-7"));
  CHECK(equals(virtufin_event_get_attribute(event, str("specversion")), "1.0"));
  virtufin_attribute_t attribute = {.struct_size = sizeof(attribute)};
  CHECK_ERROR(virtufin_event_get_typed_attribute(event, str("none"), &attribute, &error),
              VIRTUFIN_NOT_FOUND, "'none'");
  CHECK_ERROR(virtufin_event_get_typed_attribute(NULL, str("id"), &attribute, &error),
              VIRTUFIN_INVALID_ARGUMENT, "event");
  CHECK_ERROR(virtufin_event_get_typed_attribute(event, str("id"), NULL, &error),
              VIRTUFIN_INVALID_ARGUMENT, "attribute");
  virtufin_event_free(event);
}

/* Pins CA-23. */
static void attributes_can_be_walked_and_copied(void) {
  static const char* const kCore[] = {"id", "source", "type", "time"};
  virtufin_event_t* event = make_typed_event();
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  CHECK(virtufin_event_get_attribute_count(event) == 4 + 7);
  for (size_t i = 0; i < 11; ++i) {
    virtufin_attribute_t attribute = {.struct_size = sizeof(attribute)};
    CHECK(virtufin_event_get_attribute_at(event, i, &attribute, NULL) == VIRTUFIN_OK);
    CHECK(i >= 4 || equals(attribute.name, kCore[i]));
    CHECK(attribute.text.data != NULL);
    virtufin_event_builder_set_attribute(builder, &attribute);
  }
  virtufin_attribute_t attribute = {.struct_size = sizeof(attribute)};
  CHECK_ERROR(virtufin_event_get_attribute_at(event, 11, &attribute, &error), VIRTUFIN_OUT_OF_RANGE,
              "less than 11, found 11");
  virtufin_event_builder_set_json(builder, virtufin_event_get_data(event));
  virtufin_event_t* copy = NULL;
  CHECK(virtufin_event_builder_build(builder, &copy, NULL) == VIRTUFIN_OK);
  virtufin_text_t *one = NULL, *other = NULL;
  CHECK(virtufin_event_to_json(event, &one, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_event_to_json(copy, &other, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_text_get(one).size == virtufin_text_get(other).size);
  CHECK(typed(copy, "lots").type == VIRTUFIN_ATTRIBUTE_INTEGER);
  virtufin_text_free(one);
  virtufin_text_free(other);
  virtufin_event_free(copy);
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);
}

static size_t built_attributes; /* of the last event that build_with made */

static virtufin_status_t build_with(virtufin_attribute_t attribute, virtufin_error_t** error) {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_t* event = NULL;
  attribute.struct_size = sizeof(attribute);
  virtufin_event_builder_set(builder, str("source"), str("urn:test"));
  virtufin_event_builder_set(builder, str("type"), str("test"));
  virtufin_event_builder_set_attribute(builder, &attribute);
  const virtufin_status_t status = virtufin_event_builder_build(builder, &event, error);
  CHECK((status == VIRTUFIN_OK) == (event != NULL));
  built_attributes = virtufin_event_get_attribute_count(event);
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);
  return status;
}

/* Pins CA-5. */
static void what_a_setter_was_given_wrong_is_said_by_build(void) {
  virtufin_attribute_t attribute = {.type = VIRTUFIN_ATTRIBUTE_INTEGER, .name = str("n")};
  attribute.number = INT64_C(1) << 31;
  CHECK_ERROR(build_with(attribute, &error), VIRTUFIN_INVALID_ARGUMENT, "n: expected an integer");
  attribute.number = -(INT64_C(1) << 31);
  CHECK(build_with(attribute, NULL) == VIRTUFIN_OK);
  attribute.type = 7;
  CHECK_ERROR(build_with(attribute, &error), VIRTUFIN_INVALID_ARGUMENT, "found 7");
  attribute.type = VIRTUFIN_ATTRIBUTE_TIMESTAMP;
  attribute.text = str("noon");
  CHECK(build_with(attribute, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  attribute.type = VIRTUFIN_ATTRIBUTE_STRING;
  attribute.name = str("No.Name");
  CHECK_ERROR(build_with(attribute, &error), VIRTUFIN_INVALID_ARGUMENT, "No.Name");

  /* Core attributes are what they are, and {NULL, 0} is absent in every way to say it. */
  virtufin_attribute_t core = {.type = VIRTUFIN_ATTRIBUTE_INTEGER, .name = str("subject")};
  CHECK_ERROR(build_with(core, &error), VIRTUFIN_INVALID_ARGUMENT, "subject: expected STRING");
  core.name = str("time");
  CHECK_ERROR(build_with(core, &error), VIRTUFIN_INVALID_ARGUMENT, "time: expected TIMESTAMP");
  core.type = VIRTUFIN_ATTRIBUTE_STRING;
  CHECK(build_with(core, NULL) == VIRTUFIN_OK && built_attributes == 3);
  core.name = str("extension");
  CHECK(build_with(core, NULL) == VIRTUFIN_OK && built_attributes == 3);
  core.text = str("");
  CHECK(build_with(core, NULL) == VIRTUFIN_OK && built_attributes == 4);
  core.reserved = 1;
  CHECK_ERROR(build_with(core, &error), VIRTUFIN_INVALID_ARGUMENT,
              "virtufin_attribute_t.reserved: expected 0, found 1");

  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_t* event = NULL;
  virtufin_event_builder_set_attribute(builder, NULL);
  CHECK_ERROR(virtufin_event_builder_build(builder, &event, &error), VIRTUFIN_INVALID_ARGUMENT,
              "attribute");
  CHECK_ERROR(virtufin_event_builder_build(NULL, &event, &error), VIRTUFIN_INVALID_ARGUMENT,
              "builder");
  CHECK_ERROR(virtufin_event_builder_build(builder, NULL, &error), VIRTUFIN_INVALID_ARGUMENT,
              "event");
  virtufin_event_builder_free(builder);
}

/* Pins CA-5, CA-24. */
static void data_are_json_text_bytes_or_absent(void) {
  static const int32_t kKinds[] = {VIRTUFIN_DATA_ABSENT, VIRTUFIN_DATA_JSON, VIRTUFIN_DATA_TEXT,
                                   VIRTUFIN_DATA_BINARY};
  for (int i = 0; i < 4; ++i) {
    virtufin_event_builder_t* builder = virtufin_event_builder_new();
    virtufin_event_builder_set(builder, str("source"), str("urn:test"));
    virtufin_event_builder_set(builder, str("type"), str("test"));
    const virtufin_str_t bytes = {"[1]\0", i == 3 ? 4 : 3};
    if (i == 1) virtufin_event_builder_set_json(builder, bytes);
    if (i == 2) virtufin_event_builder_set_text(builder, bytes);
    if (i == 3) virtufin_event_builder_set_binary(builder, bytes);
    virtufin_event_t *event = NULL, *back = NULL;
    virtufin_text_t* json = NULL;
    CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_OK);
    CHECK(virtufin_event_to_json(event, &json, NULL) == VIRTUFIN_OK);
    CHECK(virtufin_event_from_json(virtufin_text_get(json), &back, NULL) == VIRTUFIN_OK);
    const virtufin_event_t* const both[] = {event, back};
    for (int k = 0; k < 2; ++k) {
      const virtufin_str_t data = virtufin_event_get_data(both[k]);
      CHECK(virtufin_event_get_data_kind(both[k]) == kKinds[i]);
      CHECK((data.data == NULL) == (i == 0));
      CHECK(i == 0 || (data.size == bytes.size && memcmp(data.data, bytes.data, data.size) == 0));
    }
    virtufin_text_free(json);
    virtufin_event_free(back);
    virtufin_event_free(event);
    virtufin_event_builder_free(builder);
  }
  CHECK(virtufin_event_get_data_kind(NULL) == VIRTUFIN_DATA_ABSENT);
  CHECK(virtufin_event_get_data(NULL).data == NULL);
}

/* Pins CA-24. */
static void json_that_is_no_event_is_refused(void) {
  virtufin_event_t* event = NULL;
  virtufin_text_t* json = NULL;
  CHECK_ERROR(virtufin_event_from_json(str("{\"id\":\"1\"}"), &event, &error),
              VIRTUFIN_INVALID_ARGUMENT, "specversion");
  CHECK_ERROR(virtufin_event_from_json(str("nonsense"), &event, &error), VIRTUFIN_INVALID_ARGUMENT,
              "expected");
  const virtufin_str_t absent = {NULL, 0};
  CHECK(virtufin_event_from_json(absent, &event, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK(event == NULL);
  CHECK_ERROR(virtufin_event_from_json(absent, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "event");
  CHECK_ERROR(virtufin_event_to_json(NULL, &json, &error), VIRTUFIN_INVALID_ARGUMENT, "event");
  event = make_event("1");
  CHECK_ERROR(virtufin_event_to_json(event, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "json");
  virtufin_event_free(event);
}

/* Pins CA-23. */
static void an_event_can_be_edited_as_a_copy(void) {
  virtufin_event_t* event = make_typed_event();
  virtufin_event_builder_t* builder = virtufin_event_builder_new_from(event);
  const virtufin_str_t absent = {NULL, 0};
  virtufin_event_builder_set(builder, str("symbol"), absent);
  virtufin_event_builder_set(builder, str("time"), absent);
  virtufin_event_builder_set(builder, str("subject"), str("s"));
  virtufin_event_t *edited = NULL, *again = NULL;
  CHECK(virtufin_event_builder_build(builder, &edited, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_event_get_attribute(edited, str("symbol")).data == NULL);
  CHECK(virtufin_event_get_attribute(edited, str("time")).data == NULL);
  CHECK(equals(virtufin_event_get_attribute(edited, str("subject")), "s"));
  CHECK(equals(virtufin_event_get_attribute(edited, str("id")), "e-1"));
  CHECK(equals(virtufin_event_get_data(edited), "{\"price\": 1.50}"));
  /* It starts over as the copy; a subject is taken away by {NULL, 0} as well. */
  virtufin_event_builder_set(builder, str("subject"), str("t"));
  virtufin_event_builder_set(builder, str("subject"), absent);
  CHECK(virtufin_event_builder_build(builder, &again, NULL) == VIRTUFIN_OK);
  CHECK(equals(virtufin_event_get_attribute(again, str("symbol")), "BTCUSDT"));
  CHECK(virtufin_event_get_attribute(again, str("subject")).data == NULL);
  CHECK(virtufin_event_builder_new_from(NULL) == NULL);
  virtufin_event_free(again);
  virtufin_event_free(edited);
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);
}

/* Pins CA-8. */
static void structs_of_other_headers_are_filled_as_far_as_they_go(void) {
  virtufin_event_t* event = make_typed_event();
  struct {
    virtufin_attribute_t known;
    uint64_t later;
  } tomorrow;
  for (uint32_t size = 0; size <= sizeof(tomorrow) + 4; size += 4) {
    memset(&tomorrow, 0xee, sizeof(tomorrow));
    tomorrow.known.struct_size = size;
    if (size > sizeof(tomorrow)) tomorrow.known.struct_size = 4097;
    virtufin_error_t* error = NULL;
    const virtufin_status_t status =
        virtufin_event_get_typed_attribute(event, str("lots"), &tomorrow.known, &error);
    const int fits = size >= 4 && size <= sizeof(tomorrow);
    CHECK(status == (fits ? VIRTUFIN_OK : VIRTUFIN_INVALID_ARGUMENT));
    if (!fits)
      check_contains(virtufin_error_get_message(error),
                     "virtufin_attribute_t.struct_size: expected 56");
    virtufin_error_free(error);
    CHECK(tomorrow.known.struct_size == size || size > sizeof(tomorrow));
    const unsigned char* bytes = (const unsigned char*)&tomorrow;
    for (size_t i = fits ? size : 4; i < sizeof(tomorrow); ++i) CHECK(bytes[i] == 0xee);
    for (size_t i = sizeof(tomorrow.known); fits && i < size; ++i) CHECK(bytes[i] == 0);
    if (fits && size >= 48) CHECK(tomorrow.known.number == -7);
  }
  virtufin_event_free(event);
}

/* Pins CA-25. */
static void a_name_is_one_segment_of_a_topic(void) {
  virtufin_text_t *segment = NULL, *name = NULL;
  CHECK(virtufin_topic_encode(str("BTC.P"), &segment, NULL) == VIRTUFIN_OK);
  CHECK(equals(virtufin_text_get(segment), "BTC%2EP"));
  CHECK(virtufin_topic_decode(virtufin_text_get(segment), &name, NULL) == VIRTUFIN_OK);
  CHECK(equals(virtufin_text_get(name), "BTC.P"));
  CHECK_ERROR(virtufin_topic_encode(str("x"), NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "segment");
  CHECK_ERROR(virtufin_topic_decode(str("x"), NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "name");
  virtufin_text_free(segment);
  virtufin_text_free(name);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  read_header(argv[1]);
  TEST(the_header_lists_no_other_keys);
  TEST(options_can_be_listed_set_and_read);
  TEST(a_value_is_what_was_set_last);
  TEST(attributes_keep_their_types);
  TEST(attributes_can_be_walked_and_copied);
  TEST(what_a_setter_was_given_wrong_is_said_by_build);
  TEST(data_are_json_text_bytes_or_absent);
  TEST(json_that_is_no_event_is_refused);
  TEST(an_event_can_be_edited_as_a_copy);
  TEST(structs_of_other_headers_are_filled_as_far_as_they_go);
  TEST(a_name_is_one_segment_of_a_topic);
  free(header);
  return 0;
}
