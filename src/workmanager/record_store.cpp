// Records by key, fenced by their etags; the index by compare and set.
#include "workmanager/record_store.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "virtufin/event/state_key.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

constexpr int kMostTries = 64;  // each lost race means that another one got on
constexpr std::string_view kRecordPrefix = "workmanager.worker.";

Result<std::vector<std::string>> ReadTextList(std::string_view key, std::string_view json) {
  const Json list = Json::parse(json, nullptr, false);
  const bool good = list.is_array() && std::all_of(list.begin(), list.end(),
                                                   [](const Json& id) { return id.is_string(); });
  if (good) return list.get<std::vector<std::string>>();
  return Status(StatusCode::kDataLoss, "workmanager",
                std::string(key) + ": expected a JSON list of texts, found something else");
}

/// Not ABORTED: that says that the worker is another instance's.
Status Contended(const std::string& id) {
  return Status(StatusCode::kUnavailable, "workmanager",
                "worker " + id + ": expected a moment without other writers, found none");
}

bool LostRace(const Status& status) noexcept {
  return status.code() == StatusCode::kAborted || status.code() == StatusCode::kAlreadyExists;
}

}  // namespace

Status EditTextList(GuardedStore& store, std::string_view key, const std::string& text, bool add) {
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    const auto item = store.Get(key);
    if (!item.ok() && item.status().code() != StatusCode::kNotFound) return item.status();
    std::vector<std::string> list;
    if (item.ok()) {
      auto read = ReadTextList(key, item->value);
      if (!read.ok()) return read.status();
      list = *std::move(read);
    }
    const auto found = std::find(list.begin(), list.end(), text);
    if ((found != list.end()) == add) return {};
    if (add) {
      list.push_back(text);
    } else {
      list.erase(found);
    }
    SetOptions options;
    if (item.ok()) options.etag = item->etag;
    options.create_only = !item.ok();
    Status status = store.Set(key, Json(list).dump(), options).status();
    if (!LostRace(status)) return status;
  }
  return Status(StatusCode::kAborted, "workmanager",
                std::string(key) + ": expected a moment without other writers, found none");
}

Result<std::string> RecordStore::Create(const WorkerRecord& record) {
  auto text = EncodeRecord(record);
  if (!text.ok()) return text.status();
  Executor::BlockingScope blocking;
  {
    std::lock_guard lock(index_mutex_);
    Status status = EditTextList(store_, kWorkersIndexKey, record.id, true);
    // Ids() finds what an index that nobody can read leaves out.
    if (!status.ok() && status.code() != StatusCode::kDataLoss) return status;
  }
  auto etag = store_.Set(WorkerKey(record.id), *text, {});
  if (!etag.ok()) {
    std::lock_guard lock(index_mutex_);
    (void)EditTextList(store_, kWorkersIndexKey, record.id, false);
  }
  return etag;
}

Result<std::string> RecordStore::Owned(const std::string& id) {
  const auto read = Read(id);
  if (!read.ok()) {
    if (read.status().code() != StatusCode::kNotFound) return read.status();
    return Status(StatusCode::kAborted, "workmanager",
                  "worker " + id + ": expected its record, found none: somebody removed it");
  }
  if (!read->IsOf(instance_id_)) {
    return Status(StatusCode::kAborted, "workmanager",
                  "worker " + id + ": taken over by instance '" + read->owner + "'");
  }
  if (!read->record.ok()) return read->record.status();
  return read->etag;
}

Status RecordStore::Write(const WorkerRecord& record, std::string& etag) {
  auto text = EncodeRecord(record);
  if (!text.ok()) return text.status();
  for (int attempt = 0;; ++attempt) {
    SetOptions options;
    options.etag = etag;
    auto written = store_.Set(WorkerKey(record.id), *text, options);
    if (written.ok()) {
      etag = *std::move(written);
      return {};
    }
    if (written.status().code() != StatusCode::kAborted) return written.status();
    if (attempt >= kMostTries) return Contended(record.id);
    // A write that was done although it failed changes the etag; another owner does as well.
    auto owned = Owned(record.id);
    if (!owned.ok()) return owned.status();
    etag = *std::move(owned);
  }
}

Status RecordStore::Remove(const std::string& id, std::string& etag) {
  if (etag.empty()) {  // it could not be read before: by now it may be another one's
    auto read = Read(id);
    if (read.ok() && !read->IsOf(instance_id_)) return Owned(id).status();
    if (read.ok()) etag = std::move(read->etag);
    if (!read.ok() && GuardedStore::IsAway(read.status())) return read.status();
  }
  for (int attempt = 0;; ++attempt) {
    const auto removed = store_.Delete(WorkerKey(id), etag);
    // A key that no store takes has no record.
    if (removed.ok() || removed.status().code() == StatusCode::kInvalidArgument) break;
    if (removed.status().code() != StatusCode::kAborted) return removed.status();
    if (attempt >= kMostTries) return Contended(id);
    auto read = Read(id);
    if (!read.ok() && read.status().code() == StatusCode::kNotFound) break;
    if (!read.ok()) return read.status();
    if (!read->IsOf(instance_id_)) return Owned(id).status();
    etag = std::move(read->etag);
  }
  Executor::BlockingScope blocking;
  std::lock_guard lock(index_mutex_);
  if (Status left = EditTextList(store_, kWorkersIndexKey, id, false); !left.ok()) {
    log_.Write(LogLevel::kWarn, "workmanager",
               "worker " + id + ": deleted, but its id stays in the index: " + left.ToString());
  }
  return {};
}

Result<std::string> RecordStore::TakeOver(const WorkerRecord& record, const std::string& etag) {
  auto text = EncodeRecord(record);
  if (!text.ok()) return text.status();
  SetOptions options;
  options.etag = etag;
  return store_.Set(WorkerKey(record.id), *text, options);
}

Result<ReadRecord> RecordStore::Read(std::string_view id) {
  auto item = store_.Get(WorkerKey(id));
  if (!item.ok()) return item.status();
  auto record = DecodeRecord(item->value);
  if (record.ok() && record->id != id) {
    record = Status(StatusCode::kDataLoss, "workmanager",
                    "record: id: expected " + std::string(id) + ", found '" + record->id + "'");
  }
  std::string owner = record.ok() ? record->instance_id : TextMember(item->value, "instance_id");
  return ReadRecord{std::move(record), std::move(item->etag), std::move(owner)};
}

Result<std::vector<std::string>> RecordStore::Ids() {
  const auto index = store_.Get(kWorkersIndexKey);
  if (!index.ok()) {
    if (index.status().code() == StatusCode::kNotFound) return std::vector<std::string>();
    return index.status();
  }
  auto listed = ReadTextList(kWorkersIndexKey, index->value);
  if (listed.ok()) return listed;
  log_.Write(LogLevel::kError, "workmanager",
             listed.status().ToString() + "; asking for the records instead");
  std::vector<std::string> ids;
  std::string token;
  do {
    const Json query = {{"filter", {{"PREFIX", {{"key", kRecordPrefix}}}}},
                        {"page", {{"token", token}}}};
    auto page = store_.Query(query.dump());
    if (!page.ok()) return page.status();
    for (const StateItem& item : page->items) ids.push_back(item.key.substr(kRecordPrefix.size()));
    token = std::move(page->token);
  } while (!token.empty());
  return ids;
}

}  // namespace virtufin::inline v0::detail
