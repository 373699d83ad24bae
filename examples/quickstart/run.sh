#!/bin/bash
# Builds libvirtufin and runs the quickstart: a simulated exchange, live, and a native worker.
#
#   examples/quickstart/run.sh [--seconds <n>]
#   examples/quickstart/run.sh --recording [<ws> <http>] [--speed max|<n>x]
#
# Without arguments: ten pairs of a simulated venue over loopback sockets, for 20 seconds. With
# --recording or --speed: a recorded session, by default the one beside this script. Missing packages
# are installed as root or with sudo. VIRTUFIN_BUILD_DIR says where to build (default: build/).
set -eu -o pipefail

root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${VIRTUFIN_BUILD_DIR:-$root/build}/quickstart"

sh "$root/cmake/scripts/install.sh" build
echo "Building into $build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVIRTUFIN_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" --target quickstart

exec "$build/examples/quickstart/quickstart" "$@"
