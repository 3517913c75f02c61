#!/usr/bin/env bash
# litewitness, of https://github.com/FiloSottile/torchwood, cosigns our log. LITEWITNESS=PATH names the program.
# To be run by scripts/interop.sh.
#
# It is no dependency of ours; build it somewhere else, either of these ways (v0.9.0 takes Go 1.24, v0.10.0 Go 1.27):
#   GOBIN=/somewhere go install filippo.io/torchwood/cmd/litewitness@v0.9.0
#   git clone https://github.com/FiloSottile/torchwood && cd torchwood && go build -o /somewhere ./cmd/litewitness
#
# It signs with an Ed25519 key that an ssh-agent holds, and serves the logs that are rows of its SQLite database. Its own
# tool for those rows is witnessctl; here they are written by sqlite3: a row of `log` with size 0 and the root of the
# empty tree, and a row of `key` with the log's vkey. It makes the database at its start, and reads it at each request.
# shellcheck source=scripts/interop/common.sh
. "$(dirname "$0")/common.sh"

if [ -z "${LITEWITNESS:-}" ]; then
  sed -n '/^# It is no dependency/,/^#$/s/^#/interop:/p' "$0" >&2
  echo "SKIPPED: litewitness: set LITEWITNESS=PATH to its program" >&2
  exit 0
fi
[ -x "$LITEWITNESS" ] || net_die "interop: LITEWITNESS=$LITEWITNESS: no such program"
LITEWITNESS=$(realpath "$LITEWITNESS")
interop_begin litewitness
has curl || needs curl
has ssh-agent || needs openssh-client
has sqlite3 || needs sqlite3
install_needed

NAME=litewitness.example/w
EMPTY_ROOT=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
ORIGIN=interop.treering.example/log
DB=$NET/litewitness.db
ADDRESS=127.0.0.1:$(free_port)

quiet ssh-keygen -q -t ed25519 -N '' -C '' -f "$NET/litewitness-key"
net_start ssh-agent ssh-agent -D -a "$NET/agent"
wait_for "the ssh-agent" test -S "$NET/agent"
SSH_AUTH_SOCK=$NET/agent quiet ssh-add "$NET/litewitness-key"
FINGERPRINT=$(ssh-keygen -lf "$NET/litewitness-key.pub" | cut -d ' ' -f 2)

serve_litewitness() {
  net_start litewitness "$LITEWITNESS" -name "$NAME" -key "$FINGERPRINT" -ssh-agent "$NET/agent" -db "$DB" -listen "$ADDRESS"
  LITEWITNESS_PID=$NET_PID
  wait_for "litewitness listens" curl --silent "http://$ADDRESS/"
}
serve_litewitness
VKEY=$(sed -n 's/.*vkey="\{0,1\}\([^" ]*\).*/\1/p' "$NET/output/litewitness" | head -n 1)
[ -n "$VKEY" ] || net_die "interop: litewitness did not print its vkey"

# A log with our witness, and that one added before the first start (docs/operating.md, section 11): both have to cosign.
# `init` doesn't ask it, since older versions answer 403 for an origin that they don't know, where the standard has 404.
NET_WITNESSES=1
net_init_witness 1 127.0.0.1:0
net_serve_witness 1
net_write_witnesses() {
  printf 'witness w1 %s %s\n' "$("$BIN/treering-witness" vkey --dir "$NET/witness-1")" "${NET_WITNESS_URLS[1]}"
  [ ! -e "$NET/log" ] || printf 'witness lite %s http://%s\n' "$VKEY" "$ADDRESS"
  [ ! -e "$NET/log" ] && printf 'quorum w1\n' || printf 'group witnesses 2 w1 lite\nquorum witnesses\n'
}
net_init_log "$ORIGIN" 127.0.0.1:0 127.0.0.1:0
net_write_witnesses | tee "$NET/witnesses" >"$NET/log/witnesses.policy"
LOG_VKEY=$("$BIN/treering-log" vkey --dir "$NET/log")
sqlite3 "$DB" "INSERT INTO log VALUES ('$ORIGIN', 0, '$EMPTY_ROOT'); INSERT INTO key VALUES ('$ORIGIN', '$LOG_VKEY');"
net_serve_log
net_wait_ready
net_write_policy
cd "$WORK"

for ((n = 0; n < 3; n++)); do stamp_random; done
echo hello >hello.txt
quiet treering stamp hello.txt
quiet treering verify hello.txt
said '2 of 2 witnesses'
passed "$NAME and ours cosign our log, and a token verifies: $(grep "2 of 2" said)"

# A policy in which litewitness alone counts.
{ grep -e '^log' -e '^witness lite' "$NET/policy"; echo 'quorum lite'; } >lite-policy
quiet treering verify hello.txt --policy lite-policy
said '1 of 1 witness'
passed "the token verifies by its cosignature alone"

# A bit of its line changed; another key under its name.
lite=$(grep -n -- "^— $NAME " hello.txt.tlog-proof | cut -d : -f 1)
cp hello.txt.tlog-proof whole
sed -i "${lite}s/\\(.\\)\\(.\\{40\\}\\)\$/\\1X\\2/; ${lite}s/X./X/" hello.txt.tlog-proof
cmp -s whole hello.txt.tlog-proof && net_die "interop: nothing was changed"
refused treering verify hello.txt
refused treering verify hello.txt --policy lite-policy
mv whole hello.txt.tlog-proof
quiet treering verify hello.txt
passed "its tampered cosignature is refused"

# Both go on after a restart: the log shows litewitness its last checkpoint again before it signs.
kill -KILL "$LITEWITNESS_PID" && wait "$LITEWITNESS_PID" 2>/dev/null || true
kill -TERM "$NET_LOG_PID" && wait "$NET_LOG_PID" 2>/dev/null || true
serve_litewitness
net_serve_log
net_wait_ready
net_write_policy
before=$(sqlite3 "$DB" "SELECT tree_size FROM log WHERE origin = '$ORIGIN'")
stamp_random
after=$(sqlite3 "$DB" "SELECT tree_size FROM log WHERE origin = '$ORIGIN'")
[ "$before" -ge 4 ] && [ "$after" -gt "$before" ] || net_die "interop: litewitness has size $after after $before"
quiet treering verify hello.txt
passed "litewitness and log killed and restarted: it went from size $before to $after"
