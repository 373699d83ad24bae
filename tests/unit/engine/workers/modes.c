/* A native worker that does what the type of the event says; counts its buffers and ends the
 * process when one that it does not have is given back. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtufin/virtufin_worker_wire.h"

#ifdef MODES_ABI
VIRTUFIN_WORKER_ABI(MODES_ABI);
#endif

enum { kMaxBuffers = 64, kMaxHosts = 256 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct { uint8_t *given, *allocated; } buffers[kMaxBuffers];
static int live_buffers = 0;
static struct {
  const VirtufinHost* host;
  int calls;
} hosts[kMaxHosts];
static char id_at_load[64], topic_at_load[64];

__attribute__((constructor)) static void OnLoad(void) {
  const char* id = getenv("VIRTUFIN_WORKER_ID");
  const char* topic = getenv("VIRTUFIN_WORKER_TOPIC");
  snprintf(id_at_load, sizeof(id_at_load), "%s", id ? id : "none");
  snprintf(topic_at_load, sizeof(topic_at_load), "%s", topic ? topic : "none");
}

static void Remember(uint8_t* given, uint8_t* allocated) {
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < kMaxBuffers; ++i) {
    if (buffers[i].given) continue;
    buffers[i].given = given;
    buffers[i].allocated = allocated;
    ++live_buffers;
    pthread_mutex_unlock(&mutex);
    return;
  }
  abort();
}

void FreeResult(uint8_t* result) {
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < kMaxBuffers; ++i) {
    if (!result || buffers[i].given != result) continue;
    free(buffers[i].allocated);
    buffers[i].given = NULL;
    --live_buffers;
    pthread_mutex_unlock(&mutex);
    return;
  }
  abort(); /* NULL, freed twice, or never handed out */
}

static int CountCall(const VirtufinHost* host) {
  int calls = -1;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < kMaxHosts && calls < 0; ++i) {
    if (hosts[i].host && hosts[i].host != host) continue;
    hosts[i].host = host;
    calls = ++hosts[i].calls;
  }
  pthread_mutex_unlock(&mutex);
  return calls;
}

static int32_t Write(const VirtufinWireReply* reply, const char* error, uint8_t** out,
                     int32_t* size) {
  const int32_t result = virtufin_wire_write(reply, error, out, size);
  if (*out) Remember(*out, *out);
  return result;
}

static int32_t Reply(const VirtufinWireEvent* event, const char* text, const char* error,
                     uint8_t** out, int32_t* size) {
  VirtufinWireReply reply = {0};
  reply.id = event->id;
  reply.type = virtufin_wire_text("replied");
  reply.source = virtufin_wire_text("urn:test:modes");
  reply.datacontenttype = virtufin_wire_text("text/plain");
  reply.data = (const uint8_t*)text;
  reply.data_size = strlen(text);
  return Write(&reply, error, out, size);
}

/* The data of the event as *out_buf, `shift` bytes into an allocation. */
static void Raw(const VirtufinWireEvent* event, size_t shift, uint8_t** out, int32_t* size) {
  uint8_t* const allocated = malloc(event->data_size + shift); /* exact: a read beyond is seen */
  if (event->data_size) memcpy(allocated + shift, event->data, event->data_size);
  *out = allocated + shift;
  *size = (int32_t)event->data_size;
  Remember(*out, allocated);
}

static void Gateway(const VirtufinHost* host, const VirtufinWireEvent* event, char* text,
                    size_t size) {
  uint8_t* response = NULL;
  int32_t response_size = 0;
  const int32_t code =
      host->gateway_call(host->engine_ptr, event->subject.data, "Method", event->data,
                         (int32_t)event->data_size, &response, &response_size);
  snprintf(text, size, "%d %d %s", (int)code, (int)response_size, (const char*)response);
  host->free_response(host->engine_ptr, response);
}

