#!/bin/bash
# Runs every lane of the test suite, or one of them:
#
#   tests/run.sh [--lane format|docs|tidy|asan|tsan|release] [--nightly]
#
# format, docs, asan and tsan run first; release runs last and carries their results as the tests
# lane.*, so that the output ends with one summary. --nightly adds clang-tidy over all files and
# runs the long tests at full scale. Environment:
#   VIRTUFIN_BUILD_DIR             where the build folders go (default: build/ in the checkout)
#   VIRTUFIN_TESTS_REQUIRE_ALL=1   a missing dependency fails instead of skipping
#   VIRTUFIN_JOBS                  parallel jobs (default: number of processors)
set -u -o pipefail
exec </dev/null

root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root" || exit 1
build="${VIRTUFIN_BUILD_DIR:-$root/build}"
jobs="${VIRTUFIN_JOBS:-$(nproc)}"
results="$build/lanes"
lanes=(format docs asan tsan release)
nightly=0
one=""

while [ $# -gt 0 ]; do
  case "$1" in
    --lane) one="${2:-}"; shift ;;
    --nightly) nightly=1 ;;
    *) echo "usage: tests/run.sh [--lane NAME] [--nightly]; found '$1'" >&2; exit 2 ;;
  esac
  shift
done
[ $nightly -eq 1 ] && lanes=(format docs asan tidy tsan release)
[ -n "$one" ] && lanes=("$one")

sh cmake/scripts/install.sh build test || exit $?
mkdir -p "$results"

# Our own files; without git, everything that is not a build folder.
own_files() {
  if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@" |
      while read -r file; do [ -e "$file" ] && echo "$file"; done
  else
    local pattern
    for pattern in "$@"; do
      find . -path ./build -prune -o -name "$pattern" -type f -print | sed 's|^\./||'
    done
  fi
}

configure() {  # configure <folder> <options...>
  local folder="$1"
  shift
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -S "$root" -B "$build/$folder" -G Ninja "${launcher[@]}" "$@" >"$results/$folder.cmake" 2>&1 ||
    { cat "$results/$folder.cmake"; return 1; }
}

compile() { ninja -C "$build/$1" -j "$jobs" -k 0 --quiet; }

run_ctest() {  # run_ctest <folder> <options...>
  local folder="$1"
  shift
  ctest --test-dir "$build/$folder" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

lane_format() {
  # By difference: --dry-run complains about namespace comments that it would write the same.
  local file bad=0
  while read -r file; do
    clang-format "$file" | diff -u --label "$file" --label "$file as clang-format writes it" \
      "$file" - || bad=1
    grep -nHE '^.{101,}' "$file" && echo "longer than 100 columns" && bad=1
  done < <(own_files '*.hpp' '*.cpp' '*.h' '*.c')
  return $bad
}

lane_docs() {
  configure release "${release_options[@]}" && ninja -C "$build/release" --quiet virtufin_docs
}

sanitizer_options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo
  "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -gline-tables-only -DNDEBUG"
  "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -gline-tables-only -DNDEBUG"
  -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++)
release_options=(-DCMAKE_BUILD_TYPE=Release -DVIRTUFIN_BUILD_BENCH=ON
  -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++)
# Long tests read the scale; the sanitized ones do a tenth of the work.
if [ $nightly -eq 1 ]; then sanitized_scale=1; else sanitized_scale=0.1; fi

# Needs the generated headers and the compile commands of the asan lane's folder, nothing built.
lane_tidy() {
  local base="" files
  configure asan "${sanitizer_options[@]}" -DVIRTUFIN_SANITIZE=address,undefined || return 1
  ninja -C "$build/asan" -t targets all | sed -n 's/^\(.*_generated\.h\): CUSTOM_COMMAND$/\1/p' |
    xargs -r ninja -C "$build/asan" -j "$jobs" --quiet || return 1
  if [ $nightly -eq 0 ]; then
    base="$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null)"
    [ "$base" != "$(git rev-parse HEAD 2>/dev/null)" ] || base="$(git rev-parse HEAD~1 2>/dev/null)"
  fi
  if [ -n "$base" ]; then
    files="$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'c_api/*.cpp')"
  else
    files="$(own_files 'src/*.cpp' 'c_api/*.cpp')"
  fi
  [ -n "$files" ] || { echo "no source changed since $base"; return 0; }
  echo "$files" | xargs -P "$jobs" -n 1 clang-tidy -p "$build/asan" --quiet
}

lane_asan() {
  configure asan "${sanitizer_options[@]}" -DVIRTUFIN_SANITIZE=address,undefined &&
    compile asan &&
    VIRTUFIN_TESTS_SCALE=$sanitized_scale UBSAN_OPTIONS=print_stacktrace=1 run_ctest asan
}

lane_tsan() {
  local tsan_options="second_deadlock_stack=1"
  if [ -f tests/support/tsan.supp ]; then
    tsan_options+=" suppressions=$root/tests/support/tsan.supp"
  fi
  configure tsan "${sanitizer_options[@]}" -DVIRTUFIN_SANITIZE=thread -DVIRTUFIN_TESTS_LABEL=threads &&
    compile tsan &&
    VIRTUFIN_TESTS_SCALE=$sanitized_scale TSAN_OPTIONS="$tsan_options" \
      run_ctest tsan -L '^threads$'
}

# Its tests run after the minutes are told, so that their summary ends the output.
lane_release() {
  local before=""
  [ -n "$one" ] || before="$(IFS=';'; echo "${lanes[*]}" | sed 's/;release$//')"
  configure release "${release_options[@]}" "-DVIRTUFIN_LANES=$before" \
    "-DVIRTUFIN_LANE_RESULTS=$results" && compile release
}

[ -z "$one" ] && rm -f "$results"/*.result
failed=""
for lane in "${lanes[@]}"; do
  if ! declare -F "lane_$lane" >/dev/null; then
    echo "unknown lane '$lane', expected format, docs, tidy, asan, tsan or release" >&2
    exit 2
  fi
  echo "=== lane $lane"
  start=$(date +%s)
  "lane_$lane"
  outcome=$?
  seconds=$(($(date +%s) - start))
  word=passed
  [ "$lane" != release ] || word=built
  [ $outcome -eq 0 ] || word=FAILED
  printf '%s in %d.%d minutes\n' $word $((seconds / 60)) $((seconds % 60 / 6)) |
    tee "$results/$lane.result" | sed "s/^/--- lane $lane: /"
  if [ "$lane" = release ] && [ $outcome -eq 0 ]; then
    VIRTUFIN_TESTS_NIGHTLY=$nightly run_ctest release
    outcome=$?
  fi
  [ $outcome -eq 0 ] || failed="$failed $lane"
done
if [ -n "$failed" ]; then
  echo "failed lanes:$failed" >&2
  exit 1
fi
