#!/bin/sh
# Fetch the newest crun that Debian has, for the benchmark, without touching the system.
#
#   sh bench/newest-crun.sh [SUITE...]     default: trixie testing sid; the highest version among them is taken
#
# Prints the path of the binary, which `npm run bench` finds by itself. apt works in a directory of its own (sources,
# lists, archives, an empty package database), so nothing is installed and no list of the system changes. crun and the
# libraries that it needs, libc included, are unpacked below ~/.cache/nrunc-bench/crun. The binary's interpreter and
# library path are set to that place: starting it through a loader by hand would make /proc/self/exe the loader, and
# crun executes itself through that link.
#
# Needs: apt, dpkg-deb, a Debian mirror among the system's sources (or NRUNC_BENCH_MIRROR), debian-archive-keyring.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nrunc-bench
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ $# -gt 0 ] || set -- trixie testing sid

die() { echo "newest-crun: $*" >&2; exit 1; }

mirror=${NRUNC_BENCH_MIRROR:-$(
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1
)}
[ -n "$mirror" ] || die 'no Debian mirror among the sources of apt: set NRUNC_BENCH_MIRROR'
[ -r "$keyring" ] || die 'the keyring is missing: apt-get install debian-archive-keyring'

apt=$cache/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/download"
: > "$apt/status"
for suite in "$@"; do echo "deb [signed-by=$keyring] $mirror $suite main"; done > "$apt/sources.list"

private_apt() {
  command=$1
  shift
  "$command" -q \
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache::archives="$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Debug::NoLocking=1 "$@"
}

private_apt apt-get update >&2
version=$(private_apt apt-cache policy crun | sed -n 's/^ *Candidate: //p')
[ -n "$version" ] || die 'the mirror has no crun'

# With an empty package database, what would be installed is exactly what crun needs.
packages=$(private_apt apt-get -s install crun patchelf | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p')
rm -f "$apt"/download/*.deb
(cd "$apt/download" && private_apt apt-get download $packages >&2)

tree=$cache/crun
rm -rf "$tree.new"
mkdir -p "$tree.new/root" "$tree.new/lib"
for package in "$apt"/download/*.deb; do dpkg-deb -x "$package" "$tree.new/root"; done

# One flat directory: the loader finds each library at the first look.
find "$tree.new"/root/usr/lib/*-linux-* -maxdepth 1 -name '*.so*' -exec cp -a -t "$tree.new/lib" {} +
loader=$(find "$tree.new/lib" -name 'ld-linux*' | head -n 1)
[ -n "$loader" ] || die 'libc6 has no loader'
loader=${loader##*/}

cp "$tree.new/root/usr/bin/crun" "$tree.new/crun"
"$tree.new/lib/$loader" --library-path "$tree.new/lib" "$tree.new/root/usr/bin/patchelf" \
  --set-interpreter "$tree/lib/$loader" --set-rpath "$tree/lib" "$tree.new/crun"
rm -rf "$tree.new/root" "$tree"
mv "$tree.new" "$tree"
"$tree/crun" --version >&2 || die "crun $version was fetched but does not run"
echo "$tree/crun"
