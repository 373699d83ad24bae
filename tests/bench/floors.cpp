// The floors of wire, library call, memory, threads and book. JSON is in floors_json.cpp. Frozen.
#include "bench/floors.hpp"

#include <dlfcn.h>
#include <flatbuffers/flatbuffers.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <random>
#include <thread>

#include "floor_worker_api_generated.h"

namespace floors {

// ---- worker wire -------------------------------------------------------------------------------

struct Wire::Impl {
  flatbuffers::FlatBufferBuilder builder{2048};

  flatbuffers::Offset<flatbuffers::String> Text(std::string_view text) {
    return builder.CreateString(text.data(), text.size());
  }

  flatbuffers::Offset<Floors::Wire::CloudEvent> Put(const Event& event) {
    flatbuffers::Offset<Floors::Wire::Extension> extensions[8];
    std::size_t count = 0;
    for (const auto& [name, value] : event.extensions) {
      const auto name_at = Text(name);
      extensions[count++] = Floors::Wire::CreateExtension(builder, name_at, Text(value));
    }
    const auto id = Text(event.id);
    const auto type = Text(event.type);
    const auto source = Text(event.source);
    const auto specversion = Text(event.specversion);
    const auto datacontenttype = Text(event.datacontenttype);
    const auto subject = Text(event.subject);
    const auto time = Text(event.time);
    const auto data = builder.CreateVector(reinterpret_cast<const std::uint8_t*>(event.data.data()),
                                           event.data.size());
    const auto vector = builder.CreateVector(extensions, count);
    return Floors::Wire::CreateCloudEvent(builder, id, type, source, specversion, datacontenttype,
                                          0, subject, time, data, vector);
  }

  std::span<const std::uint8_t> Bytes() const {
    return {builder.GetBufferPointer(), builder.GetSize()};
  }
};

Wire::Wire() : impl_(std::make_unique<Impl>()) {}
Wire::~Wire() = default;

std::span<const std::uint8_t> Wire::EncodeEvent(const Event& event) {
  impl_->builder.Clear();
  impl_->builder.Finish(impl_->Put(event));
  return impl_->Bytes();
}

std::span<const std::uint8_t> Wire::EncodeResponse(const Event& event) {
  impl_->builder.Clear();
  const auto result = impl_->Put(event);
  impl_->builder.Finish(Floors::Wire::CreateWorkerResponse(impl_->builder, result));
  return impl_->Bytes();
}

namespace {

std::uint64_t Touch(const flatbuffers::String* text) {
  return text == nullptr ? 0 : text->size() + static_cast<std::uint8_t>(text->c_str()[0]);
}

std::uint64_t Touch(const Floors::Wire::CloudEvent* event) {
  std::uint64_t sum = Touch(event->id()) + Touch(event->type()) + Touch(event->source()) +
                      Touch(event->specversion()) + Touch(event->datacontenttype()) +
                      Touch(event->dataschema()) + Touch(event->subject()) + Touch(event->time());
  if (event->data() != nullptr) sum += event->data()->size() + event->data()->Data()[0];
  if (event->extensions() != nullptr) {
    for (const auto* extension : *event->extensions()) {
      sum += Touch(extension->name()) + Touch(extension->value());
    }
  }
  return sum;
}

}  // namespace

std::uint64_t Wire::ReadEvent(std::span<const std::uint8_t> bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<Floors::Wire::CloudEvent>()) return 0;
  return Touch(flatbuffers::GetRoot<Floors::Wire::CloudEvent>(bytes.data()));
}

std::uint64_t Wire::ReadResponse(std::span<const std::uint8_t> bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<Floors::Wire::WorkerResponse>()) return 0;
  const auto* response = flatbuffers::GetRoot<Floors::Wire::WorkerResponse>(bytes.data());
  return Touch(response->result_event()) + Touch(response->error_message());
}

namespace {
using Process = std::int32_t (*)(void*, const std::uint8_t*, std::int32_t, std::uint8_t**,
                                 std::int32_t*);
using Free = void (*)(std::uint8_t*);
}  // namespace

Library::Library()
    : handle_(dlopen(FLOOR_WORKER_PATH, RTLD_NOW | RTLD_LOCAL)),
      process_(handle_ == nullptr ? nullptr : dlsym(handle_, "FloorProcess")),
      free_(handle_ == nullptr ? nullptr : dlsym(handle_, "FloorFree")) {
  if (process_ == nullptr || free_ == nullptr) {
    std::fprintf(stderr, "floor worker %s does not load\n", FLOOR_WORKER_PATH);
    std::abort();
  }
}

Library::~Library() { dlclose(handle_); }

