# shellcheck shell=bash
# What the scripts of interop.sh share. Sourcing it goes to the project's root; interop_begin makes a temporary directory
# that goes, with all servers in it, when the script ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/net.sh
. scripts/net.sh

BIN=${CARGO_TARGET_DIR:-$PWD/target}/release
NEEDED=()

# interop_begin NAME: sets WORK and NET.
interop_begin() {
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/treering-interop-$1.XXXXXX")
  NET=$WORK/net
  mkdir -p "$NET"
  trap interop_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

interop_end() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  # Whatever fails here, the rest is still done.
  set +e
  net_stop
  rm -rf "$WORK"
  exit "$status"
}

has() { command -v "$1" >/dev/null 2>&1; }
# Runs a command; its output is shown only if it fails.
quiet() { "$@" >"$WORK/said" 2>&1 || { cat "$WORK/said" >&2; net_die "interop: failed: $*"; }; }
# The last command's output must hold this.
said() { grep -q -- "$1" "$WORK/said" || { cat "$WORK/said" >&2; net_die "interop: expected to read: $1"; }; }
refused() { if "$@" >"$WORK/said" 2>&1; then cat "$WORK/said" >&2; net_die "interop: should have failed: $*"; fi; }
passed() { printf 'passed: %s\n' "$*"; }

# needs PACKAGE: one of Debian's that is missing; install_needed installs all of them.
needs() { NEEDED+=("$1"); }
install_needed() {
  [ ${#NEEDED[@]} -gt 0 ] || return 0
  has apt-get || net_die "interop: install these first: ${NEEDED[*]}"
  quiet apt-get update -q
  quiet env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${NEEDED[@]}"
}

# A submission of one hash, waited for: so each is an entry of its own.
stamp_random() {
  head -c 32 /dev/urandom | curl --silent --show-error --fail --data-binary @- -H 'content-type: application/octet-stream' \
    -H 'prefer: wait=30' "$NET_LOG_URL/v1/submissions" >/dev/null || net_die "interop: a submission failed"
}

# treering COMMAND…: the client, with this net's log and a home of its own.
treering() {
  HOME=$WORK/home TREERING_CONFIG_DIR=$WORK/home/config XDG_STATE_HOME=$WORK/home/state \
    TREERING_LOG=$NET_LOG_URL TREERING_POLICY=$NET/policy "$BIN/treering" "$@"
}

# A port that nobody listens on, below those of outgoing connections: so that it finds the same one again.
free_port() {
  local port
  while :; do
    port=$((12000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# wait_for WHAT COMMAND…: at most 30 s.
wait_for() {
  local what=$1 try; shift
  for ((try = 0; try < 300; try++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  net_die "interop: waited for this in vain: $what"
}
