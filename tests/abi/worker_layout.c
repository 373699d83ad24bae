/* Compiled once against the current header and once against the frozen one; LAYOUT names the
 * result, LAYOUT_PREFIX its other symbols. */
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
      {NULL, 0, 0},
  };
  return entries;
}