std::uint64_t Library::CallAndFree(std::span<const std::uint8_t> in) const {
  std::uint8_t* out = nullptr;
  std::int32_t out_len = 0;
  if (reinterpret_cast<Process>(process_)(nullptr, in.data(), static_cast<std::int32_t>(in.size()),
                                          &out, &out_len) != 0) {
    return 0;
  }
  const auto sum = static_cast<std::uint64_t>(out[0]) + static_cast<std::uint64_t>(out_len);
  reinterpret_cast<Free>(free_)(out);
  return sum;
}

std::uint64_t WorkerRoundTrip::Run(const Event& event) {
  const auto in = in_.EncodeEvent(event);
  std::uint64_t sum = Wire::ReadEvent(in) + library_.CallAndFree(in);
  return sum + Wire::ReadResponse(out_.EncodeResponse(event));
}

// ---- JSON, written -----------------------------------------------------------------------------

namespace {
char* Copy(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}
}  // namespace

std::size_t WriteEventJson(const Event& event, char* out) noexcept {
  char* p = Copy(out, R"({"specversion":")");
  p = Copy(Copy(Copy(p, event.specversion), R"(","id":")"), event.id);
  p = Copy(Copy(p, R"(","source":")"), event.source);
  p = Copy(Copy(p, R"(","type":")"), event.type);
  p = Copy(Copy(p, R"(","subject":")"), event.subject);
  p = Copy(Copy(p, R"(","time":")"), event.time);
  p = Copy(Copy(p, R"(","datacontenttype":")"), event.datacontenttype);
  for (const auto& [name, value] : event.extensions) {
    p = Copy(Copy(Copy(Copy(p, R"(",")"), name), R"(":")"), value);
  }
  p = Copy(Copy(Copy(p, R"(","data":)"), event.data), "}");
  return static_cast<std::size_t>(p - out);
}

// ---- memory ------------------------------------------------------------------------------------

namespace {

struct Block {
  std::atomic<std::uint32_t> references;
  std::uint32_t size;
};
constexpr std::size_t kBlockBytes = 600;

char* Pour(const Event& event, char* p) noexcept {
  p = Copy(Copy(p, event.source), event.type);
  p = Copy(Copy(p, event.datacontenttype), event.subject);
  for (const auto& [name, value] : event.extensions) p = Copy(Copy(p, name), value);
  return Copy(p, event.data);
}

std::uint64_t Release(Block* block) noexcept {
  const std::uint64_t sum = block->size + reinterpret_cast<std::uint8_t*>(block)[sizeof(Block)];
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) == 1) std::free(block);
  return sum;
}

char* Digits(char* out, std::uint64_t value, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

char* FormatUuid(char* out, const std::uint8_t (&uuid)[16]) noexcept {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHex[uuid[i] >> 4];
    *out++ = kHex[uuid[i] & 15];
  }
  return out;
}

// Days to civil date, Gregorian.
char* FormatTime(char* out, std::int64_t unix_ms) noexcept {
  const std::int64_t z = unix_ms / 86'400'000 + 719'468;
  const std::int64_t era = z / 146'097;
  const auto doe = static_cast<std::uint64_t>(z - era * 146'097);
  const std::uint64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::uint64_t mp = (5 * doy + 2) / 153;
  const std::uint64_t month = mp < 10 ? mp + 3 : mp - 9;
  const std::uint64_t year = yoe + static_cast<std::uint64_t>(era) * 400 + (month <= 2 ? 1 : 0);
  const auto ms = static_cast<std::uint64_t>(unix_ms % 86'400'000);
  out = Digits(out, year, 4);
  *out++ = '-';
  out = Digits(out, month, 2);
  *out++ = '-';
  out = Digits(out, doy - (153 * mp + 2) / 5 + 1, 2);
  *out++ = 'T';
  out = Digits(out, ms / 3'600'000, 2);
  *out++ = ':';
  out = Digits(out, ms / 60'000 % 60, 2);
  *out++ = ':';
  out = Digits(out, ms / 1000 % 60, 2);
  *out++ = '.';
  out = Digits(out, ms % 1000, 3);
  *out++ = 'Z';
  return out;
}

}  // namespace

std::uint64_t BuildBlock(const Event& event) {
  auto* block = new (std::malloc(kBlockBytes)) Block{1, 0};
  char* const begin = reinterpret_cast<char*>(block + 1);
  char* const end = Copy(Copy(Pour(event, begin), event.id), event.time);
  block->size = static_cast<std::uint32_t>(end - begin);
  return Release(block);
}

std::uint64_t BuildBlockWithText(const Event& event, const std::uint8_t (&uuid)[16],
                                 std::int64_t unix_ms) {
  auto* block = new (std::malloc(kBlockBytes)) Block{1, 0};
  char* const begin = reinterpret_cast<char*>(block + 1);
  char* const end = FormatTime(FormatUuid(Pour(event, begin), uuid), unix_ms);
  block->size = static_cast<std::uint32_t>(end - begin);
  return Release(block);
}

// ---- threads -----------------------------------------------------------------------------------

namespace {
std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
}  // namespace

struct Wake::Impl {
  std::mutex mutex;
  std::condition_variable changed;
  bool sleeping = false, woken = false, stop = false;
  std::atomic<std::int64_t> ran_at{0};
  std::thread thread;

  void Sleep() {
    std::unique_lock lock(mutex);
    while (!stop) {
      sleeping = true;
      changed.wait(lock, [&] { return woken || stop; });
      ran_at.store(NowNs(), std::memory_order_release);
      woken = false;
    }
  }
};

Wake::Wake() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->Sleep(); });
}

