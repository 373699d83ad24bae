/* libvirtufin inside a C program: a platform with options, a worker of this program, a native
 * worker from a file, a record with an etag, and a clean stop.
 *
 *   embed_c <worker library>
 *
 * <worker library> answers what it gets, as examples/workers/hello_c.c does. Ends with 0 when every
 * step did what it should. */
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "virtufin/virtufin.h"

/* Where callbacks, which run on the platform's threads, leave word for the main thread. */
typedef struct inbox {
  mtx_t mutex;
  cnd_t changed;
  int replies;
} inbox_t;

/* Every fallible function ends with an error pointer. It is set only on failure, and ours to free.
 * Prints what failed; 1 when nothing did. */
static int succeeded(const char* what, virtufin_status_t status, virtufin_error_t** error) {
  if (status == VIRTUFIN_OK) return 1;
  const virtufin_str_t message = virtufin_error_get_message(*error);
  fprintf(stderr, "%s: status %d: %.*s\n", what, (int)status, (int)message.size, message.data);
  virtufin_error_free(*error);
  *error = NULL;
  return 0;
}

/* The library prints nothing by itself. Log lines may come from several threads at once. */
static void on_log(void* user_data, int32_t level, virtufin_str_t component, virtufin_str_t text) {
  (void)user_data;
  fprintf(stderr, "[%d] %.*s: %.*s\n", (int)level, (int)component.size, component.data,
          (int)text.size, text.data);
}

/* The worker of this program: counts what it gets. One call at a time, so its state needs no lock.
 * What it was shown is borrowed until it returns. */
static void count_event(void* state, const virtufin_event_t* input, virtufin_reply_t* reply) {
  int* seen = state;
  char json[64];
  (void)input;
  const int size = snprintf(json, sizeof json, "{\"seen\":%d}", ++*seen);
  const virtufin_str_t data = {json, (size_t)size};
  virtufin_reply_set_json(reply, VIRTUFIN_STR("urn:com.example.counter"),
                          VIRTUFIN_STR("com.example.counted"), data, NULL);
}

/* Gets the replies of both workers. A handler that returns SUCCESS is done with the event. */
static virtufin_delivery_t on_reply(void* user_data, virtufin_str_t topic,
                                    const virtufin_event_t* event,
                                    const virtufin_delivery_info_t* info) {
  inbox_t* inbox = user_data;
  const virtufin_str_t data = virtufin_event_get_data(event);
  (void)info;
  printf("%.*s: %.*s\n", (int)topic.size, topic.data, (int)data.size, data.data);
  mtx_lock(&inbox->mutex);
  ++inbox->replies;
  cnd_signal(&inbox->changed);
  mtx_unlock(&inbox->mutex);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

/* 1 when there were so many replies within half a minute. */
static int await_replies(inbox_t* inbox, int wanted) {
  struct timespec deadline;
  timespec_get(&deadline, TIME_UTC);
  deadline.tv_sec += 30;
  int outcome = thrd_success;
  mtx_lock(&inbox->mutex);
  while (inbox->replies < wanted && outcome == thrd_success) {
    outcome = cnd_timedwait(&inbox->changed, &inbox->mutex, &deadline);
  }
  const int enough = inbox->replies >= wanted;
  mtx_unlock(&inbox->mutex);
  return enough;
}

/* Two workers that listen to `greetings`: one made of the function above, one out of a file. */
static int start_workers(virtufin_platform_t* platform, const char* library, int* seen) {
  virtufin_error_t* error = NULL;
  const virtufin_str_t topic = VIRTUFIN_STR("greetings");

  /* A name for the functions, then a worker made from that name; there could be several. The
   * options of a struct that may grow: its size first, the rest zero. */
  virtufin_worker_functions_t functions = {.struct_size = sizeof functions};
  functions.process = count_event;
  virtufin_worker_code_t code = {.struct_size = sizeof code};
  code.functions = VIRTUFIN_STR("counter");
  virtufin_worker_options_t options = {.struct_size = sizeof options};
  options.topics = &topic;
  options.topic_count = 1;
  virtufin_text_t* counter = NULL;
  virtufin_text_t* native = NULL;
  const virtufin_str_t path = {library, strlen(library)};
  /* A worker is stopped until it is started: wire everything first, then let events in. */
  const int fine =
      succeeded("register",
                virtufin_worker_register(platform, code.functions, &functions, seen, NULL, &error),
                &error) &&
      succeeded("create", virtufin_worker_create(platform, &code, &options, &counter, &error),
                &error) &&
      succeeded("load",
                virtufin_worker_create_from_file(platform, path, &topic, 1, &native, &error),
                &error) &&
      succeeded("start", virtufin_worker_start(platform, virtufin_text_get(counter), &error),
                &error) &&
      succeeded("start", virtufin_worker_start(platform, virtufin_text_get(native), &error),
                &error);
  /* The ids are ours; to stop or replace a worker later, an application would keep them. */
  virtufin_text_free(counter);
  virtufin_text_free(native);
  return fine;
}

/* Publishes one event; its replies go to the topic that it names. */
static int publish_greeting(virtufin_platform_t* platform) {
  virtufin_error_t* error = NULL;
  virtufin_event_t* event = NULL;
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:com.example.app"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("com.example.greeting"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("replytopic"), VIRTUFIN_STR("replies"));
  virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"name\":\"C\"}"));
  const int fine =
      succeeded("build", virtufin_event_builder_build(builder, &event, &error), &error) &&
      succeeded("publish", virtufin_bus_publish(platform, VIRTUFIN_STR("greetings"), event, &error),
                &error);
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);
  return fine;
}

