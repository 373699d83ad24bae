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
 * 5  What else the host offers
 *
 *    A worker of revision 2 asks for tables by name; NULL: this host has none of that name.
 *
 *      VIRTUFIN_WORKER_ABI(2);
 *      const VirtufinPublish1* bus = virtufin_publish(host);
 *      if (bus) bus->publish(host->engine_ptr, "my.topic", bytes, size, NULL);
 *
 *    virtufin.worker/1   who this worker is, its configuration
 *    virtufin.publish/1  publishes events besides the reply
 *    virtufin.state/1    records that outlive the worker
 *    virtufin.clock/1    the time it is for this worker, how long the call may take
 *    virtufin.timer/1    timers that arrive as events
 *
 *    Their functions may be called from any thread, inside and outside of calls, until
 *    VirtufinWorkerShutdown returned: a thread of yours that uses them has to have ended by then.
 *    Later they return 9 and do nothing. They return 0 or a canonical status code: 3 invalid
 *    argument, 5 not found, 6 already exists, 8 resource exhausted, 9 failed precondition,
 *    10 aborted, 14 unavailable, ... Where the last parameter is `error`, it may be NULL; else
 *    *error is NULL after 0, and otherwise says why as NUL-terminated UTF-8 (NULL when there is no
 *    memory for it). Release it with free_response, as whatever else they hand over.
 *
 * 6  What a call costs when it goes wrong
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
 * 7  Growth
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

  /** Releases a response of gateway_call, or what a function of a table handed over (text cast to
   * uint8_t*). NULL is fine. */
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
/** Chapter 5. Each gives the struct below whose name is like its own: VirtufinPublish1, ... */
#define VIRTUFIN_EXTENSION_PUBLISH_1 "virtufin.publish/1"
#define VIRTUFIN_EXTENSION_STATE_1 "virtufin.state/1"
#define VIRTUFIN_EXTENSION_CLOCK_1 "virtufin.clock/1"
#define VIRTUFIN_EXTENSION_TIMER_1 "virtufin.timer/1"

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

/** The table "virtufin.publish/1". */
typedef struct VirtufinPublish1 {
  uint32_t struct_size; /**< Bytes of this struct. */
  uint32_t reserved;    /**< 0. */

  /** Publishes an event on `topic` (NUL-terminated UTF-8). `event` is a CloudEvent of `event_len`
   * bytes, 8-aligned, as virtufin_wire_write_event makes it. Both are borrowed during the call. The
   * event is on the bus when this returns 0, so what a call publishes goes out in that order and
   * before its reply. A thread that the host gave (that of a call) never waits; one of yours may,
   * a second or so, while a subscriber's queue is full.
   *
   * 3: no topic, no such buffer. 8: a subscriber lags, all others got the event: do not repeat it.
   * 14: not on the bus (stopped, without room, no memory): may be repeated. */
  int32_t (*publish)(void* ctx, const char* topic, const uint8_t* event, int32_t event_len,
                     char** error);
} VirtufinPublish1;

/** The table "virtufin.state/1": records by key, under the service that the worker's configuration
 * names in `stateservice`, "workmanager" when it names none. Workers of one service share them.
 *
 * `key` is NUL-terminated UTF-8 of 1 to 1024 bytes. An etag changes with every write; compare it,
 * never read it. Arguments are borrowed during the call. May wait for a disk. 14: the host has no
 * store, or cannot reach it. */
typedef struct VirtufinState1 {
  uint32_t struct_size; /**< Bytes of this struct. */
  uint32_t reserved;    /**< 0. */

  /** Hands over the record's bytes in *value, a NUL behind its *value_len bytes, and its etag in
   * *etag; release both. `etag` may be NULL, so may `value` and `value_len` together. 5: there is
   * no record; *value and *etag are NULL then. */
  int32_t (*get)(void* ctx, const char* key, uint8_t** value, int32_t* value_len, char** etag,
                 char** error);

  /** Writes the record. `etag` NULL: over whatever there is; "": only when there is none, else 6;
   * any other: only over the record with this etag, else 10. `new_etag` may be NULL, else release
   * *new_etag; without memory for it the record is written and the answer 10: get it again. `value`
   * may be NULL when `value_len` is 0. 3: it is larger than 16 MiB. 8: there is no room. */
  int32_t (*set)(void* ctx, const char* key, const uint8_t* value, int32_t value_len,
                 const char* etag, char** new_etag, char** error);

  /** Deletes the record; *existed, which may be NULL, says whether there was one. `etag` NULL or
   * "": whatever it is; any other: only with this etag, else 10, also when there is none. */
  int32_t (*remove)(void* ctx, const char* key, const char* etag, int32_t* existed, char** error);
} VirtufinState1;

/** A point in time, UTC. */
typedef struct VirtufinTime1 {
  int64_t seconds;     /**< Since 1970-01-01T00:00:00Z, rounded down. */
  int32_t nanoseconds; /**< Of the second: 0 to 999999999. */
  int32_t historical;  /**< Not 0: of the event that is handled, which is replayed. */
} VirtufinTime1;

/** The table "virtufin.clock/1". */
typedef struct VirtufinClock1 {
  uint32_t struct_size; /**< Bytes of this struct. */
  uint32_t reserved;    /**< 0. */

  /** The time it is for this worker. While it handles an event whose `clocktype` is "historical":
   * its `eventtime`, else its `time`; otherwise the host's clock. 3: `time` is NULL. */
  int32_t (*now)(void* ctx, VirtufinTime1* time);

  /** How long the call that runs may still take, in nanoseconds of real time: 0 when it is overdue,
   * INT64_MAX when nothing limits it and outside of calls. 3: `nanoseconds` is NULL. */
  int32_t (*time_left)(void* ctx, int64_t* nanoseconds);
} VirtufinClock1;

