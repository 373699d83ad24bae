/* Feeds through the C API, against the simulated venue in a process of its own.
 * argv[1]: the program simulated_venue; without it the library was built without feeds. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c_support.h"

typedef struct venue {
  pid_t process;
  char rest[64], stream[64];
} venue_t;

static venue_t start_venue(const char* program) {
  venue_t venue = {0};
  int ends[2];
  CHECK(pipe(ends) == 0);
  venue.process = fork();
  if (venue.process == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    execl(program, program, "--pairs", "2", (char*)NULL);
    _exit(127);
  }
  close(ends[1]);
  FILE* lines = fdopen(ends[0], "r");
  char line[256];
  while (fgets(line, sizeof(line), lines) != NULL && venue.stream[0] == '\0') {
    (void)sscanf(line, "rest %63s", venue.rest);
    (void)sscanf(line, "websocket %63s", venue.stream);
  }
  fclose(lines);
  CHECK(venue.rest[0] != '\0' && venue.stream[0] != '\0');
  return venue;
}

static venue_t venue;

/* [0] stream_url, [1] rest_url */
static void venue_options(virtufin_pair_t* options) {
  options[0].name = VIRTUFIN_STR("stream_url");
  options[0].value = str(venue.stream);
  options[1].name = VIRTUFIN_STR("rest_url");
  options[1].value = str(venue.rest);
}

static virtufin_text_t* start_feed(virtufin_platform_t* platform, const virtufin_pair_t* tag) {
  virtufin_pair_t options[2];
  venue_options(options);
  virtufin_text_t* id = NULL;
  CHECK(virtufin_feed_start(platform, VIRTUFIN_STR("binance"), options, 2, tag, tag != NULL, &id,
                            NULL) == VIRTUFIN_OK);
  return id;
}

typedef struct watcher {
  virtufin_platform_t* platform;
  virtufin_str_t id;
  counter_t tops, stopped;
} watcher_t;

