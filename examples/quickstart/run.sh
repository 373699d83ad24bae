#!/bin/bash
# Builds libvirtufin and plays a recorded exchange session through a native worker.
#
#   examples/quickstart/run.sh [--recording <ws> <http>] [--speed max|<n>x]
#
# Without arguments: the recording beside this script, as fast as it was recorded. Missing packages
# are installed as root or with sudo. VIRTUFIN_BUILD_DIR says where to build (default: build/).
set -eu -o pipefail

root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${VIRTUFIN_BUILD_DIR:-$root/build}/quickstart"

sh "$root/cmake/scripts/install.sh" build
echo "Building into $build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVIRTUFIN_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" --target quickstart

exec "$build/examples/quickstart/quickstart" "$@"
