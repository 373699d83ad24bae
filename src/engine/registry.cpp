// EngineRegistry: which engine runs which MIME type.
#include <algorithm>
#include <mutex>
#include <utility>

#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0 {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

struct EngineRegistry::Impl {
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<Engine>, std::less<>> engines;
  std::map<std::string, Engine*, std::less<>> aliases;

  bool Taken(const std::string& mime_type) const {
    return engines.contains(mime_type) || aliases.contains(mime_type);
  }
};

EngineRegistry::EngineRegistry() : impl_(std::make_unique<Impl>()) {}
EngineRegistry::~EngineRegistry() = default;

Status EngineRegistry::Register(std::unique_ptr<Engine> engine, std::vector<std::string> aliases) {
  const std::string canonical = LowerCase(engine->Describe().mime_type);
  std::vector<std::string> names{canonical};
  for (const std::string& alias : aliases) names.push_back(LowerCase(alias));
  const std::lock_guard lock(impl_->mutex);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) {
      return {StatusCode::kInvalidArgument, "engine", "expected a MIME type, found an empty one"};
    }
    const bool repeated = std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i),
                                    names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i);
    if (repeated || impl_->Taken(names[i])) {
      return {StatusCode::kAlreadyExists, "engine",
              "the MIME type '" + names[i] + "' has an engine already"};
    }
  }
  for (std::size_t i = 1; i < names.size(); ++i) impl_->aliases.emplace(names[i], engine.get());
  impl_->engines.emplace(canonical, std::move(engine));
  return {};
}

Result<Engine*> EngineRegistry::Find(std::string_view mime_type) const {
  const std::string wanted = LowerCase(mime_type);
  const std::lock_guard lock(impl_->mutex);
  if (const auto alias = impl_->aliases.find(wanted); alias != impl_->aliases.end()) {
    return alias->second;
  }
  if (const auto engine = impl_->engines.find(wanted); engine != impl_->engines.end()) {
    return engine->second.get();
  }
  std::string known;
  for (const auto& entry : impl_->engines) {
    if (!known.empty()) known += ", ";
    known += entry.first;
  }
  return Status(StatusCode::kInvalidArgument, "engine",
                "no engine runs '" + std::string(mime_type) + "': expected one of [" + known + "]");
}

std::vector<EngineInfo> EngineRegistry::List() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<EngineInfo> infos;
  for (const auto& entry : impl_->engines) infos.push_back(entry.second->Describe());
  return infos;
}

}  // namespace virtufin::inline v0