/* Inline: the top is never older than the event. */
static virtufin_delivery_t on_book(void* user_data, virtufin_str_t topic,
                                   const virtufin_event_t* event,
                                   const virtufin_delivery_info_t* info) {
  watcher_t* watcher = user_data;
  (void)topic;
  (void)event;
  (void)info;
  virtufin_top_of_book_t top = {0};
  top.struct_size = sizeof(top);
  CHECK(virtufin_feed_get_top_of_book(watcher->platform, watcher->id, VIRTUFIN_STR("BTCUSDT"), &top,
                                      NULL) == VIRTUFIN_OK);
  CHECK(top.source == VIRTUFIN_TOP_FROM_BOOK);
  CHECK(top.update_id > 0 && top.event_unix_ns > 0 && top.receive_unix_ns > 0);
  int64_t bid = 0, ask = 0;
  CHECK(virtufin_decimal_at_scale(top.bid_price, 8, &bid, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_decimal_at_scale(top.ask_price, 8, &ask, NULL) == VIRTUFIN_OK);
  CHECK(0 < bid && bid < ask);
  CHECK(top.bid_quantity.coefficient > 0 && top.ask_quantity.coefficient > 0);
  counter_add(&watcher->tops, 1);
  if (counter_get(&watcher->tops) == 20) {
    CHECK(virtufin_feed_stop(watcher->platform, watcher->id, NULL) == VIRTUFIN_OK);
    counter_add(&watcher->stopped, 1);
  }
  return VIRTUFIN_DELIVERY_SUCCESS;
}

/* Pins CA-40. */
static void the_top_of_a_book_inside_its_handler_which_then_stops_the_feed(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_text_t* id = start_feed(platform, NULL);
  watcher_t watcher = {platform, virtufin_text_get(id), COUNTER_INIT, COUNTER_INIT};
  virtufin_subscribe_options_t options = {0};
  options.struct_size = sizeof(options);
  options.dispatch = VIRTUFIN_DISPATCH_INLINE;
  virtufin_subscription_t* watch = NULL;
  CHECK(virtufin_bus_subscribe(platform,
                               VIRTUFIN_STR("act.exchange.binance.orderbook.update.BTCUSDT"),
                               &options, on_book, &watcher, NULL, &watch, NULL) == VIRTUFIN_OK);
  const virtufin_str_t pair = VIRTUFIN_STR("BTCUSDT");
  CHECK(virtufin_feed_subscribe(platform, watcher.id, VIRTUFIN_STR("book"), &pair, 1, NULL, 0,
                                NULL) == VIRTUFIN_OK);
  counter_await(&watcher.stopped, 1);
  end_platform(platform);
  virtufin_subscription_free(watch);
  virtufin_text_free(id);
}

/* Pins CA-40. */
static void feeds_are_listed_with_what_they_carry(void) {
  virtufin_platform_t* platform = start_platform();
  const virtufin_pair_t tag = {VIRTUFIN_STR("desk"), VIRTUFIN_STR("fx")};
  virtufin_text_t* id = start_feed(platform, &tag);
  virtufin_text_t* other = start_feed(platform, NULL);
  const virtufin_str_t pairs[2] = {VIRTUFIN_STR("BTCUSDT"), VIRTUFIN_STR("NONEUSDT")};
  const virtufin_pair_t interval = {VIRTUFIN_STR("interval"), VIRTUFIN_STR("5m")};
  CHECK(virtufin_feed_subscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("book"), pairs, 2,
                                NULL, 0, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_feed_subscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("candle"), pairs, 1,
                                &interval, 1, NULL) == VIRTUFIN_OK);
  virtufin_feed_info_t info = {0};
  virtufin_feed_subscription_t one = {0};
  info.struct_size = sizeof(info);
  one.struct_size = sizeof(one);
  for (;;) { /* until the venue refused one and the others are live */
    virtufin_feed_list_t* list = NULL;
    CHECK(virtufin_feed_list_create(platform, &tag, 1, &list, NULL) == VIRTUFIN_OK);
    CHECK(virtufin_feed_list_get_count(list) == 1);
    CHECK(virtufin_feed_list_get_info(list, 0, &info, NULL) == VIRTUFIN_OK);
    CHECK(info.subscription_count == 3);
    CHECK(virtufin_feed_list_get_subscription(list, 0, 1, &one, NULL) == VIRTUFIN_OK);
    CHECK(equals(one.channel, "book") && equals(one.instrument, "NONEUSDT"));
    const int done = info.state == VIRTUFIN_FEED_LIVE && one.state == VIRTUFIN_FEED_REJECTED;
    if (done) {
      CHECK(contains(one.reason, "NONEUSDT"));
      CHECK(info.id.size == 36 && memcmp(info.id.data, virtufin_text_get(id).data, 36) == 0);
      CHECK(equals(info.venue, "binance") && info.tag_count == 1);
      CHECK(equals(info.tags[0].name, "desk") && equals(info.tags[0].value, "fx"));
      CHECK(virtufin_feed_list_get_subscription(list, 0, 2, &one, NULL) == VIRTUFIN_OK);
      CHECK(equals(one.channel, "candle") && one.parameter_count == 1 && one.references == 1);
      CHECK(equals(one.parameters[0].name, "interval") && equals(one.parameters[0].value, "5m"));
      CHECK_ERROR(virtufin_feed_list_get_info(list, 1, &info, &error), VIRTUFIN_OUT_OF_RANGE,
                  "less than 1");
      CHECK_ERROR(virtufin_feed_list_get_subscription(list, 0, 3, &one, &error),
                  VIRTUFIN_OUT_OF_RANGE, "less than 3");
    }
    virtufin_feed_list_free(list);
    if (done) break;
    sched_yield();
  }
  CHECK(virtufin_feed_republish(platform, virtufin_text_get(id), VIRTUFIN_STR("book"), pairs, 2,
                                NULL, 0, NULL) == VIRTUFIN_OK);
  CHECK_ERROR(virtufin_feed_republish(platform, virtufin_text_get(id), VIRTUFIN_STR("quote"), pairs,
                                      1, NULL, 0, &error),
              VIRTUFIN_NOT_FOUND, "quote");
  CHECK(virtufin_feed_unsubscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("book"), pairs, 2,
                                  NULL, 0, NULL) == VIRTUFIN_OK);
  CHECK_ERROR(virtufin_feed_unsubscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("book"),
                                        pairs, 1, NULL, 0, &error),
              VIRTUFIN_NOT_FOUND, "book BTCUSDT");
  CHECK(virtufin_feed_stop(platform, virtufin_text_get(other), NULL) == VIRTUFIN_OK);
  CHECK_ERROR(virtufin_feed_stop(platform, virtufin_text_get(other), &error), VIRTUFIN_NOT_FOUND,
              "id of a feed");
  end_platform(platform);
  virtufin_text_free(id);
  virtufin_text_free(other);
}

