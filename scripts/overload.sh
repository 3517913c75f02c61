#!/usr/bin/env bash
# As many requests as the machine can take or refuse, for MINUTES (10), with the promised figures demanded; the same for two minutes
# with as many connections as a log takes by default; then Debian's own tools for
# slow clients and for HTTP/2 against a log of its own: they must have connected, honest requests beside them take two seconds
# at most (p99), the log runs on with at most 320 MiB, and has as many descriptors open afterwards as before. All figures stand
# in one block at the end. It needs the machine for itself.
# usage: scripts/overload.sh [MINUTES]
set -euo pipefail
cd "$(dirname "$0")/.."

MINUTES=${1:-10}
export TREERING_OVERLOAD_SECONDS=$((MINUTES * 60))
ulimit -n "$(ulimit -Hn)"
status=0
bin=${CARGO_TARGET_DIR:-$PWD/target}/release
dir=$(mktemp -d)
log=
trap '[ -z "$log" ] || kill "$log" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --test-threads 1 --nocapture overload:: |
  tee "$dir/test" || status=1
# shellcheck disable=SC2086
TREERING_OVERLOAD_CONNECTIONS=4000 TREERING_OVERLOAD_SECONDS=$(((MINUTES * 60 + 4) / 5)) \
  cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --test-threads 1 --nocapture overload:: |
  tee -a "$dir/test" || status=1
{
  sed -n 's/^test .* \.\.\. overload: /overload: /; /^overload: /,/^  as before/p' "$dir/test"
  grep '^test result' "$dir/test" || true
} >"$dir/figures"

printf 'quorum none\n' >"$dir/witnesses"
port=$((20000 + RANDOM % 10000))
"$bin/treering-log" init --dir "$dir/log" --origin overload.test/1 --listen "127.0.0.1:$port" --witnesses "$dir/witnesses" \
  >"$dir/init" 2>&1
sed -i "s/^admin = .*/admin = \"127.0.0.1:$((port + 1))\"/" "$dir/log/log.toml"
"$bin/treering-log" serve --dir "$dir/log" >"$dir/out" 2>"$dir/err" &
log=$!
for _ in $(seq 200); do grep -q '^admin on' "$dir/out" && break; sleep 0.1; done

# A log that has ended has none open either, and that is no success.
alive() { kill -0 "$log" 2>/dev/null || { echo "the log has ended" | tee -a "$dir/figures"; return 1; }; }
# Not its own files, which the store opens and closes as it likes.
descriptors() { find "/proc/$log/fd" -mindepth 1 ! -lname "$dir/log/*" | wc -l; }
# Honest requests while something else runs: at least ten, all of them taken, and p99 within two seconds.
honest() {
  while kill -0 "$1" 2>/dev/null; do
    head -c 32 /dev/urandom | curl --silent --output /dev/null --max-time 30 --write-out '%{http_code} %{time_total}\n' \
      --header 'content-type: application/octet-stream' --data-binary @- "http://127.0.0.1:$port/v1/submissions"
  done | sort -k2 -n | awk '{ n++; time[n] = $2; if ($1 != 202) bad++ }
    END { p99 = time[int(n * 0.99) + (n * 0.99 > int(n * 0.99))]
          printf "honest: %d requests, %d of them not answered, %s s (p50), %s s (p99)\n", n, bad, time[int(n * 0.5) + 1], p99
          exit bad > 0 || n < 10 || p99 > 2 }'
}
# How many connections slowhttptest made, or requests h2load had answered, by their own account.
reached() {
  sed 's/\x1b\[[0-9;]*m//g' "$dir/tool" | awk '/^ *connected:/ { open = $2 } /^ *closed:/ { closed = $2 }
    /^requests:/ { for (i = 2; i < NF; i++) if ($(i + 1) ~ /^succeeded/) done = $i } END { print open + closed + done }'
}
before=$(descriptors)
try() {
  alive || { status=1; return; }
  echo "== $*" | tee -a "$dir/figures"
  "$@" >"$dir/tool" 2>&1 &
  local tool=$!
  honest "$tool" | tee -a "$dir/figures" || status=1
  wait "$tool" || true
  grep -E 'service available|closed:|error:|connected:|requests:|finished in|exit status' "$dir/tool" |
    sed 's/^/   /' | tail -n 7 | tee -a "$dir/figures" || true
  local reached
  reached=$(reached)
  echo "the tool reached the log $reached times" | tee -a "$dir/figures"
  [ "$reached" -ge "$atleast" ] || status=1
  alive || { status=1; return; }
  # An idle connection may stay for the header's time-out; then it is closed.
  for _ in $(seq 60); do [ "$(descriptors)" -le "$before" ] && break; sleep 1; done
  echo "descriptors open: $before before, $(descriptors) now" | tee -a "$dir/figures"
  [ "$(descriptors)" -le "$before" ] || status=1
}
atleast=2000
url=http://127.0.0.1:$port
try slowhttptest -H -c 3000 -r 500 -i 5 -l 60 -p 5 -u "$url/v1/log"
try slowhttptest -B -c 3000 -r 500 -i 5 -l 60 -p 5 -s 100000 -t POST -f application/octet-stream -u "$url/v1/submissions"
try slowhttptest -X -c 3000 -r 500 -l 60 -w 1 -y 1 -n 5 -z 1 -k 3 -p 5 -u "$url/v1/log"
try h2load -c 500 -m 100 -D 30 "$url/v1/log"
if alive; then
  peak=$(awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$log/status")
  echo "memory: $peak MiB at most" >>"$dir/figures"
  [ "$peak" -le 320 ] || status=1
else
  status=1
fi
echo
echo "==== figures"
cat "$dir/figures"
if [ $status -eq 0 ]; then echo "all as promised"; else echo "NOT as promised: see above"; fi
exit $status
