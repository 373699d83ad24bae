/* The bus as a C program uses it: patterns, groups, retries, dead letters, outcomes given later. */
#include "c_support.h"

/* What a handler saw, and what it answers. */
typedef struct seen {
  counter_t events;
  virtufin_delivery_t answer;
  uint32_t attempts; /* of the last event */
  char last_topic[64];
  char reason[64]; /* deadletterreason of the last event */
  virtufin_deferred_t* deferred;
  int defers;
  int finalized;
} seen_t;
#define SEEN_INIT \
  { COUNTER_INIT, VIRTUFIN_DELIVERY_SUCCESS, 0, "", "", NULL, 0, 0 }

static void seen_final(void* user_data) { ++((seen_t*)user_data)->finalized; }

static void copy(char* to, size_t room, virtufin_str_t text) {
  snprintf(to, room, "%.*s", (int)text.size, text.size == 0 ? "" : text.data);
}

static virtufin_delivery_t on_event(void* user_data, virtufin_str_t topic,
                                    const virtufin_event_t* event,
                                    const virtufin_delivery_info_t* info) {
  seen_t* seen = user_data;
  const virtufin_delivery_t answer = seen->answer;
  pthread_mutex_lock(&seen->events.mutex);
  seen->attempts = info->attempt;
  copy(seen->last_topic, sizeof(seen->last_topic), topic);
  copy(seen->reason, sizeof(seen->reason),
       virtufin_event_get_attribute(event, VIRTUFIN_STR("deadletterreason")));
  pthread_mutex_unlock(&seen->events.mutex);
  if (seen->defers) seen->deferred = virtufin_delivery_defer(info);
  if (seen->defers) CHECK(virtufin_delivery_defer(info) == NULL);
  if (answer != VIRTUFIN_DELIVERY_SUCCESS) virtufin_delivery_explain(info, str("not today"));
  counter_add(&seen->events, 1);
  return answer;
}

static virtufin_subscription_t* subscribe(virtufin_platform_t* platform, const char* topic,
                                          const virtufin_subscribe_options_t* options,
                                          seen_t* seen) {
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_bus_subscribe(platform, str(topic), options, on_event, seen, seen_final,
                               &subscription, NULL) == VIRTUFIN_OK);
  return subscription;
}

static virtufin_subscription_counters_t counters_of(const virtufin_subscription_t* subscription) {
  virtufin_subscription_counters_t counters = {.struct_size = sizeof(counters)};
  CHECK(virtufin_subscription_get_counters(subscription, &counters, NULL) == VIRTUFIN_OK);
  return counters;
}

/* Pins CA-26. */
static void patterns_and_several_topics_share_one_subscription(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT;
  const virtufin_subscribe_options_t options = {.struct_size = sizeof(options), .patterns = 1};
  const virtufin_str_t topics[] = {str("act.*.trade"), str("sc.>")};
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_bus_subscribe_many(platform, topics, 2, &options, on_event, &seen, seen_final,
                                    &subscription, NULL) == VIRTUFIN_OK);
  publish(platform, "act.x.trade", "1");
  publish(platform, "act.x.book", "2");
  publish(platform, "sc.a.b.c", "3");
  counter_await(&seen.events, 2);
  CHECK(strcmp(seen.last_topic, "sc.a.b.c") == 0);
  virtufin_subscription_free(subscription);
  CHECK(seen.finalized == 1);
  CHECK(counter_get(&seen.events) == 2);

  /* Without patterns the same text is a topic like any other. */
  seen_t exact = SEEN_INIT;
  subscription = subscribe(platform, "sc.>", NULL, &exact);
  publish(platform, "sc.a.b.c", "4");
  publish(platform, "sc.>", "5");
  counter_await(&exact.events, 1);
  CHECK(strcmp(exact.last_topic, "sc.>") == 0);
  virtufin_subscription_free(subscription);
  end_platform(platform);
}

/* Pins CA-26. */
static void members_of_a_group_share_the_events(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t one = SEEN_INIT, other = SEEN_INIT, alone = SEEN_INIT;
  const virtufin_subscribe_options_t options = {.struct_size = sizeof(options),
                                                .group = str("desk")};
  virtufin_subscription_t* a = subscribe(platform, "t", &options, &one);
  virtufin_subscription_t* b = subscribe(platform, "t", &options, &other);
  virtufin_subscription_t* c = subscribe(platform, "t", NULL, &alone);
  for (int i = 0; i < 100; ++i) publish(platform, "t", "e");
  counter_await(&alone.events, 100);
  AWAIT(counter_get(&one.events) + counter_get(&other.events) == 100);
  virtufin_subscription_free(a);
  virtufin_subscription_free(b);
  CHECK(counter_get(&one.events) + counter_get(&other.events) == 100);
  virtufin_subscription_free(c);
  end_platform(platform);
}