/* Pins CA-40. */
static void what_is_wrong_is_named(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_text_t* id = NULL;
  const virtufin_pair_t bad = {VIRTUFIN_STR("depth_speed"), VIRTUFIN_STR("1")};
  CHECK_ERROR(virtufin_feed_start(platform, VIRTUFIN_STR("kraken"), NULL, 0, NULL, 0, &id, &error),
              VIRTUFIN_NOT_FOUND, "binance, binance-usdm");
  CHECK_ERROR(virtufin_feed_start(platform, VIRTUFIN_STR("binance"), &bad, 1, NULL, 0, &id, &error),
              VIRTUFIN_NOT_FOUND, "depth_speed_ms");
  CHECK_ERROR(virtufin_feed_start(platform, VIRTUFIN_STR("binance"), NULL, 1, NULL, 0, &id, &error),
              VIRTUFIN_INVALID_ARGUMENT, "options");
  CHECK_ERROR(virtufin_feed_start(NULL, VIRTUFIN_STR("binance"), NULL, 0, NULL, 0, &id, &error),
              VIRTUFIN_INVALID_ARGUMENT, "platform");
  CHECK(id == NULL);
  id = start_feed(platform, NULL);
  const virtufin_str_t pair = VIRTUFIN_STR("BTCUSDT");
  CHECK_ERROR(virtufin_feed_subscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("boook"), &pair,
                                      1, NULL, 0, &error),
              VIRTUFIN_INVALID_ARGUMENT, "book, quote");
  CHECK_ERROR(virtufin_feed_subscribe(platform, virtufin_text_get(id), VIRTUFIN_STR("book"), NULL,
                                      1, NULL, 0, &error),
              VIRTUFIN_INVALID_ARGUMENT, "instruments");
  virtufin_top_of_book_t top = {0};
  CHECK_ERROR(virtufin_feed_get_top_of_book(platform, virtufin_text_get(id), pair, NULL, &error),
              VIRTUFIN_INVALID_ARGUMENT, "top");
  top.struct_size = sizeof(top);
  CHECK_ERROR(virtufin_feed_get_top_of_book(platform, virtufin_text_get(id), pair, &top, &error),
              VIRTUFIN_NOT_FOUND, "BTCUSDT");
  virtufin_feed_list_free(NULL);
  virtufin_feed_options_free(NULL);
  CHECK(virtufin_feed_list_get_count(NULL) == 0 && virtufin_feed_options_get_count(NULL) == 0);
  end_platform(platform);
  virtufin_text_free(id);
}

