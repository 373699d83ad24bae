/* Workers as a C program makes them: tables of functions, replies, lists, code from bytes.
 * argv[1]: the library hello_c. */
#include "c_support.h"

/* A worker of this program: counts, and answers as it is told. */
typedef struct trader {
  counter_t calls;
  counter_t created, shut_down;
  int finalized;
  int refuse; /* create gives no state */
  char config[32];
  void (*answer)(virtufin_reply_t* reply);
} trader_t;
#define TRADER_INIT \
  { COUNTER_INIT, COUNTER_INIT, COUNTER_INIT, 0, 0, "", NULL }

static void* trader_create(void* user_data) {
  trader_t* trader = user_data;
  counter_add(&trader->created, 1);
  return trader->refuse ? NULL : trader;
}
static void trader_process(void* state, const virtufin_event_t* input, virtufin_reply_t* reply) {
  trader_t* trader = state;
  const virtufin_str_t symbol = virtufin_event_get_attribute(input, VIRTUFIN_STR("symbol"));
  pthread_mutex_lock(&trader->calls.mutex); /* several workers may share a trader */
  snprintf(trader->config, sizeof(trader->config), "%.*s", (int)symbol.size,
           symbol.size == 0 ? "" : symbol.data);
  pthread_mutex_unlock(&trader->calls.mutex);
  if (trader->answer != NULL) trader->answer(reply);
  counter_add(&trader->calls, 1);
}
static void trader_shutdown(void* state) { counter_add(&((trader_t*)state)->shut_down, 1); }
static void trader_final(void* user_data) {
  trader_t* trader = user_data;
  CHECK(counter_get(&trader->shut_down) == counter_get(&trader->created) || trader->refuse);
  ++trader->finalized;
}

static const virtufin_worker_functions_t kTrader = {sizeof(kTrader), 0, trader_create,
                                                    trader_process, trader_shutdown};

static void register_trader(virtufin_platform_t* platform, const char* name, trader_t* trader) {
  CHECK(virtufin_worker_register(platform, str(name), &kTrader, trader, trader_final, NULL) ==
        VIRTUFIN_OK);
}

static virtufin_worker_code_t named(const char* functions) {
  virtufin_worker_code_t code = {.struct_size = sizeof(code), .functions = str(functions)};
  return code;
}

static const virtufin_str_t kTopics[] = {{"orders", 6}};
static const virtufin_worker_options_t kOptions = {
    .struct_size = sizeof(kOptions), .topics = kTopics, .topic_count = 1};

