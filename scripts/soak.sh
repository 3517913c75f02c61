#!/usr/bin/env bash
# A log on a tick of a second with three witnesses (two Ed25519, one ML-DSA-44), each killed and started again at random,
# for MINUTES: as tests/tests/soak.rs says. It prints a table of figures at its end.
# usage: scripts/soak.sh [MINUTES]
set -euo pipefail
cd "$(dirname "$0")/.."

MINUTES=${1:-30}
[[ $MINUTES =~ ^[1-9][0-9]{0,4}$ ]] || { echo "soak: MINUTES=$MINUTES: a whole number from 1 to 99999 is needed" >&2; exit 2; }
export TREERING_SOAK_SECONDS=$((MINUTES * 60))
# shellcheck disable=SC2086
exec cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --nocapture soak::
