/* virtufin_worker_api_c.h: the binary interface between a host and a native worker. C99 and C++.
 * Specification: docs/openspec/specs/worker-abi/spec.md
 *
 * A native worker is a shared library. The host loads it, gives it one event at a time, publishes
 * its replies, and unloads it. This file is the whole contract: nothing else of the host is needed,
 * no library has to be linked. virtufin_worker_wire.h, beside this file, reads the events and
 * writes the replies in plain C.
 *
 * 1  A worker in C
 *
 *      #include "virtufin/virtufin_worker_wire.h"
 *
 *      VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
 *                                             int32_t in_len, uint8_t** out_buf,
 *                                             int32_t* out_len) {
 *        VirtufinWireEvent event;
 *        (void)host;
 *        if (virtufin_wire_read(in_buf, in_len, &event) != 0) return 1;
 *        VirtufinWireReply reply = {0};
 *        reply.id = event.id;
 *        reply.type = virtufin_wire_text("com.example.seen");
 *        reply.source = virtufin_wire_text("urn:com.example.seen");
 *        return virtufin_wire_write(&reply, NULL, out_buf, out_len);
 *      }
 *      VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result) { free(result); }
 *
 *    With CMake: virtufin_add_native_worker(seen seen.c). By hand:
 *      cc -shared -fPIC -fvisibility=hidden -I <include folder> -o libseen.so seen.c
 *    C++ by g++ also needs -fno-gnu-unique, or the library stays in the process for ever; C++
 *    authors have a class of their own in virtufin/worker/native_export.hpp.
 *
 * 2  What a worker exports
 *
 *    Process                   required  one call per event
 *    FreeResult                required  releases what Process left in *out_buf
 *    VirtufinWorkerAbiVersion  optional  data: which revision of VirtufinHost the worker reads (1)
 *    VirtufinWorkerInit        optional  called once per load, before the first Process
 *    VirtufinWorkerShutdown    optional  called once per load, before every unload
 *
 * 3  One load, one host pointer
 *
 *    Every load gets a VirtufinHost of its own. Its address stays the same for the whole load, is
 *    readable until the process ends and is given to no other load: key your state by it. The same
 *    library may be loaded for several workers at once. Calls for one host come one after another,
 *    perhaps from different threads; calls for different hosts run concurrently, so the globals of
 *    a library must be thread-safe.
 *
 * 4  Bytes
 *
 *    in_buf holds a CloudEvent, *out_buf a WorkerResponse, both FlatBuffers without size prefix and
 *    without file identifier, schema below. Little-endian, at most 16 MiB.
 *
 *      table Extension      { name: string; value: string; }
 *      table CloudEvent     { id: string; type: string; source: string; specversion: string;
 *                             datacontenttype: string; dataschema: string; subject: string;
 *                             time: string; data: [ubyte]; extensions: [Extension]; }
 *      table WorkerResponse { result_event: CloudEvent; error_message: string; }
 *
 *    time is RFC 3339 text. JSON data is its UTF-8 text. Extension values are text; one that is no
 *    string in the event (a number, a boolean) is its JSON text. The configuration of the worker
 *    is on every event, one extension an entry.
 *
 * 5  What a call costs when it goes wrong
 *
 *    return != 0                            the call failed
 *    return 0, error_message alone          the call failed, with that text
 *    return 0, both                         the reply is published and the error logged
 *    return 0, *out_buf NULL or empty table no reply
 *    *out_len <= 0 with a buffer, a misaligned or unreadable one: the call failed, "bad reply: ..."
 *
 *    A failed call is logged and counted; whether its event is tried again is the host's affair.
 *    A call that does not return in time is not interrupted: the worker waits for it and gets no
 *    other event meanwhile. A crash ends the host: this code runs inside it.
 *
 * 6  Growth
 *
 *    Revision 1 is 40 bytes and never changes. Revision 2 is 56 bytes and the last change of the
 *    struct; whatever comes later is an extension table, asked for by name. A host that does not
 *    know the revision a worker asks for refuses to load it and names those it knows. */
#ifndef VIRTUFIN_VIRTUFIN_WORKER_API_C_H
#define VIRTUFIN_VIRTUFIN_WORKER_API_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks a function or constant that the host looks up by name. */
#if defined(_WIN32)
#define VIRTUFIN_WORKER_EXPORT __declspec(dllexport)
#else
#define VIRTUFIN_WORKER_EXPORT __attribute__((visibility("default")))
#endif

/** The newest revision of VirtufinHost that this header describes. */
#define VIRTUFIN_WORKER_ABI_REVISION 2

/** Levels of VirtufinHost::log. Others are taken as the nearest of these. */
enum VirtufinLogLevel {
  VIRTUFIN_LOG_TRACE = 0,
  VIRTUFIN_LOG_DEBUG = 1,
  VIRTUFIN_LOG_INFO = 2,
  VIRTUFIN_LOG_WARN = 3,
  VIRTUFIN_LOG_ERROR = 4
};

