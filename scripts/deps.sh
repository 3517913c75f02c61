#!/usr/bin/env bash
# Installs what Treering needs beside Rust, by apt-get, if it is missing; says nothing if all is there.
# usage: scripts/deps.sh build|test|overload|night
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
  if [ "$want" = night ]; then
    [ -x /usr/bin/time ] || echo time
    has openssl || echo openssl
  fi
  [ "$want" = test ] || return 0
  has curl || echo curl
  has jq || echo jq
  has strace || echo strace
  has openssl || echo openssl
  # Keys and an agent to sign claims with; a terminal to be asked for a passphrase on.
  { has ssh-agent && has ssh-keygen; } || echo openssh-client
  has script || echo bsdutils
  # The steps by hand of `show --html`.
  has xxd || echo xxd
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

# promtool tests the alert rules. Debian has it in the package prometheus alone, which would start a service here: only
# this program is taken out of it, into the target directory.
lacks_promtool() {
  [ "$want" = test ] || return 1
  ! has promtool && [ ! -x "${CARGO_TARGET_DIR:-target}/tools/promtool" ]
}
take_promtool() (
  tools=$(realpath -m "${CARGO_TARGET_DIR:-target}/tools")
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  mkdir unpacked
  # apt-get's own user may not write here; it then says so, and downloads all the same.
  apt-get download -q prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C unpacked ./usr/bin/promtool &&
    mkdir -p "$tools" && mv unpacked/usr/bin/promtool "$tools/promtool"
)

mapfile -t packages < <(missing)
if lacks_promtool && ! has apt-get; then
  echo "deps: no promtool here: the alert rules are only parsed. https://prometheus.io/download has it" >&2
elif lacks_promtool; then
  promtool=wanted
fi
[ ${#packages[@]} -eq 0 ] && [ -z "${promtool:-}" ] && exit 0
names="${packages[*]}${promtool:+ promtool (of prometheus)}"
names=${names# }

echo "deps: missing here: $names" >&2
has apt-get || die "install these with your system's package manager (their Debian names are above), then try again"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if has sudo; then
    as_root=(sudo)
  elif [ ${#packages[@]} -gt 0 ]; then
    die "not root and no sudo; as root: apt-get install ${packages[*]}"
  fi
fi
update() {
  # A download alone needs no root, but can do with old lists.
  [ "$(id -u)" -ne 0 ] && [ ${#as_root[@]} -eq 0 ] || "${as_root[@]}" apt-get update -q
}
install() {
  [ ${#packages[@]} -eq 0 ] ||
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { update && install && { [ -z "${promtool:-}" ] || take_promtool; }; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  die "apt-get failed (its last lines are above): $names"
fi

mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] || die "still missing after the installation: ${packages[*]}"
! lacks_promtool || die "still missing after the installation: promtool"
echo "deps: installed" >&2
