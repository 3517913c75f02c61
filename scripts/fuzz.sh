#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (60). FUZZ_TARGET=name for one of them.
set -euo pipefail
cd "$(dirname "$0")/.."
exec fuzz/run.sh "${FUZZ_SECONDS:-60}" ${FUZZ_TARGET:+"$FUZZ_TARGET"}
