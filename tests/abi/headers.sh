#!/bin/bash
# headers.sh <work folder> <jobs>: each installed header compiles alone, twice in one unit, under g++ and
# clang: C++ headers as C++20, C headers as C99, C11, C++11 and C++20. All of them together link into
# one program from two units: a function that a header defines without `inline` would clash.
# Pins CA-18, WA-33.
set -u -o pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
work="$1"
jobs="$2"
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1

flags=(-Wall -Wextra -Wpedantic -Werror -I "$root/include" -I "$root/c_api/include")
names() { (cd "$1" && find virtufin -name "$2" | LC_ALL=C sort); }
mapfile -t cxx_headers < <(names "$root/include" '*.hpp')
mapfile -t c_headers < <(names "$root/c_api/include" '*.h')
[ ${#cxx_headers[@]} -gt 0 ] && [ ${#c_headers[@]} -gt 0 ] || { echo "no header found"; exit 1; }

unit() { printf '%s/%s.%s' "$work" "${1//\//_}" "$2"; }  # unit <header> <extension>
for header in "${cxx_headers[@]}" "${c_headers[@]}"; do
  for extension in c cpp; do
    # A C unit must declare something.
    printf '#include "%s"\n#include "%s"\nextern int alone;\n' "$header" "$header" \
      >"$(unit "$header" $extension)"
  done
done
printf '#include "%s"\n' "${cxx_headers[@]}" "${c_headers[@]}" >together_b.cpp
{ cat together_b.cpp; echo 'int main() { return 0; }'; } >together_a.cpp

{
  for compiler in g++ clang++; do
    for header in "${cxx_headers[@]}" "${c_headers[@]}"; do
      echo "$compiler -std=c++20 ${flags[*]} -fsyntax-only $(unit "$header" cpp)"
    done
    for header in "${c_headers[@]}"; do
      echo "$compiler -std=c++11 ${flags[*]} -fsyntax-only $(unit "$header" cpp)"
      for standard in c99 c11; do
        echo "${compiler/%++/} -std=$standard ${flags[*]} -fsyntax-only $(unit "$header" c)"
      done
    done
    echo "$compiler -std=c++20 ${flags[*]} together_a.cpp together_b.cpp -o together_$compiler"
  done
} | sed 's/^g -std/gcc -std/' >commands
xargs -P "$jobs" -d '\n' -n 1 sh -c '$1 || { echo "failed: $1" >&2; exit 1; }' headers <commands ||
  exit 1
echo "$(wc -l <commands) compilations of $((${#cxx_headers[@]} + ${#c_headers[@]})) headers"
