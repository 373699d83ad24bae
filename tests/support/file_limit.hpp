// A limit of files' sizes: what a full disk does to whoever writes.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace virtufin::test {

/// While it lives, files of this process do not grow beyond `bytes`. Whoever writes them must block
/// the signal that says so.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit now = before_;
    now.rlim_cur = bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  ~FileLimit() { CHECK(setrlimit(RLIMIT_FSIZE, &before_) == 0); }

 private:
  rlimit before_;
};

}  // namespace virtufin::test
