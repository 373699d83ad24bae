/* What TablesWorker does, in plain C over the tables. Its state is per library: it is loaded once a
 * test. Besides that, `hostile` passes what no worker should, and `address` tells where its host
 * is. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

VIRTUFIN_WORKER_ABI(2);

#define MAX_ANSWER 8192

struct Line {
  const VirtufinHost* host;
  char words[4][1200];
  char answer[1400];
};

static char last_etag[1200];
static uint64_t last_timer;

static void Answer(struct Line* line, int32_t code, char* error, const char* more) {
  snprintf(line->answer, sizeof(line->answer), "%d%s%s%s%s", (int)code, error ? " " : "",
           error ? error : "", more && code == 0 ? " " : "", more && code == 0 ? more : "");
  line->host->free_response(line->host->engine_ptr, (uint8_t*)error);
}

static void* Publish(void* argument) {
  struct Line* line = argument;
  VirtufinWireReply event = {0};
  uint8_t* bytes = NULL;
  int32_t size = 0;
  char* error = NULL;
  event.id = virtufin_wire_text("published");
  event.type = virtufin_wire_text("tables.published");
  event.source = virtufin_wire_text("urn:test:tables");
  event.subject = virtufin_wire_text(line->words[2]);
  if (virtufin_wire_write_event(&event, &bytes, &size) != VIRTUFIN_WIRE_OK) return NULL;
  const int32_t code = virtufin_publish(line->host)
                           ->publish(line->host->engine_ptr, line->words[1], bytes, size, &error);
  free(bytes);
  Answer(line, code, error, NULL);
  return NULL;
}

static void Get(struct Line* line) {
  const VirtufinHost* host = line->host;
  uint8_t* value = NULL;
  int32_t size = 0;
  char *etag = NULL, *error = NULL;
  const int32_t code =
      virtufin_state(host)->get(host->engine_ptr, line->words[1], &value, &size, &etag, &error);
  if (code == 0) snprintf(last_etag, sizeof(last_etag), "%s", etag);
  Answer(line, code, error, (const char*)value);
  if (code == 0 && strlen((const char*)value) != (size_t)size) strcpy(line->answer, "bad size");
  host->free_response(host->engine_ptr, value);
  host->free_response(host->engine_ptr, (uint8_t*)etag);
}

static void Set(struct Line* line) {
  const VirtufinHost* host = line->host;
  const char* word = line->words[3];
  const char* only = !*word                      ? NULL
                     : strcmp(word, "new") == 0  ? ""
                     : strcmp(word, "last") == 0 ? last_etag
                                                 : word;
  char *etag = NULL, *error = NULL;
  const int32_t code =
      virtufin_state(host)->set(host->engine_ptr, line->words[1], (const uint8_t*)line->words[2],
                                (int32_t)strlen(line->words[2]), only, &etag, &error);
  const int same = code == 0 && (!etag || !*etag || strcmp(etag, last_etag) == 0);
  if (code == 0 && etag) snprintf(last_etag, sizeof(last_etag), "%s", etag);
  Answer(line, code, error, same ? "without a new etag" : NULL);
  host->free_response(host->engine_ptr, (uint8_t*)etag);
}

static void Delete(struct Line* line) {
  const VirtufinHost* host = line->host;
  const char* word = line->words[2];
  int32_t existed = 7;
  char* error = NULL;
  const int32_t code =
      virtufin_state(host)->remove(host->engine_ptr, line->words[1],
                                   strcmp(word, "last") == 0 ? last_etag : word, &existed, &error);
  Answer(line, code, error, existed == 1 ? "yes" : "no");
}

static void Clock(struct Line* line) {
  const VirtufinHost* host = line->host;
  const VirtufinClock1* clock = virtufin_clock(host);
  if (strcmp(line->words[0], "now") == 0) {
    VirtufinTime1 now;
    const int32_t code = clock->now(host->engine_ptr, &now);
    snprintf(line->answer, sizeof(line->answer), "%d %lld.%d%s", (int)code, (long long)now.seconds,
             (int)now.nanoseconds, now.historical ? " historical" : "");
    return;
  }
  int64_t left = 0;
  const int32_t code = clock->time_left(host->engine_ptr, &left);
  Answer(line, code, NULL,
         left == INT64_MAX                          ? "no limit"
         : left > 0 && left <= INT64_C(30000000000) ? "some"
                                                    : "odd");
}

static void Timer(struct Line* line) {
  const VirtufinHost* host = line->host;
  const VirtufinTimer1* timer = virtufin_timer(host);
  char* error = NULL;
  if (strcmp(line->words[0], "start") == 0) {
    uint64_t id = 0;
    const int32_t code =
        timer->start(host->engine_ptr, line->words[1], strtoll(line->words[2], NULL, 10),
                     strtoll(line->words[3], NULL, 10), &id, &error);
    if (code == 0) last_timer = id;
    Answer(line, code, error, code == 0 && id == 0 ? "without a number" : NULL);
    return;
  }
  const int32_t code = timer->cancel(host->engine_ptr,
                                     strcmp(line->words[1], "last") == 0 ? last_timer : 77, &error);
  Answer(line, code, error, NULL);
}

/* Codes of what no worker should do, in a row. */
static void Hostile(struct Line* line) {
  const VirtufinHost* host = line->host;
  void* ctx = host->engine_ptr;
  const VirtufinPublish1* bus = virtufin_publish(host);
  const VirtufinState1* state = virtufin_state(host);
  const VirtufinClock1* clock = virtufin_clock(host);
  const VirtufinTimer1* timer = virtufin_timer(host);
  uint64_t bytes[32];
  uint8_t* value = (uint8_t*)line;
  int32_t size = 5, i, count = 0;
  int32_t codes[40];
  memset(bytes, 0xff, sizeof(bytes));
  codes[count++] = bus->publish(ctx, NULL, (uint8_t*)bytes, 8, NULL);
  codes[count++] = bus->publish(ctx, "", (uint8_t*)bytes, 8, NULL);
  codes[count++] = bus->publish(ctx, "t", NULL, 0, NULL);
  codes[count++] = bus->publish(ctx, "t", NULL, 8, NULL);
  codes[count++] = bus->publish(ctx, "t", (uint8_t*)bytes, -1, NULL);
  codes[count++] = bus->publish(ctx, "t", (uint8_t*)bytes, INT32_MAX, NULL);
  codes[count++] = bus->publish(ctx, "t", (uint8_t*)bytes, (int32_t)sizeof(bytes), NULL);
  codes[count++] = bus->publish(ctx, "t", (uint8_t*)bytes + 1, 64, NULL);
  codes[count++] = state->get(ctx, NULL, &value, &size, NULL, NULL);
  if (value != NULL || size != 0) codes[count - 1] = -1;
  codes[count++] = state->get(ctx, "k", &value, NULL, NULL, NULL);
  codes[count++] = state->get(ctx, "\xff\xfe", &value, &size, NULL, NULL);
  codes[count++] = state->set(ctx, NULL, NULL, 0, NULL, NULL, NULL);
  codes[count++] = state->set(ctx, "k", NULL, 4, NULL, NULL, NULL);
  codes[count++] = state->set(ctx, "k", (uint8_t*)bytes, -4, NULL, NULL, NULL);
  codes[count++] = state->set(ctx, "k", (uint8_t*)bytes, INT32_MAX, NULL, NULL, NULL);
  codes[count++] = state->remove(ctx, NULL, NULL, NULL, NULL);
  codes[count++] = state->remove(ctx, "none", NULL, NULL, NULL);
  codes[count++] = clock->now(ctx, NULL);
  codes[count++] = clock->time_left(ctx, NULL);
  codes[count++] = timer->start(ctx, NULL, -1, 0, NULL, NULL);
  codes[count++] = timer->start(ctx, NULL, INT64_MAX, 0, NULL, NULL);
  codes[count++] = timer->start(ctx, NULL, 0, 999999, NULL, NULL);
  codes[count++] = timer->start(ctx, NULL, 0, INT64_MIN, NULL, NULL);
  codes[count++] = timer->start(ctx, "a\nb", 0, 0, NULL, NULL);
  codes[count++] = timer->start(ctx, "\xc3", 0, 0, NULL, NULL);
  codes[count++] = timer->cancel(ctx, 0, NULL);
  codes[count++] = timer->cancel(ctx, UINT64_MAX, NULL);
  codes[count++] = host->get_extension(ctx, "virtufin.timer/2") != NULL;
  codes[count++] = host->get_extension(ctx, NULL) != NULL;
  for (i = 0, size = 0; i < count; ++i) {
    size += snprintf(line->answer + size, sizeof(line->answer) - (size_t)size, "%s%d", i ? " " : "",
                     (int)codes[i]);
  }
}

