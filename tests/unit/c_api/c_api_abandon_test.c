/* A platform that had to leave a call behind: what it says, and what it still touches. */
#include "c_support.h"

/* What an abandoned call may touch is never freed: the platform below. */
const char* __lsan_default_suppressions(void);
const char* __lsan_default_suppressions(void) { return "leak:virtufin_platform_create"; }

static counter_t inside = COUNTER_INIT, leave = COUNTER_INIT, left = COUNTER_INIT;
static counter_t lines = COUNTER_INIT, logs_finalized = COUNTER_INIT;

static void on_log(void* user_data, int32_t level, virtufin_str_t component, virtufin_str_t text) {
  (void)user_data;
  (void)level;
  (void)component;
  (void)text;
  counter_add(&lines, 1);
}
static void finalize_log(void* user_data) { counter_add(user_data, 1); }

static virtufin_delivery_t stay(void* user_data, virtufin_str_t topic,
                                const virtufin_event_t* event,
                                const virtufin_delivery_info_t* info) {
  (void)topic;
  (void)event;
  (void)info;
  counter_add(&inside, 1);
  counter_await(&leave, 1);
  counter_add(&left, 1);
  return *(virtufin_delivery_t*)user_data;
}

static void* publish_one(void* platform) {
  publish(platform, "t", "1");
  return NULL;
}

/* Pins CA-14. */
static void a_later_stop_waits_for_an_inline_handler(void) {
  static virtufin_delivery_t answer = VIRTUFIN_DELIVERY_SUCCESS;
  const virtufin_subscribe_options_t options = {.struct_size = sizeof(options),
                                                .dispatch = VIRTUFIN_DISPATCH_INLINE};
  virtufin_platform_t* platform = start_platform();
  virtufin_subscription_t* subscription = NULL;
  pthread_t thread;
  CHECK(virtufin_bus_subscribe(platform, str("t"), &options, stay, &answer, NULL, &subscription,
                               NULL) == VIRTUFIN_OK);
  CHECK(pthread_create(&thread, NULL, publish_one, platform) == 0);
  counter_await(&inside, 1);
  for (int i = 0; i < 3; ++i) {
    CHECK_ERROR(virtufin_platform_stop(platform, 1, &error), VIRTUFIN_DEADLINE_EXCEEDED, "'t'");
  }
  counter_add(&leave, 1);
  CHECK(virtufin_platform_stop(platform, 60000, NULL) == VIRTUFIN_OK);
  CHECK(counter_get(&left) == 1);
  CHECK(pthread_join(thread, NULL) == 0);
  virtufin_subscription_free(subscription);
  virtufin_platform_free(platform);
}

/* Pins CA-14, CA-21. */
static void an_abandoned_call_is_named_by_every_stop_and_logs_no_more(void) {
  static virtufin_delivery_t answer = VIRTUFIN_DELIVERY_RETRY; /* a line of the log, when it can */
  virtufin_platform_t* platform = NULL;
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_platform_create(NULL, &platform, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_platform_set_log(platform, 0, on_log, &logs_finalized, finalize_log, NULL) ==
        VIRTUFIN_OK);
  CHECK(virtufin_platform_start(platform, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_bus_subscribe(platform, str("t"), NULL, stay, &answer, NULL, &subscription,
                               NULL) == VIRTUFIN_OK);
  publish(platform, "t", "1");
  counter_await(&inside, 1);
  for (int i = 0; i < 3; ++i) {
    CHECK(virtufin_platform_stop(platform, 1, NULL) == VIRTUFIN_DEADLINE_EXCEEDED);
  }
  CHECK(counter_get(&logs_finalized) == 0);
  virtufin_platform_free(platform);
  CHECK(counter_get(&logs_finalized) == 1);
  const long before = counter_get(&lines);
  counter_add(&leave, 1);
  counter_await(&left, 1);
  virtufin_subscription_free(subscription); /* waits for the handler, and what comes behind it */
  CHECK(counter_get(&lines) == before);
}

int main(void) {
  TEST(a_later_stop_waits_for_an_inline_handler);
  inside.value = leave.value = left.value = 0;
  TEST(an_abandoned_call_is_named_by_every_stop_and_logs_no_more);
  return 0;
}
