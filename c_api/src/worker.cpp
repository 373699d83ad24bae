// The noun worker: workers are ids, made from a library file.
#include <vector>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::Status;
using virtufin::c::Guard;
using virtufin::c::Missing;
using virtufin::c::View;

virtufin_status_t virtufin_worker_create_from_file(virtufin_platform_t* platform,
                                                   virtufin_str_t path,
                                                   const virtufin_str_t* topics, size_t topic_count,
                                                   virtufin_text_t** id, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    if (id == nullptr) return Missing("id");
    if (topics == nullptr && topic_count != 0) return Missing("topics");
    virtufin::CreateWorkerRequest request;
    request.code.mime_type = "application/x-native-dll";
    request.code.path = View(path);
    for (size_t i = 0; i < topic_count; ++i) request.topics.emplace_back(View(topics[i]));
    auto text = std::make_unique<virtufin_text>();
    auto created = platform->platform->workers().Create(std::move(request));
    if (!created.ok()) return created.status();
    text->text = std::move(*created);
    *id = text.release();
    return Status();
  });
}

virtufin_status_t virtufin_worker_start(virtufin_platform_t* platform, virtufin_str_t id,
                                        virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    return platform->platform->workers().Start(View(id));
  });
}

virtufin_status_t virtufin_worker_stop(virtufin_platform_t* platform, virtufin_str_t id,
                                       virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    return platform->platform->workers().Stop(View(id));
  });
}

virtufin_status_t virtufin_worker_delete(virtufin_platform_t* platform, virtufin_str_t id,
                                         virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    return platform->platform->workers().Delete(View(id));
  });
}
