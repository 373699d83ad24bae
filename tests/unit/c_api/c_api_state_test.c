/* State as a C program uses it: records, conditions, times to live, bulk, queries.
 * argv[1]: a folder for files. */
#include "c_support.h"

static const virtufin_str_t kService = {"app", 3};
static const virtufin_str_t kNone = {NULL, 0};

static virtufin_text_t* set(virtufin_platform_t* platform, const char* key, const char* value) {
  virtufin_text_t* etag = NULL;
  CHECK(virtufin_state_set(platform, kService, str(key), str(value), NULL, &etag, NULL) ==
        VIRTUFIN_OK);
  CHECK(virtufin_text_get(etag).size > 0);
  return etag;
}

static void set_only(virtufin_platform_t* platform, const char* key, const char* value) {
  virtufin_text_free(set(platform, key, value));
}

static int has(virtufin_platform_t* platform, const char* key, const char* value) {
  virtufin_state_item_t* item = NULL;
  CHECK(virtufin_state_get(platform, kService, str(key), &item, NULL) == VIRTUFIN_OK);
  CHECK(equals(virtufin_state_item_get_key(item), key));
  CHECK(virtufin_state_item_get_etag(item).size > 0);
  const int same = equals(virtufin_state_item_get_value(item), value);
  virtufin_state_item_free(item);
  return same;
}

