// Any bytes as a recorded session: read and played as they are, and once more with checksums,
// numbers and times made good, so that the session behind them sees what was changed.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/recording/bytes.hpp"
#include "exchange/recording/container.hpp"
#include "exchange/recording/crc32.hpp"
#include "exchange/recording/layout.hpp"
#include "fuzz/check.hpp"
#include "virtufin/exchange/session_player.hpp"

using namespace virtufin;

namespace {

constexpr std::size_t kMostBytes = 1 << 16;

class Bus final : public PubSub {
 public:
  Status Publish(const Message& message) override {
    FUZZ_CHECK(message.topic().starts_with("hyp.replay.exchange.binance"));
    FUZZ_CHECK(message.event().ExtensionText("clocktype") == "historical");
    ++events;
    return {};
  }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "fuzz", "nobody subscribes here");
  }
  std::uint64_t events = 0;
};

std::string Repaired(std::string bytes) {
  using namespace detail;
  if (bytes.size() < kHeaderFixedBytes) return bytes;
  std::copy(kRecordingMagic.begin(), kRecordingMagic.end(), bytes.begin());
  StoreLe(bytes.data() + kAtVersion, kRecordingVersion);
  const std::size_t body = std::min<std::size_t>(LoadLe<std::uint32_t>(bytes.data() + kAtBodyBytes),
                                                 bytes.size() - kHeaderFixedBytes);
  StoreLe(bytes.data() + kAtBodyBytes, static_cast<std::uint32_t>(body));
  const std::string_view all(bytes);
  StoreLe(bytes.data() + kAtHeaderCrc,
          Crc32(all.substr(kHeaderFixedBytes, body), Crc32(all.substr(0, kAtHeaderCrc))));
  std::int64_t last = 0;
  std::uint64_t index = 0;
  for (std::size_t at = kHeaderFixedBytes + body; at + kRecordHeadBytes <= bytes.size(); ++index) {
    char* const record = bytes.data() + at;
    const std::size_t rest = bytes.size() - at - kRecordHeadBytes;
    const std::size_t size = std::min<std::size_t>(PayloadBytes(record), rest);
    StoreLe(record + kAtLength, static_cast<std::uint32_t>(size));
    StoreLe(record + kAtSession, kTheSession);
    auto monotonic = LoadLe<std::int64_t>(record + kAtMonotonic);
    if (index > 0 && (monotonic < last || monotonic - last > kMaxJumpNs)) {
      monotonic = last + (monotonic & 0xfff'ffff'ffff);
    }
    last = std::clamp<std::int64_t>(monotonic, 0, kMaxMonotonicNs);
    StoreLe(record + kAtMonotonic, last);
    SealRecord(record, index);
    at += kRecordHeadBytes + size;
  }
  return bytes;
}

void Play(const std::string& bytes) {
  static const int file = memfd_create("recording", MFD_CLOEXEC);
  FUZZ_CHECK(file >= 0);
  FUZZ_CHECK(ftruncate(file, 0) == 0);
  FUZZ_CHECK(pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  SessionPlayerOptions options;
  options.path = "/proc/self/fd/" + std::to_string(file);
  const auto info = ReadRecordingInfo(options.path);
  FUZZ_CHECK(info.ok() || !info.status().message().empty());
  Bus bus;
  ManualClock clock(Timestamp::FromUnixMillis(0));
  auto player = SessionPlayer::Open(options, bus, clock);
  if (!player.ok()) {
    FUZZ_CHECK(!info.ok() || player.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  const Status played = (*player)->Play(0);
  const SessionPlayerCounters& counts = (*player)->counters();
  FUZZ_CHECK(counts.events == bus.events);
  FUZZ_CHECK(counts.records <= (*player)->info().records);
  FUZZ_CHECK(!(*player)->Next());
  if (!info.ok()) FUZZ_CHECK(!played.ok());
  if (info.ok() && played.ok()) FUZZ_CHECK(counts.records == info->records);
}

}  // namespace

// Pins EX-83, EX-84.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMostBytes) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Play(bytes);
  Play(Repaired(bytes));
  return 0;
}
