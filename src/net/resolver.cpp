// Lookups that may hang run on threads that nobody joins; a watcher thread keeps their deadlines.
#include "net/resolver.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "net/thread.hpp"

namespace virtufin::inline v0::net {
namespace {

using Answer = Result<std::vector<std::string>>;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxWaiting = 10'000;

Result<std::vector<std::string>> SystemLookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return Status(StatusCode::kUnavailable, "net",
                  "cannot resolve " + host + ": " + gai_strerror(error));
  }
  std::vector<std::string> addresses;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) ==
        0) {
      if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) {
        addresses.emplace_back(text);
      }
    }
  }
  freeaddrinfo(found);
  if (addresses.empty()) {
    return Status(StatusCode::kUnavailable, "net",
                  "cannot resolve " + host + ": the answer holds no address");
  }
  return addresses;
}

}  // namespace

struct Resolver::State {
  struct Request {
    std::string host;
    Done done;  // empty: answered
    SteadyTime due;
  };
  struct Entry {
    std::vector<std::string> addresses;
    SteadyTime until;
  };

  ResolverOptions options;
  std::mutex mutex;
  std::condition_variable work, watch;
  std::deque<std::string> queue;                  // hosts, for a lookup thread
  std::vector<std::shared_ptr<Request>> waiting;  // not answered
  std::map<std::string, Entry, std::less<>> memory;
  int threads = 0, idle = 0;
  int calling = 0;  // callbacks that run now
  bool stopped = false;
  std::thread watcher;

  static void Lookups(std::shared_ptr<State> state);
  void Watch();
  Done Take(const std::shared_ptr<Request>& request);
  std::shared_ptr<Request> Wanted(const std::string& host) const;
  Answer LookUp(const std::string& host) const;
  void Remember(const std::string& host, const std::vector<std::string>& addresses);
  bool StartThreads(const std::shared_ptr<State>& self);
};

/// Under the mutex: the callback of a request that is not answered yet, which it is from now on.
Resolver::Done Resolver::State::Take(const std::shared_ptr<Request>& request) {
  std::erase(waiting, request);
  Done done = std::move(request->done);
  request->done = nullptr;
  return done;
}

/// Under the mutex: somebody who waits for `host`, or nobody.
std::shared_ptr<Resolver::State::Request> Resolver::State::Wanted(const std::string& host) const {
  const auto found = std::find_if(waiting.begin(), waiting.end(),
                                  [&](const auto& request) { return request->host == host; });
  return found == waiting.end() ? nullptr : *found;
}

Answer Resolver::State::LookUp(const std::string& host) const {
  try {
    Answer answer = options.lookup ? options.lookup(host) : SystemLookup(host);
    if (!answer.ok() || !answer->empty()) return answer;
  } catch (const std::exception& error) {
    return Status(StatusCode::kUnavailable, "net", "cannot resolve " + host + ": " + error.what());
  }
  return Status(StatusCode::kUnavailable, "net",
                "cannot resolve " + host + ": the answer holds no address");
}

void Resolver::State::Remember(const std::string& host, const std::vector<std::string>& addresses) {
  if (options.ttl_ms <= 0 || options.max_entries == 0) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (memory.size() >= options.max_entries) {
    std::erase_if(memory, [&](const auto& entry) { return entry.second.until <= now; });
  }
  if (memory.size() >= options.max_entries) memory.erase(memory.begin());
  memory[host] = Entry{addresses, now + std::chrono::milliseconds(options.ttl_ms)};
}

void Resolver::State::Lookups(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  while (!state->stopped) {
    if (state->queue.empty()) {
      ++state->idle;
      state->work.wait(lock, [&] { return state->stopped || !state->queue.empty(); });
      --state->idle;
      continue;
    }
    const std::string host = std::move(state->queue.front());
    state->queue.pop_front();
    if (!state->Wanted(host)) continue;
    lock.unlock();
    const Answer answer = state->LookUp(host);
    lock.lock();
    if (answer.ok()) state->Remember(host, *answer);
    std::vector<Done> dones;
    while (const std::shared_ptr<Request> request = state->Wanted(host)) {
      dones.push_back(state->Take(request));
    }
    ++state->calling;
    lock.unlock();
    for (Done& done : dones) done(answer);
    dones.clear();
    lock.lock();
    --state->calling;
    state->watch.notify_all();
  }
  --state->threads;
}

