// The methods of virtufin.State, and the change events that a caller asks for.
#include "platform/state_service.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "platform/json_request.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/uuid.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAlwaysValid[] = {"workmanager", "websocketmanager", "statestore"};
constexpr const char* kChangeTopic = "state.change";
constexpr std::int64_t kMaxTtlSeconds = std::int64_t{100} * 366 * 86'400;
constexpr int kDeleteAttempts = 16;  // against writers that change the record meanwhile

CloudEvent::Stream ChangeStream(const char* type) {
  CloudEvent::Stream::Options options;
  options.source = "urn:com.virtufin:api";
  options.type = type;
  return CloudEvent::Stream::Make(options).value();
}

Json ItemJson(const StateItem& item) {
  Json json = {{"key", item.key}};
  if (!item.value.empty()) json["value"] = item.value;
  json["etag"] = item.etag;
  return json;
}

/// What is not UTF-8 stands in no JSON.
Result<std::string> Dump(const Json& json) {
  try {
    return json.dump();
  } catch (const Json::exception&) {
    return Status(StatusCode::kFailedPrecondition, "gateway",
                  "value: expected UTF-8 text, found a record of other bytes");
  }
}

Result<std::string> ItemsJson(const std::vector<StateItem>& items, const std::string& token) {
  Json json = Json::object();
  for (const StateItem& item : items) json["items"].push_back(ItemJson(item));
  if (!token.empty()) json["token"] = token;
  auto text = Dump(json);
  if (text.ok() && text->size() > kMaxEventBytes) {
    return Status(StatusCode::kResourceExhausted, "gateway",
                  "answer: expected at most " + std::to_string(kMaxEventBytes) + " bytes, found " +
                      std::to_string(text->size()) + ": ask for fewer records at a time");
  }
  return text;
}

std::string Success(const std::string& message, const std::string& etag = {}) {
  Json json = {{"status", {{"success", true}}}};
  if (!message.empty()) json["status"]["message"] = message;
  if (!etag.empty()) json["etag"] = etag;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

StateService::StateService(StateStore& store, PubSub& bus, const Clock& clock,
                           std::vector<std::string> services, std::string replay_run)
    : store_(store),
      bus_(bus),
      clock_(clock),
      services_(std::move(services)),
      saved_(ChangeStream("com.virtufin.api.state-saved")),
      deleted_(ChangeStream("com.virtufin.api.state-deleted")),
      replay_run_(std::move(replay_run)) {}

Result<std::string> StateService::Invoke(std::string_view method, std::string_view json) {
  if (method == "SaveState") return SaveState(json);
  if (method == "GetState") return GetState(json);
  if (method == "DeleteState") return DeleteState(json);
  if (method == "QueryState") return QueryState(json);
  if (method == "GetBulkState") return GetBulkState(json);
  if (method == "DeleteBulkState") return DeleteBulkState(json);
  return Status(StatusCode::kUnimplemented, "gateway",
                "virtufin.State has no method " + std::string(method) +
                    ": SaveState, GetState, DeleteState, QueryState, GetBulkState, "
                    "DeleteBulkState");
}

Status StateService::CheckService(std::string_view service) const {
  const bool known = std::find(std::begin(kAlwaysValid), std::end(kAlwaysValid), service) !=
                         std::end(kAlwaysValid) ||
                     std::find(services_.begin(), services_.end(), service) != services_.end();
  if (known) return {};
  std::string names;
  for (const std::string_view name : kAlwaysValid) names += std::string(name) + ", ";
  for (const std::string& name : services_) names += name + ", ";
  return InvalidRequest("service: expected one of " + names.substr(0, names.size() - 2) +
                        ", found '" + std::string(service) + "'");
}

Result<std::string> StateService::SaveState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service, key, value;
  SetOptions options;
  bool include_value = false, publish_change = false;
  std::int64_t ttl_seconds = 0;
  const Status read = RequestReader(*request)
                          .Text("service", service)
                          .Text("key", key)
                          .Text("value", value)
                          .Text("etag", options.etag)
                          .Flag("include_value", include_value)
                          .Flag("publish_change", publish_change)
                          .Number("ttl_seconds", kMaxTtlSeconds, ttl_seconds)
                          .Flag("create_only", options.create_only)
                          .Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  options.ttl_ms = ttl_seconds * 1000;
  const auto etag = store_.Set(service, key, value, options);
  if (!etag.ok()) return etag.status();
  if (!publish_change) return Success({}, *etag);
  // The etag orders two events of one key, which may overtake each other.
  Json change = {{"service", service}, {"key", key}, {"action", "saved"}, {"etag", *etag}};
  if (include_value) change["value"] = value;
  return Success(PublishChange(saved_, change.dump()), *etag);
}

Result<std::string> StateService::GetState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service, key;
  const Status read = RequestReader(*request).Text("service", service).Text("key", key).Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  const auto item = store_.Get(service, key);
  if (!item.ok()) return item.status();
  return Dump(ItemJson(*item));
}

