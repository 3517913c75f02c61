#!/usr/bin/env bash
# Programs of a few lines over golang.org/x/mod (sumdb/note, sumdb/tlog), github.com/transparency-dev/formats and
# filippo.io/torchwood, with the versions of tests/interop/go/go.mod. They read our log and verify our token, and one is a
# log that our witness cosigns. Each also refuses what was tampered with. Needs Go; GO=PATH names it.
# To be run by scripts/interop.sh.
# shellcheck source=scripts/interop/common.sh
. "$(dirname "$0")/common.sh"
interop_begin go
ROOT=$PWD

GO=${GO:-$(command -v go || echo /usr/local/go/bin/go)}
has "$GO" || net_die "interop: Go is missing: https://go.dev/doc/install, then GO=/path/to/go make interop"
has curl || needs curl
install_needed
(cd tests/interop/go && "$GO" build -o "$WORK/bin/" ./cmd/...) || net_die "interop: the Go programs were not built"
version() { (cd "$ROOT/tests/interop/go" && "$GO" list -m -f '{{.Path}} {{.Version}}' "$1"); }

# Two witnesses with an Ed25519 key, one with an ML-DSA-44 key.
for n in 1 2 3; do net_init_witness "$n" 127.0.0.1:0; done
quiet "$BIN/treering-witness" key add --ml-dsa --dir "$NET/witness-3"
sed -i 's/^keys = .*/keys = ["key-2"]/' "$NET/witness-3/witness.toml"
for n in 1 2 3; do net_serve_witness "$n"; done
net_init_log interop.treering.example/log 127.0.0.1:0 127.0.0.1:0
sed -i 's/^tick_ms = .*/tick_ms = 50/' "$NET/log/log.toml"
net_serve_log
net_wait_ready
net_write_policy
cd "$WORK"

# More than a full tile.
for ((n = 0; n < 260; n++)); do stamp_random; done
echo hello >hello.txt
quiet treering stamp --plain hello.txt
for ((n = 0; n < 5; n++)); do stamp_random; done

quiet bin/checkpoint "$NET/policy" "$NET_LOG_URL"
passed "$(version golang.org/x/mod) and $(version github.com/transparency-dev/formats) verify a checkpoint: $(cat said)"
quiet bin/inclusion "$NET/policy" "$NET_LOG_URL"
passed "$(version golang.org/x/mod) reads the log: $(cat said)"
quiet bin/token "$NET/policy" hello.txt hello.txt.tlog-proof
passed "$(version github.com/transparency-dev/formats) and $(version github.com/fxamacker/cbor/v2) verify a token: $(cat said)"

# The same name under another key.
sed "s|^log [^ ]*|log $(bin/log key interop.treering.example/log other-key)|" "$NET/policy" >other-policy
refused bin/token other-policy hello.txt hello.txt.tlog-proof
refused bin/checkpoint other-policy "$NET_LOG_URL"
passed "both refuse another log key of the same name"

# Any two of the three hold an Ed25519 one.
{ grep -v -e '^witness w3' -e '^group' -e '^quorum' "$NET/policy"; printf 'group ed25519 any w1 w2\nquorum ed25519\n'; } >ed25519-policy
quiet bin/torchwood ed25519-policy "$NET_LOG_URL" hello.txt.tlog-proof
passed "$(version filippo.io/torchwood): $(cat said)"

# A log for a witness with both keys.
vkey=$(bin/log key foreign.example/log foreign-key)
net_init_witness 4 127.0.0.1:0 --ml-dsa
quiet "$BIN/treering-witness" add-log --dir "$NET/witness-4" "$vkey"
net_serve_witness 4
mapfile -t keys < <("$BIN/treering-witness" vkey --dir "$NET/witness-4")
[ ${#keys[@]} -eq 2 ] || net_die "interop: a witness with two keys was wanted"
quiet bin/log cosign foreign-key "${NET_WITNESS_URLS[4]}" "${keys[@]}"
passed "a log over $(version golang.org/x/mod) and our witness: $(cat said)"
