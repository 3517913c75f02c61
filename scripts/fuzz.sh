#!/usr/bin/env bash
# The worst inputs known, held to ten milliseconds a megabyte; then each fuzz target for FUZZ_SECONDS (60), or FUZZ_TARGET=name alone.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${FUZZ_TARGET:-}" ] || (cd fuzz && cargo run --release --quiet --example hostile -- --strict)
exec fuzz/run.sh "${FUZZ_SECONDS:-60}" ${FUZZ_TARGET:+"$FUZZ_TARGET"}