Result<bool> StateService::DeleteAndTell(const std::string& service, const std::string& key,
                                         const std::string& etag, std::string& value) {
  for (int attempt = 1;; ++attempt) {
    auto item = store_.Get(service, key);
    if (item.status().code() == StatusCode::kNotFound) return store_.Delete(service, key, etag);
    if (!item.ok()) return item.status();
    // The value that is told is the one that is deleted.
    auto deleted = store_.Delete(service, key, etag.empty() ? item->etag : etag);
    const bool raced = deleted.status().code() == StatusCode::kAborted && etag.empty();
    if (raced && attempt < kDeleteAttempts) continue;
    value = std::move(item->value);
    return deleted;
  }
}

Result<std::string> StateService::DeleteState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service, key, etag, value;
  bool include_value = false, publish_change = false;
  const Status read = RequestReader(*request)
                          .Text("service", service)
                          .Text("key", key)
                          .Flag("include_value", include_value)
                          .Flag("publish_change", publish_change)
                          .Text("etag", etag)
                          .Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  const bool tell = include_value && publish_change;
  const auto deleted =
      tell ? DeleteAndTell(service, key, etag, value) : store_.Delete(service, key, etag);
  if (!deleted.ok()) return deleted.status();
  if (!publish_change || !*deleted) return Success({});
  Json change = {{"service", service}, {"key", key}, {"action", "deleted"}};
  if (tell) change["value"] = value;
  const auto text = Dump(change);
  return Success(text.ok() ? PublishChange(deleted_, *text) : std::string(text.status().message()));
}

Result<std::string> StateService::QueryState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service, query;
  std::int64_t limit = 0;
  const Status read = RequestReader(*request)
                          .Text("service", service)
                          .Text("query", query)
                          .Number("limit", INT32_MAX, limit)
                          .Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  const auto page = store_.Query(service, query, static_cast<std::size_t>(limit));
  if (!page.ok()) return page.status();
  return ItemsJson(page->items, page->token);
}

Result<std::string> StateService::GetBulkState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service;
  std::vector<std::string> keys;
  const Status read = RequestReader(*request).Text("service", service).Texts("keys", keys).Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  const auto items = store_.GetBulk(service, keys);
  if (!items.ok()) return items.status();
  return ItemsJson(*items, {});
}

Result<std::string> StateService::DeleteBulkState(std::string_view json) {
  const auto request = ParseRequest(json);
  if (!request.ok()) return request.status();
  std::string service;
  std::vector<std::string> keys;
  bool publish_change = false;
  const Status read = RequestReader(*request)
                          .Text("service", service)
                          .Texts("keys", keys)
                          .Flag("publish_change", publish_change)
                          .Finish();
  if (!read.ok()) return read;
  if (Status status = CheckService(service); !status.ok()) return status;
  const auto deleted = store_.DeleteBulk(service, keys);
  if (!deleted.ok()) return deleted.status();
  std::string message =
      "Deleted " + std::to_string(deleted->size()) + "/" + std::to_string(keys.size()) + " keys";
  if (publish_change && !deleted->empty()) {
    const Json change = {{"service", service}, {"keys", *deleted}, {"action", "deleted"}};
    const std::string fault = PublishChange(deleted_, change.dump());
    if (!fault.empty()) message += "; " + fault;
  }
  return Success(message);
}

std::string StateService::PublishChange(const CloudEvent::Stream& stream, const std::string& data) {
  CloudEvent::Builder builder(stream);
  builder.Time(clock_.Now()).JsonData(data, Validate::kTrusted);
  if (!replay_run_.empty()) {
    const std::string_view names[] = {replay_run_, kChangeTopic};
    builder.Id(Uuid::V5(Uuid(), names, changes_.fetch_add(1)));
    builder.Extension("clocktype", "historical");
  }
  auto event = builder.Build();
  Status status =
      event.ok() ? bus_.Publish(Message(kChangeTopic, std::move(*event))) : event.status();
  if (status.ok()) return {};
  return "the change was made, but not published: " + status.ToString();
}

Status StateService::Seed() {
  const std::string now = clock_.Now().ToString();
  const Json live = {{"scenarioName", "LIVE"},
                     {"status", "ACTIVE"},
                     {"market", {{"world", "act"}, {"universe", "ALL"}}},
                     {"portfolio", {{"world", "act"}}},
                     {"strategy", {{"world", "act"}}},
                     {"createdAt", now},
                     {"updatedAt", now}};
  const std::pair<const char*, std::string> records[] = {{"scenario.LIVE", live.dump()},
                                                         {"scenario.index", R"(["LIVE"])"}};
  SetOptions create;
  create.create_only = true;
  for (const auto& [key, value] : records) {
    Status status = store_.Set("statestore", key, value, create).status();
    if (!status.ok() && status.code() != StatusCode::kAlreadyExists) return status;
  }
  return {};
}

}  // namespace virtufin::inline v0::detail