/* Pins CA-27. */
static void a_failed_event_is_retried_and_then_dead_lettered(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT, dead = SEEN_INIT;
  seen.answer = VIRTUFIN_DELIVERY_RETRY;
  const virtufin_subscribe_options_t options = {
      .struct_size = sizeof(options), .name = str("mine"), .retries = 2, .first_retry_delay_ms = 1};
  virtufin_subscription_t* graves = subscribe(platform, "t-dead", NULL, &dead);
  virtufin_subscription_t* subscription = subscribe(platform, "t", &options, &seen);
  publish(platform, "t", "1");
  counter_await(&dead.events, 1);
  CHECK(counter_get(&seen.events) == 3 && seen.attempts == 3);
  check_contains(str(dead.reason), "not today");
  AWAIT(counters_of(subscription).dead_lettered != 0);
  const virtufin_subscription_counters_t counters = counters_of(subscription);
  CHECK(counters.delivered == 3 && counters.failed == 3 && counters.retried == 2);
  CHECK(counters.dead_lettered == 1 && counters.dropped == 0 && counters.lagging == 0);
  virtufin_subscription_free(subscription);
  virtufin_subscription_free(graves);
  end_platform(platform);
}

/* Pins CA-27. */
static void a_rejected_event_is_dead_lettered_at_once_unless_that_is_off(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT, dead = SEEN_INIT;
  seen.answer = VIRTUFIN_DELIVERY_REJECT;
  virtufin_subscription_t* graves = subscribe(platform, "t-dead", NULL, &dead);
  virtufin_subscription_t* subscription = subscribe(platform, "t", NULL, &seen);
  publish(platform, "t", "1");
  counter_await(&dead.events, 1);
  CHECK(counter_get(&seen.events) == 1);
  virtufin_subscription_free(subscription);

  /* No retries and no dead letter: dropped and counted. */
  const virtufin_subscribe_options_t options = {
      .struct_size = sizeof(options), .retries = -1, .no_dead_letter = 1};
  seen.answer = VIRTUFIN_DELIVERY_RETRY;
  subscription = subscribe(platform, "t", &options, &seen);
  publish(platform, "t", "2");
  AWAIT(counters_of(subscription).dropped != 0);
  CHECK(counters_of(subscription).retried == 0 && counter_get(&seen.events) == 2);
  virtufin_subscription_free(subscription);
  virtufin_subscription_free(graves);
  CHECK(counter_get(&dead.events) == 1);
  end_platform(platform);
}

/* Pins CA-27. */
static void an_answer_that_is_none_is_a_reject(void) {
  static const virtufin_delivery_t kNone[] = {-1, 4, INT32_MAX};
  virtufin_platform_t* platform = start_platform();
  for (int i = 0; i < 3; ++i) {
    seen_t seen = SEEN_INIT, dead = SEEN_INIT;
    seen.answer = kNone[i];
    virtufin_subscription_t* graves = subscribe(platform, "t-dead", NULL, &dead);
    virtufin_subscription_t* subscription = subscribe(platform, "t", NULL, &seen);
    publish(platform, "t", "1");
    counter_await(&dead.events, 1);
    CHECK(counter_get(&seen.events) == 1);
    check_contains(str(dead.reason), "the handler answered");
    seen.defers = 1;
    publish(platform, "t", "2");
    counter_await(&seen.events, 2);
    virtufin_deferred_settle(seen.deferred, kNone[i], str("mine"));
    counter_await(&dead.events, 2);
    check_contains(str(dead.reason), "the handler answered");
    virtufin_subscription_free(subscription);
    virtufin_subscription_free(graves);
  }
  end_platform(platform);
}