void Resolver::State::Watch() {
  std::unique_lock lock(mutex);
  while (!stopped) {
    if (waiting.empty()) {
      watch.wait(lock);
      continue;
    }
    const auto first =
        std::min_element(waiting.begin(), waiting.end(),
                         [](const auto& a, const auto& b) { return a->due < b->due; });
    const SteadyTime due = (*first)->due;
    if (std::chrono::steady_clock::now() < due) {
      watch.wait_until(lock, due);
      continue;
    }
    const std::shared_ptr<Request> late = *first;
    Done done = Take(late);
    lock.unlock();
    done(Status(StatusCode::kDeadlineExceeded, "net",
                "cannot resolve " + late->host + ": no answer within " +
                    std::to_string(options.timeout_ms) + " ms"));
    done = nullptr;
    lock.lock();
  }
}

/// Under the mutex. False: the system gives no thread and none is there.
bool Resolver::State::StartThreads(const std::shared_ptr<State>& self) {
  try {
    if (!watcher.joinable()) watcher = StartQuietThread([this] { Watch(); });
    if (queue.size() >= static_cast<std::size_t>(idle) &&
        threads < std::max(1, options.max_threads)) {
      StartQuietThread([self] { Lookups(self); }).detach();
      ++threads;
    }
  } catch (const std::exception&) {
    return threads > 0 && watcher.joinable();
  }
  return true;
}

Resolver::Resolver(ResolverOptions options) : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
}

Resolver::~Resolver() {
  std::vector<std::shared_ptr<State::Request>> left;
  std::vector<Done> dones;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopped = true;
    // A lookup may take for ever, what it calls does not: the owner of the callbacks goes next.
    state_->watch.wait(lock, [&] { return state_->calling == 0; });
    left = state_->waiting;
    for (const auto& request : left) dones.push_back(state_->Take(request));
  }
  state_->work.notify_all();
  state_->watch.notify_all();
  if (state_->watcher.joinable()) state_->watcher.join();
  for (Done& done : dones) {
    done(Status(StatusCode::kCancelled, "net", "the resolver was stopped"));
  }
}

void Resolver::Resolve(std::string_view host, Done done) {
  if (IsAddressLiteral(host)) {
    done(std::vector<std::string>{std::string(host)});
    return;
  }
  std::unique_lock lock(state_->mutex);
  const auto now = std::chrono::steady_clock::now();
  if (const auto known = state_->memory.find(host); known != state_->memory.end()) {
    if (now < known->second.until) {
      std::vector<std::string> addresses = known->second.addresses;
      lock.unlock();
      done(std::move(addresses));
      return;
    }
    state_->memory.erase(known);
  }
  if (state_->waiting.size() >= kMaxWaiting) {
    lock.unlock();
    done(Status(
        StatusCode::kResourceExhausted, "net",
        "expected at most " + std::to_string(kMaxWaiting) + " names to be resolved at once"));
    return;
  }
  if (state_->stopped || !state_->StartThreads(state_)) {
    const bool stopped = state_->stopped;
    lock.unlock();
    done(stopped ? Status(StatusCode::kCancelled, "net", "the resolver was stopped")
                 : Status(StatusCode::kUnavailable, "net",
                          "cannot resolve " + std::string(host) + ": the system gave no thread"));
    return;
  }
  auto request = std::make_shared<State::Request>();
  request->host.assign(host);
  request->done = std::move(done);
  request->due = now + std::chrono::milliseconds(state_->options.timeout_ms);
  // One lookup serves all who wait; after a late one, who asks next starts another.
  if (state_->Wanted(request->host) == nullptr) state_->queue.push_back(request->host);
  state_->waiting.push_back(std::move(request));
  lock.unlock();
  state_->work.notify_one();
  state_->watch.notify_one();
}

bool IsAddressLiteral(std::string_view host) noexcept {
  char text[64];
  if (host.empty() || host.size() >= sizeof(text)) return false;
  std::copy(host.begin(), host.end(), text);
  text[host.size()] = '\0';
  unsigned char bytes[16];
  return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

}  // namespace virtufin::inline v0::net
