// What is kept of a worker: its record, and the JSON in which that lies in the state store.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::inline v0::detail {

struct WorkerRecord {
  std::string id;
  std::string instance_id;  // who runs it
  std::string mime_type;    // canonical
  std::vector<std::string> topics;
  Timestamp created_at;
  std::map<std::string, std::string> config;
  std::map<std::string, std::string> tags;
  WorkerStatus status = WorkerStatus::kStopped;  // what was asked for last
  std::vector<HistoryEntry> history;             // of a loaded worker never empty
};

/// Appends what was loaded and cuts what is too old: at most 100 codes, and of the content of those
/// before the last one at most 4 MiB, the newest first.
void AppendHistory(std::vector<HistoryEntry>& history, HistoryEntry entry);

/// Takes `entry` out again, and only that: a later one stays. What its append cut from the code
/// that is the last one now comes back from `before`.
void TakeBackHistory(std::vector<HistoryEntry>& history, const HistoryEntry& entry,
                     const std::vector<HistoryEntry>& before);

/// Errors: INVALID_ARGUMENT for text that is no UTF-8; RESOURCE_EXHAUSTED for what no store takes.
Result<std::string> EncodeRecord(const WorkerRecord& record);
/// The text that `text`, an object in JSON, has as its member `name`; else empty.
std::string TextMember(std::string_view text, const char* name);
/// Errors: DATA_LOSS naming the member, what was expected and what was found; FAILED_PRECONDITION
/// for a record of a newer library.
Result<WorkerRecord> DecodeRecord(std::string_view text);

}  // namespace virtufin::inline v0::detail
