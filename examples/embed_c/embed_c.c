/* libvirtufin inside a C program: a platform with options, a worker of this program, a native
 * worker from a file, a record with an etag, market data of a venue, and a clean stop.
 *
 *   embed_c_example <worker library> [<stream url> <rest url>]
 *
 * <worker library> answers what it gets, as examples/workers/hello_c.c does. With the two addresses
 * that examples/simulated_venue prints, quotes of BTCUSDT follow. Ends with 0 when every step did
 * what it should. */
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "virtufin/virtufin.h"

/* Every fallible function ends with an error pointer. It is set only on failure, and ours to free.
 * Prints what failed; 1 when nothing did. */
static int succeeded(const char* call, virtufin_status_t status, virtufin_error_t** error) {
  if (status == VIRTUFIN_OK) return 1;
  const virtufin_str_t message = virtufin_error_get_message(*error);
  fprintf(stderr, "%s: status %d: %.*s\n", call, (int)status, (int)message.size, message.data);
  virtufin_error_free(*error);
  *error = NULL;
  return 0;
}
/* Where a variable `error` is in sight. */
#define TRY(call) succeeded(#call, (call), &error)

/* Where callbacks, which run on the platform's threads, leave word for the main thread. */
typedef struct inbox {
  mtx_t mutex;
  cnd_t changed;
  int events;
} inbox_t;

/* 1 when there were so many events within half a minute. */
static int await_events(inbox_t* inbox, int wanted) {
  struct timespec deadline;
  timespec_get(&deadline, TIME_UTC);
  deadline.tv_sec += 30;
  int outcome = thrd_success;
  mtx_lock(&inbox->mutex);
  while (inbox->events < wanted && outcome == thrd_success) {
    outcome = cnd_timedwait(&inbox->changed, &inbox->mutex, &deadline);
  }
  const int enough = inbox->events >= wanted;
  mtx_unlock(&inbox->mutex);
  return enough;
}

/* Gets the events of the topics that main subscribes. What it is shown is borrowed until it
 * returns: virtufin_event_clone keeps an event longer. */
static virtufin_delivery_t on_event(void* user_data, virtufin_str_t topic,
                                    const virtufin_event_t* event,
                                    const virtufin_delivery_info_t* info) {
  inbox_t* inbox = user_data;
  const virtufin_str_t data = virtufin_event_get_data(event);
  (void)info;
  printf("%.*s: %.*s\n", (int)topic.size, topic.data, (int)data.size, data.data);
  mtx_lock(&inbox->mutex);
  ++inbox->events;
  cnd_signal(&inbox->changed);
  mtx_unlock(&inbox->mutex);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

/* The library prints nothing by itself. Log lines may come from several threads at once. */
static void on_log(void* user_data, int32_t level, virtufin_str_t component, virtufin_str_t text) {
  (void)user_data;
  fprintf(stderr, "[%d] %.*s: %.*s\n", (int)level, (int)component.size, component.data,
          (int)text.size, text.data);
}

/* The worker of this program: counts what it gets. One call at a time, so it needs no lock. */
static void count_event(void* state, const virtufin_event_t* input, virtufin_reply_t* reply) {
  int* seen = state;
  char json[64];
  (void)input;
  const int size = snprintf(json, sizeof json, "{\"seen\":%d}", ++*seen);
  const virtufin_str_t data = {json, (size_t)size};
  virtufin_reply_set_json(reply, VIRTUFIN_STR("urn:com.example.counter"),
                          VIRTUFIN_STR("com.example.counted"), data, NULL);
}

/* Two workers that listen to `greetings`: one made of the function above, one out of a file. */
static int start_workers(virtufin_platform_t* platform, const char* library, int* seen) {
  virtufin_error_t* error = NULL;
  const virtufin_str_t topic = VIRTUFIN_STR("greetings");
  const virtufin_str_t path = {library, strlen(library)};
  /* Structs that may grow: their size first, what is not used is zero. */
  virtufin_worker_functions_t functions = {.struct_size = sizeof functions};
  functions.process = count_event;
  virtufin_worker_code_t code = {.struct_size = sizeof code};
  code.functions = VIRTUFIN_STR("counter");
  virtufin_worker_options_t options = {.struct_size = sizeof options};
  options.topics = &topic;
  options.topic_count = 1;

  /* The functions get a name; any number of workers can be made from it. A worker is stopped until
   * it is started: wire everything first, then let events in. */
  virtufin_text_t* counter = NULL;
  virtufin_text_t* native = NULL;
  const int fine =
      TRY(virtufin_worker_register(platform, code.functions, &functions, seen, NULL, &error)) &&
      TRY(virtufin_worker_create(platform, &code, &options, &counter, &error)) &&
      TRY(virtufin_worker_create_from_file(platform, path, &topic, 1, &native, &error)) &&
      TRY(virtufin_worker_start(platform, virtufin_text_get(counter), &error)) &&
      TRY(virtufin_worker_start(platform, virtufin_text_get(native), &error));
  /* The ids are ours; an application that stops or replaces a worker later keeps them. */
  virtufin_text_free(counter);
  virtufin_text_free(native);
  return fine;
}

/* Publishes one event; the replies to it go to the topic that it names. */
static int publish_greeting(virtufin_platform_t* platform) {
  virtufin_error_t* error = NULL;
  virtufin_event_t* event = NULL;
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:com.example.app"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("com.example.greeting"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("replytopic"), VIRTUFIN_STR("replies"));
  virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"name\":\"C\"}"));
  const int fine = TRY(virtufin_event_builder_build(builder, &event, &error)) &&
                   TRY(virtufin_bus_publish(platform, VIRTUFIN_STR("greetings"), event, &error));
  virtufin_event_free(event);
  virtufin_event_builder_free(builder);
  return fine;
}

