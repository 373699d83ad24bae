/* What the C tests of the C API share: checks, texts, events, and counts that can be waited for. */
#ifndef VIRTUFIN_TESTS_C_SUPPORT_H
#define VIRTUFIN_TESTS_C_SUPPORT_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin.h"

/* Ends the program when `condition` does not hold. */
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

/* Runs `call`, whose last argument is `&error`, and expects `code` and a part of the message. */
#define CHECK_ERROR(call, code, part)                        \
  do {                                                       \
    virtufin_error_t* error = NULL;                          \
    CHECK((call) == (code));                                 \
    CHECK(virtufin_error_get_code(error) == (code));         \
    check_contains(virtufin_error_get_message(error), part); \
    virtufin_error_free(error);                              \
  } while (0)

/* For what nobody tells; the test runs out of time when it never comes true. */
#define AWAIT(condition) \
  while (!(condition)) sched_yield()

#define TEST(name)                  \
  do {                              \
    fprintf(stderr, "%s\n", #name); \
    name();                         \
  } while (0)

static inline virtufin_str_t str(const char* text) {
  virtufin_str_t view = {text, strlen(text)};
  return view;
}

static inline int equals(virtufin_str_t text, const char* expected) {
  return text.data != NULL && text.size == strlen(expected) &&
         memcmp(text.data, expected, text.size) == 0;
}

static inline int contains(virtufin_str_t text, const char* part) {
  const size_t size = strlen(part);
  for (size_t i = 0; i + size <= text.size; ++i) {
    if (memcmp(text.data + i, part, size) == 0) return 1;
  }
  return 0;
}

static inline void check_contains(virtufin_str_t text, const char* part) {
  if (contains(text, part)) return;
  fprintf(stderr, "expected '%s' in '%.*s'\n", part, (int)text.size, text.data);
  exit(1);
}

/* A finalizer that counts in an int. */
static inline void count_final(void* user_data) { ++*(int*)user_data; }

static inline virtufin_event_t* make_event(const char* id) {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_t* event = NULL;
  virtufin_event_builder_set(builder, VIRTUFIN_STR("id"), str(id));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:test"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("test"));
  CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_OK);
  virtufin_event_builder_free(builder);
  return event;
}

static inline void publish(virtufin_platform_t* platform, const char* topic, const char* id) {
  virtufin_event_t* event = make_event(id);
  CHECK(virtufin_bus_publish(platform, str(topic), event, NULL) == VIRTUFIN_OK);
  virtufin_event_free(event);
}

static inline virtufin_platform_t* start_platform(void) {
  virtufin_platform_t* platform = NULL;
  CHECK(virtufin_platform_create(NULL, &platform, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_platform_start(platform, NULL) == VIRTUFIN_OK);
  return platform;
}

static inline void end_platform(virtufin_platform_t* platform) {
  CHECK(virtufin_platform_stop(platform, 60000, NULL) == VIRTUFIN_OK);
  virtufin_platform_free(platform);
}

/* A number that threads raise and wait for. */
typedef struct counter {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  long value;
} counter_t;
#define COUNTER_INIT \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void counter_add(counter_t* counter, long by) {
  pthread_mutex_lock(&counter->mutex);
  counter->value += by;
  pthread_cond_broadcast(&counter->changed);
  pthread_mutex_unlock(&counter->mutex);
}

static inline long counter_get(counter_t* counter) {
  pthread_mutex_lock(&counter->mutex);
  const long value = counter->value;
  pthread_mutex_unlock(&counter->mutex);
  return value;
}

static inline void counter_await(counter_t* counter, long at_least) {
  pthread_mutex_lock(&counter->mutex);
  while (counter->value < at_least) pthread_cond_wait(&counter->changed, &counter->mutex);
  pthread_mutex_unlock(&counter->mutex);
}

#endif
