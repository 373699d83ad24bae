// The noun worker list: workers as they were at one moment.
#include <vector>

#include "guard.hpp"
#include "handles.hpp"
#include "pairs.hpp"

using virtufin::Status;
using virtufin::WorkerInfo;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::ToPairs;

namespace {

using Pairs = std::vector<virtufin_pair_t>;

/// One worker, and the arrays that refer to its texts.
struct Entry {
  explicit Entry(const WorkerInfo& worker)
      : worker(worker),
        created_at(worker.created_at.ToString()),
        config(ToPairs(this->worker.config)),
        tags(ToPairs(this->worker.tags)) {
    for (const std::string& topic : this->worker.topics) topics.push_back(Str(topic));
  }
  const WorkerInfo worker;
  const std::string created_at;
  std::vector<virtufin_str_t> topics;
  const Pairs config, tags;
};

static_assert(static_cast<int>(virtufin::WorkerStatus::kStopped) == VIRTUFIN_WORKER_STOPPED &&
              static_cast<int>(virtufin::WorkerStatus::kRunning) == VIRTUFIN_WORKER_RUNNING);

void FillTexts(const Entry& entry, virtufin_worker_info_t& out) {
  out.id = Str(entry.worker.id);
  out.mime_type = Str(entry.worker.mime_type);
  out.language = Str(entry.worker.language);
  out.created_at = Str(entry.created_at);
  out.error = Str(entry.worker.error);
  out.topics = entry.topics.data();
  out.topic_count = entry.topics.size();
  out.config = entry.config.data();
  out.config_count = entry.config.size();
  out.tags = entry.tags.data();
  out.tag_count = entry.tags.size();
}

void FillCounters(const virtufin::WorkerCounters& counters, virtufin_worker_info_t& out) {
  out.calls = counters.calls;
  out.replies = counters.replies;
  out.failed = counters.failed;
  out.overdue = counters.overdue;
  out.discarded = counters.discarded;
  out.dropped = counters.dropped;
}

}  // namespace

struct virtufin_worker_list {
  std::vector<std::unique_ptr<const Entry>> entries;
};

virtufin_status_t virtufin_worker_list_create(const virtufin_platform_t* platform,
                                              virtufin_worker_list_t** list,
                                              virtufin_error_t** error) {
  return virtufin_worker_list_create_tagged(platform, nullptr, 0, list, error);
}

virtufin_status_t virtufin_worker_list_create_tagged(const virtufin_platform_t* platform,
                                                     const virtufin_pair_t* tags, size_t tag_count,
                                                     virtufin_worker_list_t** list,
                                                     virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"list", list}});
    std::map<std::string, std::string> wanted;
    if (status.ok()) status = virtufin::c::ReadPairs("tags", tags, tag_count, wanted);
    if (!status.ok()) return status;
    std::vector<virtufin::TagFilter> filters;
    for (const auto& [key, value] : wanted) filters.push_back({key, value});
    return virtufin::c::GiveHandle(list, [&](virtufin_worker_list_t& handle) {
      for (const WorkerInfo& worker : platform->platform->workers().List(filters)) {
        handle.entries.push_back(std::make_unique<const Entry>(worker));
      }
      return Status();
    });
  });
}

size_t virtufin_worker_list_get_count(const virtufin_worker_list_t* list) {
  return list == nullptr ? 0 : list->entries.size();
}

virtufin_status_t virtufin_worker_list_get_info(const virtufin_worker_list_t* list, size_t index,
                                                virtufin_worker_info_t* info,
                                                virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"list", list}, {"info", info}});
    if (!status.ok()) return status;
    if (index >= list->entries.size()) return virtufin::c::BadIndex(index, list->entries.size());
    const Entry& entry = *list->entries[index];
    virtufin_worker_info_t known{};
    known.status = static_cast<std::int32_t>(entry.worker.status);
    known.degraded = entry.worker.degraded ? 1 : 0;
    FillTexts(entry, known);
    FillCounters(entry.worker.counters, known);
    return virtufin::c::WriteStruct(known, info);
  });
}

void virtufin_worker_list_free(virtufin_worker_list_t* list) { delete list; }
