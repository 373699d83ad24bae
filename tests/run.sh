#!/bin/bash
# Runs every lane of the test suite, or one of them:
#
#   tests/run.sh [--lane NAME] [--nightly]
#
# The lanes, in their order, and the minutes each may take stand in `budgets`. The tests of release
# run last and carry the results of the others as lane.*, so that one summary, the last thing that is
# printed, names everything; the table of minutes stands before it. A lane over its budget is told
# there and does not fail. --nightly adds libFuzzer (lane fuzzing) and clang-tidy over all files, runs
# the long tests at full scale and compiles each source alone. Environment:
#   VIRTUFIN_BUILD_DIR             where the build folders go (default: build/ in the checkout)
#   VIRTUFIN_TESTS_REQUIRE_ALL=1   a missing dependency fails instead of skipping
#   VIRTUFIN_JOBS                  parallel jobs (default: number of processors)
#   VIRTUFIN_FUZZ_SECONDS          of libFuzzer per target in a nightly run (default: 600)
set -u -o pipefail
exec </dev/null

root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root" || exit 1
build="${VIRTUFIN_BUILD_DIR:-$root/build}"
jobs="${VIRTUFIN_JOBS:-$(nproc)}"
results="$build/lanes"
nightly=0
one=""

# Minutes on two processors with what ccache kept. docs/CONTRIBUTING.md explains the lanes; a test
# holds the two together.
declare -A budgets=([format]=1 [layering]=1 [headers]=2 [docs]=1 [asan]=8 [fuzz]=2 [tidy]=2 [tsan]=6
  [minimal]=4 [release]=9 [abi]=1 [install]=3)
lanes=(format layering headers docs asan fuzz tidy tsan minimal release abi install)

while [ $# -gt 0 ]; do
  case "$1" in
    --lane) one="${2:-}"; shift ;;
    --nightly) nightly=1 ;;
    *) echo "usage: tests/run.sh [--lane NAME] [--nightly]; found '$1'" >&2; exit 2 ;;
  esac
  shift
done
[ $nightly -eq 0 ] || lanes=(fuzzing "${lanes[@]}")
if [ -n "$one" ]; then
  if [ "$one" != fuzzing ] && [ -z "${budgets[$one]:-}" ]; then
    echo "unknown lane '$one', expected fuzzing or one of ${lanes[*]}" >&2
    exit 2
  fi
  lanes=("$one")
fi

# Checkouts share what ccache kept, wherever they lie.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR=1

sh cmake/scripts/install.sh build test || exit $?
mkdir -p "$results"
. tests/support/lanes.sh

declare -A used=()
failed=""

# run_lane <lane> <word when it is well> <command...>: runs, times, and writes <lane>.result.
run_lane() {
  local lane="$1" word="$2" start outcome
  shift 2
  echo "=== lane $lane"
  start=$(date +%s)
  "$@"
  outcome=$?
  used[$lane]=$((${used[$lane]:-0} + $(date +%s) - start))
  [ $outcome -eq 0 ] || { word=FAILED; failed="$failed $lane"; }
  printf '%s in %s minutes\n' "$word" "$(minutes "${used[$lane]}")" |
    tee "$results/$lane.result" | sed "s/^/--- lane $lane: /"
  return $outcome
}

minutes() { printf '%d.%d' $(($1 / 60)) $(($1 % 60 / 6)); }

table() {
  local lane limit total=0 note
  echo "lane        budget   used  (minutes)"
  for lane in "${lanes[@]}"; do
    limit="${budgets[$lane]:-}"
    note=""
    [ -z "$limit" ] || [ "${used[$lane]}" -le $((limit * 60)) ] || note="  <== OVER ITS BUDGET"
    printf '%-11s %6s %6s%s\n' "$lane" "${limit:--}" "$(minutes "${used[$lane]}")" "$note"
    total=$((total + used[$lane]))
  done
  printf '%-11s %6s %6s\n' all "" "$(minutes $total)"
}

[ -n "$one" ] || rm -f "$results"/*.result
release_built=0
for lane in "${lanes[@]}"; do
  if [ "$lane" = release ]; then
    run_lane release built build_release && release_built=1
  else
    run_lane "$lane" passed "lane_$lane"
  fi
done
table
if [ $release_built -eq 1 ]; then
  test_release || failed="$failed release"
fi
if [ -n "$failed" ]; then
  echo "failed lanes:$failed" >&2
  exit 1
fi
