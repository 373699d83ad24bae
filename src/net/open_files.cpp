// The process's limit of open files.
#include "net/open_files.hpp"

#include <sys/resource.h>

#include <string>

namespace virtufin::inline v0::net {

Status RaiseOpenFiles(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Status(StatusCode::kInternal, "net", "the system does not tell RLIMIT_NOFILE");
  }
  if (limit.rlim_cur >= wanted) return Status{};
  if (limit.rlim_max < wanted) {
    return Status(StatusCode::kResourceExhausted, "net",
                  "expected a hard limit of at least " + std::to_string(wanted) +
                      " open files, found " + std::to_string(limit.rlim_max));
  }
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Status(StatusCode::kResourceExhausted, "net",
                  "the system refuses a limit of " + std::to_string(wanted) + " open files");
  }
  return Status{};
}

}  // namespace virtufin::inline v0::net
