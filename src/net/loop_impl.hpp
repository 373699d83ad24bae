// The inside of a NetLoop, for what lives on its thread.
#pragma once

#include <libwebsockets.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/loop.hpp"
#include "net/tls_client.hpp"

namespace virtufin::inline v0::net {

/// Something with a socket on the loop. Kept by the loop until Forget.
class LoopGuest {
 public:
  virtual ~LoopGuest() = default;
  /// The loop ends: no socket will live. Once.
  virtual void OnLoopStop() = 0;
};

struct NetLoop::Impl {
  /// A libwebsockets vhost: what sockets with equal trust share.
  struct Vhost {
    std::string name;  // libwebsockets keeps a pointer to it
    TlsOptions tls;
    SslCtxPtr context;  // outlives the vhost
    lws_vhost* vhost = nullptr;
  };

  Impl(const NetLoopOptions& loop_options, Clock& loop_clock, LogSink& loop_log);
  ~Impl();
  Status CreateContext();
  void DestroyContext();
  void Run();
  void Drain();
  void Kick();
  ReceiveTime Now() const noexcept;
  bool Stopping();  // [any]
  void Log(LogLevel level, const std::string& text) const;

  /// On the loop's thread. Errors: as MakeClientContext.
  Result<lws_vhost*> VhostFor(const TlsOptions& tls);
  void Keep(std::shared_ptr<LoopGuest> guest);
  void Forget(LoopGuest* guest);
  /// On the loop's thread: as NetLoop::Post, also while the loop stops.
  void PostAlways(Task task);

  NetLoopOptions options;
  Clock& clock;
  LogSink& log;

  std::mutex mutex;
  std::condition_variable ended_changed;
  std::vector<Task> queue;                                // under the mutex
  bool started = false, stopping = false, ended = false;  // under the mutex
  bool context_gone = false;                              // under the mutex
  lws_context* context = nullptr;
  std::thread thread;  // [owner]
  std::atomic<std::thread::id> thread_id{};
  std::atomic<bool> stop_asked{false};  // nothing more is delivered

  // On the loop's thread only.
  std::vector<Task> batch;
  std::uint64_t turn = 0;  // counts rounds of the loop
  std::list<Vhost> vhosts;
  std::unordered_map<LoopGuest*, std::shared_ptr<LoopGuest>> guests;

  Resolver resolver;  // last: what it answers while it is destroyed is still posted
};

/// The last line that libwebsockets logged on this thread since the last call; without line end.
/// [any]
std::string TakeLwsLine();

/// How sockets of the loop are called back; web_socket.cpp.
int WebSocketCallback(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t len);
/// What one message may take without being put together from parts.
inline constexpr std::size_t kLwsBufferBytes = std::size_t{64} << 10;

}  // namespace virtufin::inline v0::net
