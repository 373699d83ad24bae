// Two buffers, one that fills and one that is written, and the thread that writes.
#include "exchange/recording/recorder.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "exchange/recording/layout.hpp"

namespace virtufin::inline v0::detail {
namespace {

/// How long records gather before they are written: a wake of the thread costs more than one.
constexpr std::chrono::milliseconds kGather{20};

constexpr std::string_view kTime = "%t";
constexpr int kMostOfOneTime = 1'000;  // files

Status CannotMake(const std::string& path, int error) {
  const StatusCode code = error == EEXIST   ? StatusCode::kAlreadyExists
                          : error == ENOENT ? StatusCode::kNotFound
                          : error == EACCES ? StatusCode::kPermissionDenied
                                            : StatusCode::kInvalidArgument;
  // The path is an option, and options may hold what nobody else should read.
  return Status(code, "exchange",
                "expected a file that can be made" +
                    std::string(path.empty() ? ", found nothing: " : ": ") + std::strerror(error));
}

/// Every `%t` in `path` is the time, "20261123T061500Z", and `number` from 2 on.
std::string PathAt(const std::string& path, std::int64_t unix_ns, int number) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  std::string time(text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc));
  if (number > 1) time += "-" + std::to_string(number);
  std::string out = path;
  for (auto at = out.find(kTime); at != out.npos; at = out.find(kTime, at + time.size())) {
    out.replace(at, kTime.size(), time);
  }
  return out;
}

/// A new file; `path` becomes its name. Below 0: errno says why there is none.
int MakeFile(std::string& path, std::int64_t unix_ns) {
  const std::string pattern = path;
  const int numbers = pattern.find(kTime) == pattern.npos ? 1 : kMostOfOneTime;
  for (int number = 1;; ++number) {
    path = PathAt(pattern, unix_ns, number);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0 || errno != EEXIST || number >= numbers) return file;
  }
}

}  // namespace

struct Recorder::State {
  ~State() {
    if (file >= 0) ::close(file);
  }

  void Run(std::vector<char> batch, const std::string& header);
  bool WriteHeader(const std::string& bytes);
  void WriteBatch(std::vector<char>& batch);
  void WriteEnd(bool begun);
  bool WriteAll(const char* from, std::size_t bytes, std::size_t& written);
  void Fail(RecordingEnd why, const std::string& text);
  bool HasRoom(RecordDirection direction, std::size_t payload_bytes);

  int file = -1;
  std::size_t limit = 0;

  std::mutex mutex;
  std::condition_variable work, progress;
  std::vector<char> filling;               // with the mutex
  std::size_t writing_bytes = 0;           // of the other buffer; with the mutex
  std::uint64_t appended = 0;              // with the mutex
  std::uint64_t max_bytes = 0, bytes = 0;  // of the file, once all is written; with the mutex
  std::uint64_t output_bytes = 0;          // since the last input; with the mutex
  bool stopping = false, done = false, hurry = false;
  RecordingEnd end = RecordingEnd::kClosed;  // with the mutex
  LogSink* log = nullptr;                    // with the mutex; null: nobody listens any more
  FeedTime last;                             // of what was appended; with the mutex

  // The thread's alone.
  std::uint64_t written = 0;  // whole records
  std::uint64_t file_bytes = 0;
  std::atomic<std::uint64_t> lost = 0;
};

/// With the mutex held. Says it once.
void Recorder::State::Fail(RecordingEnd why, const std::string& text) {
  if (end != RecordingEnd::kClosed) return;
  end = why;
  if (log != nullptr) {
    log->Write(LogLevel::kError, "exchange", "the recording ends here: " + text);
  }
}

/// With the mutex held. Else the recording ends.
bool Recorder::State::HasRoom(RecordDirection direction, std::size_t payload_bytes) {
  const std::size_t size = kRecordHeadBytes + payload_bytes;
  const std::size_t used = filling.size() + writing_bytes;
  output_bytes = direction == RecordDirection::kOut ? output_bytes + size : 0;
  if (payload_bytes > kMaxPayloadBytes || output_bytes > kMaxOutputBytes) {
    Fail(RecordingEnd::kTooLarge, "a record is larger than the format allows");
  } else if (max_bytes != 0 && bytes + size + kRecordHeadBytes > max_bytes) {
    Fail(RecordingEnd::kTooLarge, "its file has record_max_bytes");
  } else if (size > limit - std::min(used, limit)) {
    Fail(RecordingEnd::kBufferFull, "its buffer is full");
  }
  if (end != RecordingEnd::kClosed) return false;
  bytes += size;
  return true;
}

bool Recorder::State::WriteAll(const char* from, std::size_t bytes, std::size_t& written_bytes) {
  written_bytes = 0;
  while (written_bytes < bytes) {
    const ssize_t wrote = ::write(file, from + written_bytes, bytes - written_bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    written_bytes += static_cast<std::size_t>(wrote);
  }
  return true;
}

/// What was written of a record that did not get through is taken back.
void Recorder::State::WriteBatch(std::vector<char>& batch) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < batch.size();) {
    SealRecord(batch.data() + at, written + ends.size());
    at += kRecordHeadBytes + PayloadBytes(batch.data() + at);
    ends.push_back(at);
  }
  std::size_t wrote = 0;
  if (WriteAll(batch.data(), batch.size(), wrote)) {
    written += ends.size();
    file_bytes += wrote;
    return;
  }
  const int error = errno;
  const auto past = std::upper_bound(ends.begin(), ends.end(), wrote);
  written += static_cast<std::uint64_t>(past - ends.begin());
  file_bytes += past == ends.begin() ? 0 : *(past - 1);
  (void)!::ftruncate(file, static_cast<off_t>(file_bytes));
  ::lseek(file, static_cast<off_t>(file_bytes), SEEK_SET);
  const std::lock_guard lock(mutex);
  Fail(RecordingEnd::kWriteFailed, std::string("a write failed: ") + std::strerror(error));
}

