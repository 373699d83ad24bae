/* A worker without the SDK that knows nothing of replays: random ids, the machine's time. It
 * replies to every tenth event, publishes another event with every hundredth, and publishes from a
 * timer that no event started. */
#define _GNU_SOURCE /* clock_gettime, getrandom */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_ABI(2);

typedef struct State {
  const VirtufinHost* host;
  uint64_t events, timers;
  struct State* next;
} State;

static State* states;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Where the list points to the state of this host; needs the mutex. */
static State** Find(const VirtufinHost* host) {
  State** at = &states;
  while (*at && (*at)->host != host) at = &(*at)->next;
  return at;
}

static State* StateOf(const VirtufinHost* host) {
  pthread_mutex_lock(&mutex);
  State* const state = *Find(host);
  pthread_mutex_unlock(&mutex);
  return state;
}

typedef struct Texts {
  char id[37], time[32], data[128];
} Texts;

static void Fill(VirtufinWireReply* event, Texts* texts, const char* type, uint64_t number) {
  uint32_t random[4] = {0};
  if (getrandom(random, sizeof(random), 0) != sizeof(random)) abort();
  snprintf(texts->id, sizeof(texts->id), "%08x-%04x-4%03x-a%03x-%08x%04x", random[0],
           random[1] & 0xffffu, random[1] >> 20, random[2] & 0xfffu, random[3], random[2] >> 16);
  struct timespec now;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &parts);
  strftime(texts->time, sizeof(texts->time), "%Y-%m-%dT%H:%M:%SZ", &parts);
  snprintf(texts->data, sizeof(texts->data), "{\"number\":%llu}", (unsigned long long)number);
  memset(event, 0, sizeof(*event));
  event->id = virtufin_wire_text(texts->id);
  event->type = virtufin_wire_text(type);
  event->source = virtufin_wire_text("urn:test:plain");
  event->time = virtufin_wire_text(texts->time);
  event->datacontenttype = virtufin_wire_text("application/json");
  event->data = (const uint8_t*)texts->data;
  event->data_size = strlen(texts->data);
}

static int32_t Publish(const VirtufinHost* host, const char* topic, uint64_t number) {
  Texts texts;
  VirtufinWireReply event;
  uint8_t* bytes = NULL;
  int32_t size = 0;
  const VirtufinPublish1* const bus = virtufin_publish(host);
  if (!bus) return 1;
  Fill(&event, &texts, topic, number);
  const VirtufinWireExtension wall = {virtufin_wire_text("walltime"), event.time};
  event.extensions = &wall;
  event.extension_count = 1;
  int32_t result = virtufin_wire_write_event(&event, &bytes, &size);
  if (result == 0) result = bus->publish(host->engine_ptr, topic, bytes, size, NULL);
  free(bytes);
  return result;
}

int32_t VirtufinWorkerInit(const VirtufinHost* host) {
  State* const state = calloc(1, sizeof(State));
  if (!state) return 1;
  state->host = host;
  pthread_mutex_lock(&mutex);
  state->next = states;
  states = state;
  pthread_mutex_unlock(&mutex);
  const VirtufinTimer1* const timer = virtufin_timer(host);
  if (!timer) return 1;
  return timer->start(host->engine_ptr, "pulse", 1500000000, 1500000000, NULL, NULL);
}

void VirtufinWorkerShutdown(const VirtufinHost* host) {
  pthread_mutex_lock(&mutex);
  State** const at = Find(host);
  State* const state = *at;
  if (state) *at = state->next;
  pthread_mutex_unlock(&mutex);
  if (!state) return;
  /* Nothing caused it. */
  (void)Publish(host, "replay.plain.farewell", state->events);
  free(state);
}

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  Texts texts;
  VirtufinWireEvent event;
  VirtufinWireReply reply;
  State* const state = StateOf(host);
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;
  if (virtufin_wire_equal(event.type, "com.virtufin.worker.timer")) {
    ++state->timers;
    (void)Publish(host, "replay.plain.pulse", state->timers);
    return 0;
  }
  ++state->events;
  if (state->events % 100 == 0) (void)Publish(host, "replay.plain.hundred", state->events);
  if (state->events % 10 != 0) return 0;
  Fill(&reply, &texts, "replay.plain.ten", state->events);
  return virtufin_wire_write(&reply, NULL, out_buf, out_len);
}

void FreeResult(uint8_t* result) { free(result); }