/* Pins CA-34. */
static void a_record_is_written_read_and_deleted(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_state_item_t* item = NULL;
  int32_t deleted = 7;
  CHECK_ERROR(virtufin_state_get(platform, kService, str("k"), &item, &error), VIRTUFIN_NOT_FOUND,
              "k");
  CHECK(item == NULL);
  set_only(platform, "k", "{\"n\":1}");
  CHECK(has(platform, "k", "{\"n\":1}"));
  CHECK(virtufin_state_set(platform, kService, str("k"), str("2"), NULL, NULL, NULL) ==
        VIRTUFIN_OK);
  CHECK(has(platform, "k", "2"));
  CHECK(virtufin_state_delete(platform, kService, str("k"), kNone, &deleted, NULL) == VIRTUFIN_OK);
  CHECK(deleted == 1);
  CHECK(virtufin_state_delete(platform, kService, str("k"), kNone, &deleted, NULL) == VIRTUFIN_OK);
  CHECK(deleted == 0);
  CHECK(virtufin_state_delete(platform, kService, str("k"), kNone, NULL, NULL) == VIRTUFIN_OK);
  /* Any bytes are a value, and no bytes, too. */
  const virtufin_str_t bytes = {"a\0b", 3};
  CHECK(virtufin_state_set(platform, kService, str("b"), bytes, NULL, NULL, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_get(platform, kService, str("b"), &item, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_item_get_value(item).size == 3);
  CHECK(memcmp(virtufin_state_item_get_value(item).data, "a\0b", 3) == 0);
  virtufin_state_item_free(item);
  CHECK(virtufin_state_set(platform, kService, str("b"), kNone, NULL, NULL, NULL) == VIRTUFIN_OK);
  CHECK(has(platform, "b", ""));
  end_platform(platform);
}

/* Pins CA-34. */
static void writes_can_be_conditional(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_text_t* first = set(platform, "k", "1");
  virtufin_text_t* second = set(platform, "k", "2");
  virtufin_text_t* third = NULL;
  virtufin_state_set_options_t options = {.struct_size = sizeof(options)};
  options.etag = virtufin_text_get(first);
  CHECK_ERROR(virtufin_state_set(platform, kService, str("k"), str("3"), &options, &third, &error),
              VIRTUFIN_ABORTED, "");
  CHECK(third == NULL && has(platform, "k", "2"));
  options.etag = virtufin_text_get(second);
  CHECK(virtufin_state_set(platform, kService, str("k"), str("3"), &options, &third, NULL) ==
        VIRTUFIN_OK);
  CHECK(has(platform, "k", "3"));
  CHECK(virtufin_state_delete(platform, kService, str("k"), virtufin_text_get(second), NULL,
                              NULL) == VIRTUFIN_ABORTED);
  CHECK(virtufin_state_delete(platform, kService, str("k"), virtufin_text_get(third), NULL, NULL) ==
        VIRTUFIN_OK);
  virtufin_state_set_options_t create = {.struct_size = sizeof(create), .create_only = 1};
  CHECK(virtufin_state_set(platform, kService, str("k"), str("4"), &create, NULL, NULL) ==
        VIRTUFIN_OK);
  CHECK(virtufin_state_set(platform, kService, str("k"), str("5"), &create, NULL, NULL) ==
        VIRTUFIN_ALREADY_EXISTS);
  CHECK(has(platform, "k", "4"));
  virtufin_text_free(first);
  virtufin_text_free(second);
  virtufin_text_free(third);
  end_platform(platform);
}

/* Pins CA-34. */
static void a_record_ends_with_its_time(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_state_set_options_t options = {.struct_size = sizeof(options), .ttl_ms = 1};
  CHECK(virtufin_state_set(platform, kService, str("k"), str("1"), &options, NULL, NULL) ==
        VIRTUFIN_OK);
  virtufin_state_item_t* item = NULL;
  virtufin_status_t status = VIRTUFIN_OK;
  AWAIT((status = virtufin_state_get(platform, kService, str("k"), &item, NULL),
         virtufin_state_item_free(item), item = NULL, status != VIRTUFIN_OK));
  CHECK(status == VIRTUFIN_NOT_FOUND);
  options.ttl_ms = 3600000;
  CHECK(virtufin_state_set(platform, kService, str("k"), str("2"), &options, NULL, NULL) ==
        VIRTUFIN_OK);
  CHECK(has(platform, "k", "2"));
  end_platform(platform);
}

/* Pins CA-35. */
static void many_records_are_read_deleted_and_asked_for(void) {
  virtufin_platform_t* platform = start_platform();
  const char* const names[] = {"a", "b", "c", "d", "e"};
  for (int i = 0; i < 5; ++i) set_only(platform, names[i], i % 2 == 0 ? "{\"x\":0}" : "{\"x\":1}");
  const virtufin_str_t keys[] = {str("d"), str("none"), str("a")};
  virtufin_state_page_t* page = NULL;
  CHECK(virtufin_state_get_bulk(platform, kService, keys, 3, &page, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_page_get_count(page) == 2);
  CHECK(equals(virtufin_state_item_get_key(virtufin_state_page_get_item(page, 0)), "d"));
  CHECK(equals(virtufin_state_item_get_value(virtufin_state_page_get_item(page, 1)), "{\"x\":0}"));
  CHECK(virtufin_state_page_get_item(page, 2) == NULL);
  virtufin_state_page_free(page);

  /* By pages of two, on with the token. */
  char query[400] = "";
  size_t found = 0, pages = 0;
  do {
    CHECK(virtufin_state_query(platform, kService, str(query), 2, &page, NULL) == VIRTUFIN_OK);
    for (size_t i = 0; i < virtufin_state_page_get_count(page); ++i, ++found) {
      const virtufin_state_item_t* item = virtufin_state_page_get_item(page, i);
      CHECK(equals(virtufin_state_item_get_key(item), names[found]));
    }
    const virtufin_str_t token = virtufin_state_page_get_token(page);
    const int more = token.size != 0;
    snprintf(query, sizeof(query), "{\"page\":{\"token\":\"%.*s\"}}", (int)token.size, token.data);
    virtufin_state_page_free(page);
    ++pages;
    if (!more) break;
  } while (pages < 10);
  CHECK(found == 5 && pages == 3);
  CHECK(virtufin_state_query(platform, kService, str("{\"filter\":{\"EQ\":{\"x\":1}}}"), 0, &page,
                             NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_page_get_count(page) == 2 && virtufin_state_page_get_token(page).size == 0);
  virtufin_state_page_free(page);
  CHECK(virtufin_state_query(platform, kService, kNone, 0, &page, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_page_get_count(page) == 5);
  virtufin_state_page_free(page);

  CHECK(virtufin_state_delete_bulk(platform, kService, keys, 3, &page, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_page_get_count(page) == 2);
  CHECK(equals(virtufin_state_item_get_key(virtufin_state_page_get_item(page, 1)), "a"));
  CHECK(virtufin_state_item_get_value(virtufin_state_page_get_item(page, 1)).size == 0);
  virtufin_state_page_free(page);
  CHECK(virtufin_state_delete_bulk(platform, kService, keys, 3, NULL, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_delete_bulk(platform, kService, NULL, 0, NULL, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_get_bulk(platform, kService, NULL, 0, &page, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_state_page_get_count(page) == 0);
  virtufin_state_page_free(page);
  end_platform(platform);
}

/* Pins CA-8, CA-20, CA-34, CA-35. */
static void what_state_refuses_says_why(void) {
  virtufin_platform_t* platform = start_platform();
  const virtufin_str_t k = str("k");
  virtufin_state_item_t* item = NULL;
  virtufin_state_page_t* page = NULL;
  virtufin_state_set_options_t options = {.struct_size = sizeof(options)};
#define REFUSED(call, part) CHECK_ERROR(call, VIRTUFIN_INVALID_ARGUMENT, part)
  REFUSED(virtufin_state_get(NULL, kService, k, &item, &error), "platform");
  REFUSED(virtufin_state_get(platform, kService, k, NULL, &error), "item");
  REFUSED(virtufin_state_get(platform, kNone, k, &item, &error), "service");
  REFUSED(virtufin_state_get(platform, str("a|b"), k, &item, &error), "service");
  REFUSED(virtufin_state_get(platform, kService, kNone, &item, &error), "key");
  REFUSED(virtufin_state_set(NULL, kService, k, k, NULL, NULL, &error), "platform");
  options.create_only = 2;
  REFUSED(virtufin_state_set(platform, kService, k, k, &options, NULL, &error), "create_only");
  options.create_only = 1;
  options.etag = k;
  REFUSED(virtufin_state_set(platform, kService, k, k, &options, NULL, &error), "etag");
  options.create_only = 0;
  options.etag = kNone;
  options.ttl_ms = -1;
  REFUSED(virtufin_state_set(platform, kService, k, k, &options, NULL, &error), "ttl_ms");
  options.struct_size = 1;
  REFUSED(virtufin_state_set(platform, kService, k, k, &options, NULL, &error),
          "virtufin_state_set_options_t.struct_size: expected 32");
  REFUSED(virtufin_state_delete(NULL, kService, k, kNone, NULL, &error), "platform");
  REFUSED(virtufin_state_delete(platform, kService, kNone, kNone, NULL, &error), "key");
  REFUSED(virtufin_state_get_bulk(NULL, kService, &k, 1, &page, &error), "platform");
  REFUSED(virtufin_state_get_bulk(platform, kService, NULL, 1, &page, &error), "keys");
  REFUSED(virtufin_state_get_bulk(platform, kService, &k, 1, NULL, &error), "page");
  REFUSED(virtufin_state_get_bulk(platform, kService, &kNone, 1, &page, &error), "key");
  REFUSED(virtufin_state_delete_bulk(NULL, kService, &k, 1, &page, &error), "platform");
  REFUSED(virtufin_state_delete_bulk(platform, kService, NULL, 1, &page, &error), "keys");
  REFUSED(virtufin_state_delete_bulk(platform, kService, &kNone, 1, &page, &error), "key");
  REFUSED(virtufin_state_query(NULL, kService, kNone, 0, &page, &error), "platform");
  REFUSED(virtufin_state_query(platform, kService, kNone, 0, NULL, &error), "page");
  REFUSED(virtufin_state_query(platform, kService, str("{\"filtre\":1}"), 0, &page, &error),
          "filtre");
  CHECK(item == NULL && page == NULL);
  virtufin_state_item_free(NULL);
  virtufin_state_page_free(NULL);
  CHECK(virtufin_state_item_get_key(NULL).data == NULL);
  CHECK(virtufin_state_item_get_value(NULL).data == NULL);
  CHECK(virtufin_state_item_get_etag(NULL).data == NULL);
  CHECK(virtufin_state_page_get_count(NULL) == 0);
  CHECK(virtufin_state_page_get_item(NULL, 0) == NULL);
  CHECK(virtufin_state_page_get_token(NULL).data == NULL);
  end_platform(platform);
}

/* Where SQLite is not built in, the answer is UNIMPLEMENTED, and says so. */
/* Pins CA-3, CA-34. */
static void records_of_a_file_outlive_their_platform(const char* folder) {
  char path[1000];
  snprintf(path, sizeof(path), "%s/c_api_state_test.db", folder);
  remove(path);
  virtufin_options_t* options = virtufin_options_new();
  CHECK(virtufin_options_set(options, str("state.driver"), str("sqlite"), NULL) == VIRTUFIN_OK);
  CHECK(virtufin_options_set(options, str("state.path"), str(path), NULL) == VIRTUFIN_OK);
  virtufin_platform_t* platform = NULL;
  virtufin_error_t* error = NULL;
  const virtufin_status_t status = virtufin_platform_create(options, &platform, &error);
  if (status == VIRTUFIN_UNIMPLEMENTED) {
    check_contains(virtufin_error_get_message(error), "built with memory only");
    CHECK(equals(virtufin_error_get_component(error), "platform"));
    virtufin_error_free(error);
    virtufin_options_free(options);
    return;
  }
  CHECK(status == VIRTUFIN_OK);
  set_only(platform, "k", "kept");
  virtufin_platform_free(platform);
  CHECK(virtufin_platform_create(options, &platform, NULL) == VIRTUFIN_OK);
  CHECK(has(platform, "k", "kept"));
  virtufin_platform_free(platform);
  virtufin_options_free(options);
  remove(path);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  TEST(a_record_is_written_read_and_deleted);
  TEST(writes_can_be_conditional);
  TEST(a_record_ends_with_its_time);
  TEST(many_records_are_read_deleted_and_asked_for);
  TEST(what_state_refuses_says_why);
  records_of_a_file_outlive_their_platform(argv[1]);
  return 0;
}