void Recorder::State::WriteEnd(bool begun) {
  RecordHead head;
  {
    const std::lock_guard lock(mutex);
    head.status = static_cast<std::uint16_t>(end);
    head.number = appended - written;
    head.time = last;
    lost = head.number;
  }
  if (!begun) return;
  head.kind = RecordKind::kEnd;
  char bytes[kRecordHeadBytes];
  EncodeHead(bytes, head, 0);
  SealRecord(bytes, written);
  std::size_t wrote = 0;
  if (!WriteAll(bytes, sizeof bytes, wrote)) {
    (void)!::ftruncate(file, static_cast<off_t>(file_bytes));
  }
}

/// On this thread, too: a file that may not grow is answered with a signal.
bool Recorder::State::WriteHeader(const std::string& bytes) {
  std::size_t wrote = 0;
  if (WriteAll(bytes.data(), bytes.size(), wrote)) {
    file_bytes = bytes.size();
    return true;
  }
  const int error = errno;
  (void)!::ftruncate(file, 0);
  const std::lock_guard lock(mutex);
  Fail(RecordingEnd::kWriteFailed, std::string("a write failed: ") + std::strerror(error));
  return false;
}

void Recorder::State::Run(std::vector<char> batch, const std::string& header) {
  const bool begun = WriteHeader(header);
  std::unique_lock lock(mutex);
  for (;;) {
    work.wait(lock, [&] { return stopping || !filling.empty(); });
    work.wait_for(lock, kGather, [&] { return stopping || hurry; });
    hurry = false;
    batch.swap(filling);
    if (batch.empty()) break;  // stopping, and all is written
    writing_bytes = batch.size();
    const bool write = end != RecordingEnd::kWriteFailed;
    lock.unlock();
    if (write) WriteBatch(batch);
    batch.clear();
    lock.lock();
    writing_bytes = 0;
    progress.notify_all();
  }
  lock.unlock();
  WriteEnd(begun);
  lock.lock();
  ::close(std::exchange(file, -1));
  done = true;
  progress.notify_all();
}

Recorder::Recorder(RecorderOptions options, LogSink& log)
    : options_(std::move(options)), state_(std::make_shared<State>()) {
  state_->limit = options_.buffer_bytes;
  state_->max_bytes = options_.max_bytes;
  state_->log = &log;
}

Recorder::~Recorder() { (void)Stop(std::chrono::seconds(5)).ok(); }

Status Recorder::Start(const RecordingHeader& header) {
  State& state = *state_;
  std::string path = options_.path;
  state.file = MakeFile(path, header.start.unix_ns);
  if (state.file < 0) return CannotMake(path, errno);
  state.last = header.start;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Status started;
  try {
    // Of the memory only what is used is taken.
    state.filling.reserve(state.limit);
    std::vector<char> other;
    other.reserve(state.limit);
    std::string bytes = EncodeHeader(header);
    state.bytes = bytes.size();
    thread_ =
        std::thread([state = state_, other = std::move(other), bytes = std::move(bytes)]() mutable {
          state->Run(std::move(other), bytes);
        });
  } catch (const std::exception& error) {
    started =
        Status(StatusCode::kResourceExhausted, "exchange",
               std::string("expected memory and a thread for the recording: ") + error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  running_ = started.ok();
  if (running_) return {};
  ::close(std::exchange(state.file, -1));
  ::unlink(path.c_str());
  return started;
}

void Recorder::Append(const RecordHead& head, std::initializer_list<std::string_view> payload) {
  if (!running_) return;
  State& state = *state_;
  std::size_t bytes = 0;
  for (const std::string_view part : payload) bytes += part.size();
  bool wake = false;
  {
    const std::lock_guard lock(state.mutex);
    ++state.appended;
    if (state.end != RecordingEnd::kClosed || state.stopping) return;
    if (!state.HasRoom(head.direction, bytes)) return;
    wake = state.filling.empty();
    const std::size_t at = state.filling.size();
    state.filling.resize(at + kRecordHeadBytes);
    EncodeHead(state.filling.data() + at, head, static_cast<std::uint32_t>(bytes));
    for (const std::string_view part : payload) {
      state.filling.insert(state.filling.end(), part.begin(), part.end());
    }
    state.last = head.time;
    if (!state.hurry && state.filling.size() > state.limit / 4) wake = state.hurry = true;
  }
  if (wake) state.work.notify_one();
}

bool Recorder::AwaitRoom() {
  if (!running_) return false;
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  const auto has_room = [&state] {
    return state.filling.size() + state.writing_bytes <= state.limit / 2 ||
           state.end != RecordingEnd::kClosed;
  };
  if (!has_room()) {
    state.hurry = true;
    state.work.notify_one();
    state.progress.wait(lock, has_room);
  }
  return state.end == RecordingEnd::kClosed;
}

Status Recorder::Stop(std::chrono::milliseconds deadline) {
  if (!running_) return {};
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.stopping = true;
  state.work.notify_one();
  const bool done = state.progress.wait_for(lock, std::max(deadline, std::chrono::milliseconds(0)),
                                            [&] { return state.done; });
  state.log = nullptr;
  lock.unlock();
  const std::lock_guard one(thread_mutex_);
  if (done) {
    if (thread_.joinable()) thread_.join();
    return {};
  }
  if (thread_.joinable()) thread_.detach();
  return Status(StatusCode::kDeadlineExceeded, "exchange",
                "expected the recording to be written in time");
}

std::uint64_t Recorder::lost() const { return state_->lost.load(); }

}  // namespace virtufin::inline v0::detail
