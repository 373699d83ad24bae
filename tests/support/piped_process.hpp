// A program that a test starts with a pipe to its input and one from its output, and what a process
// takes of memory.
#pragma once

#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern char** environ;

namespace virtufin::test {

struct PipedProcess {
  pid_t pid = 0;
  std::FILE* out = nullptr;
  int in = -1;
};

/// `words[0]` is the program. Ends this process when it cannot be started.
inline PipedProcess StartPiped(std::vector<std::string> words) {
  int out[2], in[2];
  if (::pipe(out) != 0 || ::pipe(in) != 0) std::abort();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  for (const int fd : {in[0], in[1], out[0], out[1]}) {
    posix_spawn_file_actions_addclose(&actions, fd);
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  PipedProcess process;
  if (::posix_spawn(&process.pid, arguments[0], &actions, nullptr, arguments.data(), environ) !=
      0) {
    std::abort();
  }
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(in[0]);
  process.out = ::fdopen(out[0], "r");
  process.in = in[1];
  return process;
}

/// Of this process.
inline long ResidentKb() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file, "%ld %ld", &total, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace virtufin::test
