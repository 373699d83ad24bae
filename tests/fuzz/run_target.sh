#!/bin/bash
# run_target.sh <seconds> <folder for findings> <folder for corpora> <program> <corpus>: libFuzzer on
# one target. New inputs go to a copy of the corpus, inputs that fail to the findings.
name="$(basename "$4")"
log="$3/$name.log"
mkdir -p "$3/$name"
if "$4" -max_total_time="$1" -timeout=25 -rss_limit_mb=2048 -artifact_prefix="$2/$name-" \
    -print_final_stats=1 "$3/$name" "$5" >"$log" 2>&1; then
  echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
else
  echo "$name FAILED:"
  tail -n 60 "$log"
  exit 1
fi