/* Pins CA-28. */
static void an_outcome_can_be_given_later(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT, dead = SEEN_INIT;
  seen.defers = 1;
  const virtufin_subscribe_options_t options = {.struct_size = sizeof(options),
                                                .retries = 1,
                                                .first_retry_delay_ms = 1,
                                                .deferred_timeout_ms = -1};
  virtufin_subscription_t* graves = subscribe(platform, "t-dead", NULL, &dead);
  virtufin_subscription_t* subscription = subscribe(platform, "t", &options, &seen);
  const virtufin_str_t none = {NULL, 0};
  publish(platform, "t", "1");
  publish(platform, "t", "2");
  counter_await(&seen.events, 1);
  CHECK(counters_of(subscription).queued == 1); /* the next event waits */
  virtufin_deferred_settle(seen.deferred, VIRTUFIN_DELIVERY_SUCCESS, none);
  counter_await(&seen.events, 2);
  virtufin_deferred_free(seen.deferred); /* a retry */
  counter_await(&seen.events, 3);
  CHECK(seen.attempts == 2);
  virtufin_deferred_settle(seen.deferred, VIRTUFIN_DELIVERY_REJECT, str("too late"));
  counter_await(&dead.events, 1);
  check_contains(str(dead.reason), "too late");
  virtufin_deferred_free(NULL);
  virtufin_deferred_settle(NULL, VIRTUFIN_DELIVERY_SUCCESS, none);
  virtufin_delivery_explain(NULL, none);
  CHECK(virtufin_delivery_defer(NULL) == NULL);
  virtufin_subscription_free(subscription);
  virtufin_subscription_free(graves);
  end_platform(platform);
}

/* Pins CA-28. */
static void an_inline_handler_cannot_defer(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT;
  seen.defers = 1;
  const virtufin_subscribe_options_t options = {.struct_size = sizeof(options),
                                                .dispatch = VIRTUFIN_DISPATCH_INLINE};
  virtufin_subscription_t* subscription = subscribe(platform, "t", &options, &seen);
  publish(platform, "t", "1");
  CHECK(counter_get(&seen.events) == 1 && seen.deferred == NULL);
  virtufin_subscription_free(subscription);
  end_platform(platform);
}

static virtufin_status_t subscribe_status(virtufin_platform_t* platform,
                                          const virtufin_str_t* topic,
                                          const virtufin_subscribe_options_t* options,
                                          virtufin_event_fn handler, virtufin_error_t** error) {
  int finalized = 0;
  virtufin_subscription_t* subscription = NULL;
  const virtufin_status_t status = virtufin_bus_subscribe_many(
      platform, topic, 1, options, handler, &finalized, count_final, &subscription, error);
  CHECK(finalized == (status == VIRTUFIN_OK ? 0 : 1));
  CHECK((subscription != NULL) == (status == VIRTUFIN_OK));
  virtufin_subscription_free(subscription);
  CHECK(finalized == 1);
  return status;
}

