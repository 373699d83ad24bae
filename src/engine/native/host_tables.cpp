// The extension tables that every native worker is given: publish, state, clock, timer.
//
// Each function checks what the worker passed, asks the WorkerHost of the load, and turns the
// answer into a code, a text and bytes for free_response. Nothing is thrown into a worker.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "engine/native/host_slab.hpp"
#include "virtufin/event/wire.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Error(StatusCode code, std::string text) { return {code, "engine", std::move(text)}; }
Status Invalid(std::string text) { return Error(StatusCode::kInvalidArgument, std::move(text)); }
constexpr std::int32_t CodeOf(StatusCode code) noexcept { return static_cast<std::int32_t>(code); }
constexpr std::int32_t kNoMemory = CodeOf(StatusCode::kResourceExhausted);

// Memory for free_response: the bytes and a NUL.
template <class Char>
Char* CopyOf(std::string_view bytes) noexcept {
  void* const copy = std::malloc(bytes.size() + 1);
  if (copy == nullptr) return nullptr;
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  static_cast<char*>(copy)[bytes.size()] = 0;
  return static_cast<Char*>(copy);
}

// A text of the worker; of one that is too long for anything, a part that is too long as well.
Result<std::string_view> TextOf(const char* text, const char* what) {
  if (text == nullptr) return Invalid(std::string("expected a ") + what + ", found NULL");
  return std::string_view(text, strnlen(text, kMaxTopicBytes + 1));
}

Result<ByteView> BytesOf(const std::uint8_t* bytes, std::int32_t size, const char* what) {
  if (size < 0 || (bytes == nullptr && size != 0)) {
    return Invalid(std::string(what) + ": expected bytes and their number, found " +
                   (bytes == nullptr ? "NULL and " : "") + std::to_string(size));
  }
  if (static_cast<std::size_t>(size) > kMaxEventBytes) {
    return Invalid(std::string(what) + ": expected at most " + std::to_string(kMaxEventBytes) +
                   " bytes, found " + std::to_string(size));
  }
  return ByteView(bytes, static_cast<std::size_t>(size));
}

// Runs `body(host)`, which gives a Status; its code is the answer, its text goes to *error.
template <class Body>
std::int32_t Serve(void* ctx, char** error, Body body,
                   std::int32_t no_memory = kNoMemory) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    Status status;
    if (const HostUse use(ctx); use.host() == nullptr) {
      status = Error(StatusCode::kFailedPrecondition, "this worker has been shut down");
    } else {
      try {
        status = body(*use.host());
      } catch (const std::bad_alloc&) {
        return no_memory;
      } catch (const std::exception& thrown) {
        status = Error(StatusCode::kInternal, thrown.what());
      }
    }
    if (!status.ok() && error != nullptr) *error = CopyOf<char>(status.message());
    return CodeOf(status.code());
  } catch (...) {
    return no_memory;
  }
}

std::int32_t HostPublish(void* ctx, const char* topic, const std::uint8_t* event,
                         std::int32_t event_len, char** error) noexcept {
  const auto publish = [&](WorkerHost& host) -> Status {
    const auto name = TextOf(topic, "topic");
    if (!name.ok()) return name.status();
    const auto bytes = BytesOf(event, event_len, "event");
    if (!bytes.ok()) return bytes.status();
    const auto decoded = DecodeCloudEvent(*bytes);
    if (!decoded.ok()) return Invalid("event: " + std::string(decoded.status().message()));
    return host.Publish(*name, *decoded);
  };
  // RESOURCE_EXHAUSTED says that all others got the event.
  return Serve(ctx, error, publish, CodeOf(StatusCode::kUnavailable));
}

std::int32_t HostGet(void* ctx, const char* key, std::uint8_t** value, std::int32_t* value_len,
                     char** etag, char** error) noexcept {
  if (value != nullptr) *value = nullptr;
  if (value_len != nullptr) *value_len = 0;
  if (etag != nullptr) *etag = nullptr;
  return Serve(ctx, error, [&](WorkerHost& host) -> Status {
    const auto name = TextOf(key, "key");
    if (!name.ok()) return name.status();
    if ((value == nullptr) != (value_len == nullptr)) {
      return Invalid("get: expected value and value_len, found one of them");
    }
    const auto record = host.GetState(*name);
    if (!record.ok()) return record.status();
    if (record->value.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
      return Error(StatusCode::kResourceExhausted, "the record is too large");
    }
    auto* const bytes = value == nullptr ? nullptr : CopyOf<std::uint8_t>(record->value);
    auto* const tag = etag == nullptr ? nullptr : CopyOf<char>(record->etag);
    if ((value != nullptr && bytes == nullptr) || (etag != nullptr && tag == nullptr)) {
      std::free(bytes);
      std::free(tag);
      return Error(StatusCode::kResourceExhausted, "no memory for the record");
    }
    if (value != nullptr) {
      *value = bytes;
      *value_len = static_cast<std::int32_t>(record->value.size());
    }
    if (etag != nullptr) *etag = tag;
    return {};
  });
}

