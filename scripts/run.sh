#!/usr/bin/env bash
# A log and three witnesses (quorum two of three) on loopback, kept in .run/, until Ctrl-C. Started again, they go on
# where they were. `make clean-run` forgets them.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/net.sh
. scripts/net.sh

NET=$PWD/.run
BIN=${CARGO_TARGET_DIR:-$PWD/target}/release

cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  # Whatever fails here, the rest is still done.
  set +e
  [ ${#NET_PIDS[@]} -eq 0 ] || printf 'stopping …\n'
  net_stop
  exit "$status"
}
trap cleanup EXIT
# Ctrl-C is how this is meant to end.
trap 'printf "\n"; exit 0' INT
trap 'exit 0' TERM HUP

mkdir -p "$NET"
exec 9>"$NET/lock"
if command -v flock >/dev/null 2>&1; then
  flock -n 9 || net_die "run: another make run holds .run/; stop it first"
fi

# An initialisation that was cut off holds nothing that anybody has seen: begin again.
if [ ! -e "$NET/initialised" ]; then
  rm -rf "$NET/log" "$NET"/witness-[123] "$NET/output"
fi
for n in 1 2 3; do
  [ -e "$NET/initialised" ] || net_init_witness "$n" "127.0.0.1:$((7460 + n))"
  net_serve_witness "$n"
done
if [ ! -e "$NET/initialised" ]; then
  net_init_log run.treering.example/log 127.0.0.1:7460 127.0.0.1:7470
  : >"$NET/initialised"
fi
[ -e "$NET/tsa-ca.pem" ] || { net_init_tsa; cp "$NET_TSA_CA" "$NET/tsa-ca.pem"; }
net_serve_log
net_write_policy
{
  printf 'export TREERING_LOG=%q TREERING_TSA=%q TREERING_POLICY=%q\n' "$NET_LOG_URL" "$NET_LOG_URL/tsa" "$NET/policy"
  # shellcheck disable=SC2016
  printf 'export PATH=%q:$PATH\n' "$BIN"
} >"$NET/env"
[ -e "$NET/hello.txt" ] || echo "hello, Treering" >"$NET/hello.txt"
net_wait_ready

cat <<TEXT
log        $NET_LOG_URL  (metrics and probes: $NET_ADMIN_URL)
witnesses  ${NET_WITNESS_URLS[*]}  (any 2 of the 3 must cosign)
timestamps $NET_LOG_URL/tsa  (RFC 3161; a test CA: .run/tsa-ca.pem)
output     .run/output/

Try, in another terminal:
  . .run/env
  treering stamp .run/hello.txt
  treering verify .run/hello.txt
  treering tsa .run/hello.txt --proof
  treering verify .run/hello.txt .run/hello.txt.tsr --ca .run/tsa-ca.pem

Ctrl-C stops everything; what was stamped stays in .run/.
TEXT

# Ends when any of the four does, which none should.
wait -n "${NET_PIDS[@]}" || true
for n in log witness-1 witness-2 witness-3; do
  printf -- '--- %s\n' "$n" >&2
  tail -n 3 "$NET/output/$n" >&2
done
net_die "run: one of the programs ended by itself; the last lines of each are above"