/* Pins CA-7, CA-20, CA-29. */
static void a_refused_subscription_names_the_fault_and_finalizes_once(void) {
  typedef struct bad {
    virtufin_subscribe_options_t options;
    const char* fault;
  } bad_t;
  static const bad_t kBad[] = {
      {{.dispatch = 2}, "dispatch: expected 0 to 1, found 2"},
      {{.overflow = -1}, "overflow: expected 0 to 3"},
      {{.block_timeout_ms = -1}, "block_timeout_ms"},
      {{.patterns = 2}, "patterns"},
      {{.unordered = -1}, "unordered"},
      {{.retries = -2}, "retries"},
      {{.no_dead_letter = 2}, "no_dead_letter"},
      {{.first_retry_delay_ms = -1}, "first_retry_delay_ms"},
      {{.deferred_timeout_ms = -2}, "deferred_timeout_ms"},
      {{.capacity = UINT32_MAX}, "capacity"},
      {{.dispatch = 1, .group = {"g", 1}}, "group"},
  };
  virtufin_platform_t* platform = start_platform();
  const virtufin_str_t topic = str("t"), empty = {NULL, 0}, pattern = str("a.>.b");
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); ++i) {
    virtufin_subscribe_options_t options = kBad[i].options;
    options.struct_size = sizeof(options);
    CHECK_ERROR(subscribe_status(platform, &topic, &options, on_event, &error),
                VIRTUFIN_INVALID_ARGUMENT, kBad[i].fault);
  }
  const virtufin_subscribe_options_t patterns = {.struct_size = sizeof(patterns), .patterns = 1};
  CHECK(subscribe_status(platform, &pattern, &patterns, on_event, NULL) ==
        VIRTUFIN_INVALID_ARGUMENT);
  CHECK(subscribe_status(platform, &empty, NULL, on_event, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK_ERROR(subscribe_status(NULL, &topic, NULL, on_event, &error), VIRTUFIN_INVALID_ARGUMENT,
              "platform");
  CHECK_ERROR(subscribe_status(platform, NULL, NULL, on_event, &error), VIRTUFIN_INVALID_ARGUMENT,
              "topics");
  CHECK_ERROR(subscribe_status(platform, &topic, NULL, NULL, &error), VIRTUFIN_INVALID_ARGUMENT,
              "handler");
  CHECK(subscribe_status(platform, &topic, NULL, on_event, NULL) == VIRTUFIN_OK);
  int finalized = 0;
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_bus_subscribe_many(platform, &topic, 0, NULL, on_event, &finalized, count_final,
                                    &subscription, NULL) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK(virtufin_bus_subscribe(platform, topic, NULL, on_event, &finalized, count_final, NULL,
                               NULL) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK(finalized == 2 && subscription == NULL);
  end_platform(platform);

  CHECK(virtufin_platform_create(NULL, &platform, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_platform_stop(platform, 0, NULL) == VIRTUFIN_OK);
  CHECK(subscribe_status(platform, &topic, NULL, on_event, NULL) == VIRTUFIN_UNAVAILABLE);
  virtufin_platform_free(platform);
}

/* Pins CA-8. */
static void subscribe_options_of_other_headers_are_taken_or_refused(void) {
  virtufin_platform_t* platform = start_platform();
  const virtufin_str_t topic = str("t");
  struct {
    virtufin_subscribe_options_t known;
    unsigned char later[32];
  } options;
  for (uint32_t size = 0; size <= sizeof(options); ++size) {
    memset(&options, 0, sizeof(options));
    options.known.struct_size = size;
    if (size < sizeof(options.known)) {
      /* What lies behind an older struct is not ours to read. */
      memset((unsigned char*)&options + (size < 4 ? 4 : size), 0xff,
             sizeof(options) - (size < 4 ? 4 : size));
    }
    const virtufin_status_t expected = size < 4 ? VIRTUFIN_INVALID_ARGUMENT : VIRTUFIN_OK;
    CHECK(subscribe_status(platform, &topic, &options.known, on_event, NULL) == expected);
    if (size <= sizeof(options.known)) continue;
    ((unsigned char*)&options)[size - 1] = 1;
    CHECK_ERROR(subscribe_status(platform, &topic, &options.known, on_event, &error),
                VIRTUFIN_INVALID_ARGUMENT,
                "virtufin_subscribe_options_t: expected 0 behind the 88 bytes");
  }
  end_platform(platform);
}

/* Pins CA-20, CA-29. */
static void counters_are_of_a_subscription_and_need_room(void) {
  virtufin_platform_t* platform = start_platform();
  seen_t seen = SEEN_INIT;
  virtufin_subscription_t* subscription = subscribe(platform, "t", NULL, &seen);
  virtufin_subscription_counters_t counters = {.struct_size = 3};
  CHECK_ERROR(virtufin_subscription_get_counters(NULL, &counters, &error),
              VIRTUFIN_INVALID_ARGUMENT, "subscription");
  CHECK_ERROR(virtufin_subscription_get_counters(subscription, NULL, &error),
              VIRTUFIN_INVALID_ARGUMENT, "counters");
  CHECK_ERROR(virtufin_subscription_get_counters(subscription, &counters, &error),
              VIRTUFIN_INVALID_ARGUMENT, "virtufin_subscription_counters_t.struct_size");
  publish(platform, "t", "1");
  AWAIT(counters_of(subscription).delivered == 1);
  end_platform(platform);
  CHECK(counters_of(subscription).delivered == 1); /* it outlives its platform */
  virtufin_subscription_free(subscription);
  CHECK(seen.finalized == 1);
}

int main(void) {
  TEST(patterns_and_several_topics_share_one_subscription);
  TEST(members_of_a_group_share_the_events);
  TEST(a_failed_event_is_retried_and_then_dead_lettered);
  TEST(a_rejected_event_is_dead_lettered_at_once_unless_that_is_off);
  TEST(an_answer_that_is_none_is_a_reject);
  TEST(an_outcome_can_be_given_later);
  TEST(an_inline_handler_cannot_defer);
  TEST(a_refused_subscription_names_the_fault_and_finalizes_once);
  TEST(subscribe_options_of_other_headers_are_taken_or_refused);
  TEST(counters_are_of_a_subscription_and_need_room);
  return 0;
}
