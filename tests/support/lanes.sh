# The lanes of tests/run.sh, which reads this file: one function lane_<name> each.

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
  local log="$results/${folder//\//_}.cmake"
  cmake -S "$root" -B "$build/$folder" -G Ninja "${launcher[@]}" "$@" >"$log" 2>&1 ||
    { cat "$log"; return 1; }
}

compile() { ninja -C "$build/$1" -j "$jobs" -k 0 --quiet "${@:2}"; }

# Nothing but the headers that are generated: for tools that read sources.
compile_generated() {
  ninja -C "$build/$1" -t targets all | sed -n 's/^\(.*\(_generated\.h\|\.pb\.h\|\.inc\)\): CUSTOM_COMMAND$/\1/p' |
    xargs -r ninja -C "$build/$1" -j "$jobs" --quiet
}

run_ctest() {  # run_ctest <folder> <options...>
  local folder="$1"
  shift
  ctest --test-dir "$build/$folder" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

clang_options=(-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++)
sanitizer_options=("${clang_options[@]}" -DCMAKE_BUILD_TYPE=RelWithDebInfo
  "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -gline-tables-only -DNDEBUG"
  "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -gline-tables-only -DNDEBUG")
asan_options=("${sanitizer_options[@]}" -DVIRTUFIN_SANITIZE=address,undefined)
tsan_options=("${sanitizer_options[@]}" -DVIRTUFIN_SANITIZE=thread -DVIRTUFIN_TESTS_LABEL=threads)
# Fuzz targets run where sanitizers watch them.
release_options=(-DCMAKE_BUILD_TYPE=Release -DVIRTUFIN_BUILD_BENCH=ON
  "-DVIRTUFIN_TESTS_FOLDERS=unit;conformance;integration;abi;install"
  -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++)
# What a lane builds once it compiles together. Sources stay alone in release, which is what ships.
# Long tests read the scale; the sanitized ones do a tenth of the work.
if [ "$nightly" -eq 1 ]; then
  unity=OFF unity_tests=OFF sanitized_scale=1
else
  unity=ALL unity_tests=TESTS sanitized_scale=0.1
fi

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

lane_layering() {
  cmake -DROOT="$root" -P cmake/scripts/check_layers.cmake &&
    cmake -DROOT="$root" -DWORK="$results/layers_scan" -P tests/abi/layers_scan_test.cmake &&
    cmake -DROOT="$root" -P tests/abi/files_test.cmake
}

lane_headers() { bash tests/abi/headers.sh "$results/headers" "$jobs"; }

lane_docs() {
  configure docs "${release_options[@]}" -DVIRTUFIN_BUILD_TESTS=OFF && compile docs virtufin_docs
}

lane_asan() {
  configure asan "${asan_options[@]}" -DVIRTUFIN_UNITY=$unity && compile asan &&
    VIRTUFIN_TESTS_SCALE=$sanitized_scale UBSAN_OPTIONS=print_stacktrace=1 \
      run_ctest asan -LE '^fuzz$'
}

# Each corpus, and changed copies of it, through its target.
lane_fuzz() {
  configure asan "${asan_options[@]}" -DVIRTUFIN_UNITY=$unity && compile asan &&
    VIRTUFIN_TESTS_SCALE=$sanitized_scale UBSAN_OPTIONS=print_stacktrace=1 run_ctest asan -L '^fuzz$'
}

lane_tsan() {
  local options="second_deadlock_stack=1 suppressions=$root/tests/support/tsan.supp"
  configure tsan "${tsan_options[@]}" -DVIRTUFIN_UNITY=$unity && compile tsan &&
    VIRTUFIN_TESTS_SCALE=$sanitized_scale TSAN_OPTIONS="$options" run_ctest tsan -L '^threads$'
}

# Without everything that may be left out it configures, builds, passes its unit tests; without one
# thing at a time the whole configures.
lane_minimal() {
  local off option
  mapfile -t off < <(sed -n 's/^virtufin_option(\([A-Z_]*\).*/-DVIRTUFIN_WITH_\1=OFF/p' \
    cmake/VirtufinDependencies.cmake)
  [ ${#off[@]} -gt 0 ] || { echo "no virtufin_option() in cmake/VirtufinDependencies.cmake"; return 1; }
  for option in "${off[@]}"; do
    configure "minimal_one/${option#-DVIRTUFIN_WITH_}" "$option" || return 1
  done
  configure minimal "${clang_options[@]}" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 \
    -DCMAKE_C_FLAGS_DEBUG=-O0 "${off[@]}" -DVIRTUFIN_UNITY=$unity -DVIRTUFIN_BUILD_EXAMPLES=OFF \
    -DVIRTUFIN_TESTS_FOLDERS=unit &&
    compile minimal && VIRTUFIN_TESTS_SCALE=$sanitized_scale run_ctest minimal
}

# The sources that changed since main was left, or in the last commit; all of them in a nightly run.
# Begins no file after its minutes are over.
lane_tidy() {
  local base="" files deadline minutes="${budgets[tidy]}"
  if [ "$nightly" -eq 1 ]; then
    files="$(own_files 'src/*.cpp' 'c_api/*.cpp')"
    minutes=1440
  else
    base="$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null)"
    [ -n "$base" ] && [ "$base" != "$(git rev-parse HEAD)" ] ||
      base="$(git rev-parse --verify --quiet HEAD~1)"
    [ -n "$base" ] || { echo "skipped: no commit to compare with"; return 0; }
    files="$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'c_api/*.cpp')"
  fi
  [ -n "$files" ] || { echo "no source changed since $base"; return 0; }
  configure tidy "${asan_options[@]}" && compile_generated tidy || return 1
  deadline=$(($(date +%s) + 60 * minutes))
  # shellcheck disable=SC2016
  echo "$files" | xargs -P "$jobs" -n 1 sh -c '
    [ "$(date +%s)" -lt "$1" ] || { echo "no time left for $3: see --nightly"; exit 0; }
    exec clang-tidy -p "$2" --quiet "$3"' tidy "$deadline" "$build/tidy"
}

# libFuzzer on every target. What it finds is kept in <build>/fuzzing/found.
lane_fuzzing() {
  local seconds="${VIRTUFIN_FUZZ_SECONDS:-600}" found="$build/fuzzing/found"
  configure fuzzing "${asan_options[@]}" -DVIRTUFIN_BUILD_FUZZ=ON &&
    compile fuzzing virtufin_fuzzers || return 1
  mkdir -p "$found"
  xargs -P "$jobs" -n 2 bash tests/fuzz/run_target.sh "$seconds" "$found" \
    "$build/fuzzing/corpus" <"$build/fuzzing/tests/fuzz/fuzzers.txt"
  local outcome=$?
  find "$found" -type f -printf 'found: %p\n'
  [ -z "$(find "$found" -type f -print -quit)" ] && return $outcome
  return 1
}

build_release() {
  local before=""
  [ -n "$one" ] || before="$(printf '%s\n' "${lanes[@]}" | grep -v '^release$' | paste -sd ';')"
  configure release "${release_options[@]}" -DVIRTUFIN_UNITY=$unity_tests \
    "-DVIRTUFIN_LANES=$before" "-DVIRTUFIN_LANE_RESULTS=$results" && compile release
}

lane_abi() { build_release && run_ctest release -L '^abi$'; }

lane_install() { build_release && run_ctest release -L '^install$'; }

# What abi and install tested is among their lanes' results.
test_release() {
  local but=()
  [ -n "$one" ] || but=(-LE '^(abi|install)$')
  VIRTUFIN_TESTS_NIGHTLY=$nightly run_ctest release "${but[@]}"
}
