#!/usr/bin/env bash
# Faults at single system calls, full disks, takeovers, mixes of witnesses, moved clocks, and crowds of bad clients, with
# their full counts. COUNT faults, or ALL: every call of three ticks, each with every fault. What takes root says so where
# it is skipped.
# usage: scripts/chaos.sh [COUNT|ALL]
set -euo pipefail
cd "$(dirname "$0")/.."

COUNT=${1:-ALL}
export TREERING_FAULTS=$COUNT TREERING_FILL_LEVELS=${FILL_LEVELS:-200} TREERING_TAKEOVERS=${TAKEOVERS:-100}
export TREERING_MIXES=${MIXES:-500} TREERING_CROWD=${CROWD:-1000} TREERING_RESETS=${RESETS:-1000000}
ulimit -n "$(ulimit -Hn)"
# One after the other, and the output as it comes.
# shellcheck disable=SC2086
exec scripts/tested.sh cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --test-threads 1 --nocapture \
  faults:: space:: takeover:: mixes:: clock:: crowd::