/* Pins CA-40. */
static void options_of_a_venue_are_described(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_feed_options_t* options = NULL;
  CHECK_ERROR(virtufin_feed_options_create(platform, VIRTUFIN_STR("kraken"), &options, &error),
              VIRTUFIN_NOT_FOUND, "binance");
  CHECK(virtufin_feed_options_create(platform, VIRTUFIN_STR("binance-usdm"), &options, NULL) ==
        VIRTUFIN_OK);
  const size_t count = virtufin_feed_options_get_count(options);
  int found = 0;
  for (size_t i = 0; i < count; ++i) {
    virtufin_option_info_t info = {0};
    info.struct_size = sizeof(info);
    CHECK(virtufin_feed_options_describe(options, i, &info, NULL) == VIRTUFIN_OK);
    CHECK(info.key.size > 0 && info.description.size > 0);
    if (equals(info.key, "depth_speed_ms")) found = equals(info.default_value, "100");
    if (equals(info.key, "snapshot_levels")) CHECK(equals(info.values, "1 to 5000"));
  }
  CHECK(found);
  virtufin_option_info_t info = {0};
  info.struct_size = sizeof(info);
  CHECK_ERROR(virtufin_feed_options_describe(options, count, &info, &error), VIRTUFIN_OUT_OF_RANGE,
              "less than");
  virtufin_feed_options_free(options);
  end_platform(platform);
}

/* Pins CA-41. */
static void decimals_are_exact(void) {
  char text[VIRTUFIN_DECIMAL_TEXT_BYTES];
  const virtufin_decimal_t price = {670005, 1, 0}, negative = {-5, 3, 0}, bad = {1, 19, 0};
  const virtufin_decimal_t large = {INT64_MAX, 0, 0};
  CHECK(virtufin_decimal_format(price, text) == 7 && strcmp(text, "67000.5") == 0);
  CHECK(virtufin_decimal_format(negative, text) == 6 && strcmp(text, "-0.005") == 0);
  CHECK(virtufin_decimal_format(bad, text) == 0 && text[0] == '\0');
  int64_t at = 0;
  CHECK(virtufin_decimal_at_scale(price, 3, &at, NULL) == VIRTUFIN_OK && at == 67000500);
  CHECK(virtufin_decimal_at_scale(negative, 3, &at, NULL) == VIRTUFIN_OK && at == -5);
  CHECK_ERROR(virtufin_decimal_at_scale(negative, 2, &at, &error), VIRTUFIN_OUT_OF_RANGE,
              "found 2");
  CHECK_ERROR(virtufin_decimal_at_scale(large, 1, &at, &error), VIRTUFIN_OUT_OF_RANGE, "found 1");
  CHECK_ERROR(virtufin_decimal_at_scale(price, 19, &at, &error), VIRTUFIN_OUT_OF_RANGE, "to 18");
  CHECK(at == -5);
}

/* Pins WS-8. */
static void a_library_without_feeds_says_so(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_text_t* id = NULL;
  CHECK_ERROR(virtufin_feed_start(platform, VIRTUFIN_STR("binance"), NULL, 0, NULL, 0, &id, &error),
              VIRTUFIN_UNIMPLEMENTED, "feeds");
  virtufin_feed_list_t* list = NULL;
  CHECK_ERROR(virtufin_feed_list_create(platform, NULL, 0, &list, &error), VIRTUFIN_UNIMPLEMENTED,
              "VIRTUFIN_WITH_FEEDS");
  CHECK(list == NULL && id == NULL);
  end_platform(platform);
}

int main(int argc, char** argv) {
  TEST(decimals_are_exact);
  if (argc < 2) {
    TEST(a_library_without_feeds_says_so);
    return 0;
  }
  venue = start_venue(argv[1]);
  TEST(the_top_of_a_book_inside_its_handler_which_then_stops_the_feed);
  TEST(feeds_are_listed_with_what_they_carry);
  TEST(what_is_wrong_is_named);
  TEST(options_of_a_venue_are_described);
  kill(venue.process, SIGTERM);
  int status = 0;
  CHECK(waitpid(venue.process, &status, 0) == venue.process && status == 0);
  return 0;
}
