// Records as JSON, version 1: the source of the code lies once, the last entry of the history has
// none of its own.
#include "workmanager/worker_record.hpp"

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "virtufin/core/base64.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;
using Kind = SourceCredential::Kind;

constexpr int kVersion = 1;
constexpr std::size_t kMaxHistory = 100;
constexpr std::size_t kMaxFormerBytes = std::size_t{4} << 20;
constexpr std::pair<Kind, const char*> kKinds[] = {
    {Kind::kBasic, "basic"}, {Kind::kBearer, "bearer"}, {Kind::kNamed, "named"}};

// --- writing ------------------------------------------------------------------------------------

Json WriteSource(const CodeSource& source) {
  Json json = Json::object();
  if (!source.url.empty()) json["url"] = source.url;
  if (!source.path.empty()) json["path"] = source.path;
  if (!source.content.empty()) {
    std::string text(Base64Size(source.content.size()), '\0');
    WriteBase64(source.content, text.data());
    json["content"] = std::move(text);
  }
  if (!source.sha256.empty()) json["sha256"] = source.sha256;
  for (const auto& [kind, name] : kKinds) {
    if (source.credential.kind == kind) json["credential"]["kind"] = name;
  }
  if (source.credential.kind == Kind::kNamed) json["credential"]["name"] = source.credential.name;
  return json;
}

Json WriteHistory(const std::vector<HistoryEntry>& history) {
  Json json = Json::array();
  for (const HistoryEntry& entry : history) {
    Json& added = json.emplace_back();
    added["created_at"] = entry.created_at.ToString();
    added["sha256"] = entry.sha256;
    if (&entry != &history.back()) added["code_source"] = WriteSource(entry.code_source);
  }
  return json;
}

// --- reading ------------------------------------------------------------------------------------

/// Reads members; the first error is kept, and everything after it is left alone.
class Reader {
 public:
  const Json* Member(const Json& from, const char* name, bool needed = true) {
    if (!status.ok()) return nullptr;
    auto member = from.find(name);
    if (member != from.end()) return &*member;
    if (needed) Fail(name, "something", "nothing");
    return nullptr;
  }
  void Fail(const char* name, std::string_view expected, std::string_view found) {
    if (!status.ok()) return;
    status = Status(StatusCode::kDataLoss, "workmanager",
                    std::string("record: ") + name + ": expected " + std::string(expected) +
                        ", found " + std::string(found));
  }
  void Text(const Json& from, const char* name, std::string& out, bool needed = true) {
    const Json* json = Member(from, name, needed);
    if (json == nullptr) return;
    if (!json->is_string()) return Fail(name, "text", json->type_name());
    out = json->get_ref<const std::string&>();
  }
  void Time(const Json& from, const char* name, Timestamp& out) {
    std::string text;
    Text(from, name, text);
    if (status.ok() && !Timestamp::TryParse(text, out)) Fail(name, "a time", "'" + text + "'");
  }
  void Map(const Json& from, const char* name, std::map<std::string, std::string>& out) {
    const Json* json = Member(from, name);
    if (json == nullptr) return;
    if (!json->is_object()) return Fail(name, "an object", json->type_name());
    for (const auto& [key, value] : json->items()) {
      if (!value.is_string()) return Fail(name, "texts", value.type_name());
      out.emplace(key, value.get_ref<const std::string&>());
    }
  }
  void Texts(const Json& from, const char* name, std::vector<std::string>& out) {
    const Json* json = Member(from, name);
    if (json == nullptr) return;
    if (!json->is_array()) return Fail(name, "a list", json->type_name());
    for (const Json& value : *json) {
      if (!value.is_string()) return Fail(name, "texts", value.type_name());
      out.push_back(value.get_ref<const std::string&>());
    }
  }
  void Source(const Json& from, CodeSource& out) {
    const Json* json = Member(from, "code_source");
    if (json == nullptr) return;
    if (!json->is_object()) return Fail("code_source", "an object", json->type_name());
    Text(*json, "url", out.url, false);
    Text(*json, "path", out.path, false);
    Text(*json, "sha256", out.sha256, false);
    std::string content;
    Text(*json, "content", content, false);
    out.content.resize(Base64Bytes(content.size()));
    const std::uint8_t* end = ReadBase64(content, out.content.data());
    if (end == nullptr && !content.empty()) return Fail("content", "Base64", "something else");
    out.content.resize(content.empty() ? 0 : static_cast<std::size_t>(end - out.content.data()));
    if (const Json* credential = Member(*json, "credential", false)) Read(*credential, out);
  }
  void History(const Json& from, const CodeSource& last, std::vector<HistoryEntry>& out) {
    const Json* json = Member(from, "history");
    if (json == nullptr) return;
    if (!json->is_array() || json->empty()) {
      return Fail("history", "a list of at least one", json->type_name());
    }
    for (const Json& value : *json) {
      if (!value.is_object()) return Fail("history", "objects", value.type_name());
      HistoryEntry& entry = out.emplace_back();
      Time(value, "created_at", entry.created_at);
      Text(value, "sha256", entry.sha256);
      if (&value != &json->back()) Source(value, entry.code_source);
      entry.code_source.mime_type = last.mime_type;
    }
    out.back().code_source = last;
  }

