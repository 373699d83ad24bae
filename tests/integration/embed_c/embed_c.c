/* An application in C11 that links only virtufin::c: platform, subscription, native worker, reply,
 * a worker of its own, state, lists.
 * argv[1]: the library hello_c. Ends with 0 when every step gave what was expected. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "virtufin/virtufin.h"

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                 \
    }                                                                           \
  } while (0)

typedef struct watcher {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  virtufin_event_t* reply; /* a clone, owned */
  int count;
  int finalized;
} watcher_t;

static int equals(virtufin_str_t text, const char* expected) {
  return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

/* Pins CA-6, CA-9. */
static virtufin_delivery_t on_reply(void* user_data, virtufin_str_t topic,
                                    const virtufin_event_t* event,
                                    const virtufin_delivery_info_t* info) {
  watcher_t* watcher = user_data;
  (void)topic;
  if (info->struct_size != sizeof(*info) || info->attempt != 1 || info->missed != 0) {
    return VIRTUFIN_DELIVERY_SUCCESS; /* never counted: the test runs out of time */
  }
  pthread_mutex_lock(&watcher->mutex);
  virtufin_event_free(watcher->reply);
  watcher->reply = virtufin_event_clone(event);
  ++watcher->count;
  pthread_cond_signal(&watcher->changed);
  pthread_mutex_unlock(&watcher->mutex);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

static void on_final(void* user_data) { ++((watcher_t*)user_data)->finalized; }

static void on_log(void* user_data, int32_t level, virtufin_str_t component, virtufin_str_t text) {
  (void)user_data;
  fprintf(stderr, "log %d %.*s: %.*s\n", (int)level, (int)component.size, component.data,
          (int)text.size, text.data);
}

static int show(virtufin_status_t status, virtufin_error_t* error) {
  if (status != VIRTUFIN_OK) {
    virtufin_str_t message = virtufin_error_get_message(error);
    fprintf(stderr, "status %d: %.*s\n", (int)status, (int)message.size, message.data);
    virtufin_error_free(error);
  }
  return status == VIRTUFIN_OK;
}

/* Errors carry a code, a text and the part that says so; finalizers have run by then. */
/* Pins CA-1, CA-5, CA-7, CA-8, CA-10. */
static int check_errors(virtufin_platform_t* platform) {
  virtufin_error_t* error = NULL;
  virtufin_options_t* options = virtufin_options_new();
  CHECK(virtufin_options_set(options, VIRTUFIN_STR("no.such"), VIRTUFIN_STR("1"), &error) ==
        VIRTUFIN_NOT_FOUND);
  CHECK(virtufin_error_get_code(error) == VIRTUFIN_NOT_FOUND);
  CHECK(strstr(virtufin_error_get_message(error).data, "no.such") != NULL);
  CHECK(equals(virtufin_error_get_component(error), "platform"));
  virtufin_error_free(error);
  virtufin_options_free(options);

  watcher_t unused = {.finalized = 0};
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_bus_subscribe(platform, VIRTUFIN_STR(""), NULL, on_reply, &unused, on_final,
                               &subscription, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK(unused.finalized == 1 && subscription == NULL);

  virtufin_str_t topic = VIRTUFIN_STR("t");
  virtufin_text_t* id = NULL;
  error = NULL;
  CHECK(virtufin_worker_create_from_file(platform, VIRTUFIN_STR("/no/such/lib.so"), &topic, 1, &id,
                                         &error) == VIRTUFIN_NOT_FOUND);
  CHECK(strstr(virtufin_error_get_message(error).data, "/no/such/lib.so") != NULL);
  virtufin_error_free(error);

  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_t* event = NULL;
  CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  /* A bad value is reported once; the builder is empty and usable afterwards. */
  virtufin_event_builder_set(builder, VIRTUFIN_STR("time"), VIRTUFIN_STR("yesterday"));
  CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:s"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("t"));
  CHECK(virtufin_event_builder_build(builder, &event, NULL) == VIRTUFIN_OK);
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);

  /* Options of a smaller header are taken, unknown values of a larger one are not. */
  struct {
    virtufin_subscribe_options_t known;
    uint64_t later;
  } options_of_tomorrow = {{.struct_size = sizeof(options_of_tomorrow), .capacity = 16}, 0};
  virtufin_subscribe_options_t options_of_yesterday = {.struct_size = 12};
  CHECK(virtufin_bus_subscribe(platform, VIRTUFIN_STR("t"), &options_of_yesterday, on_reply,
                               &unused, NULL, &subscription, NULL) == VIRTUFIN_OK);
  virtufin_subscription_free(subscription);
  CHECK(virtufin_bus_subscribe(platform, VIRTUFIN_STR("t"), &options_of_tomorrow.known, on_reply,
                               &unused, NULL, &subscription, NULL) == VIRTUFIN_OK);
  virtufin_subscription_free(subscription);
  options_of_tomorrow.later = 1;
  CHECK(virtufin_bus_subscribe(platform, VIRTUFIN_STR("t"), &options_of_tomorrow.known, on_reply,
                               &unused, NULL, &subscription, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  return 0;
}

static virtufin_event_t* make_greeting(void) {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:com.example:app"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("com.example.greeting"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("time"), VIRTUFIN_STR("2026-11-22T09:30:00.5Z"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("replytopic"), VIRTUFIN_STR("replies"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("correlationid"), VIRTUFIN_STR("c-1"));
  virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"name\":\"C\"}"));
  virtufin_event_t* event = NULL;
  virtufin_error_t* error = NULL;
  show(virtufin_event_builder_build(builder, &event, &error), error);
  virtufin_event_builder_free(builder);
  return event;
}

static int await_reply(watcher_t* watcher) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 60;
  int failed = 0;
  pthread_mutex_lock(&watcher->mutex);
  while (watcher->count == 0 && failed == 0) {
    failed = pthread_cond_timedwait(&watcher->changed, &watcher->mutex, &deadline);
  }
  pthread_mutex_unlock(&watcher->mutex);
  return failed == 0;
}

static void* counter_create(void* user_data) {
  int* count = malloc(sizeof(*count));
  (void)user_data;
  if (count != NULL) *count = 0;
  return count;
}

/* Answers with how many events it got, and fails the third. */
static void counter_process(void* state, const virtufin_event_t* input, virtufin_reply_t* reply) {
  int* count = state;
  char json[32];
  virtufin_str_t text = {json, 0};
  (void)input;
  if (++*count == 3) {
    virtufin_reply_set_error(reply, VIRTUFIN_OUT_OF_RANGE, VIRTUFIN_STR("two is all"), NULL);
    return;
  }
  text.size = (size_t)snprintf(json, sizeof(json), "{\"count\":%d}", *count);
  virtufin_reply_set_json(reply, VIRTUFIN_STR("urn:counter"), VIRTUFIN_STR("counts"), text, NULL);
}

static void counter_shutdown(void* state) { free(state); }

/* A worker of this program; its events as JSON; the state; the list of workers. */
/* Pins CA-17, CA-30. */
static int check_own_worker(virtufin_platform_t* platform, watcher_t* tables) {
  const virtufin_worker_functions_t functions = {.struct_size = sizeof(functions),
                                                 .create = counter_create,
                                                 .process = counter_process,
                                                 .shutdown = counter_shutdown};
  const virtufin_str_t topic = VIRTUFIN_STR("countings"), none = {NULL, 0};
  const virtufin_pair_t tag = {VIRTUFIN_STR("kind"), VIRTUFIN_STR("counter")};
  const virtufin_worker_code_t code = {.struct_size = sizeof(code),
                                       .functions = VIRTUFIN_STR("counter")};
  const virtufin_worker_options_t options = {.struct_size = sizeof(options),
                                             .topics = &topic,
                                             .topic_count = 1,
                                             .tags = &tag,
                                             .tag_count = 1};
  virtufin_error_t* error = NULL;
  virtufin_text_t* id = NULL;
  CHECK(show(virtufin_worker_register(platform, VIRTUFIN_STR("counter"), &functions, tables,
                                      on_final, &error),
             error));
  CHECK(show(virtufin_worker_create(platform, &code, &options, &id, &error), error));
  CHECK(show(virtufin_worker_start(platform, virtufin_text_get(id), &error), error));

  watcher_t watcher = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  virtufin_subscription_t* subscription = NULL;
  CHECK(show(virtufin_bus_subscribe(platform, VIRTUFIN_STR("counts"), NULL, on_reply, &watcher,
                                    NULL, &subscription, &error),
             error));
  virtufin_event_t* event = NULL;
  CHECK(show(virtufin_event_from_json(
                 VIRTUFIN_STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"urn:s\","
                              "\"type\":\"t\",\"data\":[1]}"),
                 &event, &error),
             error));
  CHECK(show(virtufin_bus_publish(platform, topic, event, &error), error));
  virtufin_event_free(event);
  CHECK(await_reply(&watcher));
  CHECK(equals(virtufin_event_get_data(watcher.reply), "{\"count\":1}"));

  virtufin_text_t* json = NULL;
  CHECK(show(virtufin_event_to_json(watcher.reply, &json, &error), error));
  CHECK(show(virtufin_state_set(platform, VIRTUFIN_STR("embed"), VIRTUFIN_STR("last"),
                                virtufin_text_get(json), NULL, NULL, &error),
             error));
  virtufin_state_page_t* page = NULL;
  CHECK(show(virtufin_state_query(platform, VIRTUFIN_STR("embed"), none, 0, &page, &error), error));
  CHECK(virtufin_state_page_get_count(page) == 1);
  virtufin_state_page_free(page);
  virtufin_text_free(json);

  virtufin_worker_list_t* list = NULL;
  CHECK(show(virtufin_worker_list_create(platform, &list, &error), error));
  CHECK(virtufin_worker_list_get_count(list) == 1);
  virtufin_worker_info_t info = {.struct_size = sizeof(info)};
  CHECK(show(virtufin_worker_list_get_info(list, 0, &info, &error), error));
  CHECK(info.status == VIRTUFIN_WORKER_RUNNING && equals(info.tags[0].value, "counter"));
  virtufin_worker_list_free(list);
  CHECK(show(virtufin_worker_delete(platform, virtufin_text_get(id), &error), error));
  virtufin_text_free(id);
  virtufin_subscription_free(subscription);
  virtufin_event_free(watcher.reply);
  return 0;
}

