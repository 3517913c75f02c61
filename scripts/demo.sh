#!/usr/bin/env bash
# The whole of Treering in one go: a log and three witnesses, a real tree stamped, all servers stopped, the tree verified
# offline, one changed byte found, one token cut out and verified. DIR is the tree (default: cargo's registry sources).
# Everything is made in a temporary directory and removed at the end; nothing keeps running, nothing in the tree changes.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/net.sh
. scripts/net.sh

DIR=${DIR:-${CARGO_HOME:-$HOME/.cargo}/registry/src}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
BIN=$TARGET/release
WORK=

cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  # Whatever fails here, the rest is still done.
  set +e
  net_stop
  [ -z "$WORK" ] || rm -rf "$WORK"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

now() { date +%s%N; }
took() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", (b - a) / 1e9 }'; }
step() { printf '%s\n' "$*"; }
# Shows at most N lines of a command's output, indented.
few() { sed 's/^/    /' | awk -v n="$1" 'NR <= n { print } NR > n { more++ } END { if (more) printf "    … %d more lines\n", more }'; }
# Runs a command, keeps its output in $WORK/said, and fails unless it ends with the status given first.
expect() {
  local want=$1 got=0; shift
  "$@" >"$WORK/said" 2>&1 || got=$?
  [ "$got" -eq "$want" ] || { few 15 <"$WORK/said" >&2; net_die "demo: expected exit code $want, got $got from: $*"; }
}

# The build's own output goes to a file: the first time it compiles RocksDB, which takes a while.
build() {
  local log=$TARGET/demo-build.log pid status=0 start
  mkdir -p "$TARGET"
  start=$(now)
  # shellcheck disable=SC2086
  cargo build --release --workspace --bins ${CARGO_FLAGS:-} >"$log" 2>&1 &
  pid=$!
  NET_PIDS+=("$pid")
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    [ -t 1 ] && printf '\rbuilding (the first time a quarter of an hour or so; RocksDB): %s packages, %s ' \
      "$(grep -c '^ *Compiling' "$log" || true)" "$(took "$start")"
  done
  wait "$pid" || status=$?
  NET_PIDS=()
  [ -t 1 ] && printf '\r\033[K'
  [ "$status" -eq 0 ] || { tail -n 30 "$log" >&2; net_die "demo: the build failed; all of its output is in $log"; }
  printf 'built in %s\n' "$(took "$start")"
}

client() {
  env TREERING_CONFIG_DIR="$WORK/config" XDG_STATE_HOME="$WORK/state" \
    TREERING_LOG="$NET_LOG_URL" TREERING_POLICY="$NET/policy" "$BIN/treering" "$@"
}

[ -d "$DIR" ] || [ "$DIR" = "${CARGO_HOME:-$HOME/.cargo}/registry/src" ] || net_die "demo: DIR=$DIR is not a directory"
build
[ -d "$DIR" ] || net_die "demo: $DIR is not there; name a tree with DIR=/some/where"
DIR=$(cd "$DIR" && pwd -P)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/treering-demo.XXXXXX")
NET=$WORK/net
mkdir -p "$NET" "$WORK/config" "$WORK/state"
case $WORK/ in "$DIR"/*) net_die "demo: the temporary directory lies inside $DIR; set TMPDIR to another place" ;; esac

step "1. Three witnesses and a log, each with a key of its own, on free ports of this machine"
start=$(now)
for n in 1 2 3; do net_init_witness "$n" 127.0.0.1:0; net_serve_witness "$n"; done
net_init_log demo.treering.example/log 127.0.0.1:0 127.0.0.1:0
net_serve_log
net_wait_ready
net_write_policy
printf '    log %s, witnesses %s; any 2 of the 3 must cosign; ready in %s\n' "$NET_LOG_URL" "${NET_WITNESS_URLS[*]}" "$(took "$start")"

files=$(find "$DIR" -type f | wc -l)
size=$(du -sh "$DIR" | cut -f 1)
step "2. Stamp $DIR ($files files, $size): only blinded hashes leave this machine"
start=$(now)
expect 0 client stamp --title "Treering demo" -o "$WORK/tree.treering" "$DIR"
few 5 <"$WORK/said"
printf '    %s; the bundle has %s\n' "$(took "$start")" "$(du -h --apparent-size "$WORK/tree.treering" | cut -f 1)"

step "3. Stop every server; from here on the evidence stands alone"
net_stop
[ "$(net_get "$NET_LOG_URL/checkpoint")" = 000 ] || net_die "demo: something still answers at $NET_LOG_URL"
printf '    nothing answers at %s any more\n' "$NET_LOG_URL"

step "4. Verify the tree offline, with the bundle and the policy (the public keys) alone"
start=$(now)
expect 0 client verify "$DIR" "$WORK/tree.treering"
few 6 <"$WORK/said"
printf '    %s\n' "$(took "$start")"

step "5. Change one byte in a copy, and verify the copy"
# Hard links cost no space; the one file that changes gets an inode of its own first.
cp -al "$DIR" "$WORK/copy" 2>/dev/null || { rm -rf "$WORK/copy"; cp -a --reflink=auto "$DIR" "$WORK/copy"; }
victim=$(find "$WORK/copy" -type f -size +0 -print -quit)
[ -n "$victim" ] || net_die "demo: there is no file with content in $DIR"
cp -p "$victim" "$WORK/victim"
chmod u+w "$WORK/victim"
first=$(head -c 1 "$WORK/victim" | od -An -tu1 | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf %03o $((first ^ 1)))" | dd of="$WORK/victim" bs=1 count=1 conv=notrunc status=none
rm -f "$victim"
mv "$WORK/victim" "$victim"
printf '    changed the first byte of %s\n' "${victim#"$WORK"/copy/}"
start=$(now)
expect 1 client verify "$WORK/copy" "$WORK/tree.treering"
few 4 <"$WORK/said"
printf '    %s; exit code 1, as it must be\n' "$(took "$start")"

step "6. Cut one token out of the bundle, and verify one file with it"
one=$(find "$DIR" -type f -size +0 -name '*.rs' -print -quit)
[ -n "$one" ] || one=$(find "$DIR" -type f -size +0 -print -quit)
mkdir "$WORK/one"
expect 0 client token "$WORK/tree.treering" "$one" -o "$WORK/one"
token=$(find "$WORK/one" -type f -name '*.tlog-proof' -print -quit)
[ -n "$token" ] || { few 5 <"$WORK/said" >&2; net_die "demo: no token was cut out"; }
printf '    %s, token of %s bytes\n' "${one#"$DIR"/}" "$(wc -c <"$token")"
expect 0 client verify "$one" "$token"
few 7 <"$WORK/said"

step "Done: nothing is left running, and $WORK is gone. To keep a log running: make run"
