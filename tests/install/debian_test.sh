#!/bin/bash
# The Debian packages in a clean root: nothing but the minimal system, a compiler, the packages and
# what they depend on. The consumers here and the two embed examples are built and run inside.
#
#   debian_test.sh <source root> <folder of the .deb files> <cache folder>
#
# Needs root, debootstrap and the mirror that apt on this machine uses. The system is made once and
# kept in the cache folder, with the packages that were fetched.
set -eu -o pipefail
source_root="$1" packages="$2" cache="$3"
here="$(cd "$(dirname "$0")" && pwd)"
tools=g++,cmake,ninja-build,pkg-config

skip() {
  [ "${VIRTUFIN_TESTS_REQUIRE_ALL:-}" != 1 ] || { echo "$1" >&2; exit 1; }
  echo "-- skipped: $1"
  exit 0
}
[ "$(id -u)" -eq 0 ] || skip "a clean root needs the rights of root"
command -v debootstrap >/dev/null || skip "debootstrap is missing (package debootstrap)"
unshare --mount true 2>/dev/null || skip "this machine gives no mount namespace"
ls "$packages"/*.deb >/dev/null 2>&1 || skip "there are no packages in $packages"

suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
mirror="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Component: main' |
  awk -v suite="$suite" '$2 == suite { print $1; exit }')"
mirror="${mirror%/}"
[ -n "$mirror" ] || skip "apt has no mirror for '$suite' among its sources"

mkdir -p "$cache/archives"
base="$cache/$suite"
if [ ! -e "$base/made" ]; then
  /usr/lib/apt/apt-helper download-file "$mirror/dists/$suite/InRelease" "$cache/InRelease" \
    >"$cache/log" 2>&1 || skip "the mirror of apt does not answer: $(tail -n 2 "$cache/log")"
  rm -rf "$base"
  debootstrap --variant=minbase --include=$tools "$suite" "$base" "$mirror" >"$cache/log" 2>&1 ||
    { tail -n 20 "$cache/log"; exit 1; }
  apt-config dump | grep -i '^Acquire::.*proxy' >"$base/etc/apt/apt.conf.d/90proxy" || true
  echo 'APT::Sandbox::User "root";' >>"$base/etc/apt/apt.conf.d/90proxy"
  cp /etc/resolv.conf "$base/etc/resolv.conf" 2>/dev/null || true
  chroot "$base" apt-get update -qq
  chroot "$base" apt-get clean
  touch "$base/made"
fi

root="$cache/root"
rm -rf "$root"
trap 'rm -rf "$root"' EXIT
cp -a "$base" "$root"
mkdir -p "$root/packages" "$root/work"
cp "$packages"/*.deb "$root/packages/"
cp -r "$here" "$source_root/examples/embed_c" "$source_root/examples/embed_cpp" "$root/work/"
find "$cache/archives" -name '*.deb' -exec cp -t "$root/var/cache/apt/archives" {} +

# In a mount namespace of its own: what is mounted there is gone with it.
unshare --mount --propagation private /bin/bash -eu -c '
  mount -t proc proc "$1/proc"
  exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive /bin/bash -eu /work/install/debian_inside.sh
' inside "$root"
find "$root/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -exec cp -u -t "$cache/archives" {} +