/* Pins CA-4, CA-6, CA-7, CA-10. */
int main(int argc, char** argv) {
  CHECK(argc == 2);
  virtufin_error_t* error = NULL;
  virtufin_options_t* options = virtufin_options_new();
  CHECK(show(
      virtufin_options_set(options, VIRTUFIN_STR("executor.threads"), VIRTUFIN_STR("2"), &error),
      error));
  virtufin_platform_t* platform = NULL;
  CHECK(show(virtufin_platform_create(options, &platform, &error), error));
  virtufin_options_free(options);
  CHECK(show(virtufin_platform_set_log(platform, 3, on_log, NULL, NULL, &error), error));
  CHECK(show(virtufin_platform_start(platform, &error), error));
  CHECK(check_errors(platform) == 0);
  watcher_t tables = {.finalized = 0};
  CHECK(check_own_worker(platform, &tables) == 0);

  watcher_t watcher = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  virtufin_subscription_t* subscription = NULL;
  CHECK(show(virtufin_bus_subscribe(platform, VIRTUFIN_STR("replies"), NULL, on_reply, &watcher,
                                    on_final, &subscription, &error),
             error));
  virtufin_str_t path = {argv[1], strlen(argv[1])};
  virtufin_str_t topic = VIRTUFIN_STR("greetings");
  virtufin_text_t* id = NULL;
  CHECK(show(virtufin_worker_create_from_file(platform, path, &topic, 1, &id, &error), error));
  CHECK(show(virtufin_worker_start(platform, virtufin_text_get(id), &error), error));

  virtufin_event_t* greeting = make_greeting();
  CHECK(greeting != NULL);
  CHECK(equals(virtufin_event_get_attribute(greeting, VIRTUFIN_STR("time")),
               "2026-11-22T09:30:00.5Z"));
  CHECK(virtufin_event_get_attribute(greeting, VIRTUFIN_STR("subject")).data == NULL);
  CHECK(show(virtufin_bus_publish(platform, topic, greeting, &error), error));
  virtufin_event_free(greeting);

  CHECK(await_reply(&watcher));
  virtufin_str_t data = virtufin_event_get_data(watcher.reply);
  printf("reply: %.*s\n", (int)data.size, data.data);
  CHECK(equals(data, "{\"message\":\"Hello, C!\"}"));
  CHECK(equals(virtufin_event_get_attribute(watcher.reply, VIRTUFIN_STR("type")),
               "com.example.hello.response"));
  CHECK(equals(virtufin_event_get_attribute(watcher.reply, VIRTUFIN_STR("correlationid")), "c-1"));
  CHECK(virtufin_event_get_attribute(watcher.reply, VIRTUFIN_STR("replytopic")).data == NULL);
  virtufin_event_free(watcher.reply);

  CHECK(show(virtufin_worker_stop(platform, virtufin_text_get(id), &error), error));
  CHECK(show(virtufin_worker_delete(platform, virtufin_text_get(id), &error), error));
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_NOT_FOUND);
  virtufin_text_free(id);
  CHECK(show(virtufin_platform_stop(platform, 10000, &error), error));
  CHECK(watcher.finalized == 0);
  virtufin_subscription_free(subscription);
  CHECK(watcher.finalized == 1);
  CHECK(tables.finalized == 0);
  virtufin_platform_free(platform);
  CHECK(tables.finalized == 1);
  printf("libvirtufin %s, abi %d\n", virtufin_version(), (int)virtufin_abi());
  return 0;
}