/** What the host gives to one load of a worker.
 *
 * `ctx`, the first argument of every function, is `engine_ptr`. log, gateway_call: from any thread,
 * while Process, VirtufinWorkerInit or VirtufinWorkerShutdown of this host runs. free_response,
 * get_extension: from any thread, until VirtufinWorkerShutdown returned. */
typedef struct VirtufinHost {
  /** Opaque; pass it as `ctx`. */
  void* engine_ptr;

  /** The revision the host wrote: the one the worker asked for. 1: the first 40 bytes mean
   * something. 2: all 56 do. (4 bytes of padding follow.) */
  int32_t abi_version;

  /** Writes one line to the host's log. `message`: NUL-terminated UTF-8, borrowed during the call.
   * Outside of a call the line is counted and dropped. */
  void (*log)(void* ctx, int32_t level, const char* message);

  /** Calls a method of a service through the host and waits for the answer. `service` and `method`
   * are NUL-terminated ("virtufin.Pubsub", "PublishEvent"), `req` is UTF-8 JSON of `req_len` bytes;
   * all borrowed during the call.
   *
   * Returns 0 and the JSON response in *resp, or a status code and
   * {"error":{"code":14,"message":"why"}} in *resp. Give *resp back with free_response in
   * both cases; a NUL follows its *resp_len bytes. The codes are the canonical ones: 3 invalid
   * argument, 5 not found, 9 failed precondition (among others: called outside of a call),
   * 12 unimplemented, 14 unavailable, ... */
  int32_t (*gateway_call)(void* ctx, const char* service, const char* method, const uint8_t* req,
                          int32_t req_len, uint8_t** resp, int32_t* resp_len);

  /** Releases a response of gateway_call. NULL is fine. */
  void (*free_response)(void* ctx, uint8_t* resp);

  /* ---- The first 40 bytes end here. Read on only when abi_version >= 2. ---- */

  /** Bytes of this struct. */
  uint32_t struct_size;

  /** 0. */
  uint32_t reserved;

  /** The table named `id` (NUL-terminated), or NULL when the host has none of that name. Its first
   * member is always uint32_t struct_size; it is readable until VirtufinWorkerShutdown returned. */
  const void* (*get_extension)(void* ctx, const char* id);
} VirtufinHost;

/** get_extension: who this worker is. Gives a VirtufinWorkerInfo1. */
#define VIRTUFIN_EXTENSION_WORKER_1 "virtufin.worker/1"

/** The table "virtufin.worker/1". Text is NUL-terminated UTF-8, never NULL; an array with a count
 * of 0 may be NULL. All of it is readable, and does not change, until VirtufinWorkerShutdown
 * returned. */
typedef struct VirtufinWorkerInfo1 {
  uint32_t struct_size;  /**< Bytes of this struct. */
  uint32_t topic_count;  /**< Entries of `topics`. */
  uint32_t config_count; /**< Entries of `config_keys` and of `config_values`. */
  uint32_t reserved;     /**< 0. */

  const char* worker_id;    /**< A UUID; the same after a reload of the code. */
  const char* instance_id;  /**< Which process, or member of a pool, runs this load. */
  const char* host_version; /**< Of the host's library, as "0.1.0". */

  const char* const* topics;        /**< Whose events come to this worker. */
  const char* const* config_keys;   /**< In ascending order. */
  const char* const* config_values; /**< config_values[i] belongs to config_keys[i]. */
} VirtufinWorkerInfo1;

/** Process: handles one event.
 *
 * `in_buf` is a CloudEvent of `in_len` bytes, 8-aligned, followed by 64 readable bytes; it belongs
 * to the host and is valid during the call. *out_buf is NULL and *out_len 0 on entry. To reply, set
 * *out_buf to memory of your own, 8-aligned, that holds a WorkerResponse of *out_len bytes; the
 * host reads it and gives it to FreeResult exactly once, also when the call failed. No C++
 * exception may leave. Returns 0, or anything else: the call failed. */
typedef int32_t (*VirtufinProcessFn)(const VirtufinHost* host, const uint8_t* in_buf,
                                     int32_t in_len, uint8_t** out_buf, int32_t* out_len);

/** FreeResult: releases what Process left in *out_buf. Called on the thread of that Process. */
typedef void (*VirtufinFreeResultFn)(uint8_t* result);

/** VirtufinWorkerInit: prepares the state of one host. Not 0: the load is refused. */
typedef int32_t (*VirtufinWorkerInitFn)(const VirtufinHost* host);

/** VirtufinWorkerShutdown: releases the state of one host; end the threads you started for it.
 * Called before every unload, also when VirtufinWorkerInit failed and when no Process ever ran,
 * even if other hosts go on using the same library. */
