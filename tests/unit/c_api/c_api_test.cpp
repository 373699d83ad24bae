// The C API through libvirtufin.so: missing arguments, and the log of an application.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "virtufin/virtufin.h"

namespace {

std::string Text(virtufin_str_t text) { return std::string(text.data, text.size); }

struct Error {
  virtufin_error_t* error = nullptr;
  ~Error() { virtufin_error_free(error); }
  std::string message() const { return Text(virtufin_error_get_message(error)); }
};

struct Platform {
  virtufin_platform_t* platform = nullptr;
  Platform() { REQUIRE(virtufin_platform_create(nullptr, &platform, nullptr) == VIRTUFIN_OK); }
  ~Platform() { virtufin_platform_free(platform); }
};

virtufin_event_t* MakeEvent() {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), VIRTUFIN_STR("urn:test"));
  virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("t"));
  virtufin_event_t* event = nullptr;
  REQUIRE(virtufin_event_builder_build(builder, &event, nullptr) == VIRTUFIN_OK);
  virtufin_event_builder_free(builder);
  return event;
}

/// What a log function was told, and whether it is still needed.
struct Log {
  std::mutex mutex;
  std::vector<std::string> lines;
  int finalized = 0;

  static void Write(void* user_data, std::int32_t level, virtufin_str_t component,
                    virtufin_str_t text) {
    auto& log = *static_cast<Log*>(user_data);
    const std::lock_guard lock(log.mutex);
    log.lines.push_back(std::to_string(level) + " " + Text(component) + " " + Text(text));
  }
  static void Finalize(void* user_data) { ++static_cast<Log*>(user_data)->finalized; }
  bool Has(const std::string& part) {
    const std::lock_guard lock(mutex);
    for (const std::string& line : lines) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

/// A handler that stays until it is let go.
struct Stuck {
  std::atomic<bool> inside{false}, leave{false};

  static virtufin_delivery_t Handle(void* user_data, virtufin_str_t, const virtufin_event_t*,
                                    const virtufin_delivery_info_t*) {
    auto& stuck = *static_cast<Stuck*>(user_data);
    stuck.inside = true;
    while (!stuck.leave) std::this_thread::yield();
    return VIRTUFIN_DELIVERY_SUCCESS;
  }
};

/// Makes the subscription to `t` lag, which is a warning.
void MakeLag(virtufin_platform_t* platform) {
  Stuck stuck;
  virtufin_subscribe_options_t options{};
  options.struct_size = sizeof(options);
  options.capacity = 1;
  options.block_timeout_ms = 1;
  virtufin_subscription_t* subscription = nullptr;
  REQUIRE(virtufin_bus_subscribe(platform, VIRTUFIN_STR("t"), &options, Stuck::Handle, &stuck,
                                 nullptr, &subscription, nullptr) == VIRTUFIN_OK);
  virtufin_event_t* event = MakeEvent();
  const auto publish = [&] {
    return virtufin_bus_publish(platform, VIRTUFIN_STR("t"), event, nullptr);
  };
  CHECK(publish() == VIRTUFIN_OK);
  while (!stuck.inside) std::this_thread::yield();
  CHECK(publish() == VIRTUFIN_OK);
  CHECK(publish() == VIRTUFIN_RESOURCE_EXHAUSTED);
  stuck.leave = true;
  virtufin_event_free(event);
  virtufin_subscription_free(subscription);
}

}  // namespace

// Pins CA-20.
TEST_CASE("a missing argument is named, and freeing nothing is fine") {
  Platform p;
  const auto named = [](const char* parameter, auto call) {
    CAPTURE(std::string(parameter));
    Error error;
    CHECK(call(&error.error) == VIRTUFIN_INVALID_ARGUMENT);
    CHECK(error.message() == std::string(parameter) + ": expected a pointer, found NULL");
  };
  named("platform", [](auto** error) { return virtufin_platform_create(nullptr, nullptr, error); });
  named("platform", [](auto** error) { return virtufin_platform_start(nullptr, error); });
  named("platform", [](auto** error) { return virtufin_platform_stop(nullptr, 1, error); });
  named("event", [&](auto** error) {
    return virtufin_bus_publish(p.platform, VIRTUFIN_STR("t"), nullptr, error);
  });
  virtufin_subscription_t* subscription = nullptr;
  named("handler", [&](auto** error) {
    return virtufin_bus_subscribe(p.platform, VIRTUFIN_STR("t"), nullptr, nullptr, nullptr, nullptr,
                                  &subscription, error);
  });
  named("log", [&](auto** error) {
    return virtufin_platform_set_log(p.platform, 0, nullptr, nullptr, nullptr, error);
  });
  virtufin_platform_free(nullptr);
  virtufin_subscription_free(nullptr);
  virtufin_event_free(nullptr);
  virtufin_event_builder_free(nullptr);
  virtufin_options_free(nullptr);
  virtufin_error_free(nullptr);
  virtufin_text_free(nullptr);
  CHECK(virtufin_error_get_code(nullptr) == VIRTUFIN_OK);
  CHECK(std::string_view(virtufin_status_get_name(VIRTUFIN_OK)) == "OK");
  CHECK(std::string_view(virtufin_status_get_name(VIRTUFIN_NOT_FOUND)) == "NOT_FOUND");
  CHECK(std::string_view(virtufin_status_get_name(99)) == "UNKNOWN");
  CHECK(virtufin_error_get_message(nullptr).data == nullptr);
}

// Pins CA-21.
TEST_CASE("lines of a level and above reach the log, with the part that says so") {
  for (const bool warnings : {true, false}) {
    Log log;
    {
      Platform p;
      REQUIRE(virtufin_platform_set_log(p.platform, warnings ? 3 : 4, Log::Write, &log,
                                        Log::Finalize, nullptr) == VIRTUFIN_OK);
      REQUIRE(virtufin_platform_start(p.platform, nullptr) == VIRTUFIN_OK);
      MakeLag(p.platform);
      CHECK(virtufin_platform_stop(p.platform, 30'000, nullptr) == VIRTUFIN_OK);
      CHECK(log.finalized == 0);
    }
    CHECK(log.Has("3 pubsub subscription 't' lags") == warnings);
    CHECK(log.finalized == 1);
  }
}

// Pins CA-7, CA-21.
TEST_CASE("a log is set once, before the start, with a level that exists") {
  Log log;
  Error error;
  Platform p;
  const auto set = [&](std::int32_t level, virtufin_error_t** out) {
    return virtufin_platform_set_log(p.platform, level, Log::Write, &log, Log::Finalize, out);
  };
  CHECK(set(5, &error.error) == VIRTUFIN_INVALID_ARGUMENT);
  CHECK(error.message() == "level: expected 0 to 4, found 5");
  CHECK(log.finalized == 1);
  CHECK(set(3, nullptr) == VIRTUFIN_OK);
  CHECK(set(3, nullptr) == VIRTUFIN_FAILED_PRECONDITION);
  CHECK(log.finalized == 2);
  REQUIRE(virtufin_platform_start(p.platform, nullptr) == VIRTUFIN_OK);
  CHECK(set(3, nullptr) == VIRTUFIN_FAILED_PRECONDITION);
  CHECK(log.finalized == 3);
  CHECK(virtufin_platform_stop(p.platform, 30'000, nullptr) == VIRTUFIN_OK);
}