static virtufin_text_t* create(virtufin_platform_t* platform, const char* functions) {
  const virtufin_worker_code_t code = named(functions);
  virtufin_text_t* id = NULL;
  CHECK(virtufin_worker_create(platform, &code, &kOptions, &id, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  return id;
}

/* What came back on a topic. */
typedef struct answers {
  counter_t count;
  virtufin_event_t* last; /* owned */
} answers_t;
#define ANSWERS_INIT \
  { COUNTER_INIT, NULL }

static virtufin_delivery_t on_answer(void* user_data, virtufin_str_t topic,
                                     const virtufin_event_t* event,
                                     const virtufin_delivery_info_t* info) {
  answers_t* answers = user_data;
  (void)topic;
  (void)info;
  virtufin_event_free(answers->last);
  answers->last = virtufin_event_clone(event);
  counter_add(&answers->count, 1);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

static virtufin_subscription_t* watch(virtufin_platform_t* platform, const char* topic,
                                      answers_t* answers) {
  virtufin_subscription_t* subscription = NULL;
  CHECK(virtufin_bus_subscribe(platform, str(topic), NULL, on_answer, answers, NULL, &subscription,
                               NULL) == VIRTUFIN_OK);
  return subscription;
}

static virtufin_worker_info_t only_worker(virtufin_platform_t* platform,
                                          virtufin_worker_list_t** list) {
  virtufin_worker_info_t info = {.struct_size = sizeof(info)};
  CHECK(virtufin_worker_list_create(platform, list, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_worker_list_get_count(*list) == 1);
  CHECK(virtufin_worker_list_get_info(*list, 0, &info, NULL) == VIRTUFIN_OK);
  return info;
}

static void answer_json(virtufin_reply_t* reply) {
  CHECK(virtufin_reply_set_json(reply, str("urn:trader"), str("order.placed"), str("{\"n\":1}"),
                                NULL) == VIRTUFIN_OK);
}

/* Pins CA-30, CA-31. */
static void a_table_of_functions_answers_events(void) {
  virtufin_platform_t* platform = start_platform();
  trader_t trader = TRADER_INIT;
  answers_t answers = ANSWERS_INIT;
  trader.answer = answer_json;
  register_trader(platform, "trader", &trader);
  const virtufin_worker_code_t code = named("trader");
  const virtufin_pair_t config[] = {{{"symbol", 6}, {"ETHUSDT!", 7}},
                                    {{"virtufin.queue", 14}, {"16", 2}}};
  const virtufin_pair_t tags[] = {{{"desk", 4}, {"one", 3}}};
  const virtufin_worker_options_t options = {sizeof(options), 0, kTopics, 1, config, 2, tags, 1, 0};
  virtufin_text_t* id = NULL;
  CHECK(virtufin_worker_create(platform, &code, &options, &id, NULL) == VIRTUFIN_OK);
  virtufin_subscription_t* subscription = watch(platform, "order.placed", &answers);
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  publish(platform, "orders", "1");
  counter_await(&answers.count, 1);
  CHECK(strcmp(trader.config, "ETHUSDT") == 0);
  CHECK(equals(virtufin_event_get_data(answers.last), "{\"n\":1}"));
  CHECK(equals(virtufin_event_get_attribute(answers.last, str("source")), "urn:trader"));
  CHECK(virtufin_event_get_attribute(answers.last, str("time")).size > 0);

  CHECK(virtufin_worker_stop(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  virtufin_worker_list_t* list = NULL;
  const virtufin_worker_info_t info = only_worker(platform, &list);
  CHECK(info.status == VIRTUFIN_WORKER_STOPPED && info.degraded == 0);
  CHECK(info.id.size == virtufin_text_get(id).size);
  CHECK(memcmp(info.id.data, virtufin_text_get(id).data, info.id.size) == 0);
  CHECK(equals(info.mime_type, "application/x-virtufin-inproc"));
  CHECK(info.topic_count == 1 && equals(info.topics[0], "orders"));
  CHECK(info.config_count == 2 && equals(info.config[0].name, "symbol"));
  CHECK(equals(info.config[0].value, "ETHUSDT") && equals(info.config[1].value, "16"));
  CHECK(info.tag_count == 1 && equals(info.tags[0].name, "desk"));
  CHECK(equals(info.tags[0].value, "one"));
  CHECK(info.created_at.size >= 20 && info.error.size == 0 && info.language.size > 0);
  CHECK(info.calls == 1 && info.replies == 1 && info.failed == 0 && info.dropped == 0);
  virtufin_worker_list_free(list);

  CHECK(virtufin_worker_delete(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  CHECK(counter_get(&trader.shut_down) == 1 && trader.finalized == 0);
  virtufin_text_free(id);
  virtufin_subscription_free(subscription);
  virtufin_event_free(answers.last);
  end_platform(platform);
  CHECK(trader.finalized == 1);
}

/* Pins CA-30. */
static void each_worker_of_a_table_has_its_own_state(void) {
  virtufin_platform_t* platform = start_platform();
  trader_t trader = TRADER_INIT;
  register_trader(platform, "trader", &trader);
  virtufin_text_t* one = create(platform, "trader");
  virtufin_text_t* other = create(platform, "trader");
  CHECK(counter_get(&trader.created) == 2);
  publish(platform, "orders", "1");
  counter_await(&trader.calls, 2);
  CHECK(virtufin_worker_delete(platform, virtufin_text_get(one), NULL) == VIRTUFIN_OK);
  CHECK(counter_get(&trader.shut_down) == 1);
  /* No state, no worker, and nothing to shut down. */
  trader.refuse = 1;
  const virtufin_worker_code_t code = named("trader");
  virtufin_text_t* none = NULL;
  CHECK(virtufin_worker_create(platform, &code, &kOptions, &none, NULL) ==
        VIRTUFIN_INVALID_ARGUMENT);
  CHECK(none == NULL && counter_get(&trader.shut_down) == 1);
  virtufin_text_free(one);
  virtufin_text_free(other);
  end_platform(platform);
  CHECK(counter_get(&trader.shut_down) == 2 && trader.finalized == 1);

  /* Without create and shutdown the state is user_data. */
  platform = start_platform();
  trader_t bare = TRADER_INIT;
  virtufin_worker_functions_t functions = {.struct_size = sizeof(functions)};
  functions.process = trader_process;
  CHECK(virtufin_worker_register(platform, str("bare"), &functions, &bare, NULL, NULL) ==
        VIRTUFIN_OK);
  virtufin_text_free(create(platform, "bare"));
  publish(platform, "orders", "1");
  counter_await(&bare.calls, 1);
  end_platform(platform);
}

static void answer_error(virtufin_reply_t* reply) {
  answer_json(reply);
  CHECK(virtufin_reply_set_error(reply, VIRTUFIN_UNAVAILABLE, str("the venue is shut"), NULL) ==
        VIRTUFIN_OK);
}

/* Pins CA-31. */
static void a_failed_call_is_retried_and_dead_lettered(void) {
  virtufin_options_t* fast = virtufin_options_new();
  virtufin_options_set(fast, str("workmanager.retry_attempts"), str("2"), NULL);
  virtufin_options_set(fast, str("workmanager.retry_delay_ms"), str("1"), NULL);
  virtufin_platform_t* platform = NULL;
  CHECK(virtufin_platform_create(fast, &platform, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_platform_start(platform, NULL) == VIRTUFIN_OK);
  virtufin_options_free(fast);
  trader_t trader = TRADER_INIT;
  answers_t dead = ANSWERS_INIT;
  trader.answer = answer_error;
  register_trader(platform, "trader", &trader);
  virtufin_subscription_t* graves = watch(platform, "orders-dead", &dead);
  virtufin_text_free(create(platform, "trader"));
  publish(platform, "orders", "1");
  counter_await(&dead.count, 1);
  check_contains(virtufin_event_get_attribute(dead.last, str("deadletterreason")),
                 "the venue is shut");
  CHECK(counter_get(&trader.calls) == 3);
  virtufin_worker_list_t* list = NULL;
  const virtufin_worker_info_t info = only_worker(platform, &list);
  CHECK(info.status == VIRTUFIN_WORKER_RUNNING);
  CHECK(info.calls == 3 && info.failed == 3 && info.replies == 0);
  virtufin_worker_list_free(list);
  virtufin_subscription_free(graves);
  virtufin_event_free(dead.last);
  end_platform(platform);
}

static void answer_everything(virtufin_reply_t* reply) {
  virtufin_event_t* event = make_event("mine");
  CHECK_ERROR(virtufin_reply_set_event(NULL, event, &error), VIRTUFIN_INVALID_ARGUMENT, "reply");
  CHECK_ERROR(virtufin_reply_set_event(reply, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "event");
  CHECK_ERROR(virtufin_reply_set_json(NULL, str("s"), str("t"), str("1"), &error),
              VIRTUFIN_INVALID_ARGUMENT, "reply");
  CHECK_ERROR(virtufin_reply_set_json(reply, str("s"), str("t"), str("{"), &error),
              VIRTUFIN_INVALID_ARGUMENT, "JSON");
  CHECK_ERROR(virtufin_reply_set_json(reply, str(""), str("t"), str("1"), &error),
              VIRTUFIN_INVALID_ARGUMENT, "source");
  CHECK_ERROR(virtufin_reply_set_error(reply, VIRTUFIN_OK, str("m"), &error),
              VIRTUFIN_INVALID_ARGUMENT, "found 0");
  CHECK_ERROR(virtufin_reply_set_error(reply, 17, str("m"), &error), VIRTUFIN_INVALID_ARGUMENT,
              "found 17");
  CHECK_ERROR(virtufin_reply_set_error(NULL, 1, str("m"), &error), VIRTUFIN_INVALID_ARGUMENT,
              "reply");
  virtufin_reply_decline(NULL);
  CHECK(virtufin_reply_set_error(reply, VIRTUFIN_INTERNAL, str("m"), NULL) == VIRTUFIN_OK);
  CHECK(virtufin_reply_set_event(reply, event, NULL) == VIRTUFIN_OK);
  virtufin_event_free(event);
}
static void answer_nothing(virtufin_reply_t* reply) {
  answer_everything(reply);
  virtufin_reply_decline(reply);
}

/* Pins CA-31. */
static void the_last_answer_counts_and_declining_is_no_failure(void) {
  virtufin_platform_t* platform = start_platform();
  trader_t trader = TRADER_INIT;
  answers_t answers = ANSWERS_INIT;
  trader.answer = answer_nothing;
  register_trader(platform, "trader", &trader);
  virtufin_subscription_t* subscription = watch(platform, "test", &answers);
  virtufin_text_t* id = create(platform, "trader");
  publish(platform, "orders", "1");
  counter_await(&trader.calls, 1);
  CHECK(virtufin_worker_stop(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  trader.answer = answer_everything;
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  publish(platform, "orders", "2");
  counter_await(&answers.count, 1);
  CHECK(equals(virtufin_event_get_attribute(answers.last, str("id")), "mine"));
  CHECK(virtufin_worker_stop(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  virtufin_worker_list_t* list = NULL;
  const virtufin_worker_info_t info = only_worker(platform, &list);
  CHECK(info.calls == 2 && info.replies == 1 && info.failed == 0);
  virtufin_worker_list_free(list);
  virtufin_text_free(id);
  virtufin_subscription_free(subscription);
  virtufin_event_free(answers.last);
  end_platform(platform);
}

/* Pins CA-32. */
static void new_code_takes_the_place_of_the_old(void) {
  virtufin_platform_t* platform = start_platform();
  trader_t old = TRADER_INIT, new = TRADER_INIT;
  register_trader(platform, "old", &old);
  register_trader(platform, "new", &new);
  virtufin_text_t* id = create(platform, "old");
  publish(platform, "orders", "1");
  counter_await(&old.calls, 1);
  virtufin_worker_code_t code = named("none");
  CHECK_ERROR(virtufin_worker_load_code(platform, virtufin_text_get(id), &code, &error),
              VIRTUFIN_INVALID_ARGUMENT, "'none'");
  publish(platform, "orders", "2");
  counter_await(&old.calls, 2); /* the old code stays */
  code = named("new");
  CHECK(virtufin_worker_load_code(platform, virtufin_text_get(id), &code, NULL) == VIRTUFIN_OK);
  CHECK(counter_get(&old.shut_down) == 1);
  publish(platform, "orders", "3");
  counter_await(&new.calls, 1);
  CHECK(counter_get(&old.calls) == 2);
  CHECK_ERROR(virtufin_worker_load_code(platform, str("no-such"), &code, &error),
              VIRTUFIN_NOT_FOUND, "no-such");
  CHECK_ERROR(virtufin_worker_load_code(NULL, str("x"), &code, &error), VIRTUFIN_INVALID_ARGUMENT,
              "platform");
  CHECK_ERROR(virtufin_worker_load_code(platform, str("x"), NULL, &error),
              VIRTUFIN_INVALID_ARGUMENT, "code");
  virtufin_text_free(id);
  end_platform(platform);
}

static const char* library;

/* Pins CA-10. */
static void a_library_can_be_given_as_bytes(void) {
  FILE* file = fopen(library, "rb");
  CHECK(file != NULL);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  char* bytes = malloc(size);
  CHECK(bytes != NULL && fread(bytes, 1, size, file) == size);
  fclose(file);
  virtufin_platform_t* platform = start_platform();
  answers_t answers = ANSWERS_INIT;
  virtufin_worker_code_t code = {.struct_size = sizeof(code), .content = {bytes, size}};
  virtufin_text_t* id = NULL;
  CHECK(virtufin_worker_create(platform, &code, &kOptions, &id, NULL) == VIRTUFIN_OK);
  free(bytes);
  virtufin_subscription_t* subscription = watch(platform, "com.example.hello.response", &answers);
  CHECK(virtufin_worker_start(platform, virtufin_text_get(id), NULL) == VIRTUFIN_OK);
  publish(platform, "orders", "1");
  counter_await(&answers.count, 1);
  CHECK(equals(virtufin_event_get_data(answers.last), "{\"message\":\"Hello, world!\"}"));
  virtufin_text_free(id);
  virtufin_subscription_free(subscription);
  virtufin_event_free(answers.last);
  end_platform(platform);
}

static virtufin_status_t try_create(virtufin_platform_t* platform,
                                    const virtufin_worker_code_t* code,
                                    const virtufin_worker_options_t* options,
                                    virtufin_error_t** error) {
  virtufin_text_t* id = NULL;
  const virtufin_status_t status = virtufin_worker_create(platform, code, options, &id, error);
  CHECK(id == NULL && status != VIRTUFIN_OK);
  return status;
}

/* Pins CA-33. */
static void code_comes_from_one_place(void) {
  typedef struct bad {
    virtufin_worker_code_t code;
    virtufin_status_t status;
    const char* message;
  } bad_t;
  const virtufin_str_t x = str("x");
  const bad_t bad[] = {
      {{.mime_type = x}, VIRTUFIN_INVALID_ARGUMENT, "functions, found 0"},
      {{.path = x, .content = x}, VIRTUFIN_INVALID_ARGUMENT, "functions, found 2"},
      {{.path = x, .content = x, .url = x, .functions = x}, VIRTUFIN_INVALID_ARGUMENT, "found 4"},
#ifdef BUILT_WITH_FETCH
      {{.url = str("http://127.0.0.1/")}, VIRTUFIN_PERMISSION_DENIED, "127.0.0.1: loopback"},
      {{.url = x}, VIRTUFIN_INVALID_ARGUMENT, "http:// or https://"},
      {{.url = str("https://a.invalid/"), .credential = x}, VIRTUFIN_INVALID_ARGUMENT, "'x'"},
#else
      {{.url = str("http://127.0.0.1/")}, VIRTUFIN_UNIMPLEMENTED, "VIRTUFIN_WITH_FETCH"},
#endif
      {{.functions = x, .credential = x}, VIRTUFIN_INVALID_ARGUMENT, "one with a url only"},
      {{.url = x, .credential = {"", 0}}, VIRTUFIN_INVALID_ARGUMENT, "credential: expected"},
      {{.functions = x}, VIRTUFIN_INVALID_ARGUMENT, "no factory is called 'x'"},
      {{.content = x}, VIRTUFIN_INVALID_ARGUMENT, ""},
      {{.content = x, .mime_type = x}, VIRTUFIN_INVALID_ARGUMENT, "application/x-native-dll"},
      {{.path = str("/no/such.so")}, VIRTUFIN_NOT_FOUND, "/no/such.so"},
  };
  virtufin_platform_t* platform = start_platform();
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
    virtufin_worker_code_t code = bad[i].code;
    code.struct_size = sizeof(code);
    CHECK_ERROR(try_create(platform, &code, &kOptions, &error), bad[i].status, bad[i].message);
  }
  end_platform(platform);
}

/* Pins CA-20, CA-33. */
static void a_worker_that_cannot_be_made_says_why(void) {
  typedef struct bad {
    virtufin_worker_options_t options;
    const char* message;
  } bad_t;
  static const virtufin_pair_t kTwice[] = {{{"a", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}};
  static const virtufin_pair_t kUnknown[] = {{{"virtufin.x", 10}, {"1", 1}}};
  static const virtufin_str_t kEmpty[] = {{NULL, 0}};
  const bad_t bad[] = {
      {{.topic_count = 0}, "topics: expected at least one"},
      {{.topic_count = 1}, "topics: expected a pointer"},
      {{.topics = kEmpty, .topic_count = 1}, "topics"},
      {{.topics = kTopics, .topic_count = 1, .config_count = 1}, "config: expected a pointer"},
      {{.topics = kTopics, .topic_count = 1, .tag_count = 1}, "tags: expected a pointer"},
      {{.topics = kTopics, .topic_count = 1, .config = kTwice, .config_count = 2}, "'a' is there"},
      {{.topics = kTopics, .topic_count = 1, .tags = kTwice, .tag_count = 2}, "tags: 'a'"},
      {{.topics = kTopics, .topic_count = 1, .config = kUnknown, .config_count = 1}, "virtufin.x"},
  };
  virtufin_platform_t* platform = start_platform();
  trader_t trader = TRADER_INIT;
  register_trader(platform, "trader", &trader);
  const virtufin_worker_code_t code = named("trader");
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
    virtufin_worker_options_t options = bad[i].options;
    options.struct_size = sizeof(options);
    CHECK_ERROR(try_create(platform, &code, &options, &error), VIRTUFIN_INVALID_ARGUMENT,
                bad[i].message);
  }
  CHECK_ERROR(try_create(NULL, &code, &kOptions, &error), VIRTUFIN_INVALID_ARGUMENT, "platform");
  CHECK_ERROR(try_create(platform, NULL, &kOptions, &error), VIRTUFIN_INVALID_ARGUMENT, "code");
  CHECK_ERROR(try_create(platform, &code, NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "options");
  CHECK_ERROR(virtufin_worker_create(platform, &code, &kOptions, NULL, &error),
              VIRTUFIN_INVALID_ARGUMENT, "id");
  virtufin_worker_code_t old_code = code;
  old_code.struct_size = 3;
  CHECK_ERROR(try_create(platform, &old_code, &kOptions, &error), VIRTUFIN_INVALID_ARGUMENT,
              "virtufin_worker_code_t.struct_size");
  virtufin_worker_options_t old_options = kOptions;
  old_options.struct_size = 0;
  CHECK_ERROR(try_create(platform, &code, &old_options, &error), VIRTUFIN_INVALID_ARGUMENT,
              "virtufin_worker_options_t.struct_size: expected 64 (of another header 4 to 4096), "
              "found 0");
  CHECK(counter_get(&trader.created) == 0);
  end_platform(platform);
}

static virtufin_status_t try_register(virtufin_platform_t* platform, const char* name,
                                      const virtufin_worker_functions_t* functions,
                                      virtufin_error_t** error) {
  int finalized = 0;
  const virtufin_status_t status =
      virtufin_worker_register(platform, str(name), functions, &finalized, count_final, error);
  CHECK(status != VIRTUFIN_OK && finalized == 1);
  return status;
}

/* Pins CA-7, CA-8, CA-30. */
static void a_refused_table_is_finalized_once(void) {
  virtufin_platform_t* platform = start_platform();
  trader_t trader = TRADER_INIT;
  register_trader(platform, "trader", &trader);
  virtufin_worker_functions_t functions = kTrader;
  CHECK_ERROR(try_register(platform, "trader", &kTrader, &error), VIRTUFIN_ALREADY_EXISTS,
              "'trader'");
  CHECK_ERROR(try_register(platform, "", &kTrader, &error), VIRTUFIN_INVALID_ARGUMENT, "name");
  CHECK_ERROR(try_register(NULL, "x", &kTrader, &error), VIRTUFIN_INVALID_ARGUMENT, "platform");
  CHECK_ERROR(try_register(platform, "x", NULL, &error), VIRTUFIN_INVALID_ARGUMENT, "functions");
  functions.reserved = 1;
  CHECK_ERROR(try_register(platform, "x", &functions, &error), VIRTUFIN_INVALID_ARGUMENT,
              "virtufin_worker_functions_t.reserved: expected 0, found 1");
  functions.reserved = 0;
  functions.process = NULL;
  CHECK_ERROR(try_register(platform, "x", &functions, &error), VIRTUFIN_INVALID_ARGUMENT,
              "process");
  functions.struct_size = 2;
  CHECK_ERROR(try_register(platform, "x", &functions, &error), VIRTUFIN_INVALID_ARGUMENT,
              "virtufin_worker_functions_t.struct_size");
  CHECK(trader.finalized == 0);
  end_platform(platform);
  CHECK(trader.finalized == 1);
}

static virtufin_platform_t* own_platform;
static virtufin_text_t* own_id;
static void answer_by_stopping(virtufin_reply_t* reply) {
  (void)reply;
  CHECK(virtufin_worker_stop(own_platform, virtufin_text_get(own_id), NULL) ==
        VIRTUFIN_FAILED_PRECONDITION);
  CHECK(virtufin_worker_delete(own_platform, virtufin_text_get(own_id), NULL) ==
        VIRTUFIN_FAILED_PRECONDITION);
  CHECK(virtufin_platform_stop(own_platform, 1, NULL) == VIRTUFIN_FAILED_PRECONDITION);
}

/* Pins CA-14, CA-33. */
static void a_worker_cannot_stop_what_it_runs_in(void) {
  own_platform = start_platform();
  trader_t trader = TRADER_INIT;
  trader.answer = answer_by_stopping;
  register_trader(own_platform, "trader", &trader);
  own_id = create(own_platform, "trader");
  publish(own_platform, "orders", "1");
  counter_await(&trader.calls, 1);
  CHECK_ERROR(virtufin_worker_start(NULL, str("x"), &error), VIRTUFIN_INVALID_ARGUMENT, "platform");
  CHECK_ERROR(virtufin_worker_stop(NULL, str("x"), &error), VIRTUFIN_INVALID_ARGUMENT, "platform");
  CHECK_ERROR(virtufin_worker_delete(NULL, str("x"), &error), VIRTUFIN_INVALID_ARGUMENT,
              "platform");
  CHECK_ERROR(virtufin_worker_stop(own_platform, str("x"), &error), VIRTUFIN_NOT_FOUND, "x");
  CHECK_ERROR(virtufin_worker_delete(own_platform, str("x"), &error), VIRTUFIN_NOT_FOUND, "x");
  CHECK_ERROR(virtufin_worker_start(own_platform, str("x"), &error), VIRTUFIN_NOT_FOUND, "x");
  virtufin_text_free(own_id);
  end_platform(own_platform);
}

/* Pins CA-33. */
static void lists_need_what_they_are_given(void) {
  virtufin_platform_t* platform = start_platform();
  virtufin_worker_list_t* list = NULL;
  virtufin_worker_info_t info = {.struct_size = sizeof(info)};
  CHECK_ERROR(virtufin_worker_list_create(NULL, &list, &error), VIRTUFIN_INVALID_ARGUMENT,
              "platform");
  CHECK_ERROR(virtufin_worker_list_create(platform, NULL, &error), VIRTUFIN_INVALID_ARGUMENT,
              "list");
  CHECK(virtufin_worker_list_create(platform, &list, NULL) == VIRTUFIN_OK);
  CHECK(virtufin_worker_list_get_count(list) == 0 && virtufin_worker_list_get_count(NULL) == 0);
  CHECK_ERROR(virtufin_worker_list_get_info(list, 0, &info, &error), VIRTUFIN_OUT_OF_RANGE,
              "less than 0, found 0");
  CHECK_ERROR(virtufin_worker_list_get_info(NULL, 0, &info, &error), VIRTUFIN_INVALID_ARGUMENT,
              "list");
  CHECK_ERROR(virtufin_worker_list_get_info(list, 0, NULL, &error), VIRTUFIN_INVALID_ARGUMENT,
              "info");
  virtufin_worker_list_free(NULL);
  end_platform(platform);
  CHECK(virtufin_worker_list_get_count(list) == 0); /* a list is the caller's own */
  virtufin_worker_list_free(list);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  library = argv[1];
  TEST(a_table_of_functions_answers_events);
  TEST(each_worker_of_a_table_has_its_own_state);
  TEST(a_failed_call_is_retried_and_dead_lettered);
  TEST(the_last_answer_counts_and_declining_is_no_failure);
  TEST(new_code_takes_the_place_of_the_old);
  TEST(a_library_can_be_given_as_bytes);
  TEST(code_comes_from_one_place);
  TEST(a_worker_that_cannot_be_made_says_why);
  TEST(a_refused_table_is_finalized_once);
  TEST(a_worker_cannot_stop_what_it_runs_in);
  TEST(lists_need_what_they_are_given);
  return 0;
}
