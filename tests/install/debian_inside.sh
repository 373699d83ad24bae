#!/bin/bash
# Runs inside the clean root of debian_test.sh: installs /packages, builds and runs the consumers.
set -eu -o pipefail
quiet() { "$@" >/tmp/log 2>&1 || { tail -n 40 /tmp/log; echo "failed: $*" >&2; exit 1; }; }

quiet apt-get install -y --no-install-recommends /packages/*.deb

# build <project> [options...]: in /work/<name of the project>.build
build() {
  local project="$1"
  shift
  quiet cmake -S "/work/$project" -B "/work/$(basename "$project").build" -G Ninja "$@"
  quiet cmake --build "/work/$(basename "$project").build"
}
build install/worker -DPACK=ON
build install/c -DWORKERS=/work/worker.build
quiet ctest --test-dir /work/c.build --output-on-failure --no-tests=error
build embed_c
quiet /work/embed_c.build/embed_c_example /work/worker.build/libanswer_c.so
quiet virtufin-workmanager --check-config
build embed_cpp
quiet /work/embed_cpp.build/embed_cpp_example /work/worker.build/libanswer_cpp.so

# By hand as well: the compiler finds headers and library without being told where.
cd /work
quiet cc -shared install/worker/answer_c.c $(pkg-config --cflags virtufin-worker) -o libanswer.so
quiet cc -std=c11 install/c/use_c.c $(pkg-config --cflags --libs virtufin) -o use_c
quiet ./use_c /work/libanswer.so

# Nothing stays behind.
quiet apt-get purge -y libvirtufin0
if dpkg -L libvirtufin0 >/dev/null 2>&1 || ls /usr/lib/*/libvirtufin.so* >/dev/null 2>&1; then
  echo "files of the packages are left after their removal" >&2
  exit 1
fi
