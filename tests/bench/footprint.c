/* What an embedded platform takes of a process: memory and processor when idle, and what grows.
 *
 *   footprint idle [seconds] | events [count] | loads <library> [count]
 *
 * Prints one line for each figure: name, value, unit, goal, separated by tabs. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "virtufin/virtufin.h"

static void must(virtufin_status_t status, virtufin_error_t* error) {
  if (status == VIRTUFIN_OK) return;
  virtufin_str_t text = virtufin_error_get_message(error);
  fprintf(stderr, "status %d: %.*s\n", (int)status, (int)text.size, text.data);
  exit(1);
}

static double resident_kb(void) {
  long total = 0;
  long resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2) exit(1);
  fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void tell(const char* name, double value, const char* unit, const char* goal) {
  printf("%s\t%.4g\t%s\t%s\n", name, value, unit, goal);
}

static virtufin_platform_t* started(void) {
  virtufin_platform_t* platform = NULL;
  virtufin_error_t* error = NULL;
  must(virtufin_platform_create(NULL, &platform, &error), error);
  must(virtufin_platform_start(platform, &error), error);
  return platform;
}

static void idle(long seconds) {
  virtufin_platform_t* platform = started();
  usleep(200000);
  double before = cpu_seconds();
  sleep((unsigned)seconds);
  double used = cpu_seconds() - before;
  tell("idle platform: memory", resident_kb() / 1024, "MB RSS", "12");
  tell("idle platform: processor", 100 * used / (double)seconds, "% of a core", "0.1");
  virtufin_platform_free(platform);
}

static virtufin_delivery_t count(void* user_data, virtufin_str_t topic,
                                 const virtufin_event_t* event,
                                 const virtufin_delivery_info_t* info) {
  (void)topic;
  (void)event;
  (void)info;
  atomic_fetch_add((atomic_long*)user_data, 1);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

/* Each event is made, published to a queue, handled on another thread and freed. */
static void events(long total) {
  virtufin_platform_t* platform = started();
  virtufin_error_t* error = NULL;
  virtufin_subscription_t* subscription = NULL;
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  atomic_long handled = 0;
  double early_kb = 0;
  must(virtufin_bus_subscribe(platform, VIRTUFIN_STR("ticks"), NULL, count, &handled, NULL,
                              &subscription, &error),
       error);
  for (long i = 0; i < total; ++i) {
    virtufin_event_t* event = NULL;
    virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:bench"));
    virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("tick"));
    virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"bid\":\"1.0842\"}"));
    must(virtufin_event_builder_build(builder, &event, &error), error);
    must(virtufin_bus_publish(platform, VIRTUFIN_STR("ticks"), event, &error), error);
    virtufin_event_free(event);
    if (i == total / 10) early_kb = resident_kb();
  }
  while (atomic_load(&handled) < total) usleep(1000);
  char name[80];
  snprintf(name, sizeof(name), "growth over %ld events, after the first tenth", total);
  tell(name, resident_kb() - early_kb, "kB", "0");
  virtufin_event_builder_free(builder);
  virtufin_subscription_free(subscription);
  virtufin_platform_free(platform);
}

/* A native worker is loaded, started, stopped and unloaded. */
static void loads(const char* library, long total) {
  virtufin_platform_t* platform = started();
  virtufin_error_t* error = NULL;
  virtufin_str_t topic = VIRTUFIN_STR("ticks");
  virtufin_str_t path = {library, strlen(library)};
  double early_kb = 0;
  for (long i = 0; i < total; ++i) {
    virtufin_text_t* id = NULL;
    must(virtufin_worker_create_from_file(platform, path, &topic, 1, &id, &error), error);
    must(virtufin_worker_start(platform, virtufin_text_get(id), &error), error);
    must(virtufin_worker_delete(platform, virtufin_text_get(id), &error), error);
    virtufin_text_free(id);
    if (i == total / 10) early_kb = resident_kb();
  }
  char name[80];
  snprintf(name, sizeof(name), "growth over %ld loads and unloads, after the first tenth", total);
  tell(name, resident_kb() - early_kb, "kB", "64 B a load");
  virtufin_platform_free(platform);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "idle") == 0) {
    idle(argc > 2 ? atol(argv[2]) : 5);
  } else if (strcmp(what, "events") == 0) {
    events(argc > 2 ? atol(argv[2]) : 10000000);
  } else if (strcmp(what, "loads") == 0 && argc > 2) {
    loads(argv[2], argc > 3 ? atol(argv[3]) : 10000);
  } else {
    fprintf(stderr, "usage: footprint idle [seconds] | events [count] | loads <library> [count]\n");
    return 2;
  }
  return 0;
}