/* Writes a record, then writes over it only if nobody else did: the etag says so. */
static int keep_state(virtufin_platform_t* platform) {
  const virtufin_str_t service = VIRTUFIN_STR("app"), key = VIRTUFIN_STR("position");
  virtufin_error_t* error = NULL;
  virtufin_text_t* etag = NULL;
  virtufin_state_item_t* item = NULL;
  if (!succeeded("set",
                 virtufin_state_set(platform, service, key, VIRTUFIN_STR("{\"qty\":\"1\"}"), NULL,
                                    &etag, &error),
                 &error)) {
    return 0;
  }
  virtufin_state_set_options_t over = {.struct_size = sizeof over};
  over.etag = virtufin_text_get(etag);
  int fine = succeeded("set over",
                       virtufin_state_set(platform, service, key, VIRTUFIN_STR("{\"qty\":\"2\"}"),
                                          &over, NULL, &error),
                       &error);
  /* The same etag once more is no longer the record's. Where two write, this one reads again. */
  fine = fine && virtufin_state_set(platform, service, key, VIRTUFIN_STR("{\"qty\":\"3\"}"), &over,
                                    NULL, NULL) == VIRTUFIN_ABORTED;
  fine =
      fine && succeeded("get", virtufin_state_get(platform, service, key, &item, &error), &error);
  if (fine) {
    const virtufin_str_t value = virtufin_state_item_get_value(item);
    printf("position: %.*s\n", (int)value.size, value.data);
  }
  virtufin_state_item_free(item);
  virtufin_text_free(etag);
  return fine;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: embed_c <worker library>\n");
    return 2;
  }
  inbox_t inbox = {.replies = 0};
  mtx_init(&inbox.mutex, mtx_plain);
  cnd_init(&inbox.changed);
  int seen = 0; /* the state of our worker: must live until the platform is stopped */

  /* Options are text; the header lists the keys. Without options everything has its default. */
  virtufin_error_t* error = NULL;
  virtufin_platform_t* platform = NULL;
  virtufin_options_t* options = virtufin_options_new();
  int fine = succeeded("option",
                       virtufin_options_set(options, VIRTUFIN_STR("executor.threads"),
                                            VIRTUFIN_STR("2"), &error),
                       &error) &&
             succeeded("create", virtufin_platform_create(options, &platform, &error), &error);
  virtufin_options_free(options);
  if (!fine) return 1;

  virtufin_subscription_t* watch = NULL;
  fine = succeeded("log", virtufin_platform_set_log(platform, 3, on_log, NULL, NULL, &error),
                   &error) &&
         succeeded("start", virtufin_platform_start(platform, &error), &error) &&
         succeeded("subscribe",
                   virtufin_bus_subscribe(platform, VIRTUFIN_STR("replies"), NULL, on_reply, &inbox,
                                          NULL, &watch, &error),
                   &error) &&
         start_workers(platform, argv[1], &seen) && publish_greeting(platform) &&
         await_replies(&inbox, 2) && keep_state(platform);

  /* After a stop that succeeded no callback runs any more: what they use may go. */
  fine = succeeded("stop", virtufin_platform_stop(platform, 10000, &error), &error) && fine;
  virtufin_subscription_free(watch);
  virtufin_platform_free(platform);
  cnd_destroy(&inbox.changed);
  mtx_destroy(&inbox.mutex);
  return fine && seen == 1 ? 0 : 1;
}
