/* Compiled against the current header and against each frozen one; LAYOUT names the result,
 * LAYOUT_PREFIX its other symbols. The first frozen header had no tables but one. */
#include "abi/worker_layout.h"

#include "virtufin/virtufin_worker_api_c.h"

#define LAYOUT_JOIN_(prefix, name) prefix##_##name
#define LAYOUT_JOIN(prefix, name) LAYOUT_JOIN_(prefix, name)
#define LAYOUT_SYMBOL(name) LAYOUT_JOIN(LAYOUT_PREFIX, name)
#define MEMBER(type, member) \
  { #type "." #member, offsetof(type, member), sizeof(((type*)0)->member) }
#define TYPE(type) \
  { #type, 0, sizeof(type) }
#define VALUE(constant) \
  { #constant, 0, (size_t)(constant) }

/* The signatures: a change of one does not compile. */
static int32_t ProcessOfThisAbi(const VirtufinHost* host, const uint8_t* in_buf, int32_t in_len,
                                uint8_t** out_buf, int32_t* out_len) {
  (void)host, (void)in_buf, (void)in_len, (void)out_buf, (void)out_len;
  return 0;
}
static void FreeResultOfThisAbi(uint8_t* result) { (void)result; }
static int32_t InitOfThisAbi(const VirtufinHost* host) { return host == NULL; }
static void ShutdownOfThisAbi(const VirtufinHost* host) { (void)host; }
static void LogOfThisAbi(void* ctx, int32_t level, const char* message) {
  (void)ctx, (void)level, (void)message;
}
static int32_t GatewayCallOfThisAbi(void* ctx, const char* service, const char* method,
                                    const uint8_t* req, int32_t req_len, uint8_t** resp,
                                    int32_t* resp_len) {
  (void)ctx, (void)service, (void)method, (void)req, (void)req_len, (void)resp, (void)resp_len;
  return 0;
}
static void FreeResponseOfThisAbi(void* ctx, uint8_t* resp) { (void)ctx, (void)resp; }
static const void* GetExtensionOfThisAbi(void* ctx, const char* id) {
  (void)ctx, (void)id;
  return NULL;
}
extern const VirtufinProcessFn LAYOUT_SYMBOL(process);
const VirtufinProcessFn LAYOUT_SYMBOL(process) = &ProcessOfThisAbi;
extern const VirtufinFreeResultFn LAYOUT_SYMBOL(free_result);
const VirtufinFreeResultFn LAYOUT_SYMBOL(free_result) = &FreeResultOfThisAbi;
extern const VirtufinWorkerInitFn LAYOUT_SYMBOL(init);
const VirtufinWorkerInitFn LAYOUT_SYMBOL(init) = &InitOfThisAbi;
extern const VirtufinWorkerShutdownFn LAYOUT_SYMBOL(shutdown);
const VirtufinWorkerShutdownFn LAYOUT_SYMBOL(shutdown) = &ShutdownOfThisAbi;
extern const VirtufinHost LAYOUT_SYMBOL(host);
const VirtufinHost LAYOUT_SYMBOL(host) = {NULL,
                                          1,
                                          &LogOfThisAbi,
                                          &GatewayCallOfThisAbi,
                                          &FreeResponseOfThisAbi,
                                          sizeof(VirtufinHost),
                                          0,
                                          &GetExtensionOfThisAbi};

#ifdef VIRTUFIN_EXTENSION_PUBLISH_1
static int32_t PublishOfThisAbi(void* ctx, const char* topic, const uint8_t* event,
                                int32_t event_len, char** error) {
  (void)ctx, (void)topic, (void)event, (void)event_len, (void)error;
  return 0;
}
static int32_t GetOfThisAbi(void* ctx, const char* key, uint8_t** value, int32_t* value_len,
                            char** etag, char** error) {
  (void)ctx, (void)key, (void)value, (void)value_len, (void)etag, (void)error;
  return 0;
}
static int32_t SetOfThisAbi(void* ctx, const char* key, const uint8_t* value, int32_t value_len,
                            const char* etag, char** new_etag, char** error) {
  (void)ctx, (void)key, (void)value, (void)value_len, (void)etag, (void)new_etag, (void)error;
  return 0;
}
static int32_t RemoveOfThisAbi(void* ctx, const char* key, const char* etag, int32_t* existed,
                               char** error) {
  (void)ctx, (void)key, (void)etag, (void)existed, (void)error;
  return 0;
}
static int32_t NowOfThisAbi(void* ctx, VirtufinTime1* time) {
  (void)ctx, (void)time;
  return 0;
}
static int32_t TimeLeftOfThisAbi(void* ctx, int64_t* nanoseconds) {
  (void)ctx, (void)nanoseconds;
  return 0;
}
static int32_t StartOfThisAbi(void* ctx, const char* name, int64_t delay_ns, int64_t period_ns,
                              uint64_t* timer_id, char** error) {
  (void)ctx, (void)name, (void)delay_ns, (void)period_ns, (void)timer_id, (void)error;
  return 0;
}
static int32_t CancelOfThisAbi(void* ctx, uint64_t timer_id, char** error) {
  (void)ctx, (void)timer_id, (void)error;
  return 0;
}
extern const VirtufinPublish1 LAYOUT_SYMBOL(publish);
const VirtufinPublish1 LAYOUT_SYMBOL(publish) = {sizeof(VirtufinPublish1), 0, &PublishOfThisAbi};
extern const VirtufinState1 LAYOUT_SYMBOL(state);
const VirtufinState1 LAYOUT_SYMBOL(state) = {sizeof(VirtufinState1), 0, &GetOfThisAbi,
                                             &SetOfThisAbi, &RemoveOfThisAbi};
extern const VirtufinClock1 LAYOUT_SYMBOL(clock);
const VirtufinClock1 LAYOUT_SYMBOL(clock) = {sizeof(VirtufinClock1), 0, &NowOfThisAbi,
                                             &TimeLeftOfThisAbi};
extern const VirtufinTimer1 LAYOUT_SYMBOL(timer);
const VirtufinTimer1 LAYOUT_SYMBOL(timer) = {sizeof(VirtufinTimer1), 0, &StartOfThisAbi,
                                             &CancelOfThisAbi};
#endif

const struct WorkerLayoutEntry* LAYOUT(void) {
  static const struct WorkerLayoutEntry entries[] = {
      TYPE(VirtufinHost),
      MEMBER(VirtufinHost, engine_ptr),
      MEMBER(VirtufinHost, abi_version),
      MEMBER(VirtufinHost, log),
      MEMBER(VirtufinHost, gateway_call),
      MEMBER(VirtufinHost, free_response),
      MEMBER(VirtufinHost, struct_size),
      MEMBER(VirtufinHost, reserved),
      MEMBER(VirtufinHost, get_extension),
      TYPE(VirtufinWorkerInfo1),
      MEMBER(VirtufinWorkerInfo1, struct_size),
      MEMBER(VirtufinWorkerInfo1, topic_count),
      MEMBER(VirtufinWorkerInfo1, config_count),
      MEMBER(VirtufinWorkerInfo1, reserved),
      MEMBER(VirtufinWorkerInfo1, worker_id),
      MEMBER(VirtufinWorkerInfo1, instance_id),
      MEMBER(VirtufinWorkerInfo1, host_version),
      MEMBER(VirtufinWorkerInfo1, topics),
      MEMBER(VirtufinWorkerInfo1, config_keys),
      MEMBER(VirtufinWorkerInfo1, config_values),
      VALUE(VIRTUFIN_LOG_TRACE),
      VALUE(VIRTUFIN_LOG_DEBUG),
      VALUE(VIRTUFIN_LOG_INFO),
      VALUE(VIRTUFIN_LOG_WARN),
      VALUE(VIRTUFIN_LOG_ERROR),
      {VIRTUFIN_EXTENSION_WORKER_1, 0, 0},
#ifdef VIRTUFIN_EXTENSION_PUBLISH_1
      {VIRTUFIN_EXTENSION_PUBLISH_1, 0, 0},
      TYPE(VirtufinPublish1),
      MEMBER(VirtufinPublish1, struct_size),
      MEMBER(VirtufinPublish1, reserved),
      MEMBER(VirtufinPublish1, publish),
      {VIRTUFIN_EXTENSION_STATE_1, 0, 0},
      TYPE(VirtufinState1),
      MEMBER(VirtufinState1, struct_size),
      MEMBER(VirtufinState1, reserved),
      MEMBER(VirtufinState1, get),
      MEMBER(VirtufinState1, set),
      MEMBER(VirtufinState1, remove),
      {VIRTUFIN_EXTENSION_CLOCK_1, 0, 0},
      TYPE(VirtufinTime1),
      MEMBER(VirtufinTime1, seconds),
      MEMBER(VirtufinTime1, nanoseconds),
      MEMBER(VirtufinTime1, historical),
      TYPE(VirtufinClock1),
      MEMBER(VirtufinClock1, struct_size),
      MEMBER(VirtufinClock1, reserved),
      MEMBER(VirtufinClock1, now),
      MEMBER(VirtufinClock1, time_left),
      {VIRTUFIN_EXTENSION_TIMER_1, 0, 0},
      TYPE(VirtufinTimer1),
      MEMBER(VirtufinTimer1, struct_size),
      MEMBER(VirtufinTimer1, reserved),
      MEMBER(VirtufinTimer1, start),
      MEMBER(VirtufinTimer1, cancel),
#endif
      {NULL, 0, 0},
  };
  return entries;
}
