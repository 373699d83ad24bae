/* What hangs on workers, as a C program sees it: tags, and the history of their code. */
#include "c_support.h"

static void stay_idle(void* state, const virtufin_event_t* input, virtufin_reply_t* reply) {
  (void)state;
  (void)input;
  (void)reply;
}

static void register_idle(virtufin_platform_t* platform, const char* name) {
  const virtufin_worker_functions_t idle = {.struct_size = sizeof(idle), .process = stay_idle};
  CHECK(virtufin_worker_register(platform, str(name), &idle, NULL, NULL, NULL) == VIRTUFIN_OK);
}

static virtufin_worker_code_t named(const char* functions) {
  virtufin_worker_code_t code = {.struct_size = sizeof(code), .functions = str(functions)};
  return code;
}

static virtufin_text_t* create(virtufin_platform_t* platform, const char* functions) {
  const virtufin_str_t topics[] = {{"orders", 6}};
  const virtufin_worker_options_t options = {
      .struct_size = sizeof(options), .topics = topics, .topic_count = 1, .ephemeral = 1};
  const virtufin_worker_code_t code = named(functions);
  virtufin_text_t* id = NULL;
  CHECK(virtufin_worker_create(platform, &code, &options, &id, NULL) == VIRTUFIN_OK);
  return id;
}

static virtufin_pair_t pair(const char* name, const char* value) {
  return (virtufin_pair_t){str(name), str(value)};
}

static size_t count_tagged(virtufin_platform_t* platform, const virtufin_pair_t* tags,
                           size_t count) {
  virtufin_worker_list_t* list = NULL;
  CHECK(virtufin_worker_list_create_tagged(platform, tags, count, &list, NULL) == VIRTUFIN_OK);
  const size_t found = virtufin_worker_list_get_count(list);
  virtufin_worker_list_free(list);
  return found;
}

/* Pins CA-60. */
static void workers_are_found_by_their_tags(void) {
  virtufin_platform_t* platform = start_platform();
  register_idle(platform, "trader");
  virtufin_text_t *one = create(platform, "trader"), *two = create(platform, "trader");
  virtufin_text_t* value = NULL;
  const virtufin_pair_t tags[] = {pair("desk", "fx"), pair("env", "prod")};
  const virtufin_pair_t twice[] = {pair("desk", "fx"), pair("desk", "rates")};
  CHECK(virtufin_worker_set_tags(platform, virtufin_text_get(one), tags, 2, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_worker_set_tag(platform, virtufin_text_get(two), str("desk"), str("fx"), NULL) ==
        VIRTUFIN_OK);
  CHECK(count_tagged(platform, NULL, 0) == 2 && count_tagged(platform, tags, 1) == 2);
  CHECK(count_tagged(platform, tags, 2) == 1);
  CHECK(virtufin_worker_get_tag(platform, virtufin_text_get(one), str("env"), &value, NULL) ==
        VIRTUFIN_OK);
  CHECK(equals(virtufin_text_get(value), "prod"));
  virtufin_text_free(value);
  CHECK_ERROR(virtufin_worker_get_tag(platform, virtufin_text_get(two), str("env"), &value, &error),
              VIRTUFIN_NOT_FOUND, "'env'");
  CHECK_ERROR(virtufin_worker_set_tag(platform, str("no-such"), str("a"), str("b"), &error),
              VIRTUFIN_NOT_FOUND, "no-such");
  CHECK_ERROR(virtufin_worker_set_tags(platform, virtufin_text_get(one), twice, 2, &error),
              VIRTUFIN_INVALID_ARGUMENT, "'desk'");
  virtufin_worker_list_t* list = NULL;
  CHECK_ERROR(virtufin_worker_list_create_tagged(platform, NULL, 1, &list, &error),
              VIRTUFIN_INVALID_ARGUMENT, "tags");
  virtufin_text_free(one);
  virtufin_text_free(two);
  end_platform(platform);
}

/* Pins CA-61. */
static void a_history_has_the_codes_that_took_effect(void) {
  virtufin_platform_t* platform = start_platform();
  register_idle(platform, "trader");
  register_idle(platform, "other");
  virtufin_text_t* id = create(platform, "trader");
  const virtufin_worker_code_t code = named("other"), none = named("none");
  CHECK(virtufin_worker_load_code(platform, virtufin_text_get(id), &code, NULL) == VIRTUFIN_OK);
  CHECK_ERROR(virtufin_worker_load_code(platform, virtufin_text_get(id), &none, &error),
              VIRTUFIN_INVALID_ARGUMENT, "none");
  virtufin_worker_history_t* history = NULL;
  CHECK(virtufin_worker_history_create(platform, virtufin_text_get(id), &history, NULL) ==
        VIRTUFIN_OK);
  CHECK(virtufin_worker_history_get_count(history) == 2);
  virtufin_worker_history_entry_t entry = {.struct_size = sizeof(entry)};
  CHECK(virtufin_worker_history_get_entry(history, 1, &entry, NULL) == VIRTUFIN_OK);
  CHECK(equals(entry.content, "other") && entry.sha256.size == 64 && entry.created_at.size > 0);
  CHECK(entry.url.data == NULL && entry.path.data == NULL);
  CHECK_ERROR(virtufin_worker_history_get_entry(history, 2, &entry, &error), VIRTUFIN_OUT_OF_RANGE,
              "less than 2, found 2");
  virtufin_worker_history_free(history);
  virtufin_worker_history_free(NULL);
  CHECK_ERROR(virtufin_worker_history_create(platform, str("no-such"), &history, &error),
              VIRTUFIN_NOT_FOUND, "no-such");
  virtufin_text_free(id);
  end_platform(platform);
}

/* Pins CA-33. */
static void ephemeral_is_yes_or_no(void) {
  virtufin_platform_t* platform = start_platform();
  register_idle(platform, "trader");
  const virtufin_str_t topics[] = {{"orders", 6}};
  const virtufin_worker_options_t options = {
      .struct_size = sizeof(options), .topics = topics, .topic_count = 1, .ephemeral = 2};
  const virtufin_worker_code_t code = named("trader");
  virtufin_text_t* id = NULL;
  CHECK_ERROR(virtufin_worker_create(platform, &code, &options, &id, &error),
              VIRTUFIN_INVALID_ARGUMENT, "expected 0 or 1, found 2");
  end_platform(platform);
}

int main(void) {
  TEST(workers_are_found_by_their_tags);
  TEST(a_history_has_the_codes_that_took_effect);
  TEST(ephemeral_is_yes_or_no);
  return 0;
}