std::int32_t HostSet(void* ctx, const char* key, const std::uint8_t* value, std::int32_t value_len,
                     const char* etag, char** new_etag, char** error) noexcept {
  if (new_etag != nullptr) *new_etag = nullptr;
  return Serve(ctx, error, [&](WorkerHost& host) -> Status {
    const auto name = TextOf(key, "key");
    if (!name.ok()) return name.status();
    const auto bytes = BytesOf(value, value_len, "value");
    if (!bytes.ok()) return bytes.status();
    std::optional<std::string_view> only;
    if (etag != nullptr) {
      const auto tag = TextOf(etag, "etag");
      if (!tag.ok()) return tag.status();
      only = *tag;
    }
    const auto written = host.SetState(*name, AsText(*bytes), only);
    if (!written.ok()) return written.status();
    if (new_etag == nullptr) return {};
    *new_etag = CopyOf<char>(*written);
    // Without its etag the next write would be taken for an unconditional one.
    if (*new_etag == nullptr) {
      return Error(StatusCode::kAborted, "the record is written, no memory for its etag");
    }
    return {};
  });
}

std::int32_t HostRemove(void* ctx, const char* key, const char* etag, std::int32_t* existed,
                        char** error) noexcept {
  if (existed != nullptr) *existed = 0;
  return Serve(ctx, error, [&](WorkerHost& host) -> Status {
    const auto name = TextOf(key, "key");
    if (!name.ok()) return name.status();
    const auto tag = TextOf(etag == nullptr ? "" : etag, "etag");
    if (!tag.ok()) return tag.status();
    const auto deleted = host.DeleteState(*name, *tag);
    if (!deleted.ok()) return deleted.status();
    if (existed != nullptr) *existed = *deleted ? 1 : 0;
    return {};
  });
}

std::int32_t HostNow(void* ctx, VirtufinTime1* time) noexcept {
  if (time != nullptr) *time = {};
  return Serve(ctx, nullptr, [&](WorkerHost& host) -> Status {
    if (time == nullptr) return Invalid("now: expected a time, found NULL");
    const auto now = host.Now();
    if (!now.ok()) return now.status();
    *time = {now->now.unix_seconds(), now->now.nanoseconds(), now->historical ? 1 : 0};
    return {};
  });
}

std::int32_t HostTimeLeft(void* ctx, std::int64_t* nanoseconds) noexcept {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  if (nanoseconds != nullptr) *nanoseconds = kNoLimit;
  return Serve(ctx, nullptr, [&](WorkerHost& host) -> Status {
    if (nanoseconds == nullptr) return Invalid("time_left: expected a number, found NULL");
    const auto left = host.TimeLeft();
    if (!left.ok()) return left.status();
    if (left->has_value()) *nanoseconds = std::max<std::int64_t>((*left)->count(), 0);
    return {};
  });
}

std::int32_t HostStartTimer(void* ctx, const char* name, std::int64_t delay_ns,
                            std::int64_t period_ns, std::uint64_t* timer_id,
                            char** error) noexcept {
  if (timer_id != nullptr) *timer_id = 0;
  return Serve(ctx, error, [&](WorkerHost& host) -> Status {
    const auto text = TextOf(name == nullptr ? "" : name, "timer's name");
    if (!text.ok()) return text.status();
    const auto id = host.StartTimer(
        {*text, std::chrono::nanoseconds(delay_ns), std::chrono::nanoseconds(period_ns)});
    if (!id.ok()) return id.status();
    if (timer_id != nullptr) *timer_id = *id;
    return {};
  });
}

std::int32_t HostCancelTimer(void* ctx, std::uint64_t timer_id, char** error) noexcept {
  return Serve(ctx, error, [&](WorkerHost& host) { return host.CancelTimer(timer_id); });
}

constexpr VirtufinPublish1 kPublish = {sizeof(VirtufinPublish1), 0, &HostPublish};
constexpr VirtufinState1 kState = {sizeof(VirtufinState1), 0, &HostGet, &HostSet, &HostRemove};
constexpr VirtufinClock1 kClock = {sizeof(VirtufinClock1), 0, &HostNow, &HostTimeLeft};
constexpr VirtufinTimer1 kTimer = {sizeof(VirtufinTimer1), 0, &HostStartTimer, &HostCancelTimer};

}  // namespace

const void* FindHostTable(const char* id) noexcept {
  static constexpr std::pair<std::string_view, const void*> kTables[] = {
      {VIRTUFIN_EXTENSION_PUBLISH_1, &kPublish},
      {VIRTUFIN_EXTENSION_STATE_1, &kState},
      {VIRTUFIN_EXTENSION_CLOCK_1, &kClock},
      {VIRTUFIN_EXTENSION_TIMER_1, &kTimer}};
  const auto found = std::find_if(std::begin(kTables), std::end(kTables),
                                  [id](const auto& entry) { return entry.first == id; });
  return found == std::end(kTables) ? nullptr : found->second;
}

}  // namespace virtufin::inline v0::detail
