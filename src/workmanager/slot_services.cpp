// Makes workers out of records.
#include "workmanager/slot_services.hpp"

#include <utility>

namespace virtufin::inline v0::detail {

Result<std::shared_ptr<ManagedWorker>> MakeWorker(const SlotServices& services,
                                                  const WorkerRecord& record, CodeSource source,
                                                  ManagedWorker::Voices& voices) {
  auto engine = services.needed().engines.Find(record.mime_type);
  if (!engine.ok()) return engine.status();
  const EngineInfo description = (*engine)->Describe();
  if (!description.available) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "engine for " + description.mime_type + ": " + description.detail);
  }
  CreateWorkerRequest request;
  request.topics = record.topics;
  request.config = record.config;
  request.tags = record.tags;
  auto config = CheckRequest(request);
  if (!config.ok()) return config.status();
  RetryPolicy& retry = config->subscribe.retry;
  retry.retries = services.options.retry_attempts;
  retry.first_delay_ms = std::clamp<std::int64_t>(services.options.retry_base_delay_ms, 0, kYearMs);
  retry.attempt_timeout_ms = 0;  // a call that does not return is the worker's own affair

  WorkerInfo info;
  info.id = record.id;
  info.mime_type = description.mime_type;
  info.language = description.language;
  info.topics = record.topics;
  info.config = record.config;
  info.created_at = record.created_at;
  source.mime_type = description.mime_type;
  if (voices.empty()) {
    const std::string name = services.names.Next(info.mime_type, info.topics, info.config);
    for (std::size_t i = 0; i < config->instances; ++i) {
      voices.push_back(std::make_shared<RepeatableVoice>(services.options.replay_run,
                                                         name + "/" + std::to_string(i)));
    }
  }
  return std::make_shared<ManagedWorker>(std::move(info), std::move(source), std::move(*config),
                                         **engine, services.setting, voices);
}

}  // namespace virtufin::inline v0::detail