/* Writes a record, then writes over it only if nobody else did: the etag says so. */
static int keep_state(virtufin_platform_t* platform) {
  const virtufin_str_t service = VIRTUFIN_STR("app"), key = VIRTUFIN_STR("position");
  const virtufin_str_t one = VIRTUFIN_STR("{\"qty\":\"1\"}"), two = VIRTUFIN_STR("{\"qty\":\"2\"}");
  virtufin_error_t* error = NULL;
  virtufin_text_t* etag = NULL;
  virtufin_state_item_t* item = NULL;
  if (!TRY(virtufin_state_set(platform, service, key, one, NULL, &etag, &error))) return 0;
  virtufin_state_set_options_t over = {.struct_size = sizeof over};
  over.etag = virtufin_text_get(etag);
  int fine = TRY(virtufin_state_set(platform, service, key, two, &over, NULL, &error)) &&
             TRY(virtufin_state_get(platform, service, key, &item, &error));
  /* The same etag once more is no longer the record's: whoever lost reads again. */
  fine = fine &&
         virtufin_state_set(platform, service, key, one, &over, NULL, NULL) == VIRTUFIN_ABORTED;
  if (fine) {
    const virtufin_str_t value = virtufin_state_item_get_value(item);
    printf("position: %.*s\n", (int)value.size, value.data);
  }
  virtufin_state_item_free(item);
  virtufin_text_free(etag);
  return fine;
}

/* Quotes of one instrument: three as events, then the best prices as numbers. */
static int follow_prices(virtufin_platform_t* platform, char** urls, inbox_t* inbox) {
  const virtufin_str_t pair = VIRTUFIN_STR("BTCUSDT");
  const virtufin_pair_t options[] = {{VIRTUFIN_STR("stream_url"), {urls[0], strlen(urls[0])}},
                                     {VIRTUFIN_STR("rest_url"), {urls[1], strlen(urls[1])}}};
  virtufin_error_t* error = NULL;
  virtufin_text_t* id = NULL;
  virtufin_subscription_t* quotes = NULL;
  virtufin_top_of_book_t top = {.struct_size = sizeof top};
  /* The bus first, then the feed: so the first event is seen too. */
  const int fine =
      TRY(virtufin_bus_subscribe(platform,
                                 VIRTUFIN_STR("act.exchange.binance.quote.update.BTCUSDT"), NULL,
                                 on_event, inbox, NULL, &quotes, &error)) &&
      TRY(virtufin_feed_start(platform, VIRTUFIN_STR("binance"), options, 2, NULL, 0, &id,
                              &error)) &&
      TRY(virtufin_feed_subscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("quote"), &pair, 1,
                                  NULL, 0, &error)) &&
      await_events(inbox, 5) && /* after the two replies */
      TRY(virtufin_feed_get_top_of_book(platform, virtufin_text_get(id), pair, &top, &error)) &&
      TRY(virtufin_feed_stop(platform, virtufin_text_get(id), &error));
  if (fine) {
    /* Prices are exact: coefficient and scale, never a double. */
    char bid[VIRTUFIN_DECIMAL_TEXT_BYTES], ask[VIRTUFIN_DECIMAL_TEXT_BYTES];
    virtufin_decimal_format(top.bid_price, bid);
    virtufin_decimal_format(top.ask_price, ask);
    printf("bid %s ask %s\n", bid, ask);
  }
  virtufin_subscription_free(quotes);
  virtufin_text_free(id);
  return fine;
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    fprintf(stderr, "usage: embed_c_example <worker library> [<stream url> <rest url>]\n");
    return 2;
  }
  inbox_t inbox = {.events = 0};
  mtx_init(&inbox.mutex, mtx_plain);
  cnd_init(&inbox.changed);
  int seen = 0; /* the state of our worker: lives until the platform is stopped */

  /* Options are text; the header lists the keys. Create starts nothing yet. */
  virtufin_error_t* error = NULL;
  virtufin_platform_t* platform = NULL;
  virtufin_options_t* options = virtufin_options_new();
  int fine = TRY(virtufin_options_set(options, VIRTUFIN_STR("executor.threads"), VIRTUFIN_STR("2"),
                                      &error)) &&
             TRY(virtufin_platform_create(options, &platform, &error));
  virtufin_options_free(options);
  if (!fine) return 1;

  virtufin_subscription_t* replies = NULL;
  fine = TRY(virtufin_platform_set_log(platform, 3, on_log, NULL, NULL, &error)) &&
         TRY(virtufin_platform_start(platform, &error)) &&
         TRY(virtufin_bus_subscribe(platform, VIRTUFIN_STR("replies"), NULL, on_event, &inbox, NULL,
                                    &replies, &error)) &&
         start_workers(platform, argv[1], &seen) && publish_greeting(platform) &&
         await_events(&inbox, 2) && keep_state(platform) &&
         (argc == 2 || follow_prices(platform, argv + 2, &inbox));

  /* After a stop that succeeded no callback runs any more: what they use may go. */
  fine = TRY(virtufin_platform_stop(platform, 10000, &error)) && fine;
  virtufin_subscription_free(replies);
  virtufin_platform_free(platform);
  cnd_destroy(&inbox.changed);
  mtx_destroy(&inbox.mutex);
  return fine && seen == 1 ? 0 : 1;
}
