// The noun worker: workers are ids, made from code.
#include <algorithm>
#include <array>
#include <map>

#include "guard.hpp"
#include "handles.hpp"
#include "pairs.hpp"
#include "virtufin/engine/inproc.hpp"

using virtufin::CodeSource;
using virtufin::CreateWorkerRequest;
using virtufin::Status;
using virtufin::c::Guard;
using virtufin::c::Invalid;
using virtufin::c::ReadPairs;
using virtufin::c::Require;
using virtufin::c::View;

namespace {

constexpr std::string_view kNativeMimeType = "application/x-native-dll";

void Fill(const virtufin_worker_code_t& given, CodeSource& code) {
  const std::string_view mime_type = View(given.mime_type);
  code.mime_type = mime_type.empty() ? kNativeMimeType : mime_type;
  code.path = View(given.path);
  code.url = View(given.url);
  if (given.credential.data != nullptr) {
    code.credential.kind = virtufin::SourceCredential::Kind::kNamed;
    code.credential.name = View(given.credential);
  }
  std::string_view content = View(given.content);
  if (given.functions.data != nullptr) {
    code.mime_type = virtufin::kInProcMimeType;
    content = View(given.functions);
  }
  code.content.assign(content.begin(), content.end());
}

Status Read(const virtufin_worker_code_t* given, CodeSource& code) {
  virtufin_worker_code_t known{};
  if (Status status = virtufin::c::ReadStruct(given, known); !status.ok()) return status;
  const std::array sources = {known.path, known.content, known.url, known.functions};
  const auto found = std::count_if(sources.begin(), sources.end(),
                                   [](virtufin_str_t source) { return source.data != nullptr; });
  if (found != 1) {
    return Invalid("code: expected one of path, content, url and functions, found " +
                   std::to_string(found));
  }
  Fill(known, code);
  return {};
}

Status ReadTopics(const virtufin_str_t* topics, std::size_t count, CreateWorkerRequest& request) {
  if (topics == nullptr && count != 0) return virtufin::c::Missing("topics");
  for (std::size_t i = 0; i < count; ++i) request.topics.emplace_back(View(topics[i]));
  return {};
}

Status Read(const virtufin_worker_options_t* given, CreateWorkerRequest& request) {
  virtufin_worker_options_t known{};
  Status status = virtufin::c::ReadStruct(given, known);
  if (status.ok()) status = ReadTopics(known.topics, known.topic_count, request);
  if (status.ok()) status = ReadPairs("config", known.config, known.config_count, request.config);
  if (status.ok()) status = ReadPairs("tags", known.tags, known.tag_count, request.tags);
  if (status.ok() && known.ephemeral > 1) {
    status = Invalid("ephemeral: expected 0 or 1, found " + std::to_string(known.ephemeral));
  }
  request.ephemeral = known.ephemeral == 1;
  return status;
}

Status Create(virtufin_platform_t& platform, CreateWorkerRequest request, virtufin_text_t** id) {
  return virtufin::c::GiveHandle(id, [&](virtufin_text& text) {
    auto created = platform.platform->workers().Create(std::move(request));
    if (created.ok()) text.text = *std::move(created);
    return created.status();
  });
}

}  // namespace

virtufin_status_t virtufin_worker_create(virtufin_platform_t* platform,
                                         const virtufin_worker_code_t* code,
                                         const virtufin_worker_options_t* options,
                                         virtufin_text_t** id, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status =
        Require({{"platform", platform}, {"code", code}, {"options", options}, {"id", id}});
    CreateWorkerRequest request;
    if (status.ok()) status = Read(code, request.code);
    if (status.ok()) status = Read(options, request);
    return status.ok() ? Create(*platform, std::move(request), id) : status;
  });
}

virtufin_status_t virtufin_worker_create_from_file(virtufin_platform_t* platform,
                                                   virtufin_str_t path,
                                                   const virtufin_str_t* topics, size_t topic_count,
                                                   virtufin_text_t** id, virtufin_error_t** error) {
  virtufin_worker_code_t code{};
  code.struct_size = sizeof(code);
  code.path = path;
  virtufin_worker_options_t options{};
  options.struct_size = sizeof(options);
  options.topics = topics;
  options.topic_count = topic_count;
  return virtufin_worker_create(platform, &code, &options, id, error);
}

virtufin_status_t virtufin_worker_start(virtufin_platform_t* platform, virtufin_str_t id,
                                        virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    return platform->platform->workers().Start(View(id));
  });
}

virtufin_status_t virtufin_worker_stop(virtufin_platform_t* platform, virtufin_str_t id,
                                       virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    return platform->platform->workers().Stop(View(id));
  });
}

virtufin_status_t virtufin_worker_load_code(virtufin_platform_t* platform, virtufin_str_t id,
                                            const virtufin_worker_code_t* code,
                                            virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"code", code}});
    CodeSource read;
    if (status.ok()) status = Read(code, read);
    if (!status.ok()) return status;
    return platform->platform->workers().LoadCode(View(id), std::move(read));
  });
}

virtufin_status_t virtufin_worker_delete(virtufin_platform_t* platform, virtufin_str_t id,
                                         virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    return platform->platform->workers().Delete(View(id));
  });
}
