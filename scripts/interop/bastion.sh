#!/usr/bin/env bash
# A witness that logs reach through litebastion, the C2SP https-bastion of filippo.io/torchwood in the version of
# tests/interop/go/go.mod: a log over Go libraries, and ours. Needs Go; GO=PATH names it.
# To be run by scripts/interop.sh.
# shellcheck source=scripts/interop/common.sh
. "$(dirname "$0")/common.sh"
interop_begin bastion

GO=${GO:-$(command -v go || echo /usr/local/go/bin/go)}
has "$GO" || net_die "interop: Go is missing: https://go.dev/doc/install, then GO=/path/to/go make interop"
has curl || needs curl
has openssl || needs openssl
install_needed
(cd tests/interop/go && "$GO" build -o "$WORK/bin/" ./cmd/log filippo.io/torchwood/cmd/litebastion) ||
  net_die "interop: the Go programs were not built"
VERSION=$(cd tests/interop/go && "$GO" list -m -f '{{.Path}} {{.Version}}' filippo.io/torchwood)
cd "$WORK"

# A certificate for localhost, and a CA that our log and the Go one trust by SSL_CERT_FILE.
quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca
quiet openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout bastion.key -out bastion.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >bastion.ext
quiet openssl x509 -req -in bastion.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile bastion.ext -out bastion.pem
export SSL_CERT_FILE=$WORK/ca.pem

ADDRESS=localhost:$(free_port)
net_init_witness 1 127.0.0.1:0 --ml-dsa
sed -i 's/^# admin_listen = .*/admin_listen = "127.0.0.1:0"/' "$NET/witness-1/witness.toml"
sed -i "s|^\[limits\]|[[bastion]]\naddress = \"$ADDRESS\"\nca = \"$WORK/ca.pem\"\n\n[limits]|" "$NET/witness-1/witness.toml"
quiet "$BIN/treering-witness" key bastion --dir "$NET/witness-1"
HASH=$(tail -n 1 said)
URL=https://$ADDRESS/$HASH
echo "$HASH" | tr 0-9a-f 1-9a-f0 >backends

serve_litebastion() {
  net_start litebastion bin/litebastion -listen "$ADDRESS" -tls-cert bastion.pem -tls-key bastion.key -backends backends
  BASTION_PID=$NET_PID
}
# has_said NAME TEXT: standard output or error of a program.
has_said() { grep -q -- "$2" "$NET/output/$1"; }

# At first it knows another backend alone.
serve_litebastion
net_serve_witness 1
net_address witness-1 "$NET_PID" 'admin on'
ADMIN=$NET_URL
wait_for "the witness is told why it is refused" has_said witness-1 "is $HASH among the backends"
passed "a witness whose key litebastion doesn't know is refused, and says so"
echo "$HASH" >>backends
kill -HUP "$BASTION_PID"
connected() { curl --silent "$ADMIN/metrics" | grep -q "^treering_witness_bastion_connected{.*} 1$"; }
wait_for "the witness is connected" connected

# A log of a few lines, whose every request goes through the bastion.
vkey=$(bin/log key foreign.example/log foreign-key)
quiet "$BIN/treering-witness" add-log --dir "$NET/witness-1" "$vkey"
mapfile -t keys < <("$BIN/treering-witness" vkey --dir "$NET/witness-1")
quiet bin/log cosign foreign-key "$URL" "${keys[@]}"
passed "litebastion of $VERSION, a log behind it: $(cat said)"

# Our log.
NET_WITNESSES=1
NET_WITNESS_URLS[1]=$URL
net_write_witnesses() {
  printf 'witness w1 %s %s\nquorum w1\n' "${keys[0]}" "$URL"
}
net_init_log interop.treering.example/log 127.0.0.1:0 127.0.0.1:0
net_serve_log
net_wait_ready
net_write_policy
echo hello >hello.txt
quiet treering stamp hello.txt
quiet treering verify hello.txt
said '1 of 1 witness'
passed "our log is cosigned through it, and a token verifies"

# It goes away and comes back.
kill -KILL "$BASTION_PID" && wait "$BASTION_PID" 2>/dev/null || true
wait_for "the witness sees that it is gone" eval '! connected'
serve_litebastion
wait_for "the witness is connected again" connected
stamp_random
passed "litebastion killed and started again: the witness connects again, and the log goes on"