Wake::~Wake() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_one();
  impl_->thread.join();
}

double Wake::OnceNs() {
  for (bool sleeps = false; !sleeps;) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::lock_guard lock(impl_->mutex);
    sleeps = impl_->sleeping;
  }
  impl_->ran_at.store(0, std::memory_order_relaxed);
  const std::int64_t start = NowNs();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->sleeping = false;
    impl_->woken = true;
  }
  impl_->changed.notify_one();
  std::int64_t ran = 0;
  while ((ran = impl_->ran_at.load(std::memory_order_acquire)) == 0) std::this_thread::yield();
  return static_cast<double>(ran - start);
}

double SpinHandoverNs(int hand_overs) {
  alignas(64) std::atomic<int> ping{0};
  alignas(64) std::atomic<int> pong{0};
  std::thread other([&] {
    for (int i = 1; i <= hand_overs; ++i) {
      while (ping.load(std::memory_order_acquire) != i) {
      }
      pong.store(i, std::memory_order_release);
    }
  });
  const std::int64_t start = NowNs();
  for (int i = 1; i <= hand_overs; ++i) {
    ping.store(i, std::memory_order_release);
    while (pong.load(std::memory_order_acquire) != i) {
    }
  }
  const std::int64_t took = NowNs() - start;
  other.join();
  return static_cast<double>(took) / (2.0 * hand_overs);
}

double BatchQueueNs(std::size_t items, std::size_t capacity) {
  std::mutex mutex;
  std::condition_variable filled, emptied;
  using Handle = std::shared_ptr<const std::uint64_t>;
  const Handle handle = std::make_shared<const std::uint64_t>(1);
  std::uint64_t sum = 0;
  const std::function<void(const Handle&)> handler = [&](const Handle& item) { sum += *item; };
  std::vector<Handle> queue;
  queue.reserve(capacity);
  bool consumer_sleeps = false, producer_sleeps = false;

  const std::int64_t start = NowNs();
  std::thread producer([&] {
    for (std::size_t i = 0; i < items; ++i) {
      bool wake = false;
      {
        std::unique_lock lock(mutex);
        while (queue.size() == capacity) {
          producer_sleeps = true;
          emptied.wait(lock);
          producer_sleeps = false;
        }
        queue.push_back(handle);
        wake = consumer_sleeps;
      }
      if (wake) filled.notify_one();
    }
  });
  std::vector<Handle> batch;
  batch.reserve(capacity);
  for (std::size_t taken = 0; taken < items;) {
    bool wake = false;
    {
      std::unique_lock lock(mutex);
      while (queue.empty()) {
        consumer_sleeps = true;
        filled.wait(lock);
        consumer_sleeps = false;
      }
      batch.swap(queue);
      wake = producer_sleeps;
    }
    if (wake) emptied.notify_one();
    for (const Handle& item : batch) handler(item);
    taken += batch.size();
    batch.clear();
  }
  const std::int64_t took = NowNs() - start;
  producer.join();
  return sum == items ? static_cast<double>(took) / static_cast<double>(items) : 0;
}

// ---- book --------------------------------------------------------------------------------------

Levels::Levels(std::size_t levels) {
  for (std::size_t i = 0; i < levels; ++i) {
    levels_.emplace_back(static_cast<std::int64_t>(100'000 + 10 * i), 1);
  }
  // Fixed seed: the same steps in every run. Near the top is likelier, as on a venue.
  std::mt19937 random(20260101);
  std::exponential_distribution<double> depth(1.0 / 15);
  for (int i = 0; i < 4096; ++i) {
    const auto below = static_cast<std::size_t>(depth(random)) % 100;
    steps_.push_back(levels_[levels - 1 - below].first);
  }
}

void Levels::ApplyNext() noexcept {
  const std::int64_t price = steps_[next_++ & 4095];
  auto level = levels_.rbegin();
  while (level->first > price) ++level;
  level->second = static_cast<std::int64_t>(next_);
}

std::int64_t Levels::PriceOfStep(std::size_t i) const noexcept { return steps_[i & 4095]; }

}  // namespace floors
