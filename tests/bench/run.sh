#!/bin/bash
# Runs every benchmark of a build folder and prints one table: ratios to floors of the same run,
# curves, and what a process takes. Under ten minutes on an idle machine.
#
#   tests/bench/run.sh <build folder> [<filter of benchmark names>]
#
# Build with -DCMAKE_BUILD_TYPE=Release -DVIRTUFIN_BUILD_BENCH=ON; `ninja bench` builds what it runs
# and calls this. With a filter only the benchmarks run, not what measures a process.
set -u
build="${1:?usage: tests/bench/run.sh <build folder> [<filter>]}"
filter="${2:-.}"
bench="$build/tests/bench"
lines="$(mktemp)"
trap 'rm -f "$lines"' EXIT
started=$SECONDS

for program in core event codec payload exchange executor pubsub engine state platform net; do
  file="$bench/${program}_bench"
  [ -x "$file" ] || { echo "not built: ${program}_bench" >&2; continue; }
  echo "running ${program}_bench" >&2
  # One line a benchmark: program, then key=value; the JSON has one member a line.
  "$file" --benchmark_format=json --benchmark_min_time=0.2 --benchmark_filter="$filter" \
    2>/dev/null | awk -v program="$program" '
      /^  "benchmarks"/ { inside = 1; next }
      inside && /^    {/ { line = program; next }
      inside && /^    }/ { print line; next }
      inside && /^      "/ {
        sub(/^ *"/, ""); sub(/,$/, ""); sub(/": /, "="); gsub(/"/, "")
        line = line "\t" $0
      }' >>"$lines"
done

echo "date      $(date -I), load at the end $(cut -d' ' -f1-3 /proc/loadavg)"
echo "processor $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores"
echo "compiler  $(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$build/CMakeCache.txt")" \
  "$(sed -n 's/^CMAKE_BUILD_TYPE:[^=]*=//p' "$build/CMakeCache.txt")"
echo "command   tests/bench/run.sh $build $filter"
echo
awk -F'\t' '
  function of(name) { return (name in value_of) ? value_of[name] : "" }
  function ns(value) {
    value += 0
    if (value >= 1e6) return sprintf("%.2f ms", value / 1e6)
    if (value >= 1e4) return sprintf("%.1f us", value / 1e3)
    return sprintf(value < 100 ? "%.1f ns" : "%.0f ns", value)
  }
  function scale(unit) { return unit == "s" ? 1e9 : unit == "ms" ? 1e6 : unit == "us" ? 1e3 : 1 }
  BEGIN {
    printf "%-52s %10s %10s %7s %15s %6s\n",
           "benchmark", "time", "floor", "ratio", "10..90 %", "goal"
  }
  {
    delete value_of
    for (i = 2; i <= NF; ++i) {
      at = index($i, "=")
      value_of[substr($i, 1, at - 1)] = substr($i, at + 1)
    }
    name = of("name")
    gsub(/\/(iterations:1|manual_time|real_time|process_time)/, "", name)
    time = of("real_time") * scale(of("time_unit"))
    each = of("per_item_ns")
    if (of("error_occurred") == "true") { printf "%-52s %s\n", name, of("error_message"); next }
    if (each != "") {
      split(name, parts, "/")
      if (!(parts[1] in points)) order[++curves] = parts[1]
      points[parts[1]] = points[parts[1]] " " parts[2] ":" each ":" of("floor_ns")
    }
    if (of("ratio") == "") {
      if (each == "") printf "%-52s %10s\n", $1 ": " name, ns(time)
      next
    }
    goal = of("goal")
    mark = goal == "" || of("ratio") + 0 <= goal + 0 ? "" : "  missed"
    printf "%-52s %10s %10s %7.2f %7.2f-%-7.2f %6s%s\n", $1 ": " name, ns(time), ns(of("floor_ns")),
           of("ratio"), of("low"), of("high"), goal == "" ? "" : sprintf("%.2f", goal), mark
  }
  END {
    for (c = 1; c <= curves; ++c) {
      count = split(substr(points[order[c]], 2), point, " ")
      most = 0
      for (i = 1; i <= count; ++i) {
        split(point[i], part, ":")
        n[i] = part[1]; cost[i] = part[2] + 0; floor[i] = part[3] + 0
        if (cost[i] > most) most = cost[i]
      }
      first = count > 1 ? 2 : 1
      growth = cost[count] / cost[first]
      printf "\n%s, each (last against %d: %.2f, goal 1.50", order[c], n[first], growth
      if (floor[count] > 0) printf "; the floor itself: %.2f", floor[count] / floor[first]
      printf ")%s\n", growth <= 1.5 ? "" : "  missed"
      for (i = 1; i <= count; ++i) {
        bar = sprintf("%" int(1 + 40 * cost[i] / most) "s", "")
        gsub(/ /, "#", bar)
        printf "%8d %10s %s\n", n[i], ns(cost[i]), bar
      }
    }
  }' "$lines"

[ "$filter" = . ] || exit 0
echo
load="$build/tests/integration/net_load/net_load"
if [ -x "$load" ]; then
  # At an even rate of frames: what one costs the client, by the processor time it used.
  echo "connections of one process, 20 000 frames/s in all, client's processor time a frame"
  for connections in 1 10 100 1000; do
    "$load" --connections $connections --rate 20000 --seconds 5 --open-files 4096 2>&1 |
      awk -v n=$connections '
        /^frames/ { sub(/\/s/, "", $2); rate = $2 }
        /^client CPU/ { share = $3 }
        END {
          if (rate > 0) printf "%8d %8.2f us\n", n, share * 1e4 / rate; else print n " failed"
        }'
  done
  echo
fi
hello="$(find "$build/examples/workers" -name 'libhello_c.so' 2>/dev/null | head -1)"
{
  "$bench/footprint" idle 10
  "$bench/footprint" events
  [ -z "$hello" ] || "$bench/footprint" loads "$hello"
  size() {  # size <name> <file> <goal>
    local stripped
    [ -f "$2" ] || return
    stripped="$(mktemp)"
    strip -o "$stripped" "$(readlink -f "$2")" && printf '%s\t%s\tkB\t%s\n' "$1" \
      "$(stat -c %s "$stripped" | awk '{ printf "%.1f", $1 / 1000 }')" "$3"
    rm -f "$stripped"
  }
  size "libvirtufin.so, stripped" "$(find "$build/c_api" -name 'libvirtufin.so*' | head -1)" 3000
  [ -z "$hello" ] || size "hello worker in C, stripped" "$hello" 20
} | awk -F'\t' '{ printf "%-60s %10s %-12s goal %s\n", $1, $2, $3, $4 }'
echo
echo "took $((SECONDS - started)) s"
