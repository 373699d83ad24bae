// A daemon as a process: what it says, how it ends.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace virtufin::test {

class Process {
 public:
  using Environment = std::map<std::string, std::string>;

  explicit Process(std::vector<std::string> arguments, const Environment& environment = {}) {
    int pipes[2];
    REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), WORKMANAGER);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<std::string> lines;
    for (const char* kept : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
      if (const char* value = std::getenv(kept)) lines.push_back(std::string(kept) + "=" + value);
    }
    for (const auto& [name, value] : environment) lines.push_back(name + "=" + value);
    std::vector<char*> envp;
    for (std::string& line : lines) envp.push_back(line.data());
    envp.push_back(nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      dup2(pipes[1], STDOUT_FILENO);
      dup2(pipes[1], STDERR_FILENO);
      execve(WORKMANAGER, argv.data(), envp.data());
      _exit(127);
    }
    close(pipes[1]);
    reader_ = std::thread([this, fd = pipes[0]] { Read(fd); });
  }
  ~Process() {
    if (pid_ > 0) Signal(SIGKILL);
    (void)ExitStatus();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int number) const { kill(pid_, number); }
  /// Waits for the end; -1 when a signal ended it.
  int ExitStatus() {
    if (pid_ > 0) {
      int status = 0;
      waitpid(pid_, &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      pid_ = -1;
      reader_.join();
    }
    return status_;
  }
  /// Waits until it has said that it is ready, or has ended: 0 then.
  std::string WaitForPort(const std::string& name) {
    std::unique_lock lock(mutex_);
    const std::string mark = " " + name + " ";
    std::size_t at = std::string::npos;
    const auto told = [&] {
      const std::size_t ready = said_.find("ready: ");
      at = ready == std::string::npos ? ready : said_.find(mark, ready);
      return ended_ || (at != std::string::npos && said_.find('\n', at) != std::string::npos);
    };
    changed_.wait_for(lock, std::chrono::minutes(1), told);
    REQUIRE_MESSAGE(at != std::string::npos, said_);
    const std::size_t begin = at + mark.size();
    return said_.substr(begin, said_.find_first_not_of("0123456789", begin) - begin);
  }
  std::string Said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  bool HasSaid(std::string_view part) { return Said().find(part) != std::string::npos; }

 private:
  void Read(int fd) {
    char piece[4096];
    for (ssize_t n = 0; (n = read(fd, piece, sizeof piece)) > 0;) {
      const std::lock_guard lock(mutex_);
      said_.append(piece, static_cast<std::size_t>(n));
      changed_.notify_all();
    }
    close(fd);
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  pid_t pid_ = -1;
  int status_ = -1;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string said_;
  bool ended_ = false;
};

}  // namespace virtufin::test
