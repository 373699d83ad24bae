// The noun worker history: the codes that a worker has had.
#include <vector>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::HistoryEntry;
using virtufin::Status;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::View;

struct virtufin_worker_history {
  std::vector<HistoryEntry> entries;
  std::vector<std::string> times;  // of the entries
};

namespace {

virtufin_str_t TextOrAbsent(const std::string& text) {
  return text.empty() ? virtufin_str_t{} : Str(text);
}

void Fill(const HistoryEntry& entry, const std::string& time,
          virtufin_worker_history_entry_t& out) {
  const auto& content = entry.code_source.content;
  out.url = TextOrAbsent(entry.code_source.url);
  out.path = TextOrAbsent(entry.code_source.path);
  if (!content.empty()) {
    out.content = {reinterpret_cast<const char*>(content.data()), content.size()};
  }
  out.sha256 = TextOrAbsent(entry.sha256);
  out.created_at = Str(time);
}

}  // namespace

virtufin_status_t virtufin_worker_history_create(const virtufin_platform_t* platform,
                                                 virtufin_str_t id,
                                                 virtufin_worker_history_t** history,
                                                 virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"history", history}});
    if (!status.ok()) return status;
    return virtufin::c::GiveHandle(history, [&](virtufin_worker_history_t& handle) {
      auto entries = platform->platform->workers().History(View(id));
      if (!entries.ok()) return entries.status();
      handle.entries = *std::move(entries);
      for (const HistoryEntry& entry : handle.entries) {
        handle.times.push_back(entry.created_at.ToString());
      }
      return Status();
    });
  });
}

size_t virtufin_worker_history_get_count(const virtufin_worker_history_t* history) {
  return history == nullptr ? 0 : history->entries.size();
}

virtufin_status_t virtufin_worker_history_get_entry(const virtufin_worker_history_t* history,
                                                    size_t index,
                                                    virtufin_worker_history_entry_t* entry,
                                                    virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"history", history}, {"entry", entry}});
    if (!status.ok()) return status;
    if (index >= history->entries.size()) {
      return virtufin::c::BadIndex(index, history->entries.size());
    }
    virtufin_worker_history_entry_t known{};
    Fill(history->entries[index], history->times[index], known);
    return virtufin::c::WriteStruct(known, entry);
  });
}

void virtufin_worker_history_free(virtufin_worker_history_t* history) { delete history; }