static void Info(const VirtufinHost* host, char* text, size_t size) {
  const VirtufinWorkerInfo1* const info = virtufin_worker_info(host);
  if (!info) {
    snprintf(text, size, "abi %d, no info", (int)host->abi_version);
    return;
  }
  int at =
      snprintf(text, size, "abi %d, %u bytes, %s, %s, %s", (int)host->abi_version,
               (unsigned)info->struct_size, info->worker_id, info->instance_id, info->host_version);
  for (uint32_t i = 0; i < info->topic_count; ++i) {
    at += snprintf(text + at, size - (size_t)at, ", %s", info->topics[i]);
  }
  for (uint32_t i = 0; i < info->config_count; ++i) {
    at += snprintf(text + at, size - (size_t)at, ", %s=%s", info->config_keys[i],
                   info->config_values[i]);
  }
  if (virtufin_host_extension(host, "virtufin.nothing/1")) snprintf(text, size, "unknown table");
}

static void* LogFromThread(void* arg) {
  const VirtufinHost* const host = arg;
  host->log(host->engine_ptr, VIRTUFIN_LOG_INFO, "from a thread of the worker");
  return NULL;
}

int32_t Process(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len, uint8_t** out_buf,
                int32_t* out_len) {
  VirtufinWireEvent event;
  char text[1024] = "";
  if (*out_buf || *out_len || (uintptr_t)in_buf % 8) abort();
  if (virtufin_wire_read(in_buf, in_len, &event) != 0) return VIRTUFIN_WIRE_MALFORMED;
  if (event.data && event.data_size < sizeof(text)) memcpy(text, event.data, event.data_size);

  if (virtufin_wire_equal(event.type, "decline")) return 0;
  if (virtufin_wire_equal(event.type, "error")) return Write(NULL, text, out_buf, out_len);
  if (virtufin_wire_equal(event.type, "both")) {
    return Reply(&event, "kept", text, out_buf, out_len);
  }
  if (virtufin_wire_equal(event.type, "return")) return atoi(text);
  if (virtufin_wire_equal(event.type, "return_error")) {
    Write(NULL, text, out_buf, out_len);
    return 7;
  }
  if (virtufin_wire_equal(event.type, "return_reply")) {
    Reply(&event, text, NULL, out_buf, out_len);
    return 7;
  }
  if (virtufin_wire_equal(event.type, "return_raw")) {
    Raw(&event, 0, out_buf, out_len);
    return 7;
  }
  if (virtufin_wire_equal(event.type, "raw") || virtufin_wire_equal(event.type, "misaligned")) {
    Raw(&event, virtufin_wire_equal(event.type, "raw") ? 0 : 4, out_buf, out_len);
    if (event.subject.data) *out_len = (int32_t)atol(event.subject.data);
    return 0;
  }
  if (virtufin_wire_equal(event.type, "extension")) {
    const VirtufinWireText value = virtufin_wire_find(&event, event.subject.data);
    return Reply(&event, value.data ? value.data : "absent", NULL, out_buf, out_len);
  }
  if (virtufin_wire_equal(event.type, "log")) {
    host->log(host->engine_ptr, atoi(event.subject.data), text);
    return 0;
  }
  if (virtufin_wire_equal(event.type, "gateway")) Gateway(host, &event, text, sizeof(text));
  if (virtufin_wire_equal(event.type, "thread")) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, &LogFromThread, (void*)host) != 0) return 1;
    pthread_join(thread, NULL);
  }
  if (virtufin_wire_equal(event.type, "info")) Info(host, text, sizeof(text));
  if (virtufin_wire_equal(event.type, "host")) snprintf(text, sizeof(text), "%p", (void*)host);
  if (virtufin_wire_equal(event.type, "live")) snprintf(text, sizeof(text), "%d", live_buffers);
  if (virtufin_wire_equal(event.type, "count")) {
    snprintf(text, sizeof(text), "%d", CountCall(host));
  }
  if (virtufin_wire_equal(event.type, "environment")) {
    snprintf(text, sizeof(text), "%s %s", id_at_load, topic_at_load);
  }
  return Reply(&event, text, NULL, out_buf, out_len);
}

#ifdef MODES_INIT
int32_t VirtufinWorkerInit(const VirtufinHost* host) {
  host->log(host->engine_ptr, VIRTUFIN_LOG_INFO, "init");
  return MODES_INIT;
}
void VirtufinWorkerShutdown(const VirtufinHost* host) {
  host->log(host->engine_ptr, VIRTUFIN_LOG_INFO, "shutdown");
}
#endif
