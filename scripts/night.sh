#!/usr/bin/env bash
# A night of stamping over a tree of yours: a log and three witnesses on loopback, a copy of DIR stamped in one go, then again
# with KILLS kills at random moments (each gone on with), then CHANGES changes in the copy and `--since`; and all of it verified
# with every server stopped. Beside it, what hashing the tree with openssl on every core takes. Prints a table in Markdown.
# Nothing in DIR changes. The copy is made of hard links where it can be: TMPDIR on the same disk spares the room.
# usage: scripts/night.sh DIR [KILLS [CHANGES]]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/net.sh
. scripts/net.sh

[ -d "${1:-}" ] || net_die "usage: scripts/night.sh DIR [KILLS [CHANGES]], with a directory to be stamped"
DIR=$(cd "$1" && pwd -P)
KILLS=${2:-10}
CHANGES=${3:-1000}
BIN=${CARGO_TARGET_DIR:-$PWD/target}/release
TIME=/usr/bin/time
[ -x "$TIME" ] || net_die "night: GNU time is missing (Debian: apt-get install time)"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/treering-night.XXXXXX")
NET=$WORK/net
BESIDE=$WORK/beside
mkdir -p "$NET" "$BESIDE"
case $WORK/ in "$DIR"/*) net_die "night: the temporary directory lies inside $DIR; set TMPDIR to another place" ;; esac
cores=$(getconf _NPROCESSORS_ONLN)
RUNNING=

cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  set +e
  [ -z "$RUNNING" ] || kill -KILL "$RUNNING" 2>/dev/null
  net_stop
  rm -rf "$WORK"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() { printf '%s\n' "$*" >&2; }
# A command, and not a function: what it starts in the background is the client itself, to be killed.
with_client() { CLIENT=(env TREERING_CONFIG_DIR="$WORK/config" XDG_STATE_HOME="$WORK/state" TREERING_LOG="$NET_LOG_URL" TREERING_POLICY="$NET/policy"); }
# timed NAME COMMAND…: seconds and peak memory (KiB) into $WORK/NAME.time, output into $WORK/NAME.said.
timed() {
  local name=$1 code=0; shift
  "${CLIENT[@]}" "$TIME" -f '%e %M' -o "$WORK/$name.time" "$@" >"$WORK/$name.said" 2>"$WORK/$name.err" || code=$?
  [ "$code" -eq 0 ] || { tail -n 5 "$WORK/$name.said" "$WORK/$name.err" >&2; net_die "night: exit code $code from: $*"; }
}
seconds() { awk 'END { print $1 }' "$WORK/$1.time"; }
memory() { awk 'END { printf "%.0f MB", $2 * 1024 / 1e6 }' "$WORK/$1.time"; }
size() { awk -v n="$(wc -c <"$1")" 'BEGIN { printf "%.1f MB", n / 1e6 }'; }
number() { sed -n "\$s/.*\"$2\":\\([0-9]*\\).*/\\1/p" "$WORK/$1.said"; }
row() { printf '| %s | %s | %s | %s | %s |\n' "$1" "$(seconds "$2")" "$(awk -v a="$(seconds "$2")" -v b="$(seconds openssl)" 'BEGIN { printf "%.2f", a / b }')" "$(memory "$2")" "$3"; }

say "night: a log, three witnesses, and a copy of $DIR"
for n in 1 2 3; do net_init_witness "$n" 127.0.0.1:0; net_serve_witness "$n"; done
net_init_log night.treering.example/log 127.0.0.1:0 127.0.0.1:0
net_serve_log
net_wait_ready
net_write_policy
with_client
TREE=$WORK/tree
cp -al "$DIR" "$TREE" 2>/dev/null || { rm -rf "$TREE"; cp -a --reflink=auto "$DIR" "$TREE"; }
# Only what was modified two seconds before it is hashed, or later, is hashed again for safety: a copy that was just made.
files=$(find "$TREE" -type f | wc -l)
bytes=$(find "$TREE" -type f -printf '%s\n' | awk '{ s += $1 } END { printf "%.2f GB", s / 1e9 }')

say "night: openssl over $files files, $bytes"
hash_all() { find "$TREE" -type f -print0 | xargs -0 -n 256 -P "$cores" openssl dgst -sha256 >/dev/null; }
export -f hash_all
export TREE cores
# Once before, so that both find what they read in memory, as far as it fits.
hash_all
timed openssl bash -c hash_all

say "night: stamped in one go"
timed whole "$BIN/treering" stamp --json -o "$BESIDE/whole.treering" "$TREE"

