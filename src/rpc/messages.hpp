// Between the messages of virtufin.WorkManager and the types of WorkManager.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/lite/work_manager.pb.h"
#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/code_source.hpp"
#include "virtufin/workmanager/worker_info.hpp"

namespace virtufin::inline v0::detail {

/// Looks for text that is no UTF-8: the lite messages take any bytes.
class TextCheck {
 public:
  TextCheck& Field(std::string_view name, std::string_view text);
  template <class Texts>
  TextCheck& List(std::string_view name, const Texts& texts) {
    for (const auto& text : texts) Field(name, text);
    return *this;
  }
  template <class Map>
  TextCheck& Entries(std::string_view name, const Map& entries) {
    for (const auto& [key, value] : entries) Field(name, key).Field(name, value);
    return *this;
  }
  /// Errors: INVALID_ARGUMENT naming the first field that is none.
  Status status() const { return status_; }

 private:
  Status status_;
};

template <class Map>
std::map<std::string, std::string> ToMap(const Map& entries) {
  return {entries.begin(), entries.end()};
}

/// Moves the code out of the message.
/// Errors: INVALID_ARGUMENT saying what is wrong with it.
Result<CodeSource> ToCodeSource(lite::CodeSource& source, std::string mime_type);

/// The other way. Errors: FAILED_PRECONDITION for what has no place in a message.
Status Fill(CodeSource source, lite::CodeSource& out);

/// Errors: INVALID_ARGUMENT for a `filter` without `=`.
Result<std::vector<TagFilter>> ToFilters(const lite::ListWorkersRequest& request);

void Fill(const WorkerInfo& info, lite::WorkerInfo& out);
/// As much content as fits into the message, of the newest entries.
void Fill(std::vector<HistoryEntry> entries, lite::GetWorkerHistoryResponse& out);
void Fill(const EngineInfo& info, lite::EngineInfo& out);

}  // namespace virtufin::inline v0::detail
