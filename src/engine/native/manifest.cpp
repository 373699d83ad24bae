// manifest.json, and the checks that both forms of a manifest share.
#include "engine/native/manifest.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "virtufin/engine/package_names.hpp"
#include "virtufin/virtufin_worker_api_c.h"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

Status Refused(std::string_view name, const std::string& what) {
  return {StatusCode::kInvalidArgument, "engine", Quoted(name) + ": " + what};
}

Status UnknownVersion(std::string_view name, const std::string& version) {
  return Refused(name, "asks for worker ABI version " + version + ": supported are 1 and 2");
}

std::string Found(const Json& json, const char* field) {
  const auto value = json.find(field);
  if (value == json.end()) return "none";
  return Quoted(value->dump(-1, ' ', true, Json::error_handler_t::replace));
}

// Absent leaves `out` as it is.
Status ReadText(std::string_view name, const Json& json, const char* field, std::string& out) {
  const auto value = json.find(field);
  if (value == json.end()) return {};
  if (!value->is_string()) {
    return Refused(name,
                   std::string("expected a string '") + field + "', found " + Found(json, field));
  }
  out = value->get<std::string>();
  return {};
}

Status TooDeep(std::string_view name) {
  return Refused(name, "is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
}

// The document; names that are there twice, which readers disagree about, are an error.
Result<Json> ParseJson(std::string_view name, ByteView text) {
  std::string twice;
  bool deep = false;
  std::set<std::string> names;
  const auto see = [&](int depth, Json::parse_event_t event, Json& parsed) {
    deep = deep || depth > kMaxJsonDepth;
    if (event == Json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return !deep;  // discards what is that deep
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), see);
    if (deep) return TooDeep(name);
    if (!twice.empty()) return Refused(name, Quoted(twice) + " is there twice");
    if (!json.is_object()) return Refused(name, "expected a JSON object");
    return json;
  } catch (const Json::exception& error) {
    if (deep) return TooDeep(name);
    // What follows is the text itself, of any length and in no encoding.
    const std::string_view words(error.what());
    return Refused(name, "malformed: " + std::string(words.substr(0, words.find("; last read"))));
  }
}

}  // namespace

Result<WorkerManifest> ParseManifestJson(std::string_view name, ByteView text) {
  const Result<Json> json = ParseJson(name, text);
  if (!json.ok()) return json.status();
  WorkerManifest manifest;
  const auto version = json->find("abi_version");
  if (version == json->end() || !version->is_number_integer()) {
    return Refused(name,
                   "expected a whole number 'abi_version', found " + Found(*json, "abi_version"));
  }
  if (!version->is_number_unsigned() || version->get<std::uint64_t>() > INT32_MAX) {
    return UnknownVersion(name, version->dump());
  }
  manifest.abi_version = version->get<std::int32_t>();
  if (!json->contains("library")) {
    return Refused(name, "expected a string 'library', found none");
  }
  for (const auto& [field, out] :
       {std::pair{"library", &manifest.library}, std::pair{"entry_point", &manifest.entry_point},
        std::pair{"free_result", &manifest.free_result}}) {
    if (Status status = ReadText(name, *json, field, *out); !status.ok()) return status;
  }
  if (const auto reentrant = json->find("reentrant"); reentrant != json->end()) {
    if (!reentrant->is_boolean()) {
      return Refused(name,
                     "expected true or false for 'reentrant', found " + Found(*json, "reentrant"));
    }
    manifest.reentrant = reentrant->get<bool>();
  }
  if (Status status = CheckManifest(name, manifest); !status.ok()) return status;
  return manifest;
}

Status CheckManifest(std::string_view name, const WorkerManifest& manifest) {
  if (manifest.abi_version.has_value() &&
      (*manifest.abi_version < 1 || *manifest.abi_version > VIRTUFIN_WORKER_ABI_REVISION)) {
    return UnknownVersion(name, std::to_string(*manifest.abi_version));
  }
  if (Status status = CheckLibraryName(manifest.library); !status.ok()) {
    return Refused(name, std::string(status.message()));
  }
  for (const std::string& symbol : {manifest.entry_point, manifest.free_result}) {
    if (Status status = CheckSymbolName(symbol); !status.ok()) {
      return Refused(name, std::string(status.message()));
    }
  }
  return {};
}

}  // namespace virtufin::inline v0::detail
