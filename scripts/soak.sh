#!/usr/bin/env bash
# A log on a tick of TICK_MS (1000) with three witnesses (two Ed25519, one ML-DSA-44), each killed and started again at random,
# for MINUTES: as tests/tests/soak.rs says. It prints a table of figures at its end.
# usage: scripts/soak.sh [MINUTES [TICK_MS]]
set -euo pipefail
cd "$(dirname "$0")/.."

MINUTES=${1:-30}
[[ $MINUTES =~ ^[1-9][0-9]{0,4}$ ]] || { echo "soak: MINUTES=$MINUTES: a whole number from 1 to 99999 is needed" >&2; exit 2; }
TICK_MS=${2:-1000}
if ! [[ $TICK_MS =~ ^[1-9][0-9]{1,4}$ ]] || ((TICK_MS < 50 || TICK_MS > 60000)); then
  echo "soak: TICK_MS=$TICK_MS: a number of milliseconds from 50 to 60000 is needed" >&2
  exit 2
fi
export TREERING_SOAK_SECONDS=$((MINUTES * 60)) TREERING_SOAK_TICK_MS=$TICK_MS
# shellcheck disable=SC2086
exec cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --nocapture soak::
