/* Uses the C library: an event on one of two platforms of this process. With an argument, that file
 * is a native worker: it gets the event, and its reply is awaited. Ends with 0 when all went
 * well. */
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "virtufin/virtufin.h"

typedef struct mailbox {
  mtx_t mutex;
  cnd_t changed;
  int count;
} mailbox_t;

static virtufin_delivery_t on_event(void* user_data, virtufin_str_t topic,
                                    const virtufin_event_t* event,
                                    const virtufin_delivery_info_t* info) {
  mailbox_t* box = user_data;
  virtufin_str_t data = virtufin_event_get_data(event);
  (void)info;
  printf("%.*s: %.*s\n", (int)topic.size, topic.data, (int)data.size, data.data);
  mtx_lock(&box->mutex);
  ++box->count;
  cnd_signal(&box->changed);
  mtx_unlock(&box->mutex);
  return VIRTUFIN_DELIVERY_SUCCESS;
}

static int await_one(mailbox_t* box) {
  struct timespec deadline;
  timespec_get(&deadline, TIME_UTC);
  deadline.tv_sec += 60;
  int outcome = thrd_success;
  mtx_lock(&box->mutex);
  while (box->count == 0 && outcome == thrd_success) {
    outcome = cnd_timedwait(&box->changed, &box->mutex, &deadline);
  }
  mtx_unlock(&box->mutex);
  return outcome == thrd_success;
}

static virtufin_event_t* make_question(void) {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:com.example"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("question"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("replytopic"), VIRTUFIN_STR("answers"));
  virtufin_event_builder_set_json(builder, VIRTUFIN_STR("{\"name\":\"C\"}"));
  virtufin_event_t* event = NULL;
  virtufin_event_builder_build(builder, &event, NULL);
  virtufin_event_builder_free(builder);
  return event;
}

static int load_worker(virtufin_platform_t* platform, const char* file) {
  const virtufin_str_t path = {file, strlen(file)};
  const virtufin_str_t topic = VIRTUFIN_STR("questions");
  virtufin_text_t* id = NULL;
  virtufin_error_t* error = NULL;
  virtufin_status_t status =
      virtufin_worker_create_from_file(platform, path, &topic, 1, &id, &error);
  if (status == VIRTUFIN_OK) {
    status = virtufin_worker_start(platform, virtufin_text_get(id), &error);
  }
  if (status != VIRTUFIN_OK) {
    virtufin_str_t message = virtufin_error_get_message(error);
    fprintf(stderr, "%.*s\n", (int)message.size, message.data);
    virtufin_error_free(error);
  }
  virtufin_text_free(id);
  return status == VIRTUFIN_OK;
}

int main(int argc, char** argv) {
  mailbox_t box = {.count = 0};
  mtx_init(&box.mutex, mtx_plain);
  cnd_init(&box.changed);
  virtufin_platform_t *first = NULL, *second = NULL;
  if (virtufin_platform_create(NULL, &first, NULL) != VIRTUFIN_OK ||
      virtufin_platform_create(NULL, &second, NULL) != VIRTUFIN_OK ||
      virtufin_platform_start(first, NULL) != VIRTUFIN_OK ||
      virtufin_platform_start(second, NULL) != VIRTUFIN_OK) {
    return 1;
  }
  const virtufin_str_t heard = argc > 1 ? VIRTUFIN_STR("answers") : VIRTUFIN_STR("questions");
  if (argc > 1 && !load_worker(first, argv[1])) return 2;
  virtufin_subscription_t* watch = NULL;
  virtufin_event_t* question = make_question();
  if (question == NULL ||
      virtufin_bus_subscribe(first, heard, NULL, on_event, &box, NULL, &watch, NULL) !=
          VIRTUFIN_OK ||
      virtufin_bus_publish(first, VIRTUFIN_STR("questions"), question, NULL) != VIRTUFIN_OK) {
    return 3;
  }
  virtufin_event_free(question);
  if (!await_one(&box)) return 4;
  if (virtufin_platform_stop(first, 10000, NULL) != VIRTUFIN_OK ||
      virtufin_platform_stop(second, 10000, NULL) != VIRTUFIN_OK) {
    return 5;
  }
  virtufin_subscription_free(watch);
  virtufin_platform_free(first);
  virtufin_platform_free(second);
  printf("libvirtufin %s\n", virtufin_version());
  return 0;
}