static void Info(struct Line* line) {
  const VirtufinWorkerInfo1* info = virtufin_worker_info(line->host);
  const size_t size = sizeof(line->answer);
  size_t at = (size_t)snprintf(line->answer, size, "0 %s in %s of %s", info->worker_id,
                               info->instance_id, info->host_version);
  uint32_t i;
  for (i = 0; i < info->topic_count && at < size; ++i) {
    at += (size_t)snprintf(line->answer + at, size - at, " %s", info->topics[i]);
  }
  for (i = 0; i < info->config_count && at < size; ++i) {
    at += (size_t)snprintf(line->answer + at, size - at, " %s=%s", info->config_keys[i],
                           info->config_values[i]);
  }
}

static void Run(struct Line* line) {
  const char* what = line->words[0];
  if (strcmp(what, "publish") == 0) {
    Publish(line);
  } else if (strcmp(what, "publish_from_thread") == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, &Publish, line) == 0) pthread_join(thread, NULL);
  } else if (strcmp(what, "get") == 0) {
    Get(line);
  } else if (strcmp(what, "set") == 0) {
    Set(line);
  } else if (strcmp(what, "delete") == 0) {
    Delete(line);
  } else if (strcmp(what, "now") == 0 || strcmp(what, "left") == 0) {
    Clock(line);
  } else if (strcmp(what, "info") == 0) {
    Info(line);
  } else if (strcmp(what, "hostile") == 0) {
    Hostile(line);
  } else if (strcmp(what, "address") == 0) {
    snprintf(line->answer, sizeof(line->answer), "%llu", (unsigned long long)(uintptr_t)line->host);
  } else {
    Timer(line);
  }
}

