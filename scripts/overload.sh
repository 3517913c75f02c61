#!/usr/bin/env bash
# Far more than the machine can take, for MINUTES (10), with the promised figures demanded; then Debian's own tools for
# slow clients and for HTTP/2 against a log of its own, which has to have as many sockets open afterwards as before. All
# figures stand in one block at the end. It needs the machine for itself.
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

sockets() { find "/proc/$log/fd" -mindepth 1 -lname 'socket:*' | wc -l; }
# Honest requests while something else runs: the slowest of them.
honest() {
  while kill -0 "$1" 2>/dev/null; do
    head -c 32 /dev/urandom | curl --silent --output /dev/null --max-time 30 --write-out '%{http_code} %{time_total}\n' \
      --header 'content-type: application/octet-stream' --data-binary @- "http://127.0.0.1:$port/v1/submissions"
  done | sort -k2 -n | awk '{ n++; time[n] = $2; if ($1 != 202) bad++ }
    END { printf "honest: %d requests, %d of them not answered, %s s (p50), %s s (p99)\n", n, bad, time[int(n * 0.5) + 1],
          time[int(n * 0.99) + (n * 0.99 > int(n * 0.99))]; exit bad > 0 }'
}
before=$(sockets)
try() {
  echo "== $*" | tee -a "$dir/figures"
  "$@" >"$dir/tool" 2>&1 &
  local tool=$!
  honest "$tool" | tee -a "$dir/figures" || status=1
  wait "$tool" || true
  grep -E 'service available|closed:|error:|connected:|requests:|finished in|exit status' "$dir/tool" |
    sed 's/^/   /' | tail -n 7 | tee -a "$dir/figures" || true
  # An idle connection may stay for the header's time-out; then it is closed.
  for _ in $(seq 60); do [ "$(sockets)" -le "$before" ] && break; sleep 1; done
  echo "sockets open: $before before, $(sockets) now" | tee -a "$dir/figures"
  [ "$(sockets)" -le "$before" ] || status=1
}
url=http://127.0.0.1:$port
try slowhttptest -H -c 3000 -r 500 -i 5 -l 60 -p 5 -u "$url/v1/log"
try slowhttptest -B -c 3000 -r 500 -i 5 -l 60 -p 5 -s 100000 -t POST -f application/octet-stream -u "$url/v1/submissions"
try slowhttptest -X -c 3000 -r 500 -l 60 -w 1 -y 1 -n 5 -z 1 -k 3 -p 5 -u "$url/v1/log"
try h2load -c 500 -m 100 -D 30 "$url/v1/log"
echo
echo "==== figures"
cat "$dir/figures"
if [ $status -eq 0 ]; then echo "all as promised"; else echo "NOT as promised: see above"; fi
exit $status
