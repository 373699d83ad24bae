#!/bin/sh
# record_abi.sh [build folder]: builds libvirtufin.so (g++, default folder build/release) and records its
# ABI in tests/abi/c_api: symbols.txt and libvirtufin.abi. Shows what changed. Once virtufin_abi() is
# above 0, what was removed or changed is refused: the library only grows.
set -eu
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="${1:-$root/build/release}"
recorded="$root/tests/abi/c_api"
library="$build/c_api/src/libvirtufin.so"

if [ ! -f "$build/build.ninja" ]; then
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++
fi
ninja -C "$build" c_api/src/libvirtufin.so

# Exit codes of abidiff are bits: 1 and 2 its own failure, 4 a change, 8 an incompatible one.
change=0
if [ -f "$recorded/libvirtufin.abi" ]; then
  abidiff --headers-dir2 "$root/c_api/include" "$recorded/libvirtufin.abi" "$library" || change=$?
  [ $((change & 3)) -eq 0 ] || { echo "abidiff failed" >&2; exit 1; }
fi
abi=$(sed -n 's/^int32_t virtufin_abi(void) { return \([0-9]*\); }$/\1/p' \
  "$root/c_api/src/version.cpp")
if [ $((change & 8)) -ne 0 ] && [ "${abi:-1}" -ne 0 ]; then
  echo "not recorded: virtufin_abi() is ${abi:-unknown}, so nothing may be removed or changed" >&2
  exit 1
fi
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names \
  --drop-private-types --drop-undefined-syms --exported-interfaces-only --type-id-style hash \
  --headers-dir "$root/c_api/include" --out-file "$recorded/libvirtufin.abi" "$library"
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort \
  >"$recorded/symbols.txt"
echo "recorded: $(wc -l <"$recorded/symbols.txt") symbols in tests/abi/c_api"