static void Split(const char* text, size_t size, struct Line* line) {
  int word = 0;
  size_t at = 0, i;
  memset(line->words, 0, sizeof(line->words));
  for (i = 0; i < size && word < 4; ++i) {
    if (text[i] == ' ') {
      ++word;
      at = 0;
    } else if (at + 1 < sizeof(line->words[0])) {
      line->words[word][at++] = text[i];
    }
  }
}

static int IsTimer(const VirtufinWireEvent* event) {
  return virtufin_wire_equal(event->type, "com.virtufin.worker.timer");
}

static void TellTimer(const VirtufinWireEvent* event, char* answer) {
  const VirtufinWireText count = virtufin_wire_find(event, "timercount");
  const VirtufinWireText missed = virtufin_wire_find(event, "timermissed");
  const VirtufinWireText clock = virtufin_wire_find(event, "clocktype");
  snprintf(answer, MAX_ANSWER, "timer %s %s %s at %s %s",
           event->subject.data ? event->subject.data : "", count.data, missed.data,
           event->time.data ? event->time.data : "", clock.data ? clock.data : "");
}

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  static char answer[MAX_ANSWER];
  static struct Line line;
  VirtufinWireEvent event;
  const char *text, *end;
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;
  line.host = host;
  answer[0] = 0;
  text = (const char*)event.data;
  end = text ? text + event.data_size : NULL;
  if (IsTimer(&event)) {
    TellTimer(&event, answer);
  } else if (event.data_size == 0) {
    snprintf(answer, sizeof(answer), "event %s", event.subject.data ? event.subject.data : "");
  }
  while (!IsTimer(&event) && text < end) {
    const char* stop = memchr(text, '\n', (size_t)(end - text));
    if (!stop) stop = end;
    Split(text, (size_t)(stop - text), &line);
    Run(&line);
    if (answer[0]) strncat(answer, "\n", sizeof(answer) - strlen(answer) - 1);
    strncat(answer, line.answer, sizeof(answer) - strlen(answer) - 1);
    text = stop + 1;
  }
  VirtufinWireReply reply = {0};
  reply.id = event.id;
  reply.type = virtufin_wire_text("tables.reply");
  reply.source = virtufin_wire_text("urn:test:tables");
  reply.datacontenttype = virtufin_wire_text("text/plain");
  reply.data = (const uint8_t*)answer;
  reply.data_size = strlen(answer);
  return virtufin_wire_write(&reply, NULL, out_buf, out_len);
}

void FreeResult(uint8_t* result) { free(result); }
