#!/usr/bin/env bash
# Prometheus scrapes the log, a witness and a monitor, and evaluates the alert rules. PROMETHEUS=PATH names its program;
# without it Debian's package is unpacked into a temporary directory (installing it would start a service).
# To be run by scripts/interop.sh.
# shellcheck source=scripts/interop/common.sh
. "$(dirname "$0")/common.sh"
interop_begin prometheus
RULES=$PWD/docs/alerts.yml
has curl || needs curl
has jq || needs jq
install_needed

PROMETHEUS=${PROMETHEUS:-$(command -v prometheus || true)}
if [ -z "$PROMETHEUS" ]; then
  has apt-get || net_die "interop: PROMETHEUS=PATH must name the program"
  (
    cd "$WORK"
    quiet apt-get update -q
    # apt-get's own user may not write here; it then says so, and downloads all the same.
    quiet apt-get download -q prometheus
    quiet dpkg -x prometheus_*.deb unpacked
  )
  PROMETHEUS=$WORK/unpacked/usr/bin/prometheus
fi

for n in 1 2 3; do
  net_init_witness "$n" 127.0.0.1:0
  sed -i 's/^# admin_listen = .*/admin_listen = "127.0.0.1:0"/' "$NET/witness-$n/witness.toml"
  net_serve_witness "$n"
  WITNESS_PID=$NET_PID
  net_address "witness-$n" "$NET_PID" 'admin on'
  ADMIN[n]=${NET_URL#http://}
done
net_init_log interop.treering.example/log 127.0.0.1:0 127.0.0.1:0
net_serve_log
net_wait_ready
net_write_policy
for ((n = 0; n < 3; n++)); do stamp_random; done

mkdir "$NET/monitor"
printf 'admin_listen = "127.0.0.1:0"\n[[log]]\npolicy = "../policy"\ninterval_seconds = 1\n' >"$NET/monitor/monitor.toml"
net_start monitor "$BIN/treering-witness" monitor --config "$NET/monitor/monitor.toml"
net_address monitor "$NET_PID" 'admin on'
MONITOR=${NET_URL#http://}

{
  printf 'global: {scrape_interval: 1s, evaluation_interval: 1s}\n'
  [ ! -e "$RULES" ] || printf 'rule_files: ["%s"]\n' "$RULES"
  printf 'scrape_configs:\n'
  printf '  - {job_name: log, static_configs: [{targets: ["%s"]}]}\n' "${NET_ADMIN_URL#http://}"
  printf '  - {job_name: witness, static_configs: [{targets: ["%s", "%s", "%s"]}]}\n' "${ADMIN[@]}"
  printf '  - {job_name: monitor, static_configs: [{targets: ["%s"]}]}\n' "$MONITOR"
} >"$WORK/prometheus.yml"
ADDRESS=127.0.0.1:$(free_port)
net_start prometheus "$PROMETHEUS" --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" \
  --web.listen-address="$ADDRESS"

# query EXPRESSION: the number of series that it gives, and their values, on a line each.
query() {
  curl --silent --fail --get --data-urlencode "query=$1" "http://$ADDRESS/api/v1/query" |
    jq -r '.data.result[] | .value[1]'
}
# is VALUE EXPRESSION: a single series of this value?
is() { [ "$(query "$2")" = "$1" ]; }

wait_for "all five are scraped" is 5 'count(up == 1)'
wait_for "the log's published size" is "$(curl --silent "$NET_LOG_URL/checkpoint" | sed -n 2p)" treering_log_published_size
wait_for "the monitor has checked all of it" is 0 'treering_monitor_log_size - treering_monitor_log_checked'
wait_for "the log has asked its witnesses" is 3 'count(treering_log_witness_requests_total{result="cosigned"} > 0)'
wait_for "the witnesses have cosigned" is 3 'count(count by (instance) ({__name__=~"treering_witness_.*"}))'
passed "$("$PROMETHEUS" --version 2>&1 | head -n 1 | cut -d '(' -f 1)scrapes log, witnesses and monitor"

if [ -e "$RULES" ]; then
  # Every rule was evaluated, on what a real log shows.
  evaluated() {
    curl --silent --fail "http://$ADDRESS/api/v1/rules" |
      jq -e '[.data.groups[].rules[] | .health] | length > 0 and all(. == "ok")'
  }
  wait_for "every alert rule is evaluated" evaluated
  passed "it evaluates every rule of docs/alerts.yml without an error"
fi

# It sees what goes away.
kill -KILL "$WITNESS_PID"
wait "$WITNESS_PID" 2>/dev/null || true
wait_for "one is down" is 1 'count(up == 0)'
passed "it sees that a witness is gone"