/** The table "virtufin.timer/1": timers that arrive as events of type "com.virtufin.worker.timer",
 * in order with the worker's other events, as calls of Process like any.
 *
 * The event's `time` is when the timer was due, its `subject` the name of the timer, its extension
 * `timerid` the number that start gave. Its data is JSON: {"name":"flush","id":"4294967297",
 * "count":3,"missed":0}; `count` numbers the events of a timer from 1. A worker that is far behind
 * does not get every event of a repeating timer: `missed` says how many the next one stands for.
 * Timers run on the host's clock: while a host replays, on the time it replays. One that a call
 * with a historical clock started makes events with that `clocktype` and an `eventtime`.
 *
 * Timers end with this load of the worker, so also when its code is replaced. While the worker is
 * stopped none arrives; one-shot timers that were due come when it starts again. */
typedef struct VirtufinTimer1 {
  uint32_t struct_size; /**< Bytes of this struct. */
  uint32_t reserved;    /**< 0. */

  /** Starts a timer that is due `delay_ns` from now, and then every `period_ns`; 0: once. `name`
   * (NUL-terminated UTF-8, at most 256 bytes; NULL: none) is borrowed during the call. *timer_id,
   * which may be NULL, gets its number, never 0. 3: a negative time, a period below 1 ms, a bad
   * name. 8: the worker has 1024 timers. */
  int32_t (*start)(void* ctx, const char* name, int64_t delay_ns, int64_t period_ns,
                   uint64_t* timer_id, char** error);

  /** Ends a timer. Inside a call: no event of it arrives any more, none that was on its way either.
   * 5: there is none of that number; a one-shot timer is gone when its event was handled. */
  int32_t (*cancel)(void* ctx, uint64_t timer_id, char** error);
} VirtufinTimer1;

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

/** What this worker publishes with; NULL when the host has no such table, as those that follow. */
static inline const VirtufinPublish1* virtufin_publish(const VirtufinHost* host) {
  return (const VirtufinPublish1*)virtufin_host_extension(host, VIRTUFIN_EXTENSION_PUBLISH_1);
}

/** The records of this worker. */
static inline const VirtufinState1* virtufin_state(const VirtufinHost* host) {
  return (const VirtufinState1*)virtufin_host_extension(host, VIRTUFIN_EXTENSION_STATE_1);
}

/** The time of this worker. */
static inline const VirtufinClock1* virtufin_clock(const VirtufinHost* host) {
  return (const VirtufinClock1*)virtufin_host_extension(host, VIRTUFIN_EXTENSION_CLOCK_1);
}

/** The timers of this worker. */
static inline const VirtufinTimer1* virtufin_timer(const VirtufinHost* host) {
  return (const VirtufinTimer1*)virtufin_host_extension(host, VIRTUFIN_EXTENSION_TIMER_1);
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
VIRTUFIN_LAYOUT(publish_struct_size, offsetof(VirtufinPublish1, struct_size) == 0);
VIRTUFIN_LAYOUT(publish_reserved, offsetof(VirtufinPublish1, reserved) == 4);
VIRTUFIN_LAYOUT(publish_publish, offsetof(VirtufinPublish1, publish) == 8);
VIRTUFIN_LAYOUT(publish_size, sizeof(VirtufinPublish1) == 16);
VIRTUFIN_LAYOUT(state_struct_size, offsetof(VirtufinState1, struct_size) == 0);
VIRTUFIN_LAYOUT(state_reserved, offsetof(VirtufinState1, reserved) == 4);
VIRTUFIN_LAYOUT(state_get, offsetof(VirtufinState1, get) == 8);
VIRTUFIN_LAYOUT(state_set, offsetof(VirtufinState1, set) == 16);
VIRTUFIN_LAYOUT(state_remove, offsetof(VirtufinState1, remove) == 24);
VIRTUFIN_LAYOUT(state_size, sizeof(VirtufinState1) == 32);
VIRTUFIN_LAYOUT(time_seconds, offsetof(VirtufinTime1, seconds) == 0);
VIRTUFIN_LAYOUT(time_nanoseconds, offsetof(VirtufinTime1, nanoseconds) == 8);
VIRTUFIN_LAYOUT(time_historical, offsetof(VirtufinTime1, historical) == 12);
VIRTUFIN_LAYOUT(time_size, sizeof(VirtufinTime1) == 16);
VIRTUFIN_LAYOUT(clock_struct_size, offsetof(VirtufinClock1, struct_size) == 0);
VIRTUFIN_LAYOUT(clock_reserved, offsetof(VirtufinClock1, reserved) == 4);
VIRTUFIN_LAYOUT(clock_now, offsetof(VirtufinClock1, now) == 8);
VIRTUFIN_LAYOUT(clock_time_left, offsetof(VirtufinClock1, time_left) == 16);
VIRTUFIN_LAYOUT(clock_size, sizeof(VirtufinClock1) == 24);
VIRTUFIN_LAYOUT(timer_struct_size, offsetof(VirtufinTimer1, struct_size) == 0);
VIRTUFIN_LAYOUT(timer_reserved, offsetof(VirtufinTimer1, reserved) == 4);
VIRTUFIN_LAYOUT(timer_start, offsetof(VirtufinTimer1, start) == 8);
VIRTUFIN_LAYOUT(timer_cancel, offsetof(VirtufinTimer1, cancel) == 16);
VIRTUFIN_LAYOUT(timer_size, sizeof(VirtufinTimer1) == 24);
#undef VIRTUFIN_LAYOUT
#endif

#ifdef __cplusplus
}
#endif
#endif /* VIRTUFIN_VIRTUFIN_WORKER_API_C_H */