typedef void (*VirtufinWorkerShutdownFn)(const VirtufinHost* host);

/* Declared where a worker is built (virtufin_add_native_worker defines VIRTUFIN_WORKER_LIBRARY), so
 * that the compiler checks the definitions. */
#if defined(VIRTUFIN_WORKER_LIBRARY)
VIRTUFIN_WORKER_EXPORT int32_t Process(const VirtufinHost* host, const uint8_t* in_buf,
                                       int32_t in_len, uint8_t** out_buf, int32_t* out_len);
VIRTUFIN_WORKER_EXPORT void FreeResult(uint8_t* result);
VIRTUFIN_WORKER_EXPORT int32_t VirtufinWorkerInit(const VirtufinHost* host);
VIRTUFIN_WORKER_EXPORT void VirtufinWorkerShutdown(const VirtufinHost* host);
#endif

/** VIRTUFIN_WORKER_ABI(2); at file scope asks the host for that revision of VirtufinHost. A worker
 * without it gets revision 1. */
#define VIRTUFIN_WORKER_ABI(revision)                                   \
  VIRTUFIN_WORKER_EXPORT extern const int32_t VirtufinWorkerAbiVersion; \
  const int32_t VirtufinWorkerAbiVersion = (revision)

/** The table `id` of `host`, NULL when there is none: also under a host of revision 1. */
static inline const void* virtufin_host_extension(const VirtufinHost* host, const char* id) {
  if (host->abi_version < 2 || host->struct_size < sizeof(VirtufinHost)) return NULL;
  return host->get_extension(host->engine_ptr, id);
}

/** Who this worker is; NULL when the host does not say. */
static inline const VirtufinWorkerInfo1* virtufin_worker_info(const VirtufinHost* host) {
  return (const VirtufinWorkerInfo1*)virtufin_host_extension(host, VIRTUFIN_EXTENSION_WORKER_1);
}

/* The layouts are frozen. An array of size -1 below means that this compiler lays them out in
 * another way than the host's. */
#if UINTPTR_MAX == 0xffffffffffffffffu
#define VIRTUFIN_LAYOUT(name, condition) typedef char virtufin_layout_##name[(condition) ? 1 : -1]
VIRTUFIN_LAYOUT(host_engine_ptr, offsetof(VirtufinHost, engine_ptr) == 0);
VIRTUFIN_LAYOUT(host_abi_version, offsetof(VirtufinHost, abi_version) == 8);
VIRTUFIN_LAYOUT(host_log, offsetof(VirtufinHost, log) == 16);
VIRTUFIN_LAYOUT(host_gateway_call, offsetof(VirtufinHost, gateway_call) == 24);
VIRTUFIN_LAYOUT(host_free_response, offsetof(VirtufinHost, free_response) == 32);
VIRTUFIN_LAYOUT(host_struct_size, offsetof(VirtufinHost, struct_size) == 40);
VIRTUFIN_LAYOUT(host_reserved, offsetof(VirtufinHost, reserved) == 44);
VIRTUFIN_LAYOUT(host_get_extension, offsetof(VirtufinHost, get_extension) == 48);
VIRTUFIN_LAYOUT(host_size, sizeof(VirtufinHost) == 56);
VIRTUFIN_LAYOUT(info_struct_size, offsetof(VirtufinWorkerInfo1, struct_size) == 0);
VIRTUFIN_LAYOUT(info_topic_count, offsetof(VirtufinWorkerInfo1, topic_count) == 4);
VIRTUFIN_LAYOUT(info_config_count, offsetof(VirtufinWorkerInfo1, config_count) == 8);
VIRTUFIN_LAYOUT(info_reserved, offsetof(VirtufinWorkerInfo1, reserved) == 12);
VIRTUFIN_LAYOUT(info_worker_id, offsetof(VirtufinWorkerInfo1, worker_id) == 16);
VIRTUFIN_LAYOUT(info_instance_id, offsetof(VirtufinWorkerInfo1, instance_id) == 24);
VIRTUFIN_LAYOUT(info_host_version, offsetof(VirtufinWorkerInfo1, host_version) == 32);
VIRTUFIN_LAYOUT(info_topics, offsetof(VirtufinWorkerInfo1, topics) == 40);
VIRTUFIN_LAYOUT(info_config_keys, offsetof(VirtufinWorkerInfo1, config_keys) == 48);
VIRTUFIN_LAYOUT(info_config_values, offsetof(VirtufinWorkerInfo1, config_values) == 56);
VIRTUFIN_LAYOUT(info_size, sizeof(VirtufinWorkerInfo1) == 64);
#undef VIRTUFIN_LAYOUT
#endif

#ifdef __cplusplus
}
#endif
#endif /* VIRTUFIN_VIRTUFIN_WORKER_API_C_H */
