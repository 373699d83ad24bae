// WorkerContext over the C functions of the worker ABI and the tables that the host has.
#include "worker/native_context.hpp"

#include <limits>
#include <memory>
#include <utility>

#include "virtufin/event/wire.hpp"
#include "worker/error_body.hpp"

namespace virtufin::inline v0::detail {
namespace {

StatusCode CodeOf(std::int32_t code) noexcept {
  return code > 0 && code <= 16 ? static_cast<StatusCode>(code) : StatusCode::kUnknown;
}

// What the host hands over, given back when this goes. T is char or std::uint8_t.
template <class T>
class Handed {
 public:
  explicit Handed(const VirtufinHost& host) noexcept : host_(host) {}
  ~Handed() {
    if (memory_ != nullptr) {
      host_.free_response(host_.engine_ptr, reinterpret_cast<std::uint8_t*>(memory_));
    }
  }
  Handed(const Handed&) = delete;
  Handed& operator=(const Handed&) = delete;
  T** out() noexcept { return &memory_; }
  const T* get() const noexcept { return memory_; }
  std::string text() const {
    return memory_ == nullptr ? std::string() : reinterpret_cast<const char*>(memory_);
  }
  std::string bytes(std::int32_t size) const {
    if (memory_ == nullptr || size <= 0) return {};
    return {reinterpret_cast<const char*>(memory_), static_cast<std::size_t>(size)};
  }

