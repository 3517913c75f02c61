# shellcheck shell=bash
# A log and three witnesses on loopback, for demo.sh and run.sh. To be sourced, under `set -euo pipefail`.
#
# The caller sets:
#   NET    directory for keys, configuration, stores and output
#   BIN    directory of the three programs
# and calls net_stop on the way out. Everything is stopped by the process ids that were started here, nothing by name.

NET_PIDS=()
NET_LOG_URL=
NET_ADMIN_URL=
NET_TSA_CA=
NET_WITNESS_URLS=()
# Which witnesses the log gets.
NET_WITNESSES='1 2 3'

net_die() { printf '%s\n' "$*" >&2; exit 1; }

# net_start NAME COMMAND…: in the background, output to $NET/output/NAME; the process id is NET_PID.
net_start() {
  local name=$1; shift
  mkdir -p "$NET/output"
  : >"$NET/output/$name"
  # A session of its own: Ctrl-C reaches the calling script alone, which then stops the log before its witnesses.
  setsid "$@" >"$NET/output/$name" 2>&1 </dev/null &
  NET_PID=$!
  NET_PIDS+=("$NET_PID")
}

# net_address NAME PID PREFIX: waits (at most 20 s) until the program has printed `PREFIX http://ADDRESS`, and sets NET_URL.
net_address() {
  local name=$1 pid=$2 prefix=$3 try
  for ((try = 0; try < 200; try++)); do
    NET_URL=$(sed -n "/$prefix http:/{s|^.*$prefix \\(http://[^ \"]*\\).*\$|\\1|p;q}" "$NET/output/$name")
    [ -n "$NET_URL" ] && return 0
    kill -0 "$pid" 2>/dev/null || { tail -n 10 "$NET/output/$name" >&2; net_die "$name ended before it was listening"; }
    sleep 0.1
  done
  tail -n 10 "$NET/output/$name" >&2
  net_die "$name did not say where it listens"
}

# net_init_witness NUMBER LISTEN [OPTION…]
net_init_witness() {
  "$BIN/treering-witness" init --name "witness-$1.treering.example" --dir "$NET/witness-$1" --listen "$2" "${@:3}" \
    >"$NET/witness-$1.init" 2>&1 || { cat "$NET/witness-$1.init" >&2; net_die "witness $1 could not be made"; }
}

net_serve_witness() {
  net_start "witness-$1" "$BIN/treering-witness" serve --dir "$NET/witness-$1"
  net_address "witness-$1" "$NET_PID" 'listening on'
  NET_WITNESS_URLS[$1]=$NET_URL
}

# The witnesses' part of the policy: any two of the three.
net_write_witnesses() {
  local n
  for n in 1 2 3; do
    printf 'witness w%s %s %s\n' "$n" "$("$BIN/treering-witness" vkey --dir "$NET/witness-$n")" "${NET_WITNESS_URLS[$n]}"
  done
  printf 'group witnesses 2 w1 w2 w3\nquorum witnesses\n'
}

# net_init_log ORIGIN LISTEN ADMIN: the witnesses have to be running, since they are asked whether the origin existed.
net_init_log() {
  local vkey n
  net_write_witnesses >"$NET/witnesses"
  "$BIN/treering-log" init --dir "$NET/log" --origin "$1" --listen "$2" --admin "$3" --witnesses "$NET/witnesses" \
    >"$NET/log.init" 2>&1 || { cat "$NET/log.init" >&2; net_die "the log could not be made"; }
  vkey=$("$BIN/treering-log" vkey --dir "$NET/log")
  for n in $NET_WITNESSES; do
    "$BIN/treering-witness" add-log --dir "$NET/witness-$n" "$vkey" >>"$NET/witness-$n.init" 2>&1 ||
      { tail -n 5 "$NET/witness-$n.init" >&2; net_die "witness $n did not take the log"; }
  done
}

# net_init_tsa: a test CA, and a timestamp authority with a certificate by it. Before net_serve_log.
net_init_tsa() {
  "$BIN/treering-log" tsa init --dir "$NET/log" "$@" >"$NET/tsa.init" 2>&1 ||
    { cat "$NET/tsa.init" >&2; net_die "the timestamp authority could not be made"; }
  NET_TSA_CA=$NET/log/tsa-ca.pem
}

net_serve_log() {
  net_start log "$BIN/treering-log" serve --dir "$NET/log"
  NET_LOG_PID=$NET_PID
  net_address log "$NET_LOG_PID" 'listening on'
  NET_LOG_URL=$NET_URL
  net_address log "$NET_LOG_PID" 'admin on'
  NET_ADMIN_URL=$NET_URL
}

# net_get URL: the status code, without curl or anything else that may be missing.
net_get() {
  local rest=${1#http://} host port path line
  host=${rest%%/*}; path=/${rest#*/}; port=${host##*:}; host=${host%:*}
  {
    exec 3<>"/dev/tcp/$host/$port"
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&3
    IFS=' ' read -r -t 5 _ line _ <&3 || line=000
    exec 3>&-
  } 2>/dev/null || line=000
  printf '%s' "$line"
}

# Waits (at most 30 s) until the log publishes: its witnesses have cosigned.
net_wait_ready() {
  local try
  for ((try = 0; try < 150; try++)); do
    [ "$(net_get "$NET_ADMIN_URL/readyz/publish")" = 200 ] && return 0
    kill -0 "$NET_LOG_PID" 2>/dev/null || { tail -n 10 "$NET/output/log" >&2; net_die "the log ended"; }
    sleep 0.2
  done
  tail -n 10 "$NET/output/log" >&2
  net_die "the log is not ready to publish"
}

# What verifiers trust: the log's line and the witnesses' part. Call after net_serve_log.
net_write_policy() {
  { printf 'log %s %s\n' "$("$BIN/treering-log" vkey --dir "$NET/log")" "$NET_LOG_URL"; cat "$NET/witnesses"; } >"$NET/policy"
}

# Asks every process that was started here to stop, last started first, and waits for each (at most 30 s, then kills it).
net_stop() {
  local i pid try
  for ((i = ${#NET_PIDS[@]} - 1; i >= 0; i--)); do
    pid=${NET_PIDS[i]}
    kill -TERM "$pid" 2>/dev/null || continue
    for ((try = 0; try < 300; try++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  NET_PIDS=()
}