  Status status;

 private:
  void Read(const Json& credential, CodeSource& out) {
    if (!credential.is_object()) return Fail("credential", "an object", credential.type_name());
    std::string found;
    Text(credential, "kind", found);
    for (const auto& [kind, name] : kKinds) {
      if (found == name) out.credential.kind = kind;
    }
    if (out.credential.kind == Kind::kNone) Fail("kind", "basic, bearer or named", found);
    Text(credential, "name", out.credential.name, out.credential.kind == Kind::kNamed);
  }
};

Status CheckVersion(const Json& json) {
  auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || *version < 1) {
    return Status(StatusCode::kDataLoss, "workmanager",
                  "record: version: expected a number from 1, found none");
  }
  if (*version > kVersion) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "record: expected version " + std::to_string(kVersion) + ", found " +
                      version->dump() + " of a newer library");
  }
  return {};
}

}  // namespace

void AppendHistory(std::vector<HistoryEntry>& history, HistoryEntry entry) {
  history.push_back(std::move(entry));
  if (history.size() > kMaxHistory) {
    history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(kMaxHistory));
  }
  std::size_t bytes = 0;
  for (std::size_t i = history.size() - 1; i-- > 0;) {
    std::vector<std::uint8_t>& content = history[i].code_source.content;
    bytes += content.size();
    if (bytes > kMaxFormerBytes) std::vector<std::uint8_t>().swap(content);
  }
}

void TakeBackHistory(std::vector<HistoryEntry>& history, const HistoryEntry& entry,
                     const std::vector<HistoryEntry>& before) {
  const auto same = [](const HistoryEntry& a, const HistoryEntry& b) {
    return a.created_at == b.created_at && a.sha256 == b.sha256;
  };
  for (auto each = history.rbegin(); each != history.rend(); ++each) {
    if (!same(*each, entry)) continue;
    history.erase(std::next(each).base());
    break;
  }
  if (history.empty()) {
    history = before;
  } else if (!before.empty() && same(history.back(), before.back())) {
    history.back() = before.back();
  }
}

Result<std::string> EncodeRecord(const WorkerRecord& record) {
  std::string text;
  try {
    const Json json = {{"version", kVersion},
                       {"id", record.id},
                       {"instance_id", record.instance_id},
                       {"mime_type", record.mime_type},
                       {"code_source", WriteSource(record.history.back().code_source)},
                       {"topics", record.topics},
                       {"created_at", record.created_at.ToString()},
                       {"config", record.config},
                       {"tags", record.tags},
                       {"status", record.status == WorkerStatus::kRunning ? "RUNNING" : "STOPPED"},
                       {"history", WriteHistory(record.history)}};
    text = json.dump();
  } catch (const Json::type_error&) {
    return Status(StatusCode::kInvalidArgument, "workmanager",
                  "worker " + record.id +
                      ": expected topics, config, tags, paths and URLs in UTF-8, found other "
                      "bytes");
  }
  if (text.size() > kMaxStateValueBytes) {
    return Status(StatusCode::kResourceExhausted, "workmanager",
                  "worker " + record.id + ": its record has " + std::to_string(text.size()) +
                      " bytes, at most " + std::to_string(kMaxStateValueBytes) +
                      " are kept: give the code as url or path");
  }
  return text;
}

std::string TextMember(std::string_view text, const char* name) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  const auto member = json.find(name);
  return member != json.end() && member->is_string() ? member->get<std::string>() : std::string();
}

Result<WorkerRecord> DecodeRecord(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return Status(StatusCode::kDataLoss, "workmanager", "record: expected a JSON object");
  }
  if (Status status = CheckVersion(json); !status.ok()) return status;
  WorkerRecord record;
  Reader reader;
  reader.Text(json, "id", record.id);
  reader.Text(json, "instance_id", record.instance_id);
  reader.Text(json, "mime_type", record.mime_type);
  reader.Texts(json, "topics", record.topics);
  reader.Time(json, "created_at", record.created_at);
  reader.Map(json, "config", record.config);
  reader.Map(json, "tags", record.tags);
  std::string status;
  reader.Text(json, "status", status);
  if (status != "RUNNING" && status != "STOPPED") {
    reader.Fail("status", "RUNNING or STOPPED", "'" + status + "'");
  }
  record.status = status == "RUNNING" ? WorkerStatus::kRunning : WorkerStatus::kStopped;
  CodeSource source;
  reader.Source(json, source);
  source.mime_type = record.mime_type;
  reader.History(json, source, record.history);
  if (!reader.status.ok()) return reader.status;
  return record;
}

}  // namespace virtufin::inline v0::detail
