#!/usr/bin/env bash
# Installs what Treering needs beside Rust, by apt-get, if it is missing; says nothing if all is there.
# usage: scripts/deps.sh build|test|overload
set -euo pipefail

want=${1:-build}

die() { printf 'deps: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

has_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null && return 0
  compgen -G '/usr/lib/*/libclang*.so*' >/dev/null && return 0
  compgen -G '/usr/lib*/libclang*.so*' >/dev/null
}

missing() {
  has g++ || has c++ || echo g++
  has clang || [ -n "${LIBCLANG_PATH:-}" ] || echo clang
  has_libclang || echo libclang-dev
  has make || echo make
  if [ "$want" = overload ]; then
    has slowhttptest || echo slowhttptest
    has h2load || echo nghttp2-client
    has curl || echo curl
  fi
  [ "$want" = test ] || return 0
  has curl || echo curl
  has jq || echo jq
  has strace || echo strace
  has openssl || echo openssl
  # Keys and an agent to sign claims with; a terminal to be asked for a passphrase on.
  { has ssh-agent && has ssh-keygen; } || echo openssh-client
  has script || echo bsdutils
  # nginx alone (2 MB), of its packages the smallest; in sbin, which not every PATH has.
  has nginx || [ -x /usr/sbin/nginx ] || echo nginx-light
  has eatmydata || echo eatmydata
  has mkfs.ext4 || echo e2fsprogs
  has faketime || echo faketime
  has groff || echo groff-base
  [ -e /usr/lib/softhsm/libsofthsm2.so ] || echo softhsm2
}

if ! has cargo; then
  # shellcheck disable=SC1091
  [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
  has cargo || die "cargo is missing: install Rust 1.90 or newer with rustup (https://rustup.rs), then try again"
fi

mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] && exit 0

echo "deps: missing here: ${packages[*]}" >&2
has apt-get || die "install these with your system's package manager (their Debian names are above), then try again"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  has sudo || die "not root and no sudo; as root: apt-get install ${packages[*]}"
  as_root=(sudo)
fi
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && install; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  die "apt-get failed (its last lines are above); as root: apt-get install ${packages[*]}"
fi

mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] || die "still missing after the installation: ${packages[*]}"
echo "deps: installed" >&2