 private:
  const VirtufinHost& host_;
  T* memory_ = nullptr;
};

// The table `id`; null when the host has none, or one that is shorter than this header says.
template <class Table>
const Table* Find(const VirtufinHost& host, const char* id) noexcept {
  const auto* const table = static_cast<const Table*>(virtufin_host_extension(&host, id));
  return table != nullptr && table->struct_size >= sizeof(Table) ? table : nullptr;
}

// Calls `call(char** error)`; its code and text as a Status.
template <class Call>
Status Ask(const VirtufinHost& host, Call call) {
  Handed<char> error(host);
  const std::int32_t code = call(error.out());
  if (code == 0) return {};
  return {CodeOf(code), "worker", error.text()};
}

// Text that goes to C functions: what they would cut at a NUL is refused.
Status CheckText(std::string_view text, const char* what) {
  if (text.find('\0') == std::string_view::npos) return {};
  return {StatusCode::kInvalidArgument, "worker",
          std::string(what) + ": expected text without NUL, found one"};
}

Result<std::int32_t> SizeOf(std::string_view bytes, const char* what) {
  if (bytes.size() <= kMaxEventBytes) return static_cast<std::int32_t>(bytes.size());
  return Status(StatusCode::kInvalidArgument, "worker",
                std::string(what) + ": expected at most " + std::to_string(kMaxEventBytes) +
                    " bytes, found " + std::to_string(bytes.size()));
}

}  // namespace

void NativeContext::Log(LogLevel level, std::string_view text) noexcept {
  try {
    host_.log(host_.engine_ptr, static_cast<std::int32_t>(level), std::string(text).c_str());
  } catch (...) {
    host_.log(host_.engine_ptr, VIRTUFIN_LOG_ERROR, "a log line was lost: no memory");
  }
}

Result<std::string> NativeContext::InvokeGateway(std::string_view service, std::string_view method,
                                                 std::string_view json) {
  if (json.size() > kMaxEventBytes) {
    return Status(StatusCode::kResourceExhausted, "worker",
                  "the request has " + std::to_string(json.size()) + " bytes, at most " +
                      std::to_string(kMaxEventBytes) + " are sent");
  }
  if (Status status = CheckText(service, "service"); !status.ok()) return status;
  if (Status status = CheckText(method, "method"); !status.ok()) return status;
  Handed<std::uint8_t> response(host_);
  std::int32_t size = 0;
  const std::int32_t code = host_.gateway_call(
      host_.engine_ptr, std::string(service).c_str(), std::string(method).c_str(),
      reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<std::int32_t>(json.size()),
      response.out(), &size);
  std::string text = response.bytes(size);
  if (code == 0) return text;
  return Status(CodeOf(code), "worker", MessageOfErrorBody(text));
}

Result<WorkerDetails> NativeContext::Info() {
  const auto* const table = Find<VirtufinWorkerInfo1>(host_, VIRTUFIN_EXTENSION_WORKER_1);
  if (table == nullptr) return WorkerContext::Info();
  WorkerDetails info{table->worker_id, table->instance_id, table->host_version, {}, {}};
  info.topics.assign(table->topics, table->topics + table->topic_count);
  for (std::uint32_t i = 0; i < table->config_count; ++i) {
    info.config.emplace(table->config_keys[i], table->config_values[i]);
  }
  return info;
}

Status NativeContext::Publish(std::string_view topic, const CloudEvent& event) {
  const auto* const table = Find<VirtufinPublish1>(host_, VIRTUFIN_EXTENSION_PUBLISH_1);
  if (table == nullptr) return WorkerContext::Publish(topic, event);
  if (Status status = CheckText(topic, "topic"); !status.ok()) return status;
  const Result<EncodedBytes> bytes = EncodeCloudEvent(event);
  if (!bytes.ok()) return bytes.status();
  return Ask(host_, [&](char** error) {
    return table->publish(host_.engine_ptr, std::string(topic).c_str(), bytes->bytes().data(),
                          static_cast<std::int32_t>(bytes->size()), error);
  });
}

Result<StateRecord> NativeContext::GetState(std::string_view key) {
  const auto* const table = Find<VirtufinState1>(host_, VIRTUFIN_EXTENSION_STATE_1);
  if (table == nullptr) return WorkerContext::GetState(key);
  if (Status status = CheckText(key, "key"); !status.ok()) return status;
  Handed<std::uint8_t> value(host_);
  Handed<char> etag(host_);
  std::int32_t size = 0;
  const Status status = Ask(host_, [&](char** error) {
    return table->get(host_.engine_ptr, std::string(key).c_str(), value.out(), &size, etag.out(),
                      error);
  });
  if (!status.ok()) return status;
  return StateRecord{value.bytes(size), etag.text()};
}

Result<std::string> NativeContext::SetState(std::string_view key, std::string_view value,
                                            const StateCondition& condition) {
  const auto* const table = Find<VirtufinState1>(host_, VIRTUFIN_EXTENSION_STATE_1);
  if (table == nullptr) return WorkerContext::SetState(key, value, condition);
  if (Status status = CheckText(key, "key"); !status.ok()) return status;
  if (Status status = CheckText(condition.etag, "etag"); !status.ok()) return status;
  if (Status status = CheckCondition(condition); !status.ok()) return status;
  const Result<std::int32_t> size = SizeOf(value, "value");
  if (!size.ok()) return size.status();
  const std::string only(condition.etag);
  const bool any = only.empty() && !condition.create_only;
  Handed<char> etag(host_);
  const Status status = Ask(host_, [&](char** error) {
    return table->set(host_.engine_ptr, std::string(key).c_str(),
                      reinterpret_cast<const std::uint8_t*>(value.data()), *size,
                      any ? nullptr : only.c_str(), etag.out(), error);
  });
  if (!status.ok()) return status;
  return etag.text();
}

Result<bool> NativeContext::DeleteState(std::string_view key, std::string_view etag) {
  const auto* const table = Find<VirtufinState1>(host_, VIRTUFIN_EXTENSION_STATE_1);
  if (table == nullptr) return WorkerContext::DeleteState(key, etag);
  if (Status status = CheckText(key, "key"); !status.ok()) return status;
  if (Status status = CheckText(etag, "etag"); !status.ok()) return status;
  std::int32_t existed = 0;
  const Status status = Ask(host_, [&](char** error) {
    return table->remove(host_.engine_ptr, std::string(key).c_str(), std::string(etag).c_str(),
                         &existed, error);
  });
  if (!status.ok()) return status;
  return existed != 0;
}

Result<WorkerTime> NativeContext::Now() {
  const auto* const table = Find<VirtufinClock1>(host_, VIRTUFIN_EXTENSION_CLOCK_1);
  if (table == nullptr) return WorkerContext::Now();
  VirtufinTime1 time{};
  const std::int32_t code = table->now(host_.engine_ptr, &time);
  if (code != 0) return Status(CodeOf(code), "worker", "the host's clock does not answer");
  const Result<Timestamp> now = Timestamp::FromUnix(time.seconds, time.nanoseconds);
  if (!now.ok()) return now.status();
  return WorkerTime{*now, time.historical != 0};
}

Result<std::optional<std::chrono::nanoseconds>> NativeContext::TimeLeft() {
  const auto* const table = Find<VirtufinClock1>(host_, VIRTUFIN_EXTENSION_CLOCK_1);
  if (table == nullptr) return WorkerContext::TimeLeft();
  std::int64_t left = 0;
  const std::int32_t code = table->time_left(host_.engine_ptr, &left);
  if (code != 0) return Status(CodeOf(code), "worker", "the host's clock does not answer");
  if (left == std::numeric_limits<std::int64_t>::max()) {
    return std::optional<std::chrono::nanoseconds>();
  }
  return std::optional(std::chrono::nanoseconds(left));
}

Result<std::uint64_t> NativeContext::StartTimer(const WorkerTimer& timer) {
  const auto* const table = Find<VirtufinTimer1>(host_, VIRTUFIN_EXTENSION_TIMER_1);
  if (table == nullptr) return WorkerContext::StartTimer(timer);
  if (Status status = CheckText(timer.name, "timer's name"); !status.ok()) return status;
  std::uint64_t id = 0;
  const Status status = Ask(host_, [&](char** error) {
    return table->start(host_.engine_ptr, std::string(timer.name).c_str(), timer.delay.count(),
                        timer.period.count(), &id, error);
  });
  if (!status.ok()) return status;
  return id;
}

Status NativeContext::CancelTimer(std::uint64_t id) {
  const auto* const table = Find<VirtufinTimer1>(host_, VIRTUFIN_EXTENSION_TIMER_1);
  if (table == nullptr) return WorkerContext::CancelTimer(id);
  return Ask(host_, [&](char** error) { return table->cancel(host_.engine_ptr, id, error); });
}

}  // namespace virtufin::inline v0::detail
