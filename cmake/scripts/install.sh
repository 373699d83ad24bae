#!/bin/sh
# Installs the Debian packages of packages.txt that are missing: install.sh [build] [test]
#
# As root or with sudo it installs; otherwise it prints the apt line and ends with 2. Touches no
# network when nothing is missing.
set -eu

list="$(dirname "$0")/packages.txt"
[ $# -gt 0 ] || set -- build
missing=""
for class in "$@"; do
  for package in $(awk -v class="$class" '!/^#/ && $2 == class { print $1 }' "$list"); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
  done
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  elif command -v sudo >/dev/null && [ -t 0 ]; then
    as_root="sudo"
  else
    echo "missing packages; as root, run:" >&2
    echo "apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 2
  fi
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq </dev/null >&2
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
  </dev/null >&2