say "night: stamped with $KILLS kills"
kept=0 hashed_at_kills=
for ((kill = 1; kill <= KILLS; kill++)); do
  if [ "$kill" -eq 1 ]; then
    "${CLIENT[@]}" "$BIN/treering" stamp --quiet -o "$BESIDE/killed.treering" "$TREE" 2>/dev/null &
  else
    "${CLIENT[@]}" "$BIN/treering" resume --quiet 2>/dev/null &
  fi
  RUNNING=$!
  # At random; who goes on waits for a tick of the log first.
  sleep "$(awk -v whole="$(seconds whole)" -v seed="$RANDOM" -v kills="$KILLS" -v first="$kill" \
    'BEGIN { srand(seed); print whole * (0.05 + 1.5 * rand() / kills) + (first > 1 ? 2 * rand() : 0) }')"
  kill -KILL "$RUNNING" 2>/dev/null || true
  wait "$RUNNING" 2>/dev/null || true
  RUNNING=
  hashed_at_kills+=" $(wc -c <"$BESIDE/.killed.treering.partial" 2>/dev/null || echo whole)"
done
if [ -e "$BESIDE/killed.treering" ]; then
  say "night: it was whole before the last kill"
  printf '0 0\n' >"$WORK/last.time"; : >"$WORK/last.said"
else
  timed last "$BIN/treering" resume --json
  kept=$(number last kept)
fi
say "night: the partial bundle's bytes at the kills:$hashed_at_kills"

say "night: $CHANGES changes, then --since"
cp "$BESIDE/whole.treering" "$BESIDE/since.treering"
timed nothing "$BIN/treering" stamp --json --since "$BESIDE/since.treering" "$TREE"
find "$TREE" -type f | awk -v want="$CHANGES" -v have="$files" 'BEGIN { step = int(have / want); if (step < 1) step = 1 } NR % step == 0 && ++n <= want' >"$WORK/some"
n=0
while IFS= read -r path; do
  n=$((n + 1))
  case $((n % 10)) in
    0) rm -f "$path" ;;
    1) printf 'new %s\n' "$n" >"$path.new-$n" ;;
    # A file of its own, so that the original stays as it is.
    *) { cat "$path"; printf 'changed %s\n' "$n"; } >"$WORK/changed"; mv -f "$WORK/changed" "$path" ;;
  esac
done <"$WORK/some"
timed since "$BIN/treering" stamp --json --since "$BESIDE/since.treering" "$TREE"

say "night: verified with every server stopped"
net_stop
[ "$(net_get "$NET_LOG_URL/checkpoint")" = 000 ] || net_die "night: something still answers at $NET_LOG_URL"
# What was killed, against the directory itself, which the copy was like then.
timed verify "$BIN/treering" verify --json --strict "$DIR" "$BESIDE/killed.treering"
[ "$(number verify verified)" -ge "$files" ] || net_die "night: of $files files, $(number verify verified) were verified"
runs=$("${CLIENT[@]}" "$BIN/treering" show "$BESIDE/killed.treering" | sed -n 's/.*runs: \([0-9,]*[0-9]\),.*/\1/p')
timed verify_since "$BIN/treering" verify --json --strict "$TREE" "$BESIDE/since.treering"

cat <<TABLE
$files files, $bytes; $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $cores cores

| what | s | of openssl | memory | |
|---|---|---|---|---|
| \`openssl dgst -sha256\` under xargs -P $cores | $(seconds openssl) | 1 | $(memory openssl) | |
| \`treering stamp\` in one go | $(seconds whole) | $(awk -v a="$(seconds whole)" -v b="$(seconds openssl)" 'BEGIN { printf "%.2f", a / b }') | $(memory whole) | a bundle of $(size "$BESIDE/whole.treering") |
$(row "the last \`treering resume\` after $KILLS kills" last "$kept of $files kept, $(number last hashed) hashed; $runs runs, a bundle of $(size "$BESIDE/killed.treering")")
$(row "\`treering verify\` of it, offline" verify "$(number verify verified) verified")
$(row "\`stamp --since\`, nothing changed" nothing "$(number nothing hashed) hashed, $(number nothing kept) kept")
$(row "\`stamp --since\` after $n changes" since "$(number since new) new, $(number since changed) changed, $(number since kept) kept, $(number since gone) gone; $(number since hashed) hashed; a bundle of $(size "$BESIDE/since.treering")")
$(row "\`treering verify\` of it, offline" verify_since "$(number verify_since verified) verified")
TABLE
