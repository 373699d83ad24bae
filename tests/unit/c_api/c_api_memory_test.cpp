// The C API without memory: every allocation of a call fails once, the call answers, nothing leaks.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "virtufin/virtufin.h"

namespace {

/// How many allocations of this thread succeed before one fails; negative: all succeed.
thread_local long left = -1;
/// Whether all fail behind that one.
thread_local bool gone_for_good = false;

void* Allocate(std::size_t size) noexcept {
  if (left == 0) {
    if (!gone_for_good) left = -1;
    return nullptr;
  }
  if (left > 0) --left;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

// libvirtufin.so takes these instead of those of the C++ library.
void* operator new(std::size_t size) {
  void* const memory = Allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace {

/// Runs `call`, which takes an error and allocates nothing itself, with ever more memory until it
/// succeeds; after each time `check` is told whether it did.
template <class Call, class Check>
void Exhaust(bool for_good, Call call, Check check) {
  long failures = 0;
  for (bool done = false; !done; ++failures) {
    virtufin_error_t* error = nullptr;
    gone_for_good = for_good;
    left = failures;
    const virtufin_status_t status = call(&error);
    left = -1;
    const virtufin_str_t message = virtufin_error_get_message(error);
    CAPTURE(std::string(message.data == nullptr ? "" : message.data, message.size));
    done = status == VIRTUFIN_OK;
    if (!done) REQUIRE(status == VIRTUFIN_RESOURCE_EXHAUSTED);
    virtufin_error_free(error);
    check(done);
    REQUIRE(failures < 100'000);
  }
  CHECK(failures > 1);  // else `call` did not use what was replaced
}

/// One allocation fails, and all from one on.
template <class Call>
void Exhaust(Call call) {
  for (const bool for_good : {false, true}) Exhaust(for_good, call, [](bool) {});
}

void Count(void* user_data) { ++*static_cast<int*>(user_data); }

virtufin_delivery_t Ignore(void*, virtufin_str_t, const virtufin_event_t*,
                           const virtufin_delivery_info_t*) {
  return VIRTUFIN_DELIVERY_SUCCESS;
}

void Decline(void*, const virtufin_event_t*, virtufin_reply_t* reply) {
  virtufin_reply_decline(reply);
}

constexpr virtufin_str_t kJson = VIRTUFIN_STR(
    R"({"specversion":"1.0","id":"1","source":"urn:s","type":"t","lots":7,"data":{"a":[1,2]}})");

struct Platform {
  virtufin_platform_t* platform = nullptr;
  Platform() {
    REQUIRE(virtufin_platform_create(nullptr, &platform, nullptr) == VIRTUFIN_OK);
    REQUIRE(virtufin_platform_start(platform, nullptr) == VIRTUFIN_OK);
  }
  ~Platform() { Free(); }
  void Free() {
    virtufin_platform_free(platform);
    platform = nullptr;
  }
};

}  // namespace

// Pins CA-19.
TEST_CASE("options and events without memory") {
  virtufin_options_t* options = virtufin_options_new();
  Exhaust([&](auto** error) {
    return virtufin_options_set(options, VIRTUFIN_STR("state.path"),
                                VIRTUFIN_STR("/a/path/that/is/longer/than/a/short/string"), error);
  });
  // The executor's end needs memory: it is back by then.
  virtufin_platform_t* platform = nullptr;
  Exhaust(
      false, [&](auto** error) { return virtufin_platform_create(options, &platform, error); },
      [&](bool done) { CHECK((platform != nullptr) == done); });
  virtufin_platform_free(platform);
  virtufin_options_free(options);
  Exhaust([&](auto** error) {
    virtufin_event_t* event = nullptr;
    const virtufin_status_t status = virtufin_event_from_json(kJson, &event, error);
    virtufin_event_free(event);
    return status;
  });
  virtufin_event_t* event = nullptr;
  REQUIRE(virtufin_event_from_json(kJson, &event, nullptr) == VIRTUFIN_OK);
  Exhaust([&](auto** error) {
    virtufin_text_t* json = nullptr;
    const virtufin_status_t status = virtufin_event_to_json(event, &json, error);
    virtufin_text_free(json);
    return status;
  });
  virtufin_attribute_t attribute{};
  attribute.struct_size = sizeof(attribute);
  const auto ask = [&](auto** error) {  // its text is made once
    return virtufin_event_get_typed_attribute(event, VIRTUFIN_STR("lots"), &attribute, error);
  };
  Exhaust(true, ask, [&](bool done) { CHECK((attribute.number == 7) == done); });
  virtufin_event_free(event);
}

// Pins CA-5, CA-19.
TEST_CASE("an attribute that was lost without memory is missed by build, once") {
  virtufin_event_builder_t* builder = virtufin_event_builder_new();
  const std::string source(5000, 's');
  Exhaust([&](auto** error) {
    virtufin_event_builder_set(builder, VIRTUFIN_STR("source"), {source.data(), source.size()});
    virtufin_event_builder_set(builder, VIRTUFIN_STR("type"), VIRTUFIN_STR("t"));
    virtufin_event_builder_set_json(builder, {source.data(), 0});
    virtufin_event_builder_set_text(builder, {source.data(), source.size()});
    virtufin_event_t* event = nullptr;
    const virtufin_status_t status = virtufin_event_builder_build(builder, &event, error);
    virtufin_event_free(event);
    return status;
  });
  virtufin_event_builder_free(builder);
}

// Pins CA-7, CA-19.
TEST_CASE("a finalizer runs once in every call that fails without memory") {
  for (const bool for_good : {false, true}) {
    int finalized = 0;
    const auto check = [&](bool done) {
      CHECK(finalized == (done ? 0 : 1));
      finalized = 0;
    };
    Platform p;
    virtufin_subscription_t* subscription = nullptr;
    virtufin_subscribe_options_t options{};
    options.struct_size = sizeof(options);
    options.name = VIRTUFIN_STR("a name that is longer than a short string");
    const auto subscribe = [&](auto** error) {
      return virtufin_bus_subscribe(p.platform, VIRTUFIN_STR("t"), &options, Ignore, &finalized,
                                    Count, &subscription, error);
    };
    Exhaust(for_good, subscribe, check);
    virtufin_subscription_free(subscription);
    CHECK(finalized == 1);

    finalized = 0;
    virtufin_worker_functions_t functions{};
    functions.struct_size = sizeof(functions);
    functions.process = Decline;
    const auto add = [&](auto** error) {
      return virtufin_worker_register(p.platform, VIRTUFIN_STR("w"), &functions, &finalized, Count,
                                      error);
    };
    Exhaust(for_good, add, check);
    p.Free();
    CHECK(finalized == 1);
  }
}

// Pins CA-19.
TEST_CASE("workers and state without memory") {
  Platform p;
  virtufin_worker_functions_t functions{};
  functions.struct_size = sizeof(functions);
  functions.process = Decline;
  REQUIRE(virtufin_worker_register(p.platform, VIRTUFIN_STR("w"), &functions, nullptr, nullptr,
                                   nullptr) == VIRTUFIN_OK);
  virtufin_worker_code_t code{};
  code.struct_size = sizeof(code);
  code.functions = VIRTUFIN_STR("w");
  const virtufin_str_t topic = VIRTUFIN_STR("a topic that is longer than a short string");
  virtufin_worker_options_t options{};
  options.struct_size = sizeof(options);
  options.topics = &topic;
  options.topic_count = 1;
  Exhaust([&](auto** error) {
    virtufin_text_t* id = nullptr;
    const virtufin_status_t status =
        virtufin_worker_create(p.platform, &code, &options, &id, error);
    virtufin_text_free(id);
    return status;
  });
  Exhaust([&](auto** error) {
    virtufin_worker_list_t* list = nullptr;
    const virtufin_status_t status = virtufin_worker_list_create(p.platform, &list, error);
    virtufin_worker_list_free(list);
    return status;
  });

  const virtufin_str_t service = VIRTUFIN_STR("app");
  Exhaust([&](auto** error) {
    return virtufin_state_set(p.platform, service, topic, kJson, nullptr, nullptr, error);
  });
  Exhaust([&](auto** error) {
    virtufin_state_item_t* item = nullptr;
    const virtufin_status_t status = virtufin_state_get(p.platform, service, topic, &item, error);
    virtufin_state_item_free(item);
    return status;
  });
  Exhaust([&](auto** error) {
    virtufin_state_page_t* page = nullptr;
    const virtufin_status_t status =
        virtufin_state_query(p.platform, service, {nullptr, 0}, 0, &page, error);
    virtufin_state_page_free(page);
    return status;
  });
}
